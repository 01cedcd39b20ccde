"""The ledger as a bench fills it, and looks at it while others work on it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from engine.core import delivery
from engine.flows import outbox
from engine.tables import Delivery, Enrolment, db, dialect

LOOK = 0.05
PATIENCE = 600.0
"""Seconds between two looks, and until a bench gives up."""
_CHUNK = 5000


async def owe(found: db.Database, places: Sequence[int], lesson: str, now: datetime) -> None:
    """The same lesson to everybody, due now; what was owed before is forgotten."""
    async with found.transaction() as session:
        await session.execute(delete(Delivery))
        for start in range(0, len(places), _CHUNK):
            some = places[start : start + _CHUNK]
            whose = await session.execute(
                select(Enrolment.id, Enrolment.learner_id).where(dialect.among(session, Enrolment.id, some))
            )
            rows = [
                outbox.row(
                    kind=delivery.Kind.LESSON,
                    learner_id=learner,
                    enrolment_id=place,
                    now=now,
                    lesson_key=lesson,
                )
                for place, learner in whose
            ]
            await outbox.owe(session, rows)
    async with found.transaction() as session:
        await dialect.analyze(session, "delivery")


async def drained(found: db.Database, *, patience: float = PATIENCE) -> None:
    """Wait until no mail is open any more. Raises TimeoutError after `patience` seconds."""
    async with asyncio.timeout(patience):
        while await is_open(found):  # noqa: ASYNC110  # it happens in another process
            await asyncio.sleep(LOOK)


async def is_open(found: db.Database) -> bool:
    """Whether a mail waits to be sent."""
    async with found.reading() as session:
        states = tuple(delivery.OPEN)
        return bool(await session.scalar(select(Delivery.id).where(Delivery.state.in_(states)).limit(1)))


async def sent(found: db.Database) -> int:
    async with found.reading() as session:
        return await session.scalar(select(func.count()).where(Delivery.state == delivery.State.SENT)) or 0


async def sent_once(found: db.Database) -> int:
    """Those of them that were tried once."""
    async with found.reading() as session:
        rows = select(func.count()).where(Delivery.state == delivery.State.SENT, Delivery.tries == 1)
        return await session.scalar(rows) or 0
