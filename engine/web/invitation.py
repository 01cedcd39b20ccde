"""A seat in a team: behind the link of an invitation, and behind the link to share.

GET shows, POST acts. The link of an invitation came to an address and proves it; the link to share proves
nothing, so what it asks for is an invitation.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core import errors, team, views
from engine.flows import seats, signup
from engine.web import contexts, device, forms, pages, public, site
from engine.web.site import To


async def show(request: Request) -> Response:
    house = site.of(request)
    async with house.db.reading() as session:
        found = await seats.invitation(session, site.read(request, To.INVITE), now=house.clock.now())
    return _invitation(request, found, forms.preset(found.offer), guess=True)


def _invitation(
    request: Request,
    found: team.Invitation,
    form: views.SignUp,
    *,
    problems: Mapping[str, str] | None = None,
    guess: bool = False,
) -> Response:
    page = contexts.Invite(
        invitation=found,
        form=forms.returned(form),
        url=f"/i/{request.path_params['token']}",
        times=forms.TIMES,
        zones=forms.ZONES,
        regions=forms.REGIONS,
        problems=problems or {},
        guess=guess,
    )
    status = 422 if problems else 410 if found.over else 200
    return pages.render(request, page, language=found.offer.language, status=status)


async def accept(request: Request) -> Response:
    house, parts = site.of(request), site.read(request, To.INVITE)
    typed, now = await forms.read(request), house.clock.now()
    async with house.db.reading() as session:
        found = await seats.invitation(session, parts, now=now)
    form = forms.sign_up(typed, found.offer)
    try:
        async with house.db.transaction() as session:
            confirmed = await seats.accept(session, parts, form, origin=public.origin_of(request), now=now)
    except errors.ExpiredLink:
        return await show(request)
    except errors.Invalid as invalid:
        return _invitation(request, found, form, problems=invalid.problems)
    house.wake()
    my_url = site.path(request, To.MY, confirmed.enrolment_id)
    if found.follows or found.joined:  # the course is under way: nothing to say of a first lesson
        return RedirectResponse(pages.stay(request, my_url), status_code=303)
    page = contexts.Confirmed(confirmed, my_url)
    response = pages.render(request, page, language=confirmed.language)
    device.remember(request, response, str(confirmed.enrolment_id))
    return response


async def decline(request: Request) -> Response:
    house, parts = site.of(request), site.read(request, To.INVITE)
    async with house.db.transaction() as session:
        await seats.decline(session, parts, now=house.clock.now())
    url = f"/i/{request.path_params['token']}"
    return RedirectResponse(pages.stay(request, url), status_code=303)


async def show_shared(request: Request) -> Response:
    return await _shared(request, sent=request.query_params.get("done") == "sent")


async def _shared(
    request: Request,
    *,
    sent: bool = False,
    address: str = "",
    problems: Mapping[str, str] | None = None,
    notice: str = "",
    status: int = 200,
) -> Response:
    house = site.of(request)
    async with house.db.reading() as session:
        found = await seats.shared(session, site.read(request, To.JOIN))
    page = contexts.Join(
        invitation=found,
        url=f"/j/{request.path_params['token']}",
        stamp=house.links.stamp(house.clock.now()),
        sent=sent,
        address=forms.shown(address),
        problems=problems or {},
        notice=notice,
    )
    status = 410 if found.over else status
    return pages.render(request, page, language=found.offer.language, status=status)


async def ask(request: Request) -> Response:
    """Ask for an invitation. A form that we did not make comes back filled in, as the sign-up's does."""
    house, parts = site.of(request), site.read(request, To.JOIN)
    typed, now = await forms.read(request), house.clock.now()
    address = typed.get("address", "")
    if not forms.believable(typed, forms.age(typed.get("stamp", ""), house.links, now)):
        return await _shared(request, address=address, notice="check")
    suggestion = None if typed.get("sure") else signup.suggestion(address)
    if suggestion:
        return await _suggest(request, address, typed["stamp"], suggestion)
    try:
        async with house.db.transaction() as session:
            await seats.ask(
                session,
                parts,
                address,
                origin=public.origin_of(request),
                fingerprint=house.fingerprint,
                now=now,
            )
    except errors.ExpiredLink:
        return await _shared(request)
    except errors.Invalid as invalid:
        return await _shared(request, address=address, problems=invalid.problems, status=422)
    except errors.TooMany:
        return await _shared(request, address=address, notice="wait", status=429)
    house.wake()
    return RedirectResponse(
        pages.stay(request, f"/j/{request.path_params['token']}?done=sent"), status_code=303
    )


async def _suggest(request: Request, address: str, stamp: str, suggestion: str) -> Response:
    async with site.of(request).db.reading() as session:
        offer = (await seats.shared(session, site.read(request, To.JOIN))).offer
    page = contexts.Suggestion(
        offer=offer,
        form=views.SignUp(address=forms.shown(address)),
        stamp=stamp,
        action=pages.stay(request, request.url.path),
        embedded=False,
        suggestion=suggestion,
    )
    return pages.render(request, page, language=offer.language)
