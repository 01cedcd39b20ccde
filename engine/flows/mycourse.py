"""What a learner sees of a course: "my course", and his lessons on the web."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import asking, calendar, delivery, errors, progress, simulation, views
from engine.core.course import grammar, markup, model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import catalog, certificates, enrolments, known, seats
from engine.mail import dress
from engine.tables import Delivery, Enrolment, Learner


async def page(
    session: AsyncSession, enrolment_id: int, *, house: dress.Dress, now: datetime
) -> views.CoursePage:
    """ "My course". Raises `errors.NotFound`, `errors.ExpiredLink`."""
    enrolment = await enrolments.get(session, enrolment_id)
    enrolments.check_open(enrolment, now)
    learner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    facts = await known.of(session, enrolment)
    came = await _came(session, enrolment)
    rules = enrolments.rules(course.rules, enrolment, learner.region)
    expected = _expected(course, enrolment, rules, facts)
    upcoming = _next(course, enrolment, rules, facts, expected)
    modules = _modules(course, came, expected, upcoming, facts, enrolment)
    asked = {key for lesson in course.lessons for key in lesson.activities}
    return views.CoursePage(
        slug=course.slug,
        course=course.title,
        language=course.language,
        state=enrolment.state,
        starts_at=enrolment.starts_at if enrolment.state == State.WAITING else None,
        paused_until=_paused_until(enrolment),
        modules=modules,
        areas=_areas(course, came),
        areas_note=course.areas_note,
        sent=len(came),
        done=len(asked & facts.handed_in),
        activities=len(asked),
        count=len(course.lessons),
        next=upcoming,
        gestures=_gestures(course, enrolment, learner, came, upcoming, now),
        choices=views.Choices(
            learner.first_name,
            learner.address,
            enrolments.slot(enrolment),
            enrolment.pace,
            course.rules.working_days,
        ),
        zone=enrolment.zone,
        tutor=dress.fitted(house, course).tutor_email,
        attestation=await certificates.standing(session, enrolment, course, facts, now=now),
        has_team=course.team is not None and course.team in await catalog.slugs(session),
        seen_by=await seats.seen_by(session, enrolment.id),
        seat_moved=enrolment.end_reason == seats.MOVED,
    )


def _paused_until(enrolment: Enrolment) -> Any:
    if enrolment.state != State.PAUSED or enrolment.paused_until is None:
        return None
    return calendar.local_day(enrolment.paused_until, enrolment.zone)


async def _came(session: AsyncSession, enrolment: Enrolment) -> dict[str, datetime]:
    """The lessons that were sent, with when."""
    found = await session.execute(
        select(Delivery.lesson_key, Delivery.sent_at).where(
            Delivery.enrolment_id == enrolment.id,
            Delivery.kind == Kind.LESSON,
            Delivery.state == delivery.State.SENT,
        )
    )
    return {key: at for key, at in found if at}


def _expected(
    course: model.Course, enrolment: Enrolment, rules: calendar.Rules, facts: progress.Facts
) -> dict[str, calendar.Due]:
    """When the lessons to come would leave, if nothing changes and everything is done in time."""
    if enrolment.state not in (State.ACTIVE, State.PAUSED) or enrolment.due_at is None:
        return {}
    position = enrolments.position(enrolment)
    assert position.due is not None  # due_at is not None
    fictitious = simulation.Learner(about=facts.learner, answers=facts.answers)
    # What was asked so far counts as done in time: the page says what must be done for that.
    owed = enrolments.to_come(course, enrolment)
    asked = {key for each in course.lessons if each.key not in owed for key in each.activities}
    yesterday = position.due.day - timedelta(days=1)
    before = dict.fromkeys(facts.handed_in | asked, yesterday)
    mails = simulation.run(course, position, fictitious, enrolments.slot(enrolment), rules, done=before)
    return {each.mail.key: each.due for each in mails if each.mail.kind == "lesson"}


def _next(
    course: model.Course,
    enrolment: Enrolment,
    rules: calendar.Rules,
    facts: progress.Facts,
    expected: dict[str, calendar.Due],
) -> views.Next | None:
    if enrolment.state != State.ACTIVE or enrolment.next_kind not in ("welcome", "lesson"):
        return None
    key = next(iter(expected), enrolment.next_key)
    lesson = course.lesson(key)
    if lesson is None:
        return None
    gate = lesson.requires.activity if lesson.requires else ""
    shut = bool(gate) and gate not in facts.handed_in
    at, reason = enrolment.due_at, enrolment.due_reason
    if enrolment.next_kind == "welcome" or not at or lesson.key != enrolment.next_key:
        due = expected.get(key)
        at = due.at + enrolments.spread(enrolment.id) if due else None
        reason = due.reason if due else ""
    if at is None:
        return None
    if not shut and progress.silent(course, enrolments.position(enrolment), facts):
        # Without an answer the course asks, in place of this lesson, and pauses itself.
        gate, shut = progress.asked(course, key, facts)[-1].activities[0], True
    line = _line(gate, course, facts) if shut else None
    waits, needs = (line, None) if enrolment.gate_since else (None, line)
    anyway = _anyway(lesson, enrolment, rules, at) if line else None
    return views.Next(lesson.number, lesson.subject, at, reason, waits, needs, anyway, rules.calendar)


def _anyway(
    lesson: model.Lesson, enrolment: Enrolment, rules: calendar.Rules, at: datetime
) -> datetime | None:
    """When a gate looked at next at `at` lets its lesson pass undone; None: never."""
    gate = lesson.requires
    if gate is None or gate.then != "continue":
        return None
    spread = enrolments.spread(enrolment.id)
    since = enrolment.gate_since or at - spread
    limit = progress.gate_limit(gate, since, enrolments.slot(enrolment), rules)
    return max(limit.at + spread, at)


def _line(key: str, course: model.Course, facts: progress.Facts) -> views.ActivityLine | None:
    activity = course.activities.get(key)
    if activity is None:
        return None
    return views.ActivityLine(key, asking.ask(activity, course.language), key in facts.handed_in)


def _gestures(
    course: model.Course,
    enrolment: Enrolment,
    learner: Learner,
    came: dict[str, datetime],
    upcoming: views.Next | None,
    now: datetime,
) -> views.Gestures:
    last = course.lesson(max(came, key=lambda key: came[key])) if came else None
    again = last.subject if last and enrolment.state != State.STOPPED else ""
    if enrolment.state != State.ACTIVE or enrolment.next_kind != "lesson":
        return views.Gestures(again)
    slot, position = enrolments.slot(enrolment), enrolments.position(enrolment)
    rules = enrolments.rules(course.rules, enrolment, learner.region)
    due = progress.hastened(position, slot, rules, now=now)
    ready = upcoming is not None and not upcoming.waits_for and not upcoming.needs
    sooner = ready and position.due and due.at < position.due.at
    paces = enrolments.PACES
    place = paces.index(enrolments.pace(enrolment.pace))
    return views.Gestures(
        again=again,
        sooner=due.at + enrolments.spread(enrolment.id) if sooner else None,
        missed=0 if enrolment.catching_up else progress.missed(course, position, slot, rules, now=now),
        slower=paces[place + 1] if place + 1 < len(paces) else None,
        faster=paces[place - 1] if place else None,
    )


def _areas(course: model.Course, came: Iterable[str]) -> tuple[views.AreaLine, ...]:
    def line(area: grammar.Area) -> views.AreaLine:
        keys = {lesson.key for lesson in course.lessons if lesson.area == area}
        return views.AreaLine(area.title, area.summary, len(keys & set(came)), len(keys))

    return tuple(line(area) for area in course.areas)


def _modules(
    course: model.Course,
    came: dict[str, datetime],
    expected: dict[str, calendar.Due],
    upcoming: views.Next | None,
    facts: progress.Facts,
    enrolment: Enrolment,
) -> tuple[views.ModuleLine, ...]:
    owed = enrolments.to_come(course, enrolment)
    over = enrolment.state in (State.COMPLETED, State.STOPPED) or enrolment.next_kind == "farewell"

    def line(lesson: model.Lesson) -> views.LessonLine:
        at: datetime | None = came.get(lesson.key)
        stands = views.Progress.LATER
        if at:
            stands = views.Progress.SENT
        elif upcoming and lesson.number == upcoming.number:
            stands, at = views.Progress.NEXT, upcoming.at
        elif lesson.key in expected:
            at = expected[lesson.key].at + enrolments.spread(enrolment.id)
        elif over or (owed and lesson.key not in owed):
            stands = views.Progress.SKIPPED
        lines = tuple(filter(None, (_line(key, course, facts) for key in lesson.activities)))
        return views.LessonLine(lesson.key, lesson.number, lesson.subject, lesson.minutes, stands, at, lines)

    return tuple(
        views.ModuleLine(
            module.title,
            tuple(line(lesson) for lesson in course.lessons if lesson.module.key == module.key),
        )
        for module in course.modules
    )


async def lesson(
    session: AsyncSession, enrolment_id: int, key: str, *, house: dress.Dress, now: datetime
) -> views.LessonPage:
    """A lesson that came, on the web. Raises `errors.NotFound`, `errors.ExpiredLink`."""
    enrolment = await enrolments.get(session, enrolment_id)
    enrolments.check_open(enrolment, now)
    learner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    lesson = course.lesson(key)
    if lesson is None:
        raise errors.NotFound("Cette leçon n'existe plus dans ce parcours.")
    facts = await known.of(session, enrolment)
    came = set(await _came(session, enrolment)) | {key}
    lines = {name: _line(name, course, facts) for name in lesson.activities}
    neighbours = [
        course.lessons[i] for i in (lesson.number - 2, lesson.number) if 0 <= i < len(course.lessons)
    ]
    around = {near.number: _plain_line(near) for near in neighbours if near.key in came}
    values = dress.slot_values(course, house, learner.first_name, enrolment.company)
    return views.LessonPage(
        slug=course.slug,
        course=course.title,
        language=course.language,
        key=key,
        subject=filled(lesson.subject, values),
        module=lesson.module.title,
        number=lesson.number,
        count=len(course.lessons),
        minutes=lesson.minutes,
        document=lesson.document,
        values=values,
        holds=frozenset(condition for condition in _conditions(lesson) if facts.hold(condition)),
        activities={name: line for name, line in lines.items() if line},
        lessons=frozenset(came),
        area=lesson.area.title if lesson.area else "",
        sources=lesson.sources,
        previous=around.get(lesson.number - 1),
        following=around.get(lesson.number + 1),
    )


def _plain_line(lesson: model.Lesson) -> views.LessonLine:
    return views.LessonLine(
        lesson.key, lesson.number, lesson.subject, lesson.minutes, views.Progress.SENT, None, ()
    )


def _conditions(lesson: model.Lesson) -> set[str]:
    return {block.condition for block in markup.walk(lesson.document.blocks) if isinstance(block, markup.If)}


def filled(text: str, values: dict[str, str]) -> str:
    """`text` with its slots replaced."""
    for name, value in values.items():
        text = text.replace("{{ " + name + " }}", value)
    return text
