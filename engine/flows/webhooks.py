"""Other programs that are told what happens: adding them, choosing what they hear, looking at their log."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors, paging, webhooks
from engine.core.webhooks import Event
from engine.flows import accounts, hooks
from engine.tables import Webhook, WebhookDelivery

_MOST = 50
_LOG = 50


async def every(session: AsyncSession) -> list[Webhook]:
    """In the order in which they were added."""
    return list(await session.scalars(select(Webhook).order_by(Webhook.id)))


async def get(session: AsyncSession, webhook_id: int, *, lock: bool = False) -> Webhook:
    """Raises `errors.NotFound`."""
    known = 0 < webhook_id <= paging.LARGEST_ID
    row = await session.get(Webhook, webhook_id, with_for_update=lock or None) if known else None
    if row is None:
        raise errors.NotFound("Ce webhook n'existe pas.")
    return row


async def add(
    session: AsyncSession,
    *,
    url: str,
    events: Iterable[str],
    plain: bool = False,
    by: int | None,
    now: datetime,
) -> Webhook:
    """A new webhook with a secret of its own; `plain`: its address may begin with http://.

    Raises `errors.Invalid` (fields url, events).
    """
    problems: dict[str, str] = {}
    try:
        url = webhooks.checked_url(url, plain=plain)
    except errors.Invalid as invalid:
        problems |= invalid.problems
    listed = _listed(events, problems)
    if int(await session.scalar(select(func.count()).select_from(Webhook)) or 0) >= _MOST:
        problems["url"] = "Il y a déjà cinquante webhooks : supprimez-en un d'abord."
    if problems:
        raise errors.Invalid(problems)
    row = Webhook(url=url, events=listed, secret=webhooks.new_secret(), enabled=True, created_at=now)
    session.add(row)
    await session.flush()
    accounts.note(session, by, "webhook_added", f"webhook:{row.id}", row.url, now=now)
    return row


def _listed(events: Iterable[str], problems: dict[str, str]) -> list[str]:
    asked = set(events)
    if not asked or not asked <= set(Event):
        problems["events"] = "Choisissez au moins un événement de la liste."
    return [event for event in Event if event in asked]


async def choose(
    session: AsyncSession, webhook_id: int, *, events: Iterable[str], by: int | None, now: datetime
) -> None:
    """Listen to other events from now on. Raises `errors.NotFound`, `errors.Invalid` (field events)."""
    row = await get(session, webhook_id, lock=True)
    problems: dict[str, str] = {}
    listed = _listed(events, problems)
    if problems:
        raise errors.Invalid(problems)
    row.events = listed
    accounts.note(session, by, "webhook_events", f"webhook:{row.id}", ", ".join(listed), now=now)


async def rotate(session: AsyncSession, webhook_id: int, *, by: int | None, now: datetime) -> str:
    """The new secret; messages are signed by the old one too for a day. Raises `errors.NotFound`."""
    row = await get(session, webhook_id, lock=True)
    row.old_secret, row.secret, row.rotated_at = row.secret, webhooks.new_secret(), now
    accounts.note(session, by, "webhook_secret", f"webhook:{row.id}", now=now)
    return row.secret


async def enable(session: AsyncSession, webhook_id: int, *, by: int | None, now: datetime) -> None:
    """Tell it from now on what happens; what happened meanwhile is not told. Raises `errors.NotFound`."""
    row = await get(session, webhook_id, lock=True)
    row.enabled, row.note, row.failing_since = True, "", None
    accounts.note(session, by, "webhook_on", f"webhook:{row.id}", now=now)


async def disable(session: AsyncSession, webhook_id: int, *, by: int | None, now: datetime) -> None:
    """Tell it nothing any more, not even what it is owed. Raises `errors.NotFound`."""
    await hooks.switch_off(session, await get(session, webhook_id, lock=True), now=now)
    accounts.note(session, by, "webhook_off", f"webhook:{webhook_id}", now=now)


async def remove(session: AsyncSession, webhook_id: int, *, by: int | None, now: datetime) -> None:
    """With its log. Raises `errors.NotFound`."""
    row = await get(session, webhook_id, lock=True)
    await session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == row.id))
    await session.delete(row)
    accounts.note(session, by, "webhook_removed", f"webhook:{webhook_id}", row.url, now=now)


async def test(session: AsyncSession, webhook_id: int, *, now: datetime) -> None:
    """Owe it a message that says nothing. Raises `errors.NotFound`, `errors.NotAllowed` when it is off."""
    row = await get(session, webhook_id)
    if not row.enabled:
        raise errors.NotAllowed("Activez d'abord ce webhook.")
    text = webhooks.body(webhooks.TEST, {}, now=now)
    await session.execute(insert(WebhookDelivery), [hooks.row(row.id, webhooks.TEST, text, now)])


async def log(session: AsyncSession, webhook_id: int) -> list[WebhookDelivery]:
    """Its last fifty messages, the newest first."""
    found = await session.scalars(
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(_LOG)
    )
    return list(found)
