"""Facts about this installation: how it feels, and what it must remember between two starts."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import delivery
from engine.tables import Delivery, Meta

_DEMO_OFFSET = "demo_offset_seconds"


async def health(session: AsyncSession, *, now: datetime) -> dict[str, object]:
    """Counts that an operator watches: what waits, since when, and what needs a human."""
    waiting, oldest = (
        await session.execute(
            select(func.count(), func.min(Delivery.due_at)).where(
                Delivery.state.in_(delivery.READY), Delivery.try_at <= now
            )
        )
    ).one()
    held = await session.scalar(
        select(func.count()).select_from(Delivery).where(Delivery.state == delivery.State.HELD)
    )
    age = int((now - oldest).total_seconds()) if oldest else 0
    return {"mails_waiting": waiting, "oldest_wait_seconds": age, "mails_held": held or 0}


async def demo_offset(session: AsyncSession) -> timedelta:
    """How far the demo's clock was moved, over all its lives."""
    found = await session.get(Meta, _DEMO_OFFSET)
    return timedelta(seconds=float(found.value)) if found else timedelta()


async def keep_demo_offset(session: AsyncSession, offset: timedelta) -> None:
    await session.merge(Meta(key=_DEMO_OFFSET, value=str(offset.total_seconds())))


async def sent_so_far(session: AsyncSession) -> int:
    """How many mails ever left."""
    found = await session.scalar(
        select(func.count()).select_from(Delivery).where(Delivery.state == delivery.State.SENT)
    )
    return found or 0
