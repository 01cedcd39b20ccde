"""Counting beforehand what the studio's pages show."""

from time import monotonic

from engine.clock import Clock
from engine.flows import counting
from engine.tables.db import Database


class Counter:
    """Keeps the numbers up to date, at a small share of the time. Any number may run."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._ripe: list[tuple[int, str]] = []
        """Where answers wait to be put into groups, as a count found."""

    async def step(self) -> bool:
        """Count, when it is time, or group some answers. False: there is nothing more to do for now."""
        async with self._db.reading() as session:
            due = await counting.is_due(session, now=self._clock.now())
        if due:
            await self.count()
        elif self._ripe:
            await self._group(*self._ripe[-1])
        return due or bool(self._ripe)

    async def count(self) -> None:
        """Count now: the last days, and month by month what was not counted yet."""
        while not await self._count():
            pass

    async def _count(self) -> bool:
        """Count some days. Whether these were the last."""
        began = monotonic()
        async with self._db.reading() as session:  # the look at the base holds no lock
            found = await counting.count(session, now=self._clock.now())
            self._ripe = self._ripe or await counting.ripe(session)
        async with self._db.transaction() as session:
            await counting.keep(session, found, seconds=monotonic() - began)
        return found.whole

    async def _group(self, course_id: int, activity: str) -> None:
        async with self._db.transaction() as session:
            if not await counting.group(session, course_id, activity):
                self._ripe.pop()
