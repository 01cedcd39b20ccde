"""One course as a line of lessons: adding, ordering, taking away; all of it as a zip."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors, words
from engine.core.accounts import Right
from engine.core.course import editing, grammar, model, parcel, reading, timeline
from engine.core.course.yamlfile import Problem
from engine.flows import accounts, catalog, desk
from engine.flows.accounts import Here
from engine.web import downloads, forms, site
from engine.web.studio import access, courses

# French source texts, as in the templates.
SAID = {
    "created": "C'est noté : le parcours est créé. Il reste un brouillon jusqu'à ce que vous le publiiez.",
    "imported": "C'est noté : les fichiers sont dans le brouillon.",
    "moved": "C'est noté : la leçon est déplacée.",
    "title": "C'est noté : la leçon a un autre titre.",
    "removed": "C'est noté : le fichier est retiré du brouillon.",
}
KINDS = {
    "checkin": "Point : « C'est fait ? »",
    "quiz": "Quiz",
    "diagnostic": "Diagnostic",
    "poll": "Question sur une échelle",
    "charter": "Charte",
    "agreement": "Accord : « lu et approuvé »",
}
THEN = {
    "continue": "puis la leçon part quand même",
    "wait": "puis elle attend sans limite",
    "end": "puis le parcours s'arrête",
}


@dataclass(frozen=True)
class Stop:
    """A lesson on the line."""

    key: str
    path: str
    number: int
    week: int
    """0 where the lesson cannot be read."""
    lesson: model.Lesson | None
    module: str
    begins: bool
    """Whether a module begins here."""
    problems: int
    warnings: int
    gate: str
    """The title of the activity that it waits for."""
    activities: tuple[tuple[str, str], ...]
    """Path and title of those that it leads to."""


@dataclass(frozen=True)
class Listed:
    """An activity's or another file, and whether a lesson leads to it."""

    path: str
    title: str
    kind: str
    used: bool


@dataclass(frozen=True)
class Course:
    template: ClassVar = "studio/course.html"
    desk: desk.Desk
    title: str
    language: str
    stops: Sequence[Stop]
    activities: Sequence[Listed]
    others: Sequence[str]
    modules: Sequence[tuple[str, str]]
    """Keys and titles."""
    found: Sequence[Problem]
    kinds: Mapping[str, str]
    then: Mapping[str, str]
    may_write: bool
    problems: Mapping[str, str]
    typed: Mapping[str, str]
    said: str


async def read(request: Request, found: desk.Desk) -> reading.Reading:
    """What the files of a course come to, and what is wrong in them."""
    return await asyncio.to_thread(desk.check, found.files, slug=found.slug, house=site.of(request).dress)


async def show(
    request: Request,
    me: Here,
    *,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    async with site.of(request).db.reading() as session:
        found = await desk.look(session, request.path_params["slug"])
    result = await read(request, found)
    course = result.sketch
    stops = _stops(found, result)
    page = Course(
        desk=found,
        title=course.title if course else found.slug,
        language=course.language if course else words.SOURCE,
        stops=stops,
        activities=_activities(found, course),
        others=[path for path in found.files if _other(path)],
        modules=[(module.key, module.title) for module in course.modules] if course else [],
        found=result.problems,
        kinds=KINDS,
        then=THEN,
        may_write=me.may(Right.WRITE_COURSES),
        problems=problems or {},
        typed=forms.shown_all(typed or {}),
        said=access.said(request, SAID),
    )
    return access.render(request, me, page, status=422 if problems else 200)


def _other(path: str) -> bool:
    """Whether a file stands in no list of its own."""
    listed = editing.lesson_key(path) or editing.activity_key(path) or path == editing.COURSE
    return not listed and not path.startswith(desk.IMAGES)


def _stops(found: desk.Desk, result: reading.Reading) -> list[Stop]:
    course = result.sketch
    known = {lesson.path: lesson for lesson in course.lessons} if course else {}
    weeks = dict(zip(known, timeline.weeks(course), strict=True)) if course else {}
    stops: list[Stop] = []
    module = ""
    for number, path in enumerate(editing.in_order(found.files), 1):
        lesson = known.get(path)
        title = lesson.module.title if lesson and lesson.module.key != grammar.UNREAD else module
        levels = [problem.level for problem in result.problems if problem.path == path]
        stops.append(
            Stop(
                key=editing.lesson_key(path),
                path=path,
                number=number,
                week=weeks.get(path, 0),
                lesson=lesson,
                module=title,
                begins=title != module,
                problems=levels.count("error"),
                warnings=levels.count("warning"),
                gate=_gate(course, lesson),
                activities=_met(found, course, lesson),
            )
        )
        module = title
    return stops


def _gate(course: model.Course | None, lesson: model.Lesson | None) -> str:
    return _title(course, lesson.requires.activity) if course and lesson and lesson.requires else ""


def _title(course: model.Course, activity: str) -> str:
    found = course.activities.get(activity)
    return found.title if found else activity


def _met(
    found: desk.Desk, course: model.Course | None, lesson: model.Lesson | None
) -> tuple[tuple[str, str], ...]:
    if course is None or lesson is None:
        return ()
    paths = {editing.activity_key(path): path for path in found.files}
    return tuple((paths[key], _title(course, key)) for key in lesson.activities if key in paths)


def _activities(found: desk.Desk, course: model.Course | None) -> list[Listed]:
    lessons = course.lessons if course else ()
    used = {key for lesson in lessons for key in lesson.activities}
    listed = []
    for path in found.files:
        if key := editing.activity_key(path):
            known = course.activities.get(key) if course else None
            title, kind = (known.title, known.kind) if known else (key, "")
            listed.append(Listed(path, title, kind, key in used))
    return listed


async def change(request: Request, me: Here) -> Response:
    """What the buttons beside lessons and activities do."""
    house, typed = site.of(request), await forms.read(request)
    slug = request.path_params["slug"]
    how: dict[str, Any] = {"by": me.account.id, "now": house.clock.now()}
    key, title = typed.get("key", ""), typed.get("title", "")
    here = f"/studio/courses/{slug}"
    try:
        async with house.db.transaction() as session:
            match typed.get("do", ""):
                case "up" | "down" as way:
                    await desk.step(session, slug, key, -1 if way == "up" else 1, **how)
                    return access.done(request, here, f"moved#{key}")
                case "title":
                    await desk.retitle(session, slug, key, title, **how)
                    return access.done(request, here, f"title#{key}")
                case "remove":
                    await desk.remove(session, slug, typed.get("path", ""), **how)
                    return access.done(request, here, "removed")
                case "lesson":
                    new = await desk.add_lesson(session, slug, title, typed.get("module", ""), **how)
                    return access.done(request, f"{here}/lessons/{new}")
                case "activity":
                    path = await desk.add_activity(session, slug, typed.get("kind", ""), title, **how)
                    return access.done(request, f"{here}/files/{path}")
                case "discard":
                    return await _discard(request, session, me, slug, typed.get("seen", ""))
    except errors.Invalid as invalid:
        return await show(request, me, problems=invalid.problems, typed=typed)
    except errors.Conflict as changed:
        return await show(request, me, problems={"": str(changed)})
    raise errors.NotFound("Cette action n'existe pas.")


async def _discard(request: Request, session: Any, me: Here, slug: str, seen: str) -> Response:
    await desk.look(session, slug)
    await desk.discard(session, slug, seen=seen)
    accounts.note(
        session, me.account.id, "draft_discarded", f"course:{slug}", now=site.of(request).clock.now()
    )
    return access.done(request, "/studio/courses", "discarded")


async def upload(request: Request, me: Here) -> Response:
    """A zip in place of the draft."""
    house, slug = site.of(request), request.path_params["slug"]
    try:
        _, data, typed = await courses.uploaded(request)
        files = await asyncio.to_thread(parcel.unpack, data)
        async with house.db.transaction() as session:
            by, now = me.account.id, house.clock.now()
            await desk.replace(session, slug, files, seen=typed.get("seen", ""), by=by, now=now)
            accounts.note(session, by, "draft_imported", f"course:{slug}", now=now)
    except errors.Invalid as invalid:
        return await show(request, me, problems={"zip": str(invalid)})
    except errors.Conflict as changed:
        return await show(request, me, problems={"": str(changed)})
    return access.done(request, f"/studio/courses/{slug}", "imported")


async def export(request: Request, me: Here) -> Response:
    """The draft, or the current version, as a zip: byte for byte what a folder of the course holds."""
    slug = request.path_params["slug"]
    async with site.of(request).db.reading() as session:
        files = await desk.files(session, slug)
        if files is None:
            files = await catalog.export(session, slug)
    return await downloads.drawn(partial(catalog.pack, files), slug, ".zip", downloads.ZIP)


PAGES = (
    access.Page("/studio/courses/{slug}", show, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}", change, Right.WRITE_COURSES, ("POST",)),
    access.Page("/studio/courses/{slug}/upload", upload, Right.WRITE_COURSES, ("POST",)),
    access.Page("/studio/courses/{slug}/export.zip", export, Right.READ_COURSES),
)
