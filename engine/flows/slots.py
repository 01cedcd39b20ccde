"""Connections that a limited lane allows, shared by all machines: leased for as long as a step takes."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core.lanes import Limit
from engine.tables import LaneSlot, dialect

_LEASE = timedelta(seconds=30)


async def lease(
    session: AsyncSession, limits: Mapping[str, Limit], *, worker: str, now: datetime
) -> Counter[str]:
    """Take every free slot of these lanes, and keep ours: how many of each are ours now."""
    await _make(session, limits, now)
    allowed = or_(
        *(and_(LaneSlot.lane == lane, LaneSlot.number < each.connections) for lane, each in limits.items())
    )
    free = (
        select(LaneSlot.lane, LaneSlot.number)
        .where(allowed, or_(LaneSlot.worker == worker, LaneSlot.until <= now))
        .with_for_update(skip_locked=True)
    )
    taken = await session.execute(
        update(LaneSlot)
        .where(tuple_(LaneSlot.lane, LaneSlot.number).in_(free))
        .values(worker=worker, until=now + _LEASE)
        .returning(LaneSlot.lane)
        .execution_options(synchronize_session=False)
    )
    return Counter(taken.scalars())


async def _make(session: AsyncSession, limits: Mapping[str, Limit], now: datetime) -> None:
    """The rows that a setting asks for; those beyond it stay, and are not used."""
    found = await session.execute(select(LaneSlot.lane, LaneSlot.number))
    there = {tuple(row) for row in found}
    wanted = {(lane, number) for lane, each in limits.items() for number in range(each.connections)}
    if missing := sorted(wanted - there):
        rows = [{"lane": lane, "number": number, "worker": "", "until": now} for lane, number in missing]
        await dialect.insert_all(session, LaneSlot, rows, unless=("lane", "number"))


async def keep(session: AsyncSession, *, worker: str, now: datetime) -> None:
    """A sign of life."""
    await _set(session, worker, now + _LEASE)


async def release(session: AsyncSession, *, worker: str, now: datetime) -> None:
    """Others may have them."""
    await _set(session, worker, now)


async def _set(session: AsyncSession, worker: str, until: datetime) -> None:
    await session.execute(
        update(LaneSlot)
        .where(LaneSlot.worker == worker)
        .values(until=until)
        .execution_options(synchronize_session=False)
    )
