"""Where people stand in their courses, read and moved on thousands at a time: the planner's own statements.

Rows come in the order of their numbers: what lies side by side in a table and in its indexes is written
together, which on a million people takes a third less time than the order of due times, and half on SQLite.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core.delivery import OPEN, Kind
from engine.core.progress import State
from engine.flows import outbox
from engine.tables import Delivery, Enrolment, Learner, dialect
from engine.tables.base import table
from engine.tables.prepared import Prepared, Rows

_REMEMBERED = 8192
LOOKED_AT = (State.ACTIVE, State.PAUSED, State.COMPLETED)


class Standing(NamedTuple):
    """An enrolment as far as planning needs it. All that follows `due_at` says where somebody stands."""

    id: int
    learner_id: int
    due_at: datetime
    region: str
    version_id: int | None
    state: str
    slot: str
    zone: str
    pace: int
    next_kind: str
    next_key: str
    route: str
    due_reason: str
    last_day: date | None
    gate_since: datetime | None
    reminders: int
    unanswered: int
    catching_up: int


class Ends(NamedTuple):
    """When a mail is given up: after a time, or at a moment should that be later."""

    lasts: timedelta
    until: datetime | None = None

    def of(self, due_at: datetime) -> datetime:
        return max(due_at + self.lasts, self.until or due_at)


class Mail(NamedTuple):
    """What is owed to everybody who stands at one place."""

    kind: str
    lesson_key: str
    occasion: str
    at: datetime
    """When, without the spread."""
    spread: bool
    """Whether everybody's own spread comes to it."""
    due_reason: str
    ends: Ends


class Step(NamedTuple):
    """Where planning leads from one place to; the columns of an enrolment that a plain step changes."""

    next_kind: str
    next_key: str
    route: str
    due_at: datetime | None
    """Without the spread."""
    due_reason: str
    last_day: date | None
    gate_since: datetime | None
    reminders: int
    unanswered: int
    catching_up: int


class Person(NamedTuple):
    id: int
    learner_id: int
    spread: int
    """In minutes."""


class Move(NamedTuple):
    """One step of many people."""

    step: Step
    mails: Sequence[Mail]
    people: Sequence[Person]


async def due(session: AsyncSession, *, now: datetime, limit: int) -> list[int]:
    """The enrolments that are due, in the order of their numbers; of more than `limit`, the longest due."""
    return sorted(row[0] for row in await _NUMBERS.run(session, now=now, limit=limit))


async def read(session: AsyncSession, *, now: datetime, limit: int, among: Sequence[int] | None) -> Rows:
    """Those who are due, of some enrolments or of all, under lock; rows that are locked are passed over.

    The columns are those of `Standing`, which would take longer to make than to read.
    """
    if among is None:
        rows = await _LONGEST_DUE.run(session, now=now, limit=limit)
    else:
        rows = await _DUE_AMONG.run(session, now=now, limit=limit, ids=_ids(session, among))
    return sorted(rows, key=itemgetter(0))


async def unfinished(session: AsyncSession, ids: Sequence[int]) -> list[Delivery]:
    """Course mails of these enrolments which may still leave, or wait for a human."""
    found = [row[0] for row in await _UNFINISHED.run(session, ids=_ids(session, ids))]
    return list(await session.scalars(select(Delivery).where(Delivery.id.in_(found)))) if found else []


def _ids(session: AsyncSession, ids: Sequence[int]) -> Sequence[int] | str:
    return list(ids) if dialect.is_sqlite(session) else _array(ids)


_PLACES, _LEARNERS, _MAILS = table(Enrolment), table(Learner), table(Delivery)


def _is_due() -> ColumnElement[bool]:
    looked_at = _PLACES.c.state.in_(dialect.constants(LOOKED_AT))
    return and_(_PLACES.c.due_at <= bindparam("now"), looked_at)


def _numbers(_: bool) -> Select[*tuple[Any, ...]]:
    return select(_PLACES.c.id).where(_is_due()).order_by(_PLACES.c.due_at).limit(bindparam("limit"))


def _standing(_: bool) -> Select[*tuple[Any, ...]]:
    # Few learners have a region: their index is small, the table of all learners is not.
    with_region = and_(_LEARNERS.c.id == _PLACES.c.learner_id, _LEARNERS.c.region != literal_column("''"))
    columns = {**_PLACES.c, "region": func.coalesce(_LEARNERS.c.region, "")}
    return (
        select(*(columns[name] for name in Standing._fields))
        .select_from(_PLACES)
        .outerjoin(_LEARNERS, with_region)
        .where(_is_due())
        .limit(bindparam("limit"))
        .with_for_update(of=_PLACES, skip_locked=True)
    )


def _among(sqlite: bool) -> Select[*tuple[Any, ...]]:
    return _standing(sqlite).where(dialect.given(_PLACES.c.id, sqlite=sqlite))


def _unfinished(sqlite: bool) -> Select[*tuple[Any, ...]]:
    of_a_lesson = _MAILS.c.kind.in_(dialect.constants((Kind.LESSON, Kind.REMINDER)))
    unfinished = _MAILS.c.state.in_(dialect.constants(OPEN))
    return select(_MAILS.c.id).where(
        dialect.given(_MAILS.c.enrolment_id, sqlite=sqlite), unfinished, of_a_lesson
    )


_NUMBERS, _DUE_AMONG, _UNFINISHED = Prepared(_numbers), Prepared(_among), Prepared(_unfinished)
_LONGEST_DUE = Prepared(lambda sqlite: _standing(sqlite).order_by(_PLACES.c.due_at))


async def write(session: AsyncSession, moves: Sequence[Move], *, now: datetime) -> None:
    """Owe the mails of all steps, and move everybody on. A mail that is owed already is not owed twice."""
    if dialect.is_sqlite(session):
        await _write_rows(session, moves, now)
    else:
        await _write_joined(session, moves, now)


def owed(mail: Mail, person: Person, now: datetime) -> dict[str, Any]:
    """Its row of the ledger."""
    due_at = mail.at + timedelta(minutes=person.spread * mail.spread)
    return outbox.row(
        kind=Kind(mail.kind),
        learner_id=person.learner_id,
        enrolment_id=person.id,
        now=now,
        due_at=due_at,
        due_reason=mail.due_reason,
        lesson_key=mail.lesson_key,
        occasion=mail.occasion,
        expires_at=mail.ends.of(due_at),
    )


# What is the same for all who come to a place is written out once, however many chunks they are in.


@lru_cache(maxsize=_REMEMBERED)
def _model(mail: Mail, spread: int) -> dict[str, Any]:
    """What mails of one kind to people of one spread have in common."""
    row = owed(mail, Person(0, 0, spread), mail.at)
    _, about, identity = row["dedup_key"].partition("/")
    own = ("dedup_key", "learner_id", "enrolment_id", "account_id", "message_id", "created_at")
    return {**{name: row[name] for name in row if name not in own}, "identity": about + identity}


# PostgreSQL: of many people only what is their own is sent, and joined there with the few steps and mails.


async def _write_joined(session: AsyncSession, moves: Sequence[Move], now: datetime) -> None:
    mails = [(mail, move.people) for move in moves for mail in move.mails]
    if mails:
        owed, learners, spreads, which = _columns([some for _, some in mails])
        await _OWE.run(
            session,
            now=now,
            mails=f"[{','.join(_mail_text(mail) for mail, _ in mails)}]",
            ids=_array(owed),
            learners=_array(learners),
            spreads=_array(spreads),
            which=_array(which),
            messages=_array(outbox.message_ids(len(owed))),
        )
    moved, _, spreads, which = _columns([move.people for move in moves])
    await _MOVE.run(
        session,
        steps=f"[{','.join(_step_text(move.step) for move in moves)}]",
        ids=_array(moved),
        spreads=_array(spreads),
        which=_array(which),
    )


def _columns(groups: Sequence[Sequence[Person]]) -> Sequence[Sequence[int]]:
    """Numbers, learners and spreads of all people, and which group each is of."""
    ids, learners, spreads = zip(*chain.from_iterable(groups), strict=True)
    return ids, learners, spreads, [n for n, group in enumerate(groups, 1) for _ in group]


@lru_cache(maxsize=_REMEMBERED)
def _mail_text(mail: Mail) -> str:
    ends = {"lasts": mail.ends.lasts.total_seconds(), "until": mail.ends.until}
    return json.dumps({**_model(mail, 0), **ends, "minutes": int(mail.spread)}, default=str)


@lru_cache(maxsize=_REMEMBERED)
def _step_text(step: Step) -> str:
    return json.dumps(step._asdict(), default=str)


def _array(values: Iterable[object]) -> str:
    """Numbers, or words without signs, as PostgreSQL writes arrays: ten times faster than by the driver."""
    return f"{{{','.join(map(str, values))}}}"


_OWE = Prepared(
    lambda _: text("""
INSERT INTO delivery (dedup_key, learner_id, enrolment_id, kind, lesson_key, occasion, priority, state,
    due_at, due_reason, try_at, expires_at, tries, lease, message_id, reason, created_at)
SELECT 'enrolment:' || one.id || mail.identity, one.learner_id, one.id, kind, lesson_key, occasion, priority,
    state, hour.due_at, due_reason, hour.due_at, greatest(hour.due_at + lasts * interval '1 second', until),
    tries, lease, one.message_id, reason, CAST(:now AS timestamptz)
FROM unnest(CAST(:ids AS integer[]), CAST(:learners AS integer[]), CAST(:spreads AS integer[]),
        CAST(:which AS integer[]), CAST(:messages AS text[])) AS one (id, learner_id, spread, n, message_id)
JOIN ROWS FROM (json_to_recordset(CAST(:mails AS json)) AS (identity text, kind text, lesson_key text,
        occasion text, priority integer, state text, due_at timestamptz, due_reason text, lasts float,
        until timestamptz, minutes integer, tries integer, lease text, reason text))
        WITH ORDINALITY AS mail (identity, kind, lesson_key, occasion, priority, state, due_at, due_reason,
        lasts, until, minutes, tries, lease, reason, n) USING (n)
CROSS JOIN LATERAL (SELECT mail.due_at + one.spread * mail.minutes * interval '1 minute' AS due_at) AS hour
ORDER BY one.id, n
ON CONFLICT (dedup_key) DO NOTHING
""")
)
_MOVE = Prepared(
    lambda _: text("""
UPDATE enrolment SET next_kind = step.next_kind, next_key = step.next_key, route = step.route,
    due_at = step.due_at + one.spread * interval '1 minute', due_reason = step.due_reason,
    last_day = step.last_day, gate_since = step.gate_since, reminders = step.reminders,
    unanswered = step.unanswered, catching_up = step.catching_up
FROM unnest(CAST(:ids AS integer[]), CAST(:spreads AS integer[]), CAST(:which AS integer[]))
        AS one (id, spread, n)
JOIN ROWS FROM (json_to_recordset(CAST(:steps AS json)) AS (next_kind text, next_key text, route text,
        due_at timestamptz, due_reason text, last_day date, gate_since timestamptz, reminders integer,
        unanswered integer, catching_up integer))
        WITH ORDINALITY AS step (next_kind, next_key, route, due_at, due_reason, last_day, gate_since,
        reminders, unanswered, catching_up, n) USING (n)
WHERE enrolment.id = one.id
""")
)


# SQLite: nothing to travel to; plain rows are the fastest, in the form in which it keeps them.


async def _write_rows(session: AsyncSession, moves: Sequence[Move], now: datetime) -> None:
    connection = await session.connection()
    rows = [row for move in moves for mail in move.mails for row in _rows(mail, move.people, now)]
    if rows:
        await connection.exec_driver_sql(_INSERT, sorted(rows, key=itemgetter(0)))
    moved = [row for move in moves for row in _moved(move)]
    await connection.exec_driver_sql(_UPDATE, sorted(moved, key=itemgetter(-1)))


def _rows(mail: Mail, people: Sequence[Person], now: datetime) -> Iterable[tuple[Any, ...]]:
    created_at = _kept(now)
    for person, message_id in zip(people, outbox.message_ids(len(people)), strict=True):
        identity, *alike = _mail_values(mail, person.spread)
        key = f"enrolment:{person.id}{identity}"
        yield person.id, key, person.learner_id, message_id, created_at, *alike


@lru_cache(maxsize=_REMEMBERED)
def _mail_values(mail: Mail, spread: int) -> tuple[Any, ...]:
    model = _model(mail, spread)
    return tuple(_kept(model[name]) for name in ("identity", *_ALIKE))


def _moved(move: Move) -> Iterable[tuple[Any, ...]]:
    for person in move.people:
        yield *_step_values(move.step, person.spread), person.id


@lru_cache(maxsize=_REMEMBERED)
def _step_values(step: Step, spread: int) -> tuple[Any, ...]:
    due_at = step.due_at and step.due_at + timedelta(minutes=spread)
    return tuple(map(_kept, step._replace(due_at=due_at)))


def _kept(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        case date():
            return value.isoformat()
        case str():
            return str(value)
    return value


_OWN = ("enrolment_id", "dedup_key", "learner_id", "message_id", "created_at")
_ALIKE = (
    *("kind", "lesson_key", "occasion", "priority", "state", "due_at", "due_reason", "try_at", "expires_at"),
    *("tries", "lease", "reason"),
)
_INSERT = (
    f"INSERT INTO delivery ({', '.join((*_OWN, *_ALIKE))}) "  # noqa: S608  # our own names
    f"VALUES ({', '.join('?' * len((*_OWN, *_ALIKE)))}) ON CONFLICT (dedup_key) DO NOTHING"
)
_UPDATE = f"UPDATE enrolment SET {', '.join(f'{name} = ?' for name in Step._fields)} WHERE id = ?"  # noqa: S608
