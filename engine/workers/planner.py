"""Enrolling, planning and the weekly summary, one tick at a time."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

from engine.clock import Clock
from engine.flows import enrolments, instance, planning, summaries
from engine.tables.db import Database

_CHUNK = 4000
"""How many are planned in one transaction."""
_SMALL_CHUNK, _AIM_S = 250, 0.04
"""On SQLite nobody else writes meanwhile: chunks begin small and grow until one takes that long."""
_LANES = 2
"""Transactions at once, where the database allows it: while one waits for it, the other reckons."""


class Planner:
    """Makes enrolments active and plans what is due. Any number may run."""

    def __init__(self, db: Database, clock: Clock, *, planned: Callable[[], None]) -> None:
        self._db, self._clock = db, clock
        self._planned = planned
        """Called after each commit that may have planned a mail."""
        self._size = _SMALL_CHUNK if db.is_sqlite else _CHUNK

    async def tick(self) -> int:
        """The jobs `enrol` and `plan`: everything that is due now. How many enrolments were touched.

        None in a copy that rests: when it is told to act, it finds what is due as after an outage.
        """
        now = self._clock.now()
        async with self._db.transaction() as session:
            if await instance.rests(session):
                return 0
            touched = await enrolments.enrol(session, now=now)
        await self._postpone()
        while planned := await self._plan():
            touched += planned
        async with self._db.transaction() as session:
            touched += await enrolments.finish(session, now=self._clock.now())
            await summaries.owe(session, now=self._clock.now())
        return touched

    async def _postpone(self) -> None:
        late = _SMALL_CHUNK
        while late == _SMALL_CHUNK:
            async with self._db.transaction() as session:
                late = await planning.postpone_late(session, now=self._clock.now(), limit=_SMALL_CHUNK)

    async def _plan(self) -> int:
        """One round: those who are due when it begins."""
        async with self._db.reading() as session:
            due = await planning.due(session, now=self._clock.now())
        lanes, chunks = 1 if self._db.is_sqlite else _LANES, self._chunks(due)
        done = await asyncio.gather(*(self._lane(chunks) for _ in range(lanes)), return_exceptions=True)
        for found in done:
            if isinstance(found, BaseException):
                raise found
        return sum(count for count in done if isinstance(count, int))

    def _chunks(self, due: Sequence[int]) -> Iterator[Sequence[int]]:
        start = 0
        while start < len(due):
            chunk = due[start : start + self._size]
            start += len(chunk)
            yield chunk

    async def _lane(self, chunks: Iterator[Sequence[int]]) -> int:
        planned = 0
        for chunk in chunks:
            began = time.perf_counter()
            async with self._db.transaction() as session:
                planned += await planning.plan_due(
                    session, now=self._clock.now(), limit=len(chunk), among=chunk
                )
            if self._db.is_sqlite:
                self._size = aimed(len(chunk), time.perf_counter() - began)
            self._planned()
        return planned


def aimed(size: int, seconds: float) -> int:
    """How many would take `_AIM_S`; at most the double of what was tried: a few may be quick by chance."""
    return max(_SMALL_CHUNK, min(round(size * _AIM_S / seconds), 2 * size, _CHUNK))
