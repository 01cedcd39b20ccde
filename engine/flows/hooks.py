"""Telling other programs what happened: the messages owed to webhooks, and what became of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import webhooks
from engine.core.delivery import RetryAt
from engine.core.webhooks import Event, State
from engine.tables import Course, Enrolment, Webhook, WebhookDelivery

LEASE = timedelta(minutes=1)
"""How long a try may be in hand before another worker takes the message up."""
_REST = timedelta(minutes=1)
_AT_ONCE_EACH = 5
_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Fact:
    """What a message tells, in ids and keys: who listens asks the API for more, with its own rights."""

    learner_id: int
    enrolment_id: int | None = None
    lesson: str = ""
    activity: str = ""


async def tell(session: AsyncSession, event: Event, *facts: Fact, now: datetime) -> None:
    """Owe a message about each fact to every webhook that listens to `event`.

    Written with what it tells of: what is rolled back is not told, and what is committed is.
    """
    if not facts:
        return
    hooks = await listening(session, event)
    if not hooks:
        return
    slugs = await _slugs(session, {fact.enrolment_id for fact in facts if fact.enrolment_id})
    texts = [webhooks.body(event, _data(fact, slugs), now=now) for fact in facts]
    rows = [row(hook, event, text, now) for text in texts for hook in hooks]
    await session.execute(insert(WebhookDelivery), rows)


async def listening(session: AsyncSession, event: Event) -> list[int]:
    """The webhooks that want to know."""
    hooks = await session.execute(select(Webhook.id, Webhook.events).where(Webhook.enabled))
    return [hook.id for hook in hooks if event in hook.events]


async def _slugs(session: AsyncSession, ids: Iterable[int]) -> dict[int, str]:
    """The course of each enrolment."""
    found = await session.execute(
        select(Enrolment.id, Course.slug).join(Course).where(Enrolment.id.in_(tuple(ids)))
    )
    return {row.id: row.slug for row in found}


def _data(fact: Fact, slugs: dict[int, str]) -> dict[str, Any]:
    told = {
        "learner_id": fact.learner_id,
        "enrolment_id": fact.enrolment_id,
        "course": slugs.get(fact.enrolment_id or 0, ""),
        "lesson": fact.lesson,
        "activity": fact.activity,
    }
    return {name: value for name, value in told.items() if value}


def row(webhook_id: int, event: str, text: str, now: datetime) -> dict[str, Any]:
    """One message owed, ready to be inserted."""
    return {
        "key": webhooks.new_key(),
        "webhook_id": webhook_id,
        "event": event,
        "payload": text,
        "state": State.WAITING,
        "tries": 0,
        "try_at": now,
        "answer": "",
        "created_at": now,
    }


@dataclass(frozen=True)
class Message:
    """One try of one message."""

    id: int
    url: str
    key: str
    payload: str
    secrets: tuple[str, ...]


async def due(session: AsyncSession, *, now: datetime) -> bool:
    """Whether a message waits for its turn."""
    waiting = exists().where(WebhookDelivery.state == State.WAITING, WebhookDelivery.try_at <= now)
    return bool(await session.scalar(select(waiting)))


async def lease(session: AsyncSession, *, limit: int, now: datetime) -> list[Message]:
    """Take up to `limit` messages that are due, a few for each webhook, so that a slow one delays no other.

    Nobody else takes them for `LEASE`; a worker that dies has only spent a try.
    """
    turn = func.row_number().over(partition_by=WebhookDelivery.webhook_id, order_by=WebhookDelivery.try_at)
    due = (
        select(WebhookDelivery.id, turn.label("turn"))
        .where(WebhookDelivery.state == State.WAITING, WebhookDelivery.try_at <= now)
        .subquery()
    )
    chosen = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.id.in_(select(due.c.id).where(due.c.turn <= _AT_ONCE_EACH)),
            # Said again: what another worker took a moment ago is not due any more.
            WebhookDelivery.state == State.WAITING,
            WebhookDelivery.try_at <= now,
        )
        .order_by(WebhookDelivery.try_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = await session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(chosen.scalar_subquery()))
        .values(tries=WebhookDelivery.tries + 1, try_at=now + LEASE)
        .returning(
            WebhookDelivery.id, WebhookDelivery.webhook_id, WebhookDelivery.key, WebhookDelivery.payload
        )
        .execution_options(synchronize_session=False)
    )
    rows = sorted(taken, key=tuple)
    return await _messages(session, rows, now)


async def _messages(session: AsyncSession, rows: Sequence[Any], now: datetime) -> list[Message]:
    found = await session.scalars(select(Webhook).where(Webhook.id.in_({row.webhook_id for row in rows})))
    hooks = {hook.id: hook for hook in found}
    return [
        Message(row.id, hook.url, row.key, row.payload, _secrets(hook, now))
        for row in rows
        if (hook := hooks.get(row.webhook_id))
    ]


def _secrets(hook: Webhook, now: datetime) -> tuple[str, ...]:
    rotating = hook.rotated_at is not None and now < hook.rotated_at + webhooks.ROTATION
    return (hook.secret, hook.old_secret) if rotating else (hook.secret,)


@dataclass(frozen=True)
class Answer:
    status: int | None
    """None when there was no answer."""
    text: str

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The other side says that it will never be there again."""
        return self.status == 410


async def record(session: AsyncSession, message_id: int, answer: Answer, *, now: datetime) -> str:
    """Write what became of a try. Why its webhook was switched off by it; "" when it was not."""
    row = await session.get(WebhookDelivery, message_id, with_for_update=True)
    if row is None or row.state in (State.SENT, State.FAILED):
        return ""
    hook = await session.get_one(Webhook, row.webhook_id, with_for_update=True)
    row.status, row.answer = answer.status, webhooks.excerpt(answer.text)
    if answer.taken:
        row.state, row.done_at = State.SENT, now
        hook.failing_since = None
        return ""
    if row.state != State.WAITING:
        return ""
    return await _failed(session, row, hook, answer, now)


async def _failed(
    session: AsyncSession, row: WebhookDelivery, hook: Webhook, answer: Answer, now: datetime
) -> str:
    hook.failing_since = hook.failing_since or now
    again = webhooks.retry(row.tries, now=now)
    if isinstance(again, RetryAt):
        row.try_at = again.at
    else:
        row.state, row.done_at = State.FAILED, now
    await session.flush()
    if answer.gone or webhooks.worn_out(hook.failing_since, now=now):
        note = "gone" if answer.gone else "failing"
        await switch_off(session, hook, note=note, now=now)
        return note
    await session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == hook.id,
            WebhookDelivery.id != row.id,
            WebhookDelivery.state == State.WAITING,
            WebhookDelivery.try_at < now + _REST,
        )
        .values(try_at=now + _REST)
        .execution_options(synchronize_session=False)
    )
    return ""


async def switch_off(session: AsyncSession, row: Webhook, *, note: str = "", now: datetime) -> None:
    """Tell it nothing any more, not even what it is owed; `note` tells why when nobody asked."""
    row.enabled, row.note = False, note
    await session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == row.id, WebhookDelivery.state == State.WAITING)
        .values(state=State.CANCELLED, done_at=now)
        .execution_options(synchronize_session="fetch")
    )


async def prune(session: AsyncSession, *, now: datetime) -> int:
    """Forget messages that were settled and are a month old. How many."""
    gone = await session.execute(
        delete(WebhookDelivery)
        .where(WebhookDelivery.created_at < now - _KEPT, WebhookDelivery.state != State.WAITING)
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]  # of a DELETE
