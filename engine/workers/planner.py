"""Enrolling, planning and the weekly summary, one tick at a time."""

from collections.abc import Callable

from engine.clock import Clock
from engine.flows import enrolments, instance, planning, summaries
from engine.tables.db import Database

CHUNK = 500


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
        while chunk := await self._chunk():
            touched += chunk
            self._planned()
        async with self._db.transaction() as session:
            touched += await enrolments.finish(session, now=self._clock.now())
            await summaries.owe(session, now=self._clock.now())
        return touched

    async def _chunk(self) -> int:
        async with self._db.transaction() as session:
            return await planning.plan_due(session, now=self._clock.now(), limit=CHUNK)
