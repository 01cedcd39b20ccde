"""A learner's own pages: where he stands, his lessons, and what he may change."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import asking, calendar, consent, delivery, errors, links, progress, simulation, views
from engine.core.course import grammar, markup, model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import catalog, certificates, enrolments, known, outbox, seats, signup
from engine.mail import dress
from engine.tables import Delivery, Enrolment, Learner

ADDRESS_DAYS = 1
_ONCE = timedelta(hours=1)


async def course_page(
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
        has_team=course.team in await catalog.slugs(session),
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
    passed = course.lesson(enrolment.next_key)
    asked = {
        key for each in course.lessons[: passed.number - 1 if passed else None] for key in each.activities
    }
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
    passed = course.lesson(enrolment.next_key)
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
        elif over or (passed and lesson.number < passed.number):
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


async def lesson_page(
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
    values = slot_values(course, house, learner.first_name, enrolment.company)
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


def slot_values(course: model.Course, house: dress.Dress, first_name: str, company: str) -> dict[str, str]:
    """What the slots of an author's text say for one learner."""
    fallback = "votre entreprise" if course.language == "fr" else "your company"
    return {
        "learner.first_name": first_name,
        "learner.company": company or fallback,
        "course.title": course.title,
        "tutor.name": dress.fitted(house, course).tutor_name,
    }


def filled(text: str, values: dict[str, str]) -> str:
    """`text` with its slots replaced."""
    for name, value in values.items():
        text = text.replace("{{ " + name + " }}", value)
    return text


async def _changing(session: AsyncSession, enrolment_id: int) -> tuple[Enrolment, Learner, model.Course]:
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    learner = await enrolments.learner_of(session, enrolment)
    return enrolment, learner, (await enrolments.pinned(session, enrolment)).course


async def _anew(
    session: AsyncSession,
    enrolment: Enrolment,
    learner: Learner,
    course: model.Course,
    kind: str,
    now: datetime,
) -> None:
    """Reckon the next due time by what the learner just chose, and write it down."""
    rules = enrolments.rules(course.rules, enrolment, learner.region)
    if enrolment.state == State.ACTIVE:
        await enrolments.settle_anew(session, enrolment, course, rules, now=now)
    elif enrolment.state == State.PAUSED and enrolment.paused_until:
        day = calendar.local_day(enrolment.paused_until, enrolment.zone)
        slot, position = enrolments.slot(enrolment), enrolments.position(enrolment)
        enrolments.settle(enrolment, progress.resumption(day, position, slot, rules))
    session.add(outbox.event(learner_id=learner.id, enrolment_id=enrolment.id, kind=kind, now=now))


async def change_slot(
    session: AsyncSession, enrolment_id: int, *, weekday: str, time: str, zone: str, now: datetime
) -> None:
    """Raises `errors.Invalid` (fields weekday, time, zone)."""
    enrolment, learner, course = await _changing(session, enrolment_id)
    slot = signup.checked_slot(weekday, time, zone, course.rules.working_days)
    enrolment.slot, enrolment.zone = str(slot), slot.zone
    await _anew(session, enrolment, learner, course, "slot", now)


async def change_pace(session: AsyncSession, enrolment_id: int, *, pace: int, now: datetime) -> None:
    """Every n-th slot. Raises `errors.Invalid`."""
    enrolment, learner, course = await _changing(session, enrolment_id)
    enrolment.pace = enrolments.pace(pace)
    await _anew(session, enrolment, learner, course, "pace", now)


async def send_again(session: AsyncSession, enrolment_id: int, *, now: datetime) -> None:
    """The last lesson once more, at once; at most one an hour. Raises `errors.Invalid` (field gestures)."""
    enrolment, learner, course = await _changing(session, enrolment_id)
    last = await session.scalar(
        select(Delivery.lesson_key)
        .where(
            Delivery.enrolment_id == enrolment.id,
            Delivery.kind == Kind.LESSON,
            Delivery.state == delivery.State.SENT,
        )
        .order_by(Delivery.sent_at.desc(), Delivery.id.desc())
        .limit(1)
    )
    if last is None or course.lesson(last) is None:
        raise errors.Invalid({"gestures": "Aucune leçon n'est encore partie."})
    if enrolment.state == State.STOPPED:
        raise errors.NotAllowed("Vous avez quitté ce parcours.")
    recent = await session.scalar(
        select(Delivery.id).where(
            Delivery.enrolment_id == enrolment.id,
            Delivery.kind == Kind.AGAIN,
            Delivery.created_at > now - _ONCE,
        )
    )
    if recent:
        raise errors.Invalid({"gestures": "Elle vient de partir. Réessayez dans une heure."})
    row = outbox.row(
        kind=Kind.AGAIN,
        learner_id=learner.id,
        enrolment_id=enrolment.id,
        now=now,
        lesson_key=last,
        occasion=links.stamp_of(now),
    )
    await outbox.owe(session, [row])
    enrolment.unanswered = 0
    session.add(
        outbox.event(
            learner_id=learner.id, enrolment_id=enrolment.id, kind="again_asked", now=now, lesson_key=last
        )
    )


async def hasten(session: AsyncSession, enrolment_id: int, *, catch_up: bool = False, now: datetime) -> None:
    """The next lesson leaves on the next open day, at the learner's hour; pressed twice it is once.

    With `catch_up` those that would have come by now follow it, one an open day. Raises `errors.Invalid`
    (field gestures) when no lesson can be hastened.
    """
    enrolment, learner, course = await _changing(session, enrolment_id)
    lesson = course.lesson(enrolment.next_key)
    if enrolment.state != State.ACTIVE or enrolment.next_kind != "lesson" or lesson is None:
        raise errors.Invalid({"gestures": "Aucune leçon ne peut partir plus tôt pour l'instant."})
    if enrolment.gate_since or await _waits(session, enrolment, lesson):
        raise errors.Invalid({"gestures": "La suite attend d'abord votre réponse à l'activité précédente."})
    own = enrolments.rules(course.rules, enrolment, learner.region)
    slot, position = enrolments.slot(enrolment), enrolments.position(enrolment)
    following = progress.missed(course, position, slot, own, now=now) - 1 if catch_up else 0
    due = progress.hastened(position, slot, own, now=now)
    if position.due and due.at == position.due.at and following <= enrolment.catching_up:
        return
    await enrolments.choose(session, enrolment)
    enrolments.settle(enrolment, due)
    enrolment.catching_up = max(following, 0)
    kind = "caught_up" if catch_up else "sooner"
    session.add(outbox.event(learner_id=learner.id, enrolment_id=enrolment.id, kind=kind, now=now))


async def _waits(session: AsyncSession, enrolment: Enrolment, lesson: model.Lesson) -> bool:
    """Whether a gate stands before `lesson`."""
    if lesson.requires is None:
        return False
    return lesson.requires.activity not in (await known.of(session, enrolment)).handed_in


async def rename(session: AsyncSession, enrolment_id: int, *, first_name: str, now: datetime) -> None:
    """Raises `errors.Invalid` (field first_name)."""
    _, learner, _ = await _changing(session, enrolment_id)
    problems: dict[str, str] = {}
    name = signup.clean("first_name", first_name, 60, problems)
    if not name:
        problems["first_name"] = "Écrivez votre prénom."
    if problems:
        raise errors.Invalid(problems)
    learner.first_name = name
    session.add(outbox.event(learner_id=learner.id, enrolment_id=enrolment_id, kind="renamed", now=now))


async def pause(session: AsyncSession, enrolment_id: int, *, weeks: int | None, now: datetime) -> None:
    """For some weeks, or (None) until the learner comes back."""
    enrolment = await enrolments.get(session, enrolment_id)
    until = calendar.local_day(now, enrolment.zone) + timedelta(weeks=weeks) if weeks else None
    await enrolments.pause(session, enrolment_id, until=until, now=now)


async def resume(session: AsyncSession, enrolment_id: int, *, now: datetime) -> None:
    await enrolments.resume(session, enrolment_id, now=now)


async def ask_address(
    session: AsyncSession, enrolment_id: int, address: str, *, origin: views.Origin, now: datetime
) -> None:
    """Send a link to the address a learner wants to move to. At most one an hour; the answer is the same.

    Raises `errors.Invalid` (field address). Whether another learner has that address is not told.
    """
    enrolment, learner, _ = await _changing(session, enrolment_id)
    learner.new_address = consent.checked_address(address)
    recent = await session.scalar(
        select(Delivery.id).where(
            Delivery.learner_id == learner.id,
            Delivery.kind == Kind.ADDRESS,
            Delivery.created_at > now - _ONCE,
        )
    )
    if recent:
        raise errors.Invalid({"address": "Un message vient de partir. Réessayez dans une heure."})
    row = outbox.row(
        kind=Kind.ADDRESS,
        learner_id=learner.id,
        enrolment_id=enrolment.id,
        now=now,
        occasion=links.stamp_of(now),
    )
    await outbox.owe(session, [row])
    told = outbox.event(
        learner_id=learner.id,
        enrolment_id=enrolment_id,
        kind="address_asked",
        now=now,
        text=origin.network_address,
    )
    session.add(told)


async def _read_address(session: AsyncSession, parts: Sequence[str]) -> tuple[Learner, str, datetime]:
    """The learner, the address his link was made for, and when."""
    if len(parts) != 3:
        raise errors.BadLink("Ce lien n'est pas complet ou a été modifié.")
    learner = await session.get(Learner, int(parts[0]))
    if learner is None or learner.erased_at:
        raise errors.NotFound("Ces données ont été effacées.")
    return learner, parts[2], links.moment(parts[1])


def address_mark(address: str) -> str:
    """What a link to confirm a new address carries of it: enough to tell it from another one."""
    return consent.fingerprint(b"address")(consent.address_key(address))[:12]


async def address_page(session: AsyncSession, parts: Sequence[str], *, now: datetime) -> views.NewAddress:
    """Raises `errors.BadLink`, `errors.NotFound`."""
    learner, mark, asked_at = await _read_address(session, parts)
    confirmed = address_mark(learner.address) == mark
    asked = bool(learner.new_address) and address_mark(learner.new_address) == mark
    expired = not confirmed and (not asked or now > asked_at + timedelta(days=ADDRESS_DAYS))
    shown = learner.address if confirmed else learner.new_address
    return views.NewAddress("" if expired else shown, learner.language, expired, confirmed)


async def confirm_address(
    session: AsyncSession,
    parts: Sequence[str],
    *,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> None:
    """Move to the new address. Twice is once. Raises `errors.ExpiredLink`, `errors.Conflict`."""
    page = await address_page(session, parts, now=now)
    if page.confirmed:
        return
    if page.expired:
        raise errors.ExpiredLink("Ce lien n'est plus valable.")
    learner, _, _ = await _read_address(session, parts)
    key = consent.address_key(learner.new_address)
    taken = await session.scalar(
        select(Learner.id).where(Learner.address_key == key, Learner.id != learner.id)
    )
    if taken:
        raise errors.Conflict("Cette adresse suit déjà un parcours ici.")
    learner.address, learner.address_key = learner.new_address, key
    learner.address_hash, learner.new_address = fingerprint(key), ""
    session.add(outbox.event(learner_id=learner.id, enrolment_id=None, kind="address", now=now))
