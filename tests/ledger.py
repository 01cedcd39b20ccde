"""What a sender does with the ledger, one half at a time."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import delivery
from engine.flows import leases


async def begin(
    session: AsyncSession, ids: Sequence[int], *, worker: str, now: datetime
) -> list[leases.Begun]:
    """Mark leased mails as `sending`."""
    return await leases.exchange(session, (), ids, worker=worker, now=now, in_doubt="send")


async def record(
    session: AsyncSession,
    outcomes: Sequence[tuple[leases.Begun, delivery.Outcome]],
    *,
    worker: str,
    now: datetime,
    in_doubt: leases.InDoubt,
) -> None:
    """Write what became of mails."""
    await leases.exchange(session, outcomes, (), worker=worker, now=now, in_doubt=in_doubt)
