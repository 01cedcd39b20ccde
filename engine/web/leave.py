"""The link that leaves: one click for mail programs (RFC 8058), two buttons for people."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from engine.core import errors
from engine.flows import enrolments
from engine.web import contexts, failures, forms, pages, site
from engine.web.site import To


async def show(request: Request) -> Response:
    house = site.of(request)
    (enrolment,) = site.read(request, To.LEAVE)
    async with house.db.reading() as session:
        leaving = await enrolments.leave_page(session, int(enrolment))
    return pages.render(request, contexts.Leave(leaving), language=leaving.language)


async def leave(request: Request) -> Response:
    """Leave, without redirect or cookie (RFC 8058 §3.1).

    200 whether the token is known or not: nobody can try tokens out. 503 only when leaving could not be
    stored: the mail program tries again.
    """
    typed = await forms.read(request)
    scope = typed.get("scope", "")
    by_a_person = scope in ("course", "all")
    try:
        await _store(request, scope if by_a_person else "course")
    except (errors.BadLink, errors.NotFound):
        return failures.bad_link(request, status=200) if by_a_person else _DONE
    except Exception as problem:
        raise failures.Unavailable from problem
    return await _left(request, everything=scope == "all") if by_a_person else _DONE


_DONE = PlainTextResponse("OK\n")


async def _store(request: Request, scope: str) -> None:
    house = site.of(request)
    (enrolment,) = site.read(request, To.LEAVE)
    async with house.db.transaction() as session:
        await enrolments.leave(session, int(enrolment), scope=scope, now=house.clock.now())
    house.wake()


async def _left(request: Request, *, everything: bool) -> Response:
    house = site.of(request)
    (enrolment,) = site.read(request, To.LEAVE)
    async with house.db.reading() as session:
        leaving = await enrolments.leave_page(session, int(enrolment))
    return pages.render(request, contexts.Left(leaving, everything), language=leaving.language)
