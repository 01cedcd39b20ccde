"""What a crash costs: workers and the database are killed while a course is lived, and every mail is counted.

Learners receive a welcome, three lessons and a farewell. Workers are the production command, with its
planner, and die one after the other at random or at a marked point (`bench.victim`). The clock of each is
half a minute ahead of its predecessor's, as if the restart had taken as long: leases of the dead have run
out.
"""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import func, select

from engine.bench import base, ledger, service, sink, victim, watch
from engine.clock import SystemClock
from engine.core import delivery
from engine.flows import leases
from engine.tables import Delivery, Enrolment, db

RANDOM, DATABASE = "random", "database"
"""Killed at any moment; the database is stopped at once and comes back."""
_RESTART = leases.LEASE + timedelta(seconds=1)
_SOON = 0.5
"""Seconds after the first mail within which a random kill comes."""

Crash = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Result:
    messages: int
    kills: int
    points: dict[str, int]
    """How often a process died where."""
    connections: int
    received: int
    lost: int
    """Mails that the course owes and that never came."""
    doubled: int
    """Copies too many, all under the Message-ID of the first."""
    max_doubled_per_kill: int
    out_of_order: int
    """Learners who received something before what precedes it."""
    unknown: int
    """Message-IDs that the ledger does not know."""
    unsettled: int
    """Mails that came and are not `sent` in the ledger."""

    @property
    def kept(self) -> bool:
        """Whether the promise was."""
        return self.max_doubled_per_kill <= self.connections and not (
            self.lost or self.out_of_order or self.unknown or self.unsettled
        )


@dataclass
class _World:
    """Where it happens, and how late it is there."""

    database: str
    found: db.Database
    sink: str
    watch: watch.Watch
    keys: dict[str, str]
    connections: int
    chance: Random
    ahead: timedelta = timedelta()
    died: list[str] = field(default_factory=list)


async def run(
    *,
    messages: int,
    kills: int,
    connections: int,
    seed: int,
    database: str,
    smtp: str | None,
    crash: Crash | None,
    now: datetime,
) -> Result:
    """`crash` stops the database at once and starts it again; without it that point is left out.

    Raises `errors.Invalid` when the database is not empty.
    """
    learners = max(1, messages // base.SHORT_MAILS)
    await base.enrol(database, learners, files=base.SHORT, slug="court", place=base.WAITING, now=now)
    keys, found = service.keys(), db.Database(database)
    try:
        async with sink.somewhere(smtp) as behind, watch.watching(behind) as (address, seen):
            chance = Random(seed)  # noqa: S311  # it chooses when to kill
            world = _World(database, found, address, seen, keys, connections, chance)
            points = _points(with_database=crash is not None)
            for stage in range(base.SHORT_MAILS):
                here = len([kill for kill in range(kills) if kill * base.SHORT_MAILS // kills == stage])
                for number in range(here):
                    point = next(points[number == 0 and here > 1])
                    await _die(world, point, per_life=learners // (here + 1), crash=crash)
                await _finish_stage(world, learners, stage)
            return await _account(world, learners)
    finally:
        await found.close()


def _points(*, with_database: bool) -> dict[bool, Iterator[str]]:
    """Where to die: while something is planned (True), which is at the beginning of a stage, or sent."""
    sending = (RANDOM, *victim.SENDING, *([DATABASE] if with_database else []))
    return {True: itertools.cycle(victim.PLANNING), False: itertools.cycle(sending)}


@asynccontextmanager
async def _life(
    world: _World, mark: str = "", passages: int = 0
) -> AsyncIterator[asyncio.subprocess.Process]:
    ahead = str(world.ahead.total_seconds())
    command = ("-m", "engine.bench.victim", mark, str(passages), ahead)
    async with service.worker(
        world.database, world.sink, world.keys, connections=world.connections, command=command
    ) as process:
        yield process


async def _die(world: _World, point: str, *, per_life: int, crash: Crash | None) -> None:
    """One life of a worker, to its end at `point`."""
    marked = point not in (RANDOM, DATABASE)
    most = victim.passages(point, mails=per_life, connections=world.connections) if marked else 0
    async with _life(world, point if marked else "", world.chance.randint(1, most) if most else 0) as process:
        if marked:
            async with asyncio.timeout(ledger.PATIENCE):
                await process.wait()
        else:
            await _some_arrived(world)
        if point == DATABASE and crash:
            await crash()
            await _some_arrived(world)
        elif not marked:
            process.kill()
    world.died.append(point)
    world.watch.life += 1
    world.ahead += _RESTART


async def _some_arrived(world: _World) -> None:
    """Mails flow, and a moment has passed."""
    before = len(world.watch.first)
    async with asyncio.timeout(ledger.PATIENCE):
        while len(world.watch.first) == before and await ledger.is_open(world.found):  # noqa: ASYNC110  # as below
            await asyncio.sleep(ledger.LOOK)
    await asyncio.sleep(world.chance.uniform(0, _SOON))


async def _finish_stage(world: _World, learners: int, stage: int) -> None:
    """Let a worker live until all have what is due by now; then it is time for what comes next."""
    last = stage == base.SHORT_MAILS - 1
    async with _life(world), asyncio.timeout(ledger.PATIENCE):
        while await ledger.sent(world.found) < learners * (stage + 1):  # noqa: ASYNC110  # in another process
            await asyncio.sleep(ledger.LOOK)
        while not last and await _without_next(world.found):  # noqa: ASYNC110  # as above
            await asyncio.sleep(ledger.LOOK)
    world.watch.life += 1
    async with world.found.reading() as session:
        due = await session.scalar(select(func.max(Enrolment.due_at)))
    world.ahead += _RESTART
    if due:
        world.ahead = max(world.ahead, due + timedelta(minutes=1) - SystemClock().now())


async def _without_next(found: db.Database) -> bool:
    """Whether a course has not noticed yet that it goes on."""
    async with found.reading() as session:
        return bool(await session.scalar(select(Enrolment.id).where(Enrolment.due_at.is_(None)).limit(1)))


async def _account(world: _World, learners: int) -> Result:
    seen = world.watch
    async with world.found.reading() as session:
        rows = await session.execute(
            select(Delivery.message_id, Delivery.learner_id, Delivery.state).order_by(Delivery.id)
        )
        ledger = {message: (learner, state) for message, learner, state in rows}
    owed, whose = learners * base.SHORT_MAILS, {message: who for message, (who, _) in ledger.items()}
    copies = sum(seen.again.values())
    return Result(
        messages=owed,
        kills=len(world.died),
        points={point: world.died.count(point) for point in sorted(set(world.died))},
        connections=world.connections,
        received=len(seen.first) + copies,
        lost=owed - len(seen.first.keys() & ledger.keys()),
        doubled=copies,
        max_doubled_per_kill=max(seen.again.values(), default=0),
        out_of_order=_out_of_order(whose, seen),
        unknown=len(seen.first.keys() - ledger.keys()),
        unsettled=sum(state != delivery.State.SENT for _, state in ledger.values()),
    )


def _out_of_order(whose: dict[str, int | None], seen: watch.Watch) -> int:
    """Learners whose mails came in another order than they were owed in."""
    owed, came = _by_person(whose, whose), _by_person(seen.first, whose)
    return sum(came.get(who) != mails for who, mails in owed.items() if who in came)


def _by_person(messages: Iterable[str], whose: dict[str, int | None]) -> dict[int | None, list[str]]:
    found: defaultdict[int | None, list[str]] = defaultdict(list)
    for message in messages:
        if message in whose:
            found[whose[message]].append(message)
    return found
