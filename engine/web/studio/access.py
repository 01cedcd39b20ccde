"""Who is at a page of the studio, whether he may be, and whether a form was sent from our own pages."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.core import accounts as rules
from engine.core import errors
from engine.core.accounts import Right
from engine.flows import accounts, instance
from engine.flows.accounts import Here
from engine.web import forms, pages, site

Handler = Callable[[Request, Here], Awaitable[Response]]

SIGN_IN = "/studio/sign-in"
_CSRF = "csrf"


class Nav(NamedTuple):
    """An entry of the menu."""

    path: str
    label: str
    right: Right


MENU = (
    Nav("/studio/courses", "Parcours", Right.READ_COURSES),
    Nav("/studio/people", "Personnes", Right.READ_PEOPLE),
    Nav("/studio/imports", "Imports", Right.CHANGE_PEOPLE),
    Nav("/studio/deliveries", "Messages", Right.READ_PEOPLE),
    Nav("/studio/numbers", "Chiffres", Right.READ_NUMBERS),
    Nav("/studio/accounts", "Comptes", Right.MANAGE),
    Nav("/studio/api", "API", Right.MANAGE),
)
"""What stands above every page, for whoever may open it. French source texts."""


@dataclass(frozen=True)
class Page:
    path: str
    handler: Handler
    right: Right
    methods: tuple[str, ...] = ("GET",)

    def route(self) -> Route:
        return Route(self.path, _guarded(self), methods=list(self.methods))


def _guarded(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        me = await _here(request)
        if me is None:
            return _sign_in_first(request)
        request.state.me = me
        if not me.may(page.right):
            raise HTTPException(403)
        if request.method not in ("GET", "HEAD"):
            await _check_csrf(request, me)
        return await page.handler(request, me)

    return endpoint


async def _here(request: Request) -> Here | None:
    token = request.cookies.get(_cookie(request))
    if not token:
        return None
    house = site.of(request)
    now = house.clock.now()
    async with house.db.reading() as session:
        me = await accounts.here(session, token, now=now)
        request.state.rests = me and await instance.rests(session)
    if me and me.stale:
        async with house.db.transaction() as session:
            await accounts.seen(session, me.session_id, now=now)
    return me


def _sign_in_first(request: Request) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        raise HTTPException(401)
    if request.method not in ("GET", "HEAD"):
        return RedirectResponse(SIGN_IN, status_code=303)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{SIGN_IN}?next={quote(asked)}", status_code=303)


def safe_next(text: str) -> str:
    """Where to go after the sign-in: a page of the studio and nowhere else."""
    parts = urlsplit(text)
    ours = not parts.scheme and not parts.netloc and parts.path.startswith("/studio") and "\\" not in text
    return text if ours and not text.startswith(SIGN_IN) else "/studio"


# The cookie


def _cookie(request: Request) -> str:
    # The prefix makes browsers refuse it from another host, or without TLS (RFC 6265bis §4.1.3.2).
    return "__Host-studio" if _secure(request) else "studio"


def _secure(request: Request) -> bool:
    return site.of(request).links.base_url.startswith("https:")


def remember(request: Request, response: Response, token: str) -> None:
    """From now on this browser is signed in."""
    response.set_cookie(
        _cookie(request),
        token,
        max_age=int(rules.SESSION_AT_MOST / timedelta(seconds=1)),
        secure=_secure(request),
        httponly=True,
        samesite="lax",
    )


def forget(request: Request, response: Response) -> None:
    response.delete_cookie(_cookie(request), secure=_secure(request), httponly=True, samesite="lax")


# Forms


def csrf(request: Request, me: Here) -> str:
    """The mark that our forms carry: signed for this session."""
    return site.of(request).links.token(_CSRF, me.session_id)


async def _check_csrf(request: Request, me: Here) -> None:
    given = request.query_params.get(_CSRF) or request.headers.get("x-csrf", "")
    if not given and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        given = (await forms.read(request)).get(_CSRF, "")
    try:
        right = site.of(request).links.read(_CSRF, given) == (str(me.session_id),)
    except errors.BadLink:
        right = False
    if not right:
        raise HTTPException(403)


def check_origin(request: Request) -> None:
    """For a form without a session: refuse what another site's page sends (Fetch Metadata, or Origin)."""
    sent_from = request.headers.get("sec-fetch-site")
    if sent_from is not None:
        ours = sent_from in ("same-origin", "none")
    else:
        origin = request.headers.get("origin")
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise HTTPException(403)


def render(request: Request, me: Here, context: pages.Context, *, status: int = 200) -> Response:
    """Draw a page of the studio in the language of the account."""
    request.state.csrf = csrf(request, me)
    request.state.menu = [nav for nav in MENU if me.may(nav.right)]
    return pages.render(request, context, language=me.account.language, status=status)


def said(request: Request, texts: Mapping[str, str]) -> str:
    """What a page says of the form that led to it; "" where none did. See `done`."""
    return texts.get(request.query_params.get("done", ""), "")


def done(request: Request, path: str, said: str = "") -> Response:
    """After a form: to the page at `path`, which says the text that `said` names."""
    return RedirectResponse(f"{path}?done={said}" if said else path, status_code=303)
