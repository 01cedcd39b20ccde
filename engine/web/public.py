"""Pages for everybody: the courses, the form, what becomes of the data, and whether the service is well."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.core import errors, views
from engine.flows import catalog, signup
from engine.web import contexts, forms, guard, pages, site


async def courses(request: Request) -> Response:
    async with site.of(request).db.reading() as session:
        offers = await signup.courses(session)
    return pages.render(request, contexts.Courses(offers))


async def privacy(request: Request) -> Response:
    return pages.render(request, contexts.Privacy(site.of(request).settings.terms))


async def show_form(request: Request) -> Response:
    house = site.of(request)
    async with house.db.reading() as session:
        offer = await signup.offer(session, request.path_params["slug"])
    form = forms.preset(offer)
    page = _form(request, offer, form, house.links.stamp(house.clock.now()), guess=True)
    return pages.render(request, page, language=offer.language)


def _form(
    request: Request,
    offer: views.Offer,
    form: views.SignUp,
    stamp: str,
    *,
    problems: Mapping[str, str] | None = None,
    notice: str = "",
    elsewhere: bool = False,
    guess: bool = False,
) -> contexts.SignUp:
    return contexts.SignUp(
        offer=offer,
        form=forms.returned(form),
        stamp=stamp,
        action=pages.stay(request, request.url.path),
        embedded=_embedded(request),
        times=forms.TIMES,
        zones=forms.ZONES,
        regions=forms.REGIONS,
        sizes=forms.SIZES,
        problems=problems or {},
        notice=notice,
        elsewhere=elsewhere,
        guess=guess,
    )


def _embedded(request: Request) -> bool:
    return request.url.path.startswith(guard.FRAMED)


async def sign_up(request: Request) -> Response:
    """Ask for a course. A form that we did not make comes back filled in; nothing typed is ever lost."""
    house = site.of(request)
    now = house.clock.now()
    typed = await forms.read(request)
    async with house.db.reading() as session:
        offer = await signup.offer(session, request.path_params["slug"])
    form = forms.sign_up(typed, offer)
    stamp = typed.get("stamp", "")
    since = forms.age(stamp, house.links, now)
    if not forms.believable(typed, since):
        page = _form(
            request,
            offer,
            form,
            house.links.stamp(now),
            notice="check",
            elsewhere=since is None and form.consent,
        )
        return pages.render(request, page, language=offer.language)
    suggestion = None if typed.get("sure") else signup.suggestion(form.address)
    if suggestion:
        return _suggest(request, offer, form, stamp, suggestion)
    return await _request(request, offer, form, stamp)


def _suggest(
    request: Request, offer: views.Offer, form: views.SignUp, stamp: str, suggestion: str
) -> Response:
    page = contexts.Suggestion(
        offer=offer,
        form=forms.returned(form),
        stamp=stamp,
        action=pages.stay(request, request.url.path),
        embedded=_embedded(request),
        suggestion=suggestion,
    )
    return pages.render(request, page, language=offer.language)


async def _request(request: Request, offer: views.Offer, form: views.SignUp, stamp: str) -> Response:
    house = site.of(request)
    origin = origin_of(request)
    try:
        async with house.db.transaction() as session:
            await signup.request(
                session,
                offer.slug,
                form,
                origin=origin,
                fingerprint=house.fingerprint,
                now=house.clock.now(),
            )
    except errors.Invalid as invalid:
        page = _form(request, offer, form, stamp, problems=invalid.problems)
        return pages.render(request, page, language=offer.language, status=422)
    except errors.TooMany:
        page = _form(request, offer, form, stamp, notice="wait")
        return pages.render(request, page, language=offer.language, status=429)
    house.wake()
    return pages.render(request, contexts.Sent(offer, _embedded(request)), language=offer.language)


def origin_of(request: Request) -> views.Origin:
    """Where a request comes from, as the proof of a consent keeps it."""
    return views.Origin(
        network_address=guard.client(request, site.of(request).settings.trusted_proxies),
        agent=forms.shown(request.headers.get("user-agent", "")),
        source=_source(request.url.path),
    )


def _source(path: str) -> str:
    """The page, without the token that a private one carries."""
    return path if not path.startswith(guard.PRIVATE) else path[:3]


_IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}


async def image(request: Request) -> Response:
    """A picture of a course, for its lessons in mails and on the web."""
    path = PurePosixPath("images", request.path_params["name"])
    async with site.of(request).db.reading() as session:
        course = (await catalog.current(session, request.path_params["slug"])).course
    content, media_type = course.images.get(str(path)), _IMAGES.get(path.suffix.lower())
    if content is None or media_type is None:
        raise errors.NotFound("Cette image n'existe pas dans ce parcours.")
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=3600"})


async def healthz(request: Request) -> Response:
    found = await site.of(request).health()
    return JSONResponse(dict(found), status_code=200 if found.get("ok", True) else 503)


async def readyz(request: Request) -> Response:
    ready = await site.of(request).ready()
    return JSONResponse({"ready": ready}, status_code=200 if ready else 503)
