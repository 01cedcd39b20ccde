"""What a process holds: a worker that drains few mails and many, the whole service, and one that is idle.

There are as many learners as mails, so that whatever were kept for a person would show.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from engine.bench import base, ledger, queries, service, sink, specimen
from engine.bench.specimen import COURSE, LESSON
from engine.clock import SystemClock
from engine.core import errors, links
from engine.tables import db

_ACTIVITY = "point-reperes"
_ALL = ("-m", "engine", "worker")
_BY_SERVICE = 1000
_SETTLING = 15.0
"""Seconds in which what a start brings with it is done: the first ticks, the first count."""
_SLOWEST = 100
"""Mails a second, below which we wait no longer."""


@dataclass(frozen=True)
class Result:
    small: int
    large: int
    peak_rss_mb_100k: float
    """Of `parcours worker --queues mail`, after `small` mails (100,000 unless told)."""
    peak_rss_mb_1m: float
    """After `large`."""
    serve_rss_mb: float
    """Of `parcours serve`, after a thousand mails and the pages that learners see most."""
    idle_cpu_pct: float
    """Of one core, by `parcours worker` with nothing to do."""
    idle_queries_per_s: float | None
    """Statements, without BEGIN and COMMIT; None on SQLite."""
    idle_transactions_per_s: float | None
    all_sent: bool
    """Every mail, at its first try."""


@dataclass(frozen=True)
class _World:
    database: str
    found: db.Database
    sink: str
    keys: dict[str, str]
    places: list[int]


async def run(
    *, small: int, large: int, idle_seconds: float, database: str, smtp: str | None, now: datetime
) -> Result:
    """Raises `errors.Invalid` when the database is not empty, or smtp-sink is missing."""
    files, at = specimen.files(), {"next_key": LESSON}
    found = db.Database(database)
    try:
        async with sink.somewhere(smtp) as address:
            places = await base.enrol(database, large, files=files, slug=COURSE, place=at, now=now)
            world = _World(database, found, address, service.keys(), places)
            few, few_sent = await _drain(world, small)
            many, many_sent = await _drain(world, large)
            idle = await _idle(world, idle_seconds)
            served, served_sent = await _serve(world, min(large, _BY_SERVICE))
    finally:
        await found.close()
    return Result(
        small=small,
        large=large,
        peak_rss_mb_100k=few,
        peak_rss_mb_1m=many,
        serve_rss_mb=served,
        idle_cpu_pct=idle.cpu_pct,
        idle_queries_per_s=idle.queries_per_s,
        idle_transactions_per_s=idle.transactions_per_s,
        all_sent=few_sent and many_sent and served_sent,
    )


async def _owe(world: _World, messages: int) -> None:
    await ledger.owe(world.found, world.places[:messages], LESSON, SystemClock().now())


async def _drain(world: _World, messages: int) -> tuple[float, bool]:
    """The peak of a worker of its own that sends so many, and whether all were sent."""
    await _owe(world, messages)
    async with service.worker(world.database, world.sink, world.keys) as process:
        await ledger.drained(world.found, patience=ledger.PATIENCE + messages / _SLOWEST)
        peak = sink.peak_rss_mb(process.pid)
    return peak, await ledger.sent_once(world.found) == messages


class _Idle(NamedTuple):
    cpu_pct: float
    queries_per_s: float | None = None
    transactions_per_s: float | None = None


async def _idle(world: _World, seconds: float) -> _Idle:
    """A worker of both queues whose ledger is done."""
    async with (
        _watched(world.database) as (database, count),
        service.worker(database, world.sink, world.keys, command=_ALL) as process,
    ):
        await asyncio.sleep(min(_SETTLING, seconds))
        before, began = sink.cpu_seconds(process.pid), replace(count) if count else None
        await asyncio.sleep(seconds)
        cpu = round(100 * (sink.cpu_seconds(process.pid) - before) / seconds, 2)
    if not (count and began):
        return _Idle(cpu)
    asked, transactions = count.queries - began.queries, count.transactions - began.transactions
    return _Idle(cpu, round(asked / seconds, 2), round(transactions / seconds, 2))


@asynccontextmanager
async def _watched(database: str) -> AsyncIterator[tuple[str, queries.Count | None]]:
    if db.parse(database).get_backend_name() == "sqlite":
        yield database, None
        return
    async with queries.counting(database) as (url, count):
        yield url, count


async def _serve(world: _World, messages: int) -> tuple[float, bool]:
    """The peak of the service that sends so many mails and shows pages, and whether all were sent."""
    await _owe(world, messages)
    async with service.served(world.database, world.keys, sink=world.sink) as (port, pid):
        await ledger.drained(world.found)
        for path in _pages(world):
            answer = await service.send(port, path)
            if answer.status != 200:
                raise errors.ParcoursError(f"{path[:3]} was answered by {answer.status}.")
        peak = sink.peak_rss_mb(pid)
    return peak, await ledger.sent_once(world.found) == messages


def _pages(world: _World) -> list[str]:
    signed = links.Links(
        service.SITE,
        (world.keys["PARCOURS_SECRET_KEY"].encode(),),
        lasting=world.keys["PARCOURS_SUPPRESSION_KEY"].encode(),
    )
    one = world.places[0]
    whose = [signed.url("m", one), signed.url("u", one), signed.url("l", one, LESSON)]
    whose += [signed.url("f", one), signed.url("a", one, _ACTIVITY)]
    return ["/", f"/c/{COURSE}", "/privacy", *(url.removeprefix(service.SITE) for url in whose)]
