"""Pages of one learner, behind the links of the mails: a lesson, an activity, and "my course"."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core import errors, views, words
from engine.core.progress import State
from engine.flows import enrolments, learners, mycourse, privacy
from engine.web import contexts, forms, pages, public, site
from engine.web.site import To


async def lesson(request: Request) -> Response:
    house = site.of(request)
    enrolment, key = site.read(request, To.LESSON)
    async with house.db.reading() as session:
        found = await mycourse.lesson(session, int(enrolment), key, house=house.dress, now=house.clock.now())
    my_url = site.path(request, To.MY, enrolment)
    sources = {source.id: source for source in found.sources}
    page = contexts.Lesson(found, _hrefs(request, enrolment, found), sources, my_url)
    return pages.render(request, page, language=found.language)


def _hrefs(request: Request, enrolment: str, lesson: views.LessonPage) -> dict[str, str]:
    to = partial(site.path, request)
    return {
        "page:parcours": to(To.MY, enrolment),
        "page:documents": to(To.DOCUMENTS, enrolment),
        "page:equipe": to(To.TEAM, enrolment),
        **{f"lecon:{key}": to(To.LESSON, enrolment, key) for key in lesson.lessons},
        **{f"activite:{key}": to(To.ACTIVITY, enrolment, key) for key in lesson.activities},
    }


# What a change says when it is done; the page only ever shows texts from this list.
SAID = {
    "slot": "C'est noté : vos leçons suivent désormais ce jour et cette heure.",
    "pace": "C'est noté : votre rythme est changé.",
    "name": "C'est noté : votre prénom est changé.",
    "pause": "C'est noté : rien ne partira avant la reprise.",
    "resume": "Bon retour ! Votre parcours reprend.",
    "again": "C'est noté : votre dernière leçon repart vers votre boîte.",
    "sooner": "C'est noté : la suite part dès que possible.",
    "catchup": "C'est noté : vos leçons en retard arrivent, une par jour ouvert.",
    "address": "Un message vient de partir vers votre nouvelle adresse : ouvrez-le pour la confirmer. "
    "D'ici là, rien ne change.",
    "data": "Un message vient de partir vers votre adresse. Son lien ouvre vos données pendant un jour.",
}


# These move the next lesson: the page says when it leaves now.
_MOVES = frozenset({"slot", "pace", "resume", "sooner", "catchup"})


async def my(request: Request) -> Response:
    done = request.query_params.get("done", "")
    return await _my(request, said=SAID.get(done, ""), moved=done in _MOVES)


async def resume(request: Request) -> Response:
    """The page of one button behind the link of a mail; somebody whose course runs goes to "my course"."""
    house = site.of(request)
    token = request.path_params["token"]
    (enrolment,) = site.read(request, To.MY)
    async with house.db.reading() as session:
        found = await mycourse.page(session, int(enrolment), house=house.dress, now=house.clock.now())
    if found.state != State.PAUSED:
        return RedirectResponse(pages.stay(request, f"/m/{token}"), status_code=303)
    return pages.render(request, contexts.Resume(found, f"/m/{token}"), language=found.language)


async def _my(
    request: Request,
    *,
    said: str = "",
    moved: bool = False,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    house = site.of(request)
    token = request.path_params["token"]
    (enrolment,) = site.read(request, To.MY)
    async with house.db.reading() as session:
        found = await mycourse.page(session, int(enrolment), house=house.dress, now=house.clock.now())
    to = partial(site.path, request)
    page = contexts.MyCourse(
        page=found,
        my_url=f"/m/{token}",
        leave_url=to(To.LEAVE, enrolment),
        documents_url=to(To.DOCUMENTS, enrolment),
        lesson_urls={line.key: to(To.LESSON, enrolment, line.key) for line in _lines(found)},
        activity_urls={key: to(To.ACTIVITY, enrolment, key) for key in _activities(found)},
        times=forms.TIMES,
        zones=forms.ZONES,
        said=said,
        moved=moved,
        problems=problems or {},
        typed=forms.shown_all(typed or {}),
        team_url=to(To.TEAM, enrolment) if found.has_team else "",
    )
    return pages.render(request, page, language=found.language, status=422 if problems else 200)


def _lines(page: views.CoursePage) -> Iterator[views.LessonLine]:
    for module in page.modules:
        yield from module.lessons


def _activities(page: views.CoursePage) -> Iterator[str]:
    yield from (activity.key for line in _lines(page) for activity in line.activities)
    if page.next:
        yield from (gate.key for gate in (page.next.waits_for, page.next.needs) if gate)


async def change(request: Request) -> Response:
    """Do what one of the forms of "my course" asks for, then show the page again."""
    house = site.of(request)
    token, action = request.path_params["token"], request.path_params["action"]
    (enrolment,) = site.read(request, To.MY)
    typed = await forms.read(request)
    if action not in _ACTIONS:
        raise HTTPException(404)
    try:
        async with house.db.transaction() as session:
            await _ACTIONS[action](request, session, int(enrolment), typed)
    except errors.Invalid as invalid:
        return await _my(request, problems=invalid.problems, typed=typed)
    house.wake()
    return RedirectResponse(pages.stay(request, f"/m/{token}?done={action}"), status_code=303)


Typed = Mapping[str, str]


async def _slot(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    weekday, hour, zone = typed.get("weekday", ""), typed.get("time", ""), typed.get("zone", "")
    now = site.of(request).clock.now()
    await learners.change_slot(session, enrolment, weekday=weekday, time=hour, zone=zone, now=now)


async def _pace(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    pace = _one_of(typed.get("pace", ""), forms.PACES, field="pace")
    await learners.change_pace(session, enrolment, pace=pace, now=site.of(request).clock.now())


async def _name(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    now = site.of(request).clock.now()
    await learners.rename(session, enrolment, first_name=typed.get("first_name", ""), now=now)


async def _pause(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    asked = typed.get("weeks", "")
    weeks = _one_of(asked, forms.PAUSES, field="weeks") if asked else None
    await learners.pause(session, enrolment, weeks=weeks, now=site.of(request).clock.now())


async def _resume(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    await enrolments.resume(session, enrolment, now=site.of(request).clock.now())


async def _again(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    await learners.send_again(session, enrolment, now=site.of(request).clock.now())


async def _sooner(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    await learners.hasten(session, enrolment, now=site.of(request).clock.now())


async def _catch_up(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    await learners.hasten(session, enrolment, catch_up=True, now=site.of(request).clock.now())


async def _address(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    origin, now = public.origin_of(request), site.of(request).clock.now()
    await learners.ask_address(session, enrolment, typed.get("address", ""), origin=origin, now=now)


async def _data(request: Request, session: Any, enrolment: int, typed: Typed) -> None:
    await privacy.ask_data(session, enrolment, now=site.of(request).clock.now())


_ACTIONS: dict[str, Callable[[Request, Any, int, Typed], Awaitable[None]]] = {
    "slot": _slot,
    "pace": _pace,
    "name": _name,
    "pause": _pause,
    "resume": _resume,
    "again": _again,
    "sooner": _sooner,
    "catchup": _catch_up,
    "address": _address,
    "data": _data,
}


def _one_of(typed: str, choices: tuple[int, ...], *, field: str) -> int:
    found = [choice for choice in choices if str(choice) == typed]
    if not found:
        raise errors.Invalid({field: words.gettext("fr")("Choisissez une réponse de la liste.")})
    return found[0]
