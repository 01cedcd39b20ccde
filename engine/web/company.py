"""The team page: whoever opened seats invites, follows, pauses and closes here.

Lessons lead to the door, for they are forwarded to colleagues; the page itself, which shows people, stands
behind a link that is mailed to the dirigeant alone.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core import errors, team
from engine.documents import record as records_drawn
from engine.flows import companies, teams
from engine.web import contexts, downloads, forms, pages, site
from engine.web.site import To

# As in `learner`: what a change says when it is done.
SAID = {
    "open": "Les places sont ouvertes. Le lien de votre page d'équipe vient de partir vers votre adresse.",
    "link": "Un message vient de partir vers votre adresse. Son lien ouvre votre page d'équipe.",
    "invite": "C'est noté : les invitations partent.",
    "remind": "C'est noté : l'invitation repart, une fois par jour au plus.",
    "withdraw": "C'est noté : cette place est retirée.",
    "move": "C'est noté : la place est libérée et l'invitation part.",
    "pause": "C'est noté : l'équipe ne recevra aucune leçon avant ce jour.",
    "resume": "C'est noté : les leçons de l'équipe reprennent.",
    "close": "C'est noté : l'équipe est fermée.",
}


async def show(request: Request) -> Response:
    return await _show(request, said=SAID.get(request.query_params.get("done", ""), ""))


async def _show(
    request: Request,
    *,
    said: str = "",
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    invited: team.Invited | None = None,
    status: int = 200,
) -> Response:
    house, typed = site.of(request), typed or {}
    parts, now = site.read(request, To.TEAM), house.clock.now()
    async with house.db.reading() as session:
        try:
            found = await teams.page(session, companies.check_page(parts, now=now), now=now)
        except (errors.ExpiredLink, errors.NotAllowed):
            door = await teams.door(session, int(parts[0]), now=now)
            page: contexts.Door | contexts.Team = contexts.Door(
                door=door,
                url=_url(request),
                my_url=site.path(request, To.MY, parts[0]),
                share_url=_share_url(request, door),
                late=len(parts) > 1,
                said=said,
                problems=problems or {},
                name=forms.shown(typed.get("name", door.name)),
            )
        else:
            door = found.door
            page = contexts.Team(
                page=found,
                url=_url(request),
                my_url=site.path(request, To.MY, parts[0]),
                share_url=_share_url(request, door),
                said=said,
                problems=problems or {},
                typed=forms.shown_all(typed),
                addresses=_not_invited(typed, invited),
                invited=invited,
            )
    return pages.render(request, page, language=door.language, status=status)


async def record(request: Request) -> Response:
    """The training record, for whoever has the link to the page."""
    house = site.of(request)
    now = house.clock.now()
    async with house.db.reading() as session:
        found = await teams.record(session, _page(request), now=now)
    return await downloads.drawn(lambda: records_drawn.pdf(found), found.title, ".pdf", downloads.PDF)


def _url(request: Request) -> str:
    return f"/e/{request.path_params['token']}"


def _share_url(request: Request, door: team.Door) -> str:
    if door.company_id is None:
        return ""
    return site.of(request).links.url(To.JOIN, door.company_id, door.offer.slug)


def _not_invited(typed: Mapping[str, str], invited: team.Invited | None) -> str:
    if invited is None:
        return forms.shown_lines(typed.get("addresses", ""))
    return "\n".join(forms.shown(problem.entry) for problem in invited.problems)


async def change(request: Request) -> Response:
    """Do what one of the forms asks for, then show the page again."""
    house, action = site.of(request), request.path_params["action"]
    if action not in _ACTIONS:
        raise HTTPException(404)
    typed = await forms.read(request)
    try:
        async with house.db.transaction() as session:
            invited = await _ACTIONS[action](request, session, typed)
    except errors.Invalid as invalid:
        return await _show(request, problems=_placed(invalid.problems, typed), typed=typed, status=422)
    except (errors.ExpiredLink, errors.NotAllowed):
        return await _show(request, status=410)
    house.wake()
    if invited and invited.problems:
        return await _show(request, invited=invited, status=422)
    return RedirectResponse(pages.stay(request, f"{_url(request)}?done={action}"), status_code=303)


def _placed(problems: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    """The problems by field of the page, where each person has a form to move the seat."""
    places = {"address": f"address-{forms.shown(typed.get('seat', ''))}"}
    return {places.get(name, name): text for name, text in problems.items()}


Typed = Mapping[str, str]
Done = team.Invited | None


def _owner(request: Request) -> int:
    """The enrolment of the dirigeant, by any of his links."""
    return int(site.read(request, To.TEAM)[0])


def _page(request: Request) -> int:
    """The same, by a link that shows the page; raises `errors.ExpiredLink`."""
    return companies.check_page(site.read(request, To.TEAM), now=site.of(request).clock.now())


async def _open(request: Request, session: Any, typed: Typed) -> Done:
    await companies.open(session, _owner(request), typed.get("name", ""), now=site.of(request).clock.now())
    return None


async def _link(request: Request, session: Any, typed: Typed) -> Done:
    await companies.ask_page(session, _owner(request), now=site.of(request).clock.now())
    return None


async def _invite(request: Request, session: Any, typed: Typed) -> Done:
    house = site.of(request)
    return await companies.invite(
        session,
        _page(request),
        typed.get("addresses", ""),
        fingerprint=house.fingerprint,
        now=house.clock.now(),
    )


async def _remind(request: Request, session: Any, typed: Typed) -> Done:
    now = site.of(request).clock.now()
    await companies.remind(session, _page(request), typed.get("seat", ""), now=now)
    return None


async def _withdraw(request: Request, session: Any, typed: Typed) -> Done:
    now = site.of(request).clock.now()
    await companies.withdraw(session, _page(request), typed.get("seat", ""), now=now)
    return None


async def _move(request: Request, session: Any, typed: Typed) -> Done:
    house = site.of(request)
    await companies.move(
        session,
        _page(request),
        typed.get("seat", ""),
        typed.get("address", ""),
        fingerprint=house.fingerprint,
        now=house.clock.now(),
    )
    return None


async def _pause(request: Request, session: Any, typed: Typed) -> Done:
    now = site.of(request).clock.now()
    await companies.pause(session, _page(request), typed.get("until", ""), now=now)
    return None


async def _resume(request: Request, session: Any, typed: Typed) -> Done:
    await companies.resume(session, _page(request), now=site.of(request).clock.now())
    return None


async def _close(request: Request, session: Any, typed: Typed) -> Done:
    await companies.close(session, _page(request), now=site.of(request).clock.now())
    return None


_ACTIONS: dict[str, Callable[[Request, Any, Typed], Awaitable[Done]]] = {
    "open": _open,
    "link": _link,
    "invite": _invite,
    "remind": _remind,
    "withdraw": _withdraw,
    "move": _move,
    "pause": _pause,
    "resume": _resume,
    "close": _close,
}
