"""Forgetting in time: who never confirmed, who has done nothing for years, old logs."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.clock import Clock
from engine.core.retention import Terms
from engine.flows import instance, retention
from engine.tables.db import Database

_LISTED, _CHUNK, _LINES = 1000, 10, 500
"""How many people are looked for at once, erased in one transaction; lines of a log deleted in one."""
_REST = timedelta(hours=1)


class Keeper:
    """Goes through the base once an hour, in small steps. Any number may run."""

    def __init__(self, db: Database, clock: Clock, terms: Terms) -> None:
        self._db, self._clock, self._terms = db, clock, terms
        self._listed: Sequence[int] = ()
        self._again: datetime | None = None

    async def step(self) -> bool:
        """One chunk, in one transaction. False: nothing more to do for now."""
        now = self._clock.now()
        if self._again and now < self._again:
            return False
        if await self._forget(now) or await self._prune(now):
            return True
        self._again = now + _REST
        return False

    async def _forget(self, now: datetime) -> bool:
        if not self._listed:
            async with self._db.reading() as session:
                if await instance.rests(session):
                    return False
                self._listed = await retention.people(session, self._terms, limit=_LISTED, now=now)
        some, self._listed = self._listed[:_CHUNK], self._listed[_CHUNK:]
        if not some:
            return False
        async with self._db.transaction() as session:
            gone = await retention.forget(session, some, self._terms, now=now)
        return bool(gone or self._listed)

    async def _prune(self, now: datetime) -> bool:
        async with self._db.transaction() as session:
            if await instance.rests(session):
                return False
            return bool(await retention.prune(session, self._terms, limit=_LINES, now=now))
