"""Counting beforehand what the studio's pages show."""

from time import monotonic

from engine.clock import Clock
from engine.flows import counting
from engine.tables.db import Database


class Counter:
    """Keeps the numbers up to date, at a small share of the time. Any number may run."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def step(self) -> bool:
        """Count once, when it is time. True: there are more days of the ledger to look at."""
        now = self._clock.now()
        async with self._db.reading() as session:
            if not await counting.is_due(session, now=now):
                return False
        return await self.count()

    async def count(self) -> bool:
        """Count now. The look at the base holds no lock."""
        began = monotonic()
        async with self._db.reading() as session:
            found = await counting.count(session, now=self._clock.now())
            ripe = await counting.ripe(session)
        for course_id, activity in ripe:
            while await self._group(course_id, activity):
                pass
        async with self._db.transaction() as session:
            await counting.keep(session, found, seconds=monotonic() - began)
        return found.more

    async def _group(self, course_id: int, activity: str) -> bool:
        async with self._db.transaction() as session:
            return await counting.group(session, course_id, activity)
