"""How fast the planner is: its tick, as `parcours worker` makes it, over a base of which some are due.

On each of a few mornings some people are due, as if a time without lessons had put off all they were owed to
that day: they chose any of 35 slots of the week in five zones, and are strewn over the whole base. Nobody
answered the last lesson, so that each is owed one mail. What is counted afterwards is what the ledger and the
enrolments hold.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, event, func, select, text, update

from engine import paths
from engine.bench import base, bulk, service
from engine.core import calendar, delivery, errors
from engine.flows import catalog, enrolments
from engine.tables import Delivery, Enrolment, Learner, Submission, db
from engine.workers.planner import Planner

COURSE = "ia-pme"
_CONDITIONAL, _ANSWERED = "donnees", "point-inventaire"
_WHEN = f"when: learner.size >= 10 and answers.{_ANSWERED}.done"
_PLAIN = "inventaire"
_ZONES = ("Europe/Paris", "Europe/Brussels", "Europe/Madrid", "Europe/Rome", "Europe/Berlin")
_HOURS = ("08:00", "08:15", "08:30", "08:45", "09:00")
_SLOTS = [f"{day.name.lower()} {hour}" for day in calendar.Weekday for hour in _HOURS]
_FIRST = datetime(2027, 3, 1, 8, 20, tzinfo=UTC)  # a Monday, 9:20 in all five zones
_CHUNK = 20_000
_MOST_RUNS = 5  # in four weeks those of the first day are due again


@dataclass(frozen=True)
class Run:
    """One morning."""

    enrolments: int
    conditions: bool
    seconds: float
    planned: int
    """Enrolments with one new lesson in the ledger that are looked at again later."""
    p95_transaction_ms: float
    longest_transaction_ms: float


@dataclass(frozen=True)
class Result:
    enrolments: int
    due: int
    planned: int
    """In the run that went worst; `due` when all is well."""
    rows_per_s: float
    rows_per_s_with_conditions: float
    """With one in ten before a lesson's `when`."""
    growth_5m_over_1m: float | None
    """Time on a base of five times the size ÷ time on this one."""
    p95_transaction_ms: float
    """How long nobody else writes on SQLite; the median of the runs on the first base."""
    runs: list[Run]


@dataclass
class _Clock:
    moment: datetime

    def now(self) -> datetime:
        return self.moment


async def run(*, enrolments: int, due: int, runs: int, growth: int, database: str) -> Result:
    """`growth`: how many times as large the base becomes; 1 leaves that part out.

    Raises `errors.Invalid` when the database is not empty, or too small for so many runs.
    """
    if enrolments % due or due * 3 * runs > enrolments or runs > _MOST_RUNS:
        limits = f"at most {_MOST_RUNS} runs, a multiple of {due} enrolments, {3 * runs * due} at the least"
        raise errors.Invalid(f"Others are due in each run: {limits}.")
    found = db.Database(database)
    done: list[Run] = []
    try:
        course = await base.publish(found, database, _files(), COURSE, now=_FIRST)
        people = _Base(course.id, course.current_version_id or 0, enrolments, enrolments // due, runs, growth)
        await _fill(found, people, range(1, enrolments + 1))
        for number in range(2 * runs):
            done.append(await _morning(found, people, number, enrolments))
        if growth > 1:
            await _fill(found, people, range(enrolments + 1, growth * enrolments + 1))
            for number in range(2 * runs, 3 * runs):
                done.append(await _morning(found, people, number, growth * enrolments))
    finally:
        await found.close()
    seconds = [each.seconds for each in done]
    plain, conditional = median(seconds[:runs]), median(seconds[runs : 2 * runs])
    return Result(
        enrolments=enrolments,
        due=due,
        planned=max((each.planned for each in done), key=lambda count: abs(count - due)),
        rows_per_s=round(due / plain),
        rows_per_s_with_conditions=round(due / conditional),
        growth_5m_over_1m=round(median(seconds[2 * runs :]) / plain, 2) if growth > 1 else None,
        p95_transaction_ms=round(median(each.p95_transaction_ms for each in done[: 2 * runs]), 1),
        runs=done,
    )


def _files() -> dict[str, bytes]:
    """The course as it is shipped, with one lesson that is not for everybody."""
    files = catalog.read_directory(paths.courses() / COURSE)
    (path,) = [path for path in files if path.endswith(f"-{_CONDITIONAL}.md")]
    return files | {path: files[path].replace(b"\nmodule:", f"\n{_WHEN}\nmodule:".encode(), 1)}


def _moment(number: int) -> datetime:
    """Of a run: each has its own working day."""
    weeks, day = divmod(number, 5)
    return _FIRST + timedelta(weeks=weeks, days=day)


@dataclass(frozen=True)
class _Base:
    """Everybody, by his number."""

    course_id: int
    version_id: int
    size: int
    """Of the first base, before it grows."""
    share: int
    """One in so many is due in each run."""
    runs: int
    growth: int

    def run_of(self, number: int) -> int | None:
        """The run in which he is due: the first are those of the first base, the last those of the grown."""
        if number <= self.size and number % self.share < 2 * self.runs:
            return number % self.share
        grown = number % (self.share * self.growth)
        return grown if self.growth > 1 and 2 * self.runs <= grown < 3 * self.runs else None

    def rows(self, numbers: range) -> Iterator[tuple[Any, tuple[str, ...], list[tuple[Any, ...]]]]:
        """Table, columns and rows."""
        yield Learner, _LEARNER, [_learner(number) for number in numbers]
        yield Enrolment, _ENROLMENT, [self._enrolment(number) for number in numbers]
        asked = [number for number in numbers if self._conditional(number)]
        yield Submission, _SUBMISSION, [_submission(number) for number in asked]

    def _conditional(self, number: int) -> bool:
        run = self.run_of(number)
        return run is not None and self.runs <= run < 2 * self.runs and number // self.share % 10 == 0

    def _enrolment(self, number: int) -> tuple[Any, ...]:
        run, nth = self.run_of(number), number // self.share
        moment = _moment(100 if run is None else run)
        slot = _SLOTS[nth % len(_SLOTS)]
        zone = _ZONES[nth // len(_SLOTS) % len(_ZONES)]
        hour = calendar.to_utc(moment.date(), calendar.Slot.parse(slot, zone).time, zone)
        size, spread = nth // 10 % 2 * 40 + 5, enrolments.spread(number)
        key = _CONDITIONAL if self._conditional(number) else _PLAIN
        return (
            *(
                number,
                number,
                self.course_id,
                self.version_id,
                "active",
                "",
                size,
                slot,
                zone,
            ),
            *(4, "lesson", key, "", spread.seconds // 60),
            *(_stamp(hour + spread), "", str((moment - timedelta(weeks=4)).date())),
            *(0, 1, 0, _stamp(_FIRST), ""),
        )


_LEARNER = (
    *("id", "address", "address_key", "address_hash", "new_address", "first_name", "language", "region"),
    *("words", "created_at"),
)
_ENROLMENT = (
    *("id", "learner_id", "course_id", "version_id", "state", "company", "size", "slot", "zone"),
    *("pace", "next_kind", "next_key", "route", "spread", "due_at", "due_reason", "last_day"),
    *("reminders", "unanswered", "catching_up", "created_at", "end_reason"),
)
_SUBMISSION = (
    *("enrolment_id", "activity", "round", "answers", "score", "lessons", "updated_at", "handed_in_at"),
)


def _learner(number: int) -> tuple[Any, ...]:
    address = f"learner-{number}@example.com"
    return number, address, address, f"{number:064x}", "", "Alice", "fr", "", "", _stamp(_FIRST)


def _submission(number: int) -> tuple[Any, ...]:
    return number, _ANSWERED, 1, '{"done": true}', "{}", 2, _stamp(_FIRST), _stamp(_FIRST)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.000000"


async def _fill(found: db.Database, people: _Base, numbers: range) -> None:
    async with found.transaction() as session, bulk.unchecked(session, Learner, Enrolment, Submission):
        for start in range(0, len(numbers), _CHUNK):
            for table, columns, rows in people.rows(numbers[start : start + _CHUNK]):
                await bulk.write(session, table, columns, rows)
    await _settle(found)


async def _settle(found: db.Database) -> None:
    """What PostgreSQL comes to do by itself, in its time."""
    if found.is_sqlite:
        return
    async with found.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))


async def _morning(found: db.Database, people: _Base, number: int, size: int) -> Run:
    now = _moment(number)
    planner = Planner(found, _Clock(now), planned=lambda: None)
    with _transactions(found) as lasted:
        began = time.perf_counter()
        await planner.tick()
        seconds = time.perf_counter() - began
    planned = await _count(found, now)
    await _send(found)
    await _settle(found)
    conditions = people.runs <= number < 2 * people.runs
    lasted.sort()
    return Run(
        enrolments=size,
        conditions=conditions,
        seconds=round(seconds, 3),
        planned=planned,
        p95_transaction_ms=round(service.percentile(lasted, 95), 1),
        longest_transaction_ms=round(lasted[-1] * 1000, 1),
    )


@contextmanager
def _transactions(found: db.Database) -> Iterator[list[float]]:
    """How long each keeps its connection, in seconds."""
    engine, began, lasted = found.engine.sync_engine, dict[int, float](), list[float]()

    def begin(connection: Connection) -> None:
        began[id(connection.connection.dbapi_connection)] = time.perf_counter()

    def end(connection: object, _: object) -> None:
        lasted.append(time.perf_counter() - began.pop(id(connection), time.perf_counter()))

    event.listen(engine, "begin", begin)
    event.listen(engine.pool, "checkin", end)
    try:
        yield lasted
    finally:
        event.remove(engine, "begin", begin)
        event.remove(engine.pool, "checkin", end)


async def _count(found: db.Database, now: datetime) -> int:
    """Those who were planned this morning, once: one lesson in the ledger, and looked at again later.

    -1 when more was written than that, or somebody is still due.
    """
    mails = select(func.count()).where(Delivery.created_at == now)
    people = (
        select(func.count(Delivery.enrolment_id.distinct()))
        .join(Enrolment, Enrolment.id == Delivery.enrolment_id)
        .where(Delivery.created_at == now, Delivery.kind == delivery.Kind.LESSON, Enrolment.due_at > now)
    )
    still_due = select(func.count()).select_from(Enrolment).where(Enrolment.due_at <= now)
    async with found.reading() as session:
        total, once = await session.scalar(mails), await session.scalar(people)
        left = await session.scalar(still_due)
    return once if once is not None and once == total and not left else -1


async def _send(found: db.Database) -> None:
    """Else the next tick would see to mails that are late."""
    async with found.transaction() as session:
        gone = update(Delivery).where(Delivery.state == delivery.State.PLANNED)
        await session.execute(
            gone.values(state=delivery.State.SENT, sent_at=Delivery.due_at, settled_at=Delivery.due_at)
        )
