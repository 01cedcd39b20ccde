"""Several workers on one ledger: how much faster than one, and what is lost when they are ill-treated.

First one worker and then all of them drain as many lessons into a sink that answers after 20 ms. Then again,
while one is killed, one stopped for longer than its leases last and continued, and one made slow.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from engine.bench import base, ledger, service, sink, watch
from engine.core import errors
from engine.tables import db

_DELAY = 0.02
_NICE = 19
"""Of the slow one: it works when nobody else does."""

Processes = Sequence[asyncio.subprocess.Process]


@dataclass(frozen=True)
class Result:
    messages: int
    workers: int
    connections: int
    """Of each."""
    one_per_s: float
    all_per_s: float
    speedup: float
    lost: int
    doubled: int
    """Copies too many, while workers were ill-treated; at most what the dead one and the stopped one had on
    the wire."""
    doubled_otherwise: int
    """And while all was well."""

    @property
    def kept(self) -> bool:
        return not self.lost and not self.doubled_otherwise and self.doubled <= 2 * self.connections


async def run(
    *,
    messages: int,
    workers: int,
    connections: int,
    stopped: float,
    database: str,
    smtp: str | None,
    now: datetime,
) -> Result:
    """`stopped`: for so many seconds one of them stands still.

    Raises `errors.Invalid` when the database is not empty, or is one that workers cannot share."""
    found = db.Database(database)
    if found.is_sqlite:
        raise errors.Invalid("Several workers need PostgreSQL.")
    places = await base.enrol(
        database, messages, files=base.SHORT, slug="court", place={"next_key": base.SHORT_LESSON}, now=now
    )
    cluster = _Cluster(database, found, service.keys(), places, connections, smtp, now)
    try:
        one, doubled_by_one, lost_by_one = await cluster.drain(1)
        many, doubled_by_many, lost_by_many = await cluster.drain(workers)
        _, doubled, lost = await cluster.drain(workers, stopped=stopped)
    finally:
        await found.close()
    return Result(
        messages=messages,
        workers=workers,
        connections=connections,
        one_per_s=round(messages / one, 1),
        all_per_s=round(messages / many, 1),
        speedup=round(one / many, 2),
        lost=lost + lost_by_one + lost_by_many,
        doubled=doubled,
        doubled_otherwise=doubled_by_one + doubled_by_many,
    )


@dataclass(frozen=True)
class _Cluster:
    database: str
    found: db.Database
    keys: dict[str, str]
    places: list[int]
    connections: int
    smtp: str | None
    now: datetime

    async def drain(self, count: int, *, stopped: float = 0.0) -> tuple[float, int, int]:
        """Seconds from the first mail to the last, copies too many, and mails that never came."""
        await ledger.owe(self.found, [], base.SHORT_LESSON, self.now)
        async with (
            sink.somewhere(self.smtp) as behind,
            watch.watching(behind, delay=_DELAY) as (address, seen),
            self._workers(count, address) as processes,
        ):
            await ledger.owe(self.found, self.places, base.SHORT_LESSON, self.now)
            if stopped:
                await _ill_treat(processes, seen, stopped)
            await ledger.drained(self.found)
        return seen.lasted, sum(seen.again.values()), len(self.places) - len(seen.first)

    @asynccontextmanager
    async def _workers(self, count: int, address: str) -> AsyncIterator[Processes]:
        async with AsyncExitStack() as stack:
            started = [
                stack.enter_async_context(
                    service.worker(self.database, address, self.keys, connections=self.connections)
                )
                for _ in range(count)
            ]
            yield [await each for each in started]


async def _ill_treat(processes: Processes, seen: watch.Watch, stopped: float) -> None:
    """Once mails flow: the last is slow, the first is killed, the second stopped for a while."""
    while not seen.first:  # noqa: ASYNC110  # it happens in other processes
        await asyncio.sleep(0.01)
    os.setpriority(os.PRIO_PROCESS, processes[-1].pid, _NICE)
    processes[0].kill()
    processes[1].send_signal(signal.SIGSTOP)
    await asyncio.sleep(stopped)
    processes[1].send_signal(signal.SIGCONT)
