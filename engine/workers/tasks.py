"""Long work in small steps, beside planning and sending: lists of people."""

from collections.abc import Callable

from engine.clock import Clock
from engine.core import consent
from engine.flows import imports
from engine.tables.db import Database


class Tasks:
    """Goes on with whatever long work stands in the database. Any number may run."""

    def __init__(
        self, db: Database, clock: Clock, fingerprint: consent.Fingerprint, *, owed: Callable[[], None]
    ) -> None:
        self._db, self._clock, self._fingerprint = db, clock, fingerprint
        self._owed = owed
        """Called after each commit that may have owed a mail or let a course begin."""

    async def due(self) -> bool:
        """Whether there is something for a step to do."""
        async with self._db.reading() as session:
            return await imports.due(session)

    async def step(self) -> bool:
        """One chunk, in one transaction. False: there is nothing to do, and what is too old was forgotten."""
        now = self._clock.now()
        async with self._db.transaction() as session:
            worked = await imports.advance(session, fingerprint=self._fingerprint, now=now)
            if not worked:
                await imports.prune(session, now=now)
        if worked:
            self._owed()
        return worked
