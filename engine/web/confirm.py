"""Behind the links of the two mails that prove an address: the sign-up's, and that of a learner who moves.

GET shows, POST acts: a mail scanner that opens every link confirms nothing.
"""

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors
from engine.flows import learners, signup
from engine.web import contexts, device, pages, public, site
from engine.web.site import To


async def show(request: Request) -> Response:
    house = site.of(request)
    async with house.db.reading() as session:
        pending = await signup.pending(session, site.read(request, To.CONFIRM), now=house.clock.now())
    status = 410 if pending.expired else 200
    again = pages.stay(request, f"/k/{request.path_params['token']}/again")
    page = contexts.Confirm(pending, again, site.path(request, To.MY, pending.enrolment_id))
    return pages.render(request, page, language=pending.language, status=status)


async def confirm(request: Request) -> Response:
    house = site.of(request)
    parts, now = site.read(request, To.CONFIRM), house.clock.now()
    try:
        async with house.db.transaction() as session:
            confirmed = await signup.confirm(session, parts, origin=public.origin_of(request), now=now)
    except errors.ExpiredLink:
        return await show(request)
    house.wake()
    if confirmed.first_lesson_at is None:  # pressed again, weeks later
        return await show(request)
    my_url = site.path(request, To.MY, confirmed.enrolment_id)
    page = contexts.Confirmed(confirmed, my_url)
    response = pages.render(request, page, language=confirmed.language)
    device.remember(request, response, str(confirmed.enrolment_id))
    return response


async def resend(request: Request) -> Response:
    """Send the confirmation again, at most once a day; the answer is the same in any case."""
    house = site.of(request)
    parts, now = site.read(request, To.CONFIRM), house.clock.now()
    async with house.db.transaction() as session:
        pending = await signup.pending(session, parts, now=now)
        await signup.resend(session, parts, now=now)
    house.wake()
    return pages.render(request, contexts.Resent(pending), language=pending.language)


async def show_address(request: Request) -> Response:
    house = site.of(request)
    async with house.db.reading() as session:
        new = await learners.address_page(session, site.read(request, To.ADDRESS), now=house.clock.now())
    status = 410 if new.expired else 200
    return pages.render(request, contexts.NewAddress(new), language=new.language, status=status)


async def confirm_address(request: Request) -> Response:
    house = site.of(request)
    try:
        async with house.db.transaction() as session:
            await learners.confirm_address(
                session,
                site.read(request, To.ADDRESS),
                fingerprint=house.fingerprint,
                now=house.clock.now(),
            )
    except errors.ExpiredLink:
        return await show_address(request)
    house.wake()
    return await show_address(request)
