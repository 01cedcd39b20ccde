"""Planning: who is due, what leaves, and when he is looked at again."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, delivery, errors, progress
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.core.webhooks import Event
from engine.flows import catalog, enrolments, hooks, known, outbox, places
from engine.flows.places import Ends, Group, Mail, Move, People, Person, Standing, Step
from engine.tables import Delivery, Enrolment, db, dialect

_LETTER_PATIENCE = timedelta(days=4)
_BLOCKED = timedelta(minutes=1)
_BAD_ROW = timedelta(days=1)
_SILENCE = "trois leçons sans réponse"
_NEVER = datetime.max.replace(tzinfo=UTC)
_LISTED = 50_000
"""More are left for the next round."""


async def due(session: AsyncSession, *, now: datetime) -> list[int]:
    """Enrolments to plan, in the order in which that is quickest; of very many, the longest due."""
    return await places.due(session, now=now, limit=_LISTED)


async def plan_due(
    session: AsyncSession, *, now: datetime, limit: int = 500, among: Sequence[int] | None = None
) -> int:
    """Plan one chunk of the enrolments that are due: how many were looked at (0: nothing is due).

    The longest due, or only those `among` some that `due` listed. Safe with several planners: rows that
    another one holds are passed over. A row that cannot be planned is put off with its reason, and stops
    nobody else.
    """
    await dialect.measured(session)
    groups = await places.read(session, now=now, limit=limit, among=among)
    if not groups:
        return 0
    groups = await _met(session, groups)
    loads = await _loads(session, groups)
    plans = [plan for group in groups for plan in _plans(group, loads, now)]
    await _write(session, plans, now)
    return sum(group.people.number for group in groups)


async def _met(session: AsyncSession, groups: Sequence[Group]) -> list[Group]:
    """The groups, as they are when everybody's spread is kept."""
    fresh = defaultdict[tuple[Standing, bool], list[Person]](list)
    for group in groups:
        if group.fresh:
            for person in group.people.each():
                spread = enrolments.spread(person.id)
                fresh[_without(spread, group.row), group.unfinished].append(
                    person._replace(spread=spread.seconds // 60)
                )
    await places.keep_spreads(session, [person for people in fresh.values() for person in people])
    met = [
        Group(row, People.of(*people), unfinished, fresh=False) for (row, unfinished), people in fresh.items()
    ]
    return [group for group in groups if not group.fresh] + met


def _without(spread: timedelta, row: Standing) -> Standing:
    return row if row.next_kind == "welcome" else row._replace(due_at=row.due_at - spread)


@dataclass(frozen=True)
class _Loads:
    """What a chunk needs, read in bulk."""

    courses: Mapping[int, model.Course | errors.ParcoursError]
    facts: Mapping[int, progress.Facts]
    before: Mapping[int, Sequence[Delivery]]
    """Course mails that are not final yet, by enrolment."""

    def course(self, row: Standing) -> model.Course:
        found = self.courses.get(row.version_id or 0)
        if found is None or isinstance(found, errors.ParcoursError):
            raise found or errors.NotFound("Cet enrôlement n'a pas de version.")
        return found


async def _loads(session: AsyncSession, groups: Sequence[Group]) -> _Loads:
    courses: dict[int, model.Course | errors.ParcoursError] = {}
    for version_id in {group.row.version_id for group in groups if group.row.version_id}:
        try:
            courses[version_id] = (await catalog.version(session, version_id)).course
        except errors.ParcoursError as error:
            courses[version_id] = error
    asking = [group for group in groups if _asks(courses.get(group.row.version_id or 0), group.row)]
    facts = await known.of_all(session, _ids(asking))
    before: defaultdict[int, list[Delivery]] = defaultdict(list)
    for mail in await places.unfinished(session, _ids([group for group in groups if group.unfinished])):
        before[mail.enrolment_id or 0].append(mail)
    return _Loads(courses, facts, before)


def _ids(groups: Sequence[Group]) -> list[int]:
    return [person.id for group in groups for person in group.people.each()]


def _asks(course: model.Course | errors.ParcoursError | None, row: Standing) -> bool:
    return isinstance(course, model.Course) and progress.needs_facts(
        course, progress.Position(row.next_kind, row.next_key, unanswered=row.unanswered)
    )


@dataclass
class _Plan:
    """What planning does to some people who stand at one place."""

    after: progress.Position | None = None
    """Where they stand then; None: where they are."""
    mails: list[Mail] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    """Other columns."""
    events: list[dict[str, str]] = field(default_factory=list)
    people: People = field(default_factory=People)

    @property
    def plain(self) -> bool:
        """Whether it is one of thousands that are written together."""
        return self.after is not None and not self.values and not self.events


def _plans(group: Group, loads: _Loads, now: datetime) -> Iterator[_Plan]:
    if group.unfinished or _asks(loads.courses.get(group.row.version_id or 0), group.row):
        for person in group.people.each():
            yield _planned(group.row._replace(id=person.id), People.of(person), loads, now)
    else:
        yield _planned(group.row, group.people, loads, now)


def _planned(row: Standing, people: People, loads: _Loads, now: datetime) -> _Plan:
    facts, before = loads.facts.get(row.id), loads.before.get(row.id, ())
    try:
        course = loads.course(row)
        routine = _routine(course, row) if not row.id else None
        if routine and now <= routine.until:
            plan = routine.plan
        else:
            plan = _plan(course, row, facts or progress.Facts(), before, now)
    except (errors.ParcoursError, ValueError, KeyError) as error:
        plan = _put_off(row.next_key, str(error), now)
    return replace(plan, people=people)


def _put_off(lesson_key: str, reason: str, now: datetime) -> _Plan:
    """What cannot be planned waits a day; the reason goes into the history, not to the learner."""
    event = {"kind": "held", "text": reason[:300], "lesson_key": lesson_key}
    return _Plan(values={"due_at": now + _BAD_ROW, "due_reason": ""}, events=[event])


class _Routine(NamedTuple):
    plan: _Plan
    until: datetime
    """Afterwards it is too late to do as planned."""


@lru_cache(maxsize=4096)
def _routine(course: model.Course, row: Standing) -> _Routine | None:
    """What happens where nothing but the calendar decides: reckoned once for all who ever stand there.

    None where something else has a word, or something is wrong.
    """
    try:
        slot, position, rules = _read(course, row)
        if position.due is None or row.state == State.PAUSED or progress.needs_facts(course, position):
            return None
        until = _NEVER if position.kind == "welcome" else _on_time(position.due, slot, rules)
        if until is None:
            return None
        step = progress.step(course, position, progress.Facts(), slot, rules)
        plan = _stepped(row, position, step, position.due.at)
    except (errors.ParcoursError, ValueError, KeyError):
        return None
    return _Routine(plan, until) if plan.plain else None


def _on_time(due: calendar.Due, slot: calendar.Slot, rules: calendar.Rules) -> datetime | None:
    """Until when what is due there leaves as planned; None: it was put off to where no slot is."""
    hour = calendar.to_utc(due.day, slot.time, slot.zone)
    return None if due.at < hour or calendar.closed(due.day, rules) else hour + calendar.LATE_AFTER


def _read(course: model.Course, row: Standing) -> tuple[calendar.Slot, progress.Position, calendar.Rules]:
    slot = enrolments.slot(row)
    position = enrolments.position_at(row, row.due_at)
    return slot, position, enrolments.rules(course.rules, row, row.region)


def _plan(
    course: model.Course,
    row: Standing,
    facts: progress.Facts,
    before: Sequence[Delivery],
    now: datetime,
) -> _Plan:
    plan = _Plan()
    slot, position, rules = _read(course, row)
    if row.state == State.PAUSED:
        plan.values |= {"state": progress.advance(row.state, "resume"), "paused_until": None}
        plan.events.append({"kind": "resumed", "text": "fin de la pause"})
        position = replace(position, unanswered=0, catching_up=0)
    if position.kind != "welcome" and (moved := _off_its_hour(position, slot, rules, now)):
        return replace(plan, after=replace(position, due=moved))
    if row.state == State.PAUSED and (kept_back := next(filter(outbox.kept_back, before), None)):
        assert position.due is not None  # the row is due
        following = enrolments.free(kept_back, row, course, position.due, rules)
        return replace(plan, after=replace(position, due=following, last_day=position.due.day))
    if not _settle_before(before, now):
        return _Plan(values={"due_at": now + _BLOCKED})
    return _stepped(row, position, progress.step(course, position, facts, slot, rules), now, plan)


def _off_its_hour(
    position: progress.Position, slot: calendar.Slot, rules: calendar.Rules, now: datetime
) -> calendar.Due | None:
    """Where something goes that is too late, or that was put off to where no slot is; None: it leaves."""
    due = position.due
    if due is None:
        return None
    if _on_time(due, slot, rules) is None:
        return calendar.after_delay(due.day - timedelta(days=1), 1, slot, rules)
    hour = calendar.to_utc(due.day, slot.time, slot.zone)
    return calendar.catch_up(hour, now, slot, rules, position.last_day)


def _settle_before(before: Sequence[Delivery], now: datetime) -> bool:
    """Close what came before: a held mail is superseded, one that was refused till now expires.

    False while one of them is in a worker's hands or was never tried: the next has to wait.
    """
    if any(mail.state in (delivery.State.CLAIMED, delivery.State.SENDING) for mail in before):
        return False
    if any(mail.state == delivery.State.PLANNED and not mail.tries for mail in before):
        return False
    for mail in before:
        held = mail.state == delivery.State.HELD
        mail.state = delivery.advance(delivery.State(mail.state), "cancel" if held else "expire")
        mail.reason = "superseded" if held else f"expired: {mail.reason}"[:300]
        mail.settled_at = now
    return True


def _stepped(
    row: Standing, position: progress.Position, step: progress.Step, now: datetime, plan: _Plan | None = None
) -> _Plan:
    """What `step` does, after what `plan` does."""
    plan = plan or _Plan()
    after = step.position
    if step.ends:
        plan.values |= {
            "state": progress.advance(State.ACTIVE, "stop"),
            "ended_at": now,
            "end_reason": "gate",
        }
        plan.events.append({"kind": "stopped", "text": "activité non rendue", "lesson_key": row.next_key})
    if step.pauses:
        plan.values |= {"state": progress.advance(State.ACTIVE, "pause"), "paused_until": None}
        plan.events.append({"kind": "paused", "text": _SILENCE, "lesson_key": after.key})
    if step.mail and step.mail.kind == "farewell" and row.state != State.COMPLETED:
        plan.values |= {"state": progress.advance(State.ACTIVE, "finish"), "ended_at": now}
    if step.mail:
        plan.mails.append(_mail(row, step.mail, after.due))
    if step.mail and step.reminder:
        plan.mails.append(_reminder(step.mail.key, step.reminder, after.due))
    return replace(plan, after=after)


def _mail(row: Standing, mail: progress.Mail, following: calendar.Due | None) -> Mail:
    return Mail(
        kind=mail.kind,
        lesson_key=mail.key,
        occasion=mail.occasion,
        at=row.due_at,
        spread=row.next_kind != "welcome",
        due_reason=row.due_reason,
        ends=_ends(following),
    )


def _reminder(lesson_key: str, reminder: progress.Reminder, following: calendar.Due | None) -> Mail:
    """Owed together with its lesson; the ledger lets it leave only while its activity is missing."""
    return Mail(
        kind=Kind.MISSED,
        lesson_key=lesson_key,
        occasion=reminder.activity,
        at=reminder.due.at,
        spread=True,
        due_reason=reminder.due.reason,
        ends=_ends(following),
    )


def _ends(following: calendar.Due | None) -> Ends:
    """An hour before what is due next; without it, when patience ends."""
    if following is None:
        return Ends(_LETTER_PATIENCE)
    return Ends(calendar.LATE_AFTER, following.at - calendar.NOTICE)


def _step(after: progress.Position) -> Step:
    due = after.due
    return Step(
        next_kind=after.kind,
        next_key=after.key,
        route=" ".join(after.route),
        due_at=due.at if due else None,
        due_reason=due.reason if due else "",
        last_day=after.last_day,
        gate_since=after.gate_since,
        reminders=after.reminders,
        unanswered=after.unanswered,
        catching_up=after.catching_up,
    )


async def _write(session: AsyncSession, plans: Sequence[_Plan], now: datetime) -> None:
    """Write a chunk at once; should the database refuse it, person by person, and put off the bad one."""
    try:
        async with session.begin_nested():
            await _store(session, plans, now)
        return
    except DBAPIError as error:
        if db.unavailable(error):
            raise
    for one in (replace(plan, people=People.of(one)) for plan in plans for one in plan.people.each()):
        try:
            async with session.begin_nested():
                await _store(session, [one], now)
        except DBAPIError as error:
            if db.unavailable(error):
                raise
            held = replace(_put_off("", str(error.orig), now), people=one.people)
            await _store(session, [held], now)


async def _store(session: AsyncSession, plans: Sequence[_Plan], now: datetime) -> None:
    moves = [
        Move(_step(plan.after), tuple(plan.mails), plan.people) for plan in plans if plan.after and plan.plain
    ]
    if moves:
        await places.write(session, moves, now=now)
    odd = [(plan, person) for plan in plans if not plan.plain for person in plan.people.each()]
    await outbox.owe(session, [places.owed(mail, one, now) for plan, one in odd for mail in plan.mails])
    # Rows with the same columns go in one statement.
    shapes: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for plan, person in odd:
        values = _values(plan, person)
        shapes[tuple(sorted(values))].append({"id": person.id, **values})
    for rows in shapes.values():
        await session.execute(update(Enrolment), rows)
    for plan, person in odd:
        for found in plan.events:
            event = outbox.event(learner_id=person.learner_id, enrolment_id=person.id, now=now, **found)
            session.add(event)
    for told, state in ((Event.STOPPED, State.STOPPED), (Event.COMPLETED, State.COMPLETED)):
        ended = [person for plan, person in odd if plan.values.get("state") == state]
        facts = [hooks.Fact(person.learner_id, person.id) for person in ended]
        await hooks.tell(session, told, *facts, now=now)


def _values(plan: _Plan, person: Person) -> dict[str, Any]:
    if plan.after is None:
        return plan.values
    own = enrolments.due_values(person.id, plan.after.due)
    return {**_step(plan.after)._asdict(), **own, **plan.values}


async def postpone_late(session: AsyncSession, *, now: datetime, limit: int) -> int:
    """Give some mails that an outage kept past their hour a new one, and keep what follows at a distance.

    How many; none of them is late afterwards.
    """
    late = (await session.execute(outbox.late(now, limit))).all()
    for mail, enrolment, region in late:
        try:
            course = (await enrolments.pinned(session, enrolment)).course
            _postpone(mail, enrolment, enrolments.rules(course.rules, enrolment, region), now)
            if mail.kind == Kind.LESSON:  # the reminder of a lesson that moved might meet it on its day
                await outbox.cancel(session, enrolment.id, Kind.MISSED, reason="rescheduled", now=now)
        except (errors.ParcoursError, ValueError, KeyError) as error:
            mail.state = delivery.advance(delivery.State(mail.state), "hold")
            mail.reason = str(error)[:300]
    return len(late)


def _postpone(mail: Delivery, enrolment: Enrolment, rules: calendar.Rules, now: datetime) -> None:
    slot = enrolments.slot(enrolment)
    due = calendar.catch_up(mail.due_at - enrolments.spread(enrolment.id), now, slot, rules, None)
    if due is None:
        return
    if mail.tries and due.at >= mail.expires_at:
        mail.state = delivery.advance(delivery.State(mail.state), "expire")
        mail.reason, mail.settled_at = f"expired: {mail.reason}"[:300], now
        return
    mail.due_at = mail.try_at = due.at + enrolments.spread(enrolment.id)
    mail.due_reason = due.reason
    if mail.kind == Kind.LESSON:
        _keep_distance(enrolment, due, slot, rules)
    # A refused mail keeps its end, or a full mailbox would hold up the course for ever.
    if not mail.tries and mail.kind in (Kind.LESSON, Kind.SILENT, Kind.FAREWELL):
        mail.expires_at = _ends(enrolments.position(enrolment).due).of(mail.due_at)


def _keep_distance(
    enrolment: Enrolment, due: calendar.Due, slot: calendar.Slot, rules: calendar.Rules
) -> None:
    """The lesson after one that was put off follows `min_gap_days` later at the soonest."""
    enrolment.last_day = due.day
    position = enrolments.position(enrolment)
    if position.due and (position.due.day - due.day).days < rules.min_gap_days:
        enrolments.settle(enrolment, calendar.next_slot(due.day, slot, rules))


async def next_moment(session: AsyncSession) -> datetime | None:
    """When the planner has something to do again."""
    due = select(func.min(Enrolment.due_at)).where(Enrolment.state.in_(places.LOOKED_AT))
    begins = select(func.min(Enrolment.starts_at)).where(Enrolment.state == State.WAITING)
    moments = [await session.scalar(due), await session.scalar(begins)]
    return min((moment for moment in moments if moment), default=None)
