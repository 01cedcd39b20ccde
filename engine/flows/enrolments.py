"""A learner in a course: beginning, finishing, pausing, leaving; reading and writing where he stands."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from sqlalchemy import and_, exists, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, consent, delivery, errors, progress, views
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.core.webhooks import Event
from engine.flows import catalog, hooks, outbox
from engine.flows.places import Standing
from engine.tables import Consent, Course, Delivery, Enrolment, Learner, Suppression, Version, dialect

PACES: tuple[Literal[1, 2, 4], ...] = (1, 2, 4)


async def get(session: AsyncSession, enrolment_id: int, *, lock: bool = False) -> Enrolment:
    """Raises `errors.NotFound`."""
    query = select(Enrolment).where(Enrolment.id == enrolment_id)
    found = await session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise errors.NotFound("Ce parcours n'existe plus.")
    return found


async def learner_of(session: AsyncSession, enrolment: Enrolment) -> Learner:
    """Raises `errors.NotFound` when the person had everything erased."""
    learner = await session.get(Learner, enrolment.learner_id)
    if learner is None or learner.erased_at:
        raise errors.NotFound("Ces données ont été effacées.")
    return learner


async def pinned(session: AsyncSession, enrolment: Enrolment) -> catalog.Pinned:
    """The version this enrolment follows; before it begins, the one it would get."""
    return await _pinned(session, enrolment.course_id, enrolment.version_id)


async def _pinned(session: AsyncSession, course_id: int, version_id: int | None) -> catalog.Pinned:
    if version_id is not None:
        return await catalog.version(session, version_id)
    course = await session.get_one(Course, course_id)
    return await catalog.current(session, course.slug)


async def holding(session: AsyncSession, course_id: int, version_id: int | None, key: str) -> catalog.Pinned:
    """The version that an enrolment follows; for a lesson that it has no longer, the last one that had it.

    A mail that was planned leaves as it was planned, whatever is published in between.
    """
    found = await _pinned(session, course_id, version_id)
    if not key or found.course.lesson(key):
        return found
    versions = await session.scalars(
        select(Version.id).where(Version.course_id == course_id).order_by(Version.id.desc())
    )
    for earlier in versions:
        try:
            before = await catalog.version(session, earlier)
        except errors.ParcoursError:  # one that this program reads no more
            continue
        if before.course.lesson(key):
            return before
    return found


OPEN_AFTER = timedelta(days=90)
LONGEST_PAUSE = timedelta(days=366)


def check_open(enrolment: Enrolment, now: datetime) -> None:
    """Raises `errors.ExpiredLink` 90 days after a course is over: its links open nothing any more."""
    if enrolment.ended_at and now > enrolment.ended_at + OPEN_AFTER:
        raise errors.ExpiredLink("Ce parcours est terminé depuis plus de trois mois.")


def slot(enrolment: Enrolment | Standing) -> calendar.Slot:
    return calendar.Slot.parse(enrolment.slot, enrolment.zone)


def rules(course_rules: calendar.Rules, enrolment: Enrolment | Standing, region: str) -> calendar.Rules:
    """The course's rules with the learner's own region and pace."""
    return replace(course_rules.with_region(region), pace=pace(enrolment.pace))


def pace(value: int) -> Literal[1, 2, 4]:
    """Raises `errors.Invalid` for a pace that is not offered."""
    for known in PACES:
        if value == known:
            return known
    raise errors.Invalid({"pace": "Choisissez un rythme de la liste."})


def lessons_came(course: model.Course, enrolment: Enrolment) -> int:
    """The number of the lesson that came last; 0 before the first."""
    if enrolment.next_kind == "lesson":
        lesson = course.lesson(enrolment.next_key)
        return lesson.number - 1 if lesson else 0
    return len(course.lessons) if enrolment.next_kind == "farewell" or enrolment.ended_at else 0


def to_come(course: model.Course, enrolment: Enrolment) -> frozenset[str]:
    """Keys of the lessons that are still owed; none before the welcome and after the last."""
    return frozenset(lesson.key for lesson in course.rest(enrolment.next_key, enrolment.route.split()))


def spread(enrolment_id: int) -> timedelta:
    return calendar.spread(f"enrolment:{enrolment_id}")


def position(enrolment: Enrolment) -> progress.Position:
    """Where the row stands, in the words of the rules: the spread taken off."""
    at = enrolment.due_at
    if at is not None and enrolment.next_kind != "welcome":
        at -= spread(enrolment.id)
    return position_at(enrolment, at)


def position_at(enrolment: Enrolment | Standing, at: datetime | None) -> progress.Position:
    """Where somebody stands who is due `at`, without the spread."""
    due = calendar.Due(at, calendar.local_day(at, enrolment.zone), enrolment.due_reason) if at else None
    return progress.Position(
        kind=enrolment.next_kind,
        key=enrolment.next_key,
        due=due,
        last_day=enrolment.last_day,
        gate_since=enrolment.gate_since,
        reminders=enrolment.reminders,
        unanswered=enrolment.unanswered,
        catching_up=enrolment.catching_up,
        route=tuple(enrolment.route.split()),
    )


def due_values(enrolment_id: int, due: calendar.Due | None) -> dict[str, object]:
    """The columns that keep `due`, the spread put on."""
    if due is None:
        return {"due_at": None, "due_reason": ""}
    return {"due_at": due.at + spread(enrolment_id), "due_reason": due.reason}


def settle(enrolment: Enrolment, due: calendar.Due | None) -> None:
    for name, value in due_values(enrolment.id, due).items():
        setattr(enrolment, name, value)


async def enrol(session: AsyncSession, *, now: datetime) -> int:
    """Make everybody active whose time has come, pinned to the current version. How many."""
    current = select(Course.current_version_id).where(Course.id == Enrolment.course_id).scalar_subquery()
    begun = await session.execute(
        update(Enrolment)
        .where(Enrolment.state == literal_column("'waiting'"), Enrolment.starts_at <= now)
        .values(
            state=progress.advance(State.WAITING, "begin"),
            version_id=current,
            next_kind="welcome",
            next_key="",
            due_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    return int(begun.rowcount)  # type: ignore[attr-defined]  # of an UPDATE


async def finish(session: AsyncSession, *, now: datetime) -> int:
    """Complete the enrolments whose last lesson is sent; the farewell is still owed. How many."""
    last_sent = exists(
        select(Delivery.id)
        .where(
            Delivery.enrolment_id == Enrolment.id,
            Delivery.kind == Kind.LESSON,
            Delivery.state == delivery.State.SENT,
        )
        .correlate(Enrolment)
    )
    still_open = exists(
        select(Delivery.id)
        .where(
            Delivery.enrolment_id == Enrolment.id,
            Delivery.kind == Kind.LESSON,
            Delivery.state.in_(delivery.OPEN),
        )
        .correlate(Enrolment)
    )
    # Rows that a publication holds are passed over: two that wait for each other's rows would be a deadlock.
    over = (
        select(Enrolment.id)
        .where(
            # In words, for the sake of a small index.
            Enrolment.state == literal_column("'active'"),
            Enrolment.next_kind == literal_column("'farewell'"),
            and_(last_sent, ~still_open),
        )
        .with_for_update(skip_locked=True)
    )
    done = await session.execute(
        update(Enrolment)
        .where(Enrolment.id.in_(over.scalar_subquery()))
        .values(state=progress.advance(State.ACTIVE, "finish"), ended_at=now)
        .returning(Enrolment.learner_id, Enrolment.id)
        .execution_options(synchronize_session=False)
    )
    facts = [hooks.Fact(learner, enrolment) for learner, enrolment in done]
    await hooks.tell(session, Event.COMPLETED, *facts, now=now)
    return len(facts)


async def pause(session: AsyncSession, enrolment_id: int, *, until: date | None, now: datetime) -> None:
    """Hold everything until a day, or until the learner comes back. Pausing twice changes the end.

    Raises `errors.NotFound`, `errors.Invalid` (field until), `errors.NotAllowed`.
    """
    enrolment = await get(session, enrolment_id, lock=True)
    today = calendar.local_day(now, enrolment.zone)
    if until is not None and not today < until <= today + LONGEST_PAUSE:
        raise errors.Invalid({"until": "Choisissez un jour après aujourd'hui, dans l'année."})
    if enrolment.state != State.PAUSED:
        enrolment.state = progress.advance(enrolment.state, "pause")
    enrolment.paused_until = None
    settle(enrolment, None)
    await outbox.cancel(session, enrolment.id, Kind.MISSED, reason="paused", now=now)
    if until is not None:
        course = (await pinned(session, enrolment)).course
        learner = await learner_of(session, enrolment)
        own = rules(course.rules, enrolment, learner.region)
        due = progress.resumption(until, position(enrolment), slot(enrolment), own)
        settle(enrolment, due)
        enrolment.paused_until = due.at
    await _tell(session, enrolment, Kind.PAUSED, now)


async def resume(session: AsyncSession, enrolment_id: int, *, now: datetime) -> None:
    """Go on at the next slot. Resuming what is not paused changes nothing."""
    enrolment = await get(session, enrolment_id, lock=True)
    if enrolment.state == State.ACTIVE:
        return
    enrolment.state = progress.advance(enrolment.state, "resume")
    enrolment.paused_until = None
    course = (await pinned(session, enrolment)).course
    learner = await learner_of(session, enrolment)
    own = rules(course.rules, enrolment, learner.region)
    await settle_anew(session, enrolment, course, own, now=now)
    await _tell(session, enrolment, Kind.RESUMED, now)


async def settle_anew(
    session: AsyncSession,
    enrolment: Enrolment,
    course: model.Course,
    own: calendar.Rules,
    *,
    now: datetime,
) -> None:
    """Reckon the next due time again, after a pause or a change of slot or pace.

    A lesson that the pause kept back leaves first; what was due next follows a slot later.
    """
    await choose(session, enrolment, now=now)
    if enrolment.next_kind == "welcome":
        enrolment.due_at = now
    if enrolment.next_kind in ("", "welcome"):
        return
    due = progress.next_chance(course, position(enrolment), slot(enrolment), own, now=now)
    held = await session.scalars(
        select(Delivery).where(Delivery.enrolment_id == enrolment.id, Delivery.state == delivery.State.HELD)
    )
    kept_back = next(filter(outbox.kept_back, held), None)
    if kept_back is None:
        settle(enrolment, due)
        return
    following = free(kept_back, enrolment, course, due, own)
    enrolment.last_day = due.day
    settle(enrolment, following)


async def choose(session: AsyncSession, enrolment: Enrolment, *, now: datetime) -> None:
    """The learner chose when his lessons come: a sign of life. What stood in the week he had is over."""
    enrolment.unanswered = enrolment.catching_up = 0
    await outbox.cancel(session, enrolment.id, Kind.MISSED, reason="rescheduled", now=now)


def free(
    kept_back: Delivery,
    enrolment: Enrolment | Standing,
    course: model.Course,
    due: calendar.Due,
    own: calendar.Rules,
) -> calendar.Due:
    """Let a mail that a pause kept back leave at `due`; when what was owed next follows it."""
    lesson = course.lesson(enrolment.next_key)
    if lesson is not None:
        following = progress.spaced(lesson, due.day, slot(enrolment), own)
    else:
        following = calendar.next_slot(due.day, slot(enrolment), own)
    kept_back.state, kept_back.reason = delivery.advance(delivery.State.HELD, "free"), ""
    kept_back.due_at = kept_back.try_at = due.at + spread(enrolment.id)
    kept_back.expires_at = following.at - calendar.NOTICE
    kept_back.due_reason = due.reason
    return following


async def _tell(session: AsyncSession, enrolment: Enrolment, kind: Kind, now: datetime) -> None:
    """Owe the mail that says what the learner just did, and write it into the history."""
    owed = outbox.row(
        kind=kind,
        learner_id=enrolment.learner_id,
        enrolment_id=enrolment.id,
        now=now,
        occasion=now.strftime("%Y%m%d%H%M%S"),
    )
    await outbox.owe(session, [owed])
    session.add(outbox.event(learner_id=enrolment.learner_id, enrolment_id=enrolment.id, kind=kind, now=now))


async def leave(
    session: AsyncSession, enrolment_id: int, *, scope: Literal["course", "all"] | str, now: datetime
) -> None:
    """Leave one course, or everything. Leaving twice changes nothing. Raises `errors.NotFound`."""
    enrolment = await get(session, enrolment_id, lock=True)
    learner = await session.get_one(Learner, enrolment.learner_id)
    leaving = [enrolment]
    if scope == "all":
        found = await session.scalars(
            select(Enrolment).where(Enrolment.learner_id == learner.id).with_for_update()
        )
        leaving = list(found)
        await suppress(session, learner.address_hash, "left", now=now)
    for one in leaving:
        await stop(session, one, learner, reason="left", now=now)


async def stop(
    session: AsyncSession,
    enrolment: Enrolment,
    learner: Learner,
    *,
    reason: str,
    now: datetime,
    withdrawn: bool = True,
) -> None:
    """End an enrolment for good; what is not sent yet will not be.

    `withdrawn`: the person wants it so, and the consent ends too.
    """
    await outbox.cancel(session, enrolment.id, *Kind, reason=reason, now=now)
    if enrolment.state == State.STOPPED or (enrolment.state == State.COMPLETED and not enrolment.next_kind):
        return
    enrolment.state = progress.advance(enrolment.state, "stop")
    enrolment.ended_at, enrolment.end_reason = now, reason
    enrolment.next_kind = ""  # nothing is owed any more; `next_key` stays, and tells where the course ended
    settle(enrolment, None)
    if withdrawn:
        await _withdraw(session, enrolment, learner, now)
    session.add(
        outbox.event(learner_id=learner.id, enrolment_id=enrolment.id, kind="stopped", now=now, text=reason)
    )
    await hooks.tell(session, Event.STOPPED, hooks.Fact(learner.id, enrolment.id), now=now)


async def _withdraw(session: AsyncSession, enrolment: Enrolment, learner: Learner, now: datetime) -> None:
    course = await session.get_one(Course, enrolment.course_id)
    session.add(
        Consent(
            learner_id=learner.id,
            enrolment_id=enrolment.id,
            event="withdrawn",
            purpose=consent.purpose(course.slug),
            at=now,
            address=learner.address,
            address_hash=learner.address_hash,
        )
    )


_STRENGTH = ("left", "hard", "complaint")


async def suppress(session: AsyncSession, address_hash: str, reason: str, *, now: datetime) -> None:
    """Never mail this address again, but as the reason allows. A stronger reason replaces a weaker one."""
    values = {"address_hash": address_hash, "reason": reason, "at": now}
    await session.execute(dialect.insert_new(session, Suppression, [values], key="address_hash"))
    weaker = _STRENGTH[: _STRENGTH.index(reason)]
    await session.execute(
        update(Suppression)
        .where(Suppression.address_hash == address_hash, Suppression.reason.in_(weaker))
        .values(reason=reason, at=now)
    )


async def leave_page(session: AsyncSession, enrolment_id: int) -> views.Leaving:
    """Raises `errors.NotFound`."""
    enrolment = await get(session, enrolment_id)
    course = (await pinned(session, enrolment)).course
    others = await session.scalar(
        select(func.count())
        .select_from(Enrolment)
        .where(
            Enrolment.learner_id == enrolment.learner_id,
            Enrolment.id != enrolment.id,
            Enrolment.state.in_(progress.OPEN),
        )
    )
    left = enrolment.state == State.STOPPED
    return views.Leaving(course.slug, course.title, course.language, left, int(others or 0))


def cohort_start(cohorts: tuple[date, ...], zone: str, now: datetime) -> datetime:
    """When an enrolment confirmed now begins: at once, or on the course's next date (midnight there)."""
    for day in cohorts:
        start = calendar.to_utc(day, datetime.min.time(), zone).astimezone(UTC)
        if start > now:
            return start
    return now
