"""Facts about this installation: how it feels, and what it must remember between two starts."""

from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import delivery
from engine.flows import feedback, instance, outbox
from engine.tables import Delivery, Meta, dialect

_DEMO_OFFSET = "demo_offset_seconds"


async def health(session: AsyncSession, *, now: datetime) -> dict[str, object]:
    """What an operator watches: whether it acts at all, what waits, since when, and what needs a human."""
    due = (Delivery.state.in_(delivery.READY), Delivery.due_at <= now)
    waiting, oldest, refused = (
        await session.execute(
            select(
                func.count(),
                func.min(Delivery.due_at),
                func.count(case((Delivery.state == delivery.State.RETRY, 1))),
            ).where(*due)
        )
    ).one()
    age = int((now - oldest).total_seconds()) if oldest else 0
    reports = await feedback.counts(session, since=now - timedelta(days=1))
    return {
        "instance": await instance.identity(session),
        "rests": await instance.rests(session),
        "mails_waiting": waiting,
        "mails_refused_for_now": refused,
        "oldest_wait_seconds": age,
        "mails_held": len(await outbox.held(session)),
        "mails_refused_by_our_fault": reports.ours,
        "reports_ignored": reports.ignored,
    }


async def clock(session: AsyncSession) -> datetime | None:
    """The time by the database's own clock; None with SQLite, which has none."""
    if dialect.is_sqlite(session):
        return None
    found: datetime | None = await session.scalar(select(func.clock_timestamp()))
    return found


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
