"""Planning as it was before it was made fast: everybody is reckoned by himself and written by himself.

What the planner does has to be the same to the last column: `test_planning_in_bulk` compares the two.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, delivery, errors, progress
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.core.webhooks import Event
from engine.flows import catalog, enrolments, hooks, known, outbox
from engine.tables import Delivery, Enrolment, Learner

_LETTER_PATIENCE = timedelta(days=4)
_BLOCKED = timedelta(minutes=1)
_BAD_ROW = timedelta(days=1)
_SILENCE = "trois leçons sans réponse"
_LOOKED_AT = (State.ACTIVE, State.PAUSED, State.COMPLETED)


@dataclass
class _Change:
    """What planning does to one enrolment."""

    enrolment_id: int
    learner_id: int
    values: dict[str, Any]
    mails: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)


async def plan_due(session: AsyncSession, *, now: datetime, limit: int = 500) -> int:
    rows = await _due(session, now, limit)
    if not rows:
        return 0
    loads = await _loads(session, rows)
    changes = [_planned(row, region, loads, now) for row, region in rows]
    for change in changes:
        await _store(session, [change], now)
    return len(rows)


async def _due(session: AsyncSession, now: datetime, limit: int) -> list[tuple[Enrolment, str]]:
    found = await session.execute(
        select(Enrolment, Learner.region)
        .join(Learner, Learner.id == Enrolment.learner_id)
        .where(Enrolment.due_at <= now, Enrolment.state.in_(_LOOKED_AT))
        .order_by(Enrolment.due_at)
        .limit(limit)
        .with_for_update(of=Enrolment, skip_locked=True)
    )
    return [(row[0], row[1]) for row in found]


@dataclass(frozen=True)
class _Loads:
    """What a chunk needs, read in bulk."""

    courses: Mapping[int, model.Course | errors.ParcoursError]
    facts: Mapping[int, progress.Facts]
    before: Mapping[int, Sequence[Delivery]]
    """Course mails that are not final yet, by enrolment."""


async def _loads(session: AsyncSession, rows: Sequence[tuple[Enrolment, str]]) -> _Loads:
    courses: dict[int, model.Course | errors.ParcoursError] = {}
    for version_id in {row.version_id for row, _ in rows if row.version_id}:
        try:
            courses[version_id] = (await catalog.version(session, version_id)).course
        except errors.ParcoursError as error:
            courses[version_id] = error
    asking = [row for row, _ in rows if _asks(courses.get(row.version_id or 0), row)]
    before: defaultdict[int, list[Delivery]] = defaultdict(list)
    unfinished = await session.scalars(
        select(Delivery).where(
            Delivery.enrolment_id.in_([row.id for row, _ in rows]),
            Delivery.kind.in_((Kind.LESSON, Kind.REMINDER)),
            Delivery.state.in_(delivery.OPEN),
        )
    )
    for mail in unfinished:
        before[mail.enrolment_id or 0].append(mail)
    return _Loads(courses, await known.of_all(session, [row.id for row in asking]), before)


def _asks(course: model.Course | errors.ParcoursError | None, row: Enrolment) -> bool:
    return isinstance(course, model.Course) and progress.needs_facts(
        course, progress.Position(row.next_kind, row.next_key, unanswered=row.unanswered)
    )


def _planned(row: Enrolment, region: str, loads: _Loads, now: datetime) -> _Change:
    try:
        return _plan(row, region, loads, now)
    except (errors.ParcoursError, ValueError, KeyError) as error:
        return _put_off(row, str(error), now)


def _put_off(row: Enrolment, reason: str, now: datetime) -> _Change:
    """A row that cannot be planned waits a day; the reason goes into the history, not to the learner."""
    return _held(row.id, row.learner_id, reason, now, lesson_key=row.next_key)


def _held(enrolment_id: int, learner_id: int, reason: str, now: datetime, *, lesson_key: str) -> _Change:
    event = {"kind": "held", "text": reason[:300], "lesson_key": lesson_key}
    return _Change(enrolment_id, learner_id, {"due_at": now + _BAD_ROW, "due_reason": ""}, events=[event])


def _plan(row: Enrolment, region: str, loads: _Loads, now: datetime) -> _Change:
    course = loads.courses.get(row.version_id or 0)
    if course is None or isinstance(course, errors.ParcoursError):
        raise course or errors.NotFound("Cet enrôlement n'a pas de version.")
    change = _Change(row.id, row.learner_id, {})
    slot, position = enrolments.slot(row), enrolments.position(row)
    if row.state == State.PAUSED:
        change.values |= {"state": progress.advance(row.state, "resume"), "paused_until": None}
        change.values |= {"unanswered": 0, "catching_up": 0}
        change.events.append({"kind": "resumed", "text": "fin de la pause"})
        position = replace(position, unanswered=0, catching_up=0)
    rules = enrolments.rules(course.rules, row, region)
    if position.kind != "welcome" and (moved := _off_its_hour(position, slot, rules, now)):
        change.values |= enrolments.due_values(row.id, moved)
        return change
    before = loads.before.get(row.id, ())
    if row.state == State.PAUSED and (kept_back := next(filter(outbox.kept_back, before), None)):
        assert position.due is not None  # the row is due
        following = enrolments.free(kept_back, row, course, position.due, rules)
        change.values |= {"last_day": position.due.day, **enrolments.due_values(row.id, following)}
        return change
    if not _settle_before(before, now):
        return _Change(row.id, row.learner_id, {"due_at": now + _BLOCKED})
    step = progress.step(course, position, loads.facts.get(row.id, progress.Facts()), slot, rules)
    _apply(change, row, step, position, slot, rules, now)
    return change


def _off_its_hour(
    position: progress.Position, slot: calendar.Slot, rules: calendar.Rules, now: datetime
) -> calendar.Due | None:
    """Where something goes that is too late, or that was put off to where no slot is; None: it leaves."""
    due = position.due
    if due is None:
        return None
    hour = calendar.to_utc(due.day, slot.time, slot.zone)
    if due.at < hour or calendar.closed(due.day, rules):
        return calendar.after_delay(due.day - timedelta(days=1), 1, slot, rules)
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


def _apply(
    change: _Change,
    row: Enrolment,
    step: progress.Step,
    position: progress.Position,
    slot: calendar.Slot,
    rules: calendar.Rules,
    now: datetime,
) -> None:
    after = step.position
    change.values |= {
        "next_kind": after.kind,
        "next_key": after.key,
        "route": " ".join(after.route),
        "last_day": after.last_day,
        "gate_since": after.gate_since,
        "reminders": after.reminders,
        "unanswered": after.unanswered,
        "catching_up": after.catching_up,
        **enrolments.due_values(row.id, after.due),
    }
    if step.ends:
        change.values |= {
            "state": progress.advance(State.ACTIVE, "stop"),
            "ended_at": now,
            "end_reason": "gate",
        }
        change.events.append({"kind": "stopped", "text": "activité non rendue", "lesson_key": row.next_key})
    if step.pauses:
        change.values |= {"state": progress.advance(State.ACTIVE, "pause"), "paused_until": None}
        change.events.append({"kind": "paused", "text": _SILENCE, "lesson_key": after.key})
    if step.mail is None:
        return
    if step.mail.kind == "farewell":
        change.values |= {"next_kind": "", "due_at": None, "due_reason": ""}
        if row.state != State.COMPLETED:
            change.values |= {"state": progress.advance(State.ACTIVE, "finish"), "ended_at": now}
    due_at = row.due_at or now
    change.mails.append(
        outbox.row(
            kind=Kind(step.mail.kind),
            learner_id=row.learner_id,
            enrolment_id=row.id,
            now=now,
            due_at=due_at,
            due_reason=row.due_reason,
            lesson_key=step.mail.key,
            occasion=step.mail.occasion,
            expires_at=_expiry(due_at, after.due),
        )
    )
    if step.reminder:
        change.mails.append(_reminder(row, step.mail.key, step.reminder, after, now))


def _reminder(
    row: Enrolment, lesson_key: str, reminder: progress.Reminder, after: progress.Position, now: datetime
) -> dict[str, Any]:
    """Owed together with its lesson; the ledger lets it leave only while its activity is missing."""
    due_at = reminder.due.at + enrolments.spread(row.id)
    return outbox.row(
        kind=Kind.MISSED,
        learner_id=row.learner_id,
        enrolment_id=row.id,
        now=now,
        due_at=due_at,
        due_reason=reminder.due.reason,
        lesson_key=lesson_key,
        occasion=reminder.activity,
        expires_at=_expiry(due_at, after.due),
    )


def _expiry(due_at: datetime, following: calendar.Due | None) -> datetime:
    """An hour before what is due next; without it, when patience ends."""
    if following is None:
        return due_at + _LETTER_PATIENCE
    return max(due_at + calendar.LATE_AFTER, following.at - calendar.NOTICE)


async def _store(session: AsyncSession, changes: Sequence[_Change], now: datetime) -> None:
    await outbox.owe(session, [mail for change in changes for mail in change.mails])
    # Rows with the same columns go in one statement.
    shapes: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for change in changes:
        shapes[tuple(sorted(change.values))].append({"id": change.enrolment_id, **change.values})
    for rows in shapes.values():
        await session.execute(update(Enrolment), rows)
    for change in changes:
        for found in change.events:
            session.add(
                outbox.event(learner_id=change.learner_id, enrolment_id=change.enrolment_id, now=now, **found)
            )
    for event, state in ((Event.STOPPED, State.STOPPED), (Event.COMPLETED, State.COMPLETED)):
        ended = [
            hooks.Fact(change.learner_id, change.enrolment_id)
            for change in changes
            if change.values.get("state") == state
        ]
        await hooks.tell(session, event, *ended, now=now)
