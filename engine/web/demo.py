"""The newcomer's pages, only in `serve --demo`: a mailbox, and a clock that moves on."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.core.accounts import Role
from engine.flows import accounts, signup
from engine.web import contexts, forms, mails, pages, site
from engine.web.studio import access

VIEWS = ("html", "text", "source")


def _demo(request: Request) -> site.Demo:
    found = site.demo(request)
    assert found is not None  # else these pages do not exist
    return found


def _mail(request: Request) -> site.Mail:
    number = request.path_params["number"]
    found = next((mail for mail in _demo(request).mails() if mail.number == number), None)
    if found is None:
        raise HTTPException(404)
    return found


async def home(request: Request) -> Response:
    demo, house = _demo(request), site.of(request)
    async with house.db.reading() as session:
        offers = await signup.courses(session)
    newest_first = sorted(demo.mails(), key=lambda mail: mail.number, reverse=True)
    return pages.render(request, contexts.DemoHome(offers, newest_first, house.clock.now()))


async def mail(request: Request) -> Response:
    view = request.query_params.get("view", "html")
    return pages.render(request, contexts.DemoMail(_mail(request), view if view in VIEWS else "html"))


async def mail_html(request: Request) -> Response:
    """The mail itself, as the frame shows it."""
    return mails.framed(_mail(request).html)


async def clock(request: Request) -> Response:
    """Move on to the next due time."""
    now = await _demo(request).advance()
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"now": now.isoformat()})
    return RedirectResponse(pages.stay(request, "/demo"), status_code=303)


async def studio(request: Request) -> Response:
    """Into the studio as the demo's own owner: everything here is the visitor's."""
    access.check_origin(request)
    house = site.of(request)
    now, address = house.clock.now(), "demo@exemple.test"
    asked = access.safe_next((await forms.read(request)).get("next", ""))
    async with house.db.transaction() as session:
        owner = await accounts.by_address(session, address)
        if owner is None:
            owner = await accounts.create(session, address, "Démonstration", Role.OWNER, by=None, now=now)
        token = await accounts.enter(
            session,
            owner,
            attempt=accounts.Attempt(address, ""),
            agent=request.headers.get("user-agent", ""),
            fingerprint=house.fingerprint,
            now=now,
        )
    response = RedirectResponse(asked, status_code=303)
    access.remember(request, response, token)
    return response


def routes() -> list[Route]:
    return [
        Route("/demo", home),
        Route("/demo/mail/{number:int}", mail),
        Route("/demo/mail/{number:int}/html", mail_html),
        Route("/demo/clock", clock, methods=["POST"]),
        Route("/demo/studio", studio, methods=["POST"]),
    ]
