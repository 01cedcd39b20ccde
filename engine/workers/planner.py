"""Enrolling, planning and the weekly summary, one tick at a time."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from engine.clock import Clock
from engine.flows import enrolments, instance, planning, summaries
from engine.tables.db import Database

_CHUNK, _SMALL_CHUNK = 4000, 250
"""How many are planned in one transaction. On SQLite nobody else writes meanwhile."""
_LANES = 2
"""Transactions at once, where the database allows it: while one waits for it, the other reckons."""


class Planner:
    """Makes enrolments active and plans what is due. Any number may run."""

    def __init__(self, db: Database, clock: Clock, *, planned: Callable[[], None]) -> None:
        self._db, self._clock = db, clock
        self._planned = planned
        """Called after each commit that may have planned a mail."""

    async def tick(self) -> int:
        """The jobs `enrol` and `plan`: everything that is due now. How many enrolments were touched.

        None in a copy that rests: when it is told to act, it finds what is due as after an outage.
        """
        now = self._clock.now()
        async with self._db.transaction() as session:
            if await instance.rests(session):
                return 0
            await planning.postpone_late(session, now=now)
            touched = await enrolments.enrol(session, now=now)
        while planned := await self._plan():
            touched += planned
        async with self._db.transaction() as session:
            touched += await enrolments.finish(session, now=self._clock.now())
            await summaries.owe(session, now=self._clock.now())
        return touched

    async def _plan(self) -> int:
        """One round: those who are due when it begins."""
        async with self._db.reading() as session:
            due = await planning.due(session, now=self._clock.now())
        size, lanes = (_SMALL_CHUNK, 1) if self._db.is_sqlite else (_CHUNK, _LANES)
        chunks = (due[start : start + size] for start in range(0, len(due), size))
        done = await asyncio.gather(*(self._lane(chunks) for _ in range(lanes)), return_exceptions=True)
        for found in done:
            if isinstance(found, BaseException):
                raise found
        return sum(count for count in done if isinstance(count, int))

    async def _lane(self, chunks: Iterator[Sequence[int]]) -> int:
        planned = 0
        for chunk in chunks:
            async with self._db.transaction() as session:
                planned += await planning.plan_due(
                    session, now=self._clock.now(), limit=len(chunk), among=chunk
                )
            self._planned()
        return planned
