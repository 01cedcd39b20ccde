"""Where people stand in their courses, read and moved on thousands at a time: the planner's own statements.

Those who stand at one place come as one row, their numbers in a string that goes back as it came. They are
written in the order of their numbers: what lies side by side in a table and in its indexes is written
together, which on a million people takes a third less time than the order of due times, and half on SQLite.
"""

import json
import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core.delivery import OPEN, Kind
from engine.core.progress import State
from engine.flows import outbox
from engine.tables import Delivery, Enrolment, Learner, dialect
from engine.tables.base import table
from engine.tables.prepared import Prepared

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


class People(NamedTuple):
    """Numbers, their learners' numbers and spreads, as the database lists them: with commas between."""

    ids: str = ""
    learners: str = ""
    spreads: str = ""

    @classmethod
    def of(cls, *people: Person) -> "People":
        return cls(*(",".join(map(str, column)) for column in zip(*people, strict=True)))

    @property
    def number(self) -> int:
        return self.ids.count(",") + 1

    def each(self) -> list[Person]:
        numbers = (map(int, listed.split(",")) for listed in self)
        return [Person(*person) for person in zip(*numbers, strict=True)]


class Group(NamedTuple):
    """People who stand at the same place: but for what they answered, the same happens to them."""

    row: Standing
    """Of nobody: `due_at` is without the spread."""
    people: People
    unfinished: bool
    """Course mails of theirs may still leave, or wait for a human."""
    fresh: bool
    """Their spread is not kept yet: it is still in `due_at`, and 0 in `people`."""


class Move(NamedTuple):
    """One step of many people."""

    step: Step
    mails: tuple[Mail, ...]
    people: People


async def due(session: AsyncSession, *, now: datetime, limit: int) -> list[int]:
    """The enrolments that are due, in the order of their numbers; of more than `limit`, the longest due."""
    return sorted(row[0] for row in await _NUMBERS.run(session, now=now, limit=limit))


async def read(
    session: AsyncSession, *, now: datetime, limit: int, among: Sequence[int] | None
) -> list[Group]:
    """Those who are due, of some enrolments or of all, under lock; rows that are locked are passed over."""
    if among is None:
        rows = await _LONGEST_DUE.run(session, now=now, limit=limit)
    else:
        rows = await _DUE_AMONG.run(session, now=now, limit=limit, ids=_ids(session, among))
    return [Group(Standing(0, 0, *row[5:]), People(*row[:3]), *row[3:5]) for row in rows]


async def keep_spreads(session: AsyncSession, people: Sequence[Person]) -> None:
    for minutes in {person.spread for person in people}:
        ids = [person.id for person in people if person.spread == minutes]
        await _SPREAD.run(session, minutes=minutes, ids=_ids(session, ids))


async def unfinished(session: AsyncSession, ids: Sequence[int]) -> list[Delivery]:
    """Course mails of these enrolments which may still leave, or wait for a human."""
    if not ids:
        return []
    which = dialect.among(session, Delivery.enrolment_id, ids)
    return list(await session.scalars(select(Delivery).where(which, *_unfinished(Delivery))))


def _ids(session: AsyncSession, ids: Sequence[int]) -> str:
    """A number each: PostgreSQL reads arrays ten times faster in its own words than by the driver."""
    listed = ",".join(map(str, ids))
    return f"[{listed}]" if dialect.is_sqlite(session) else f"{{{listed}}}"


_PLACES, _LEARNERS, _MAILS = table(Enrolment), table(Learner), table(Delivery)


def _is_due() -> ColumnElement[bool]:
    looked_at = _PLACES.c.state.in_(dialect.constants(LOOKED_AT))
    return and_(_PLACES.c.due_at <= bindparam("now"), looked_at)


def _numbers(_: bool) -> Select[*tuple[Any, ...]]:
    return select(_PLACES.c.id).where(_is_due()).order_by(_PLACES.c.due_at).limit(bindparam("limit"))


def _unfinished(mails: Any) -> Sequence[ColumnElement[bool]]:
    of_a_lesson = mails.kind.in_(dialect.constants((Kind.LESSON, Kind.REMINDER)))
    return mails.state.in_(dialect.constants(OPEN)), of_a_lesson


def _standing(sqlite: bool) -> Select[*tuple[Any, ...]]:
    # Few learners have a region: their index is small, the table of all learners is not.
    with_region = and_(_LEARNERS.c.id == _PLACES.c.learner_id, _LEARNERS.c.region != literal_column("''"))
    spread = func.coalesce(_PLACES.c.spread, literal_column("0"))
    as_it_is = _PLACES.c.next_kind == literal_column("'welcome'")
    # With a limit, or PostgreSQL would look up the mails of everybody at once.
    owed = select(_MAILS.c.id).where(_MAILS.c.enrolment_id == _PLACES.c.id, *_unfinished(_MAILS.c)).limit(1)
    columns = {
        **_PLACES.c,
        "region": func.coalesce(_LEARNERS.c.region, ""),
        "due_at": case(
            (as_it_is, _PLACES.c.due_at),
            else_=dialect.later(_PLACES.c.due_at, minutes=-spread, sqlite=sqlite),
        ),
    }
    return (
        select(
            *(columns[name].label(name) for name in Standing._fields),
            owed.scalar_subquery().is_not(None).label("unfinished"),
            _PLACES.c.spread.is_(None).label("fresh"),
            spread.label("spread"),
        )
        .select_from(_PLACES)
        .outerjoin(_LEARNERS, with_region)
        .where(_is_due())
        .limit(bindparam("limit"))
        .with_for_update(of=_PLACES, skip_locked=True)
    )


def _together(standing: Select[*tuple[Any, ...]], sqlite: bool) -> Select[*tuple[Any, ...]]:
    """The groups of these rows."""
    one = standing.subquery("one").c
    alike = [one[name] for name in ("unfinished", "fresh", *Standing._fields[2:])]
    numbers = (dialect.joined(column, sqlite=sqlite) for column in (one.id, one.learner_id, one.spread))
    return select(*numbers, *alike).group_by(*alike[2:], *alike[:2])  # what differs most comes first


def _among(sqlite: bool) -> Select[*tuple[Any, ...]]:
    return _together(_standing(sqlite).where(dialect.listed(_PLACES.c.id, sqlite=sqlite)), sqlite)


_NUMBERS, _DUE_AMONG = Prepared(_numbers), Prepared(_among)
_LONGEST_DUE = Prepared(lambda sqlite: _together(_standing(sqlite).order_by(_PLACES.c.due_at), sqlite))


_SPREAD = Prepared(
    lambda sqlite: (
        update(_PLACES).where(dialect.listed(_PLACES.c.id, sqlite=sqlite)).values(spread=bindparam("minutes"))
    )
)


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


async def write(session: AsyncSession, moves: Sequence[Move], *, now: datetime) -> None:
    """Owe the mails of all steps, and move everybody on. A mail that is owed already is not owed twice."""
    if dialect.is_sqlite(session):
        await _write_rows(session, moves, now)
    else:
        await _write_all(session, moves, now)


# What is the same for all who come to a place is written out once, however many chunks they are in. Both
# databases read instants as SQLite keeps them: in UTC, without saying so.


@lru_cache(maxsize=_REMEMBERED)
def _owed(mail: Mail, spread: int) -> dict[str, Any]:
    """What mails of one kind to people of one spread have in common."""
    row = owed(mail, Person(0, 0, spread), mail.at)
    _, about, identity = row["dedup_key"].partition("/")
    return {name: _kept(row[name]) for name in _ALIKE} | {"identity": about + identity}


def _kept(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        case date():
            return value.isoformat()
        case str():
            return str(value)
    return value


_ALIKE = (
    *("kind", "lesson_key", "occasion", "priority", "state", "due_at", "due_reason", "try_at", "expires_at"),
    *("tries", "lease", "reason"),
)


# PostgreSQL: one statement for all, to which a few lines are sent.


async def _write_all(session: AsyncSession, moves: Sequence[Move], now: datetime) -> None:
    together = defaultdict[tuple[Step, tuple[Mail, ...]], list[str]](list)
    for move in moves:
        together[move.step, move.mails].append(move.people.ids)
    steps = [
        f'{{"n": {n}, "ids": "{",".join(ids)}", {_step_text(step)}'
        for n, ((step, _), ids) in enumerate(together.items())
    ]
    mails = [f'{{"n": {n}, {_mail_text(mail)}' for n, (_, some) in enumerate(together) for mail in some]
    await _OWE_AND_MOVE.run(
        session,
        steps=f"[{','.join(steps)}]",
        mails=f"[{','.join(mails)}]",
        now=now,
        # All at once: a server without OpenSSL asks the system for each.
        drawn=secrets.token_bytes(16 * sum(move.people.number * len(move.mails) for move in moves)),
    )


@lru_cache(maxsize=_REMEMBERED)
def _step_text(step: Step) -> str:
    return json.dumps({name: _kept(value) for name, value in step._asdict().items()})[1:]


@lru_cache(maxsize=_REMEMBERED)
def _mail_text(mail: Mail) -> str:
    lasts, until = mail.ends.lasts // timedelta(minutes=1), _kept(mail.ends.until)
    own = {"own_minute": int(mail.spread), "lasts": lasts, "until": until}
    return json.dumps(_owed(mail, 0) | own)[1:]


_OWE_AND_MOVE = Prepared(
    lambda _: text("""
WITH step AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:steps AS json)) AS step (n integer, ids text, next_kind text,
        next_key text, route text, due_at timestamptz, due_reason text, last_day date, gate_since timestamptz,
        reminders integer, unanswered integer, catching_up integer)
), one AS MATERIALIZED (
    SELECT n, CAST(unnest(string_to_array(ids, ',')) AS integer) AS id FROM step ORDER BY id
), moved AS (
    UPDATE enrolment SET next_kind = step.next_kind, next_key = step.next_key, route = step.route,
        due_at = step.due_at + make_interval(mins => spread), due_reason = step.due_reason,
        last_day = step.last_day, gate_since = step.gate_since, reminders = step.reminders,
        unanswered = step.unanswered, catching_up = step.catching_up
    FROM one JOIN step USING (n)
    WHERE enrolment.id = one.id
    RETURNING enrolment.id, enrolment.learner_id, enrolment.spread, n
)
INSERT INTO delivery (dedup_key, learner_id, enrolment_id, kind, lesson_key, occasion, priority, state,
    due_at, due_reason, try_at, expires_at, tries, lease, message_id, reason, created_at)
SELECT 'enrolment:' || moved.id || identity, learner_id, moved.id, kind, lesson_key, occasion, priority,
    state, hour.due_at, due_reason, hour.due_at, greatest(hour.due_at + make_interval(mins => lasts), until),
    tries, lease, encode(
        substring(CAST(:drawn AS bytea) FROM CAST(row_number() OVER () AS integer) * 16 - 15 FOR 16), 'hex'
    ), reason, CAST(:now AS timestamptz)
FROM moved JOIN json_to_recordset(CAST(:mails AS json)) AS mail (n integer, identity text, kind text,
    lesson_key text, occasion text, priority integer, state text, due_at timestamptz, due_reason text,
    lasts integer, until timestamptz, own_minute integer, tries integer, lease text, reason text) USING (n)
CROSS JOIN LATERAL (SELECT mail.due_at + make_interval(mins => moved.spread * own_minute)) AS hour (due_at)
ORDER BY moved.id, hour.due_at
ON CONFLICT (dedup_key) DO NOTHING
""")
)

# SQLite: nowhere to travel to; plain rows are the fastest, in the form in which it keeps them.


async def _write_rows(session: AsyncSession, moves: Sequence[Move], now: datetime) -> None:
    connection = await session.connection()
    people = [(move, person) for move in moves for person in move.people.each()]
    people.sort(key=lambda one: one[1].id)
    drawn = iter(outbox.message_ids(sum(len(move.mails) for move, _ in people)))
    at = _kept(now)
    mails = [
        (f"enrolment:{person.id}{identity}", person.id, person.learner_id, next(drawn), at, *alike)
        for move, person in people
        for *alike, identity in (_mail_values(mail, person.spread) for mail in move.mails)
    ]
    if mails:
        await connection.exec_driver_sql(_INSERT, mails)
    moved = [(*_step_values(move.step, person.spread), person.id) for move, person in people]
    await connection.exec_driver_sql(_UPDATE, moved)


@lru_cache(maxsize=_REMEMBERED)
def _mail_values(mail: Mail, spread: int) -> tuple[Any, ...]:
    return tuple(_owed(mail, spread).values())


@lru_cache(maxsize=_REMEMBERED)
def _step_values(step: Step, spread: int) -> tuple[Any, ...]:
    due_at = step.due_at and step.due_at + timedelta(minutes=spread)
    return tuple(map(_kept, step._replace(due_at=due_at)))


_OWN = ("dedup_key", "enrolment_id", "learner_id", "message_id", "created_at")
_INSERT = (
    f"INSERT INTO delivery ({', '.join((*_OWN, *_ALIKE))}) "  # noqa: S608  # our own names
    f"VALUES ({', '.join('?' * len((*_OWN, *_ALIKE)))}) ON CONFLICT (dedup_key) DO NOTHING"
)
_UPDATE = f"UPDATE enrolment SET {', '.join(f'{name} = ?' for name in Step._fields)} WHERE id = ?"  # noqa: S608
