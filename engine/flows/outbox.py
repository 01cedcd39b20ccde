"""The ledger, which is the only queue of mails: what is owed, and what waits."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, delivery, errors, links, sending
from engine.core.delivery import Kind, State
from engine.tables import Delivery, Enrolment, Event, Learner, dialect

_PATIENCE = timedelta(days=4)
PRIORITIES = _PERSON_WAITS, _COURSE, _BULK = 0, 1, 2
_OF_A_PERSON = (Kind.ADDRESS, Kind.DATA, Kind.TEAM)
"""Mails on request that are about the person, whatever the course it was asked from."""
ON_SLOT = (Kind.LESSON, Kind.REMINDER, Kind.MISSED, Kind.SILENT, Kind.FAREWELL)
"""Mails that leave at the learner's hour or not at all that day."""


def row(
    *,
    kind: Kind,
    learner_id: int | None = None,
    enrolment_id: int | None = None,
    account_id: int | None = None,
    now: datetime,
    due_at: datetime | None = None,
    lesson_key: str = "",
    occasion: str = "",
    expires_at: datetime | None = None,
    due_reason: str = "",
    bulk: bool = False,
) -> dict[str, Any]:
    """One mail owed to a learner or an account, ready to be inserted. Without `due_at` it leaves at once.

    `bulk`: one of thousands that nobody waits for; all others go before it.
    """
    due_at = due_at or now
    subject = f"enrolment:{enrolment_id}" if enrolment_id else f"learner:{learner_id}"
    if account_id:
        subject = f"account:{account_id}"
    return {
        "dedup_key": delivery.dedup_key(subject, kind, lesson_key, occasion),
        "learner_id": learner_id,
        "enrolment_id": enrolment_id,
        "account_id": account_id,
        "kind": kind,
        "lesson_key": lesson_key,
        "occasion": occasion,
        "priority": _BULK if bulk else _PERSON_WAITS if delivery.waited_for(kind) else _COURSE,
        "state": State.PLANNED,
        "due_at": due_at,
        "due_reason": due_reason,
        "try_at": due_at,
        "expires_at": expires_at or due_at + _PATIENCE,
        "tries": 0,
        "lease": "",
        "message_id": message_ids(1)[0],
        "reason": "",
        "created_at": now,
    }


def message_ids(count: int) -> list[str]:
    """The same at every try of a mail, so that a copy is recognised; random, so that they tell nothing."""
    drawn = secrets.token_hex(16 * count)
    return [drawn[start : start + 32] for start in range(0, len(drawn), 32)]


async def owe(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write mails owed into the ledger; one that is there already is not written twice."""
    if rows:
        await dialect.insert_all(session, Delivery, rows, unless=("dedup_key",))


async def owe_on_request(
    session: AsyncSession,
    kind: Kind,
    *,
    learner_id: int,
    enrolment_id: int,
    every: timedelta,
    now: datetime,
    lesson_key: str = "",
    mark: str = "",
    about: str = "",
) -> bool:
    """Owe a mail that somebody asked for, at most one in `every`. Whether it is owed now.

    Its occasion is `mark`, the time, `about`; requests with another mark are counted apart.
    """
    whose = (
        Delivery.learner_id == learner_id if kind in _OF_A_PERSON else Delivery.enrolment_id == enrolment_id
    )
    recent = select(Delivery.id).where(
        whose, Delivery.kind == kind, Delivery.created_at > now - every, Delivery.occasion.startswith(mark)
    )
    if await session.scalar(recent):
        await _hasten(session, recent)
        return False
    asked = row(
        kind=kind,
        learner_id=learner_id,
        enrolment_id=enrolment_id,
        now=now,
        lesson_key=lesson_key,
        occasion=mark + links.stamp_of(now) + about,
    )
    await owe(session, [asked])
    return True


async def _hasten(session: AsyncSession, mails: Select[int]) -> None:
    """A list may have owed them, behind all others; now their person waits."""
    await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(mails), Delivery.state.in_(delivery.READY), Delivery.priority == _BULK)
        .values(priority=_PERSON_WAITS)
        .execution_options(synchronize_session=False)
    )


async def cancel(
    session: AsyncSession, enrolment_id: int, *kinds: Kind, reason: str, now: datetime, occasion: str = ""
) -> None:
    """Cancel the mails of these kinds that are in no worker's hands; `begin` sees to the others.

    `occasion`: only those whose occasion begins with it.
    """
    await session.execute(
        update(Delivery)
        .where(
            Delivery.enrolment_id == enrolment_id,
            Delivery.kind.in_(kinds),
            Delivery.occasion.startswith(occasion, autoescape=True),
            Delivery.state.in_((*delivery.READY, State.HELD)),
        )
        .values(state=State.CANCELLED, reason=reason, settled_at=now)
        .execution_options(synchronize_session=False)
    )


def kept_back(mail: Delivery) -> bool:
    """Whether a pause, and nothing else, stands against it."""
    return mail.state == State.HELD and mail.reason == sending.PAUSED


async def held(session: AsyncSession) -> list[Delivery]:
    """Mails that wait for a human (those that a pause keeps back wait for the learner)."""
    found = await session.scalars(
        select(Delivery)
        .where(Delivery.state == State.HELD, Delivery.reason != sending.PAUSED)
        .order_by(Delivery.id)
    )
    return list(found)


async def free(session: AsyncSession, delivery_id: int, *, now: datetime) -> None:
    """Let a held mail leave after all, at once. Raises `errors.NotFound`, `errors.NotAllowed`."""
    mail = await session.get(Delivery, delivery_id, with_for_update=True)
    if mail is None:
        raise errors.NotFound(f"There is no mail number {delivery_id}.")
    mail.state, mail.reason = delivery.advance(State(mail.state), "free"), ""
    mail.due_at = mail.try_at = now
    mail.expires_at = max(mail.expires_at, now + _PATIENCE)


async def next_moment(session: AsyncSession) -> datetime | None:
    """When the ledger has something to do again: the next try, or the end of a lease."""
    tries = select(func.min(Delivery.try_at)).where(Delivery.state.in_(delivery.READY))
    leases = select(func.min(Delivery.lease_until)).where(Delivery.state.in_((State.CLAIMED, State.SENDING)))
    moments = [await session.scalar(tries), await session.scalar(leases)]
    return min((moment for moment in moments if moment), default=None)


def late(now: datetime, limit: int) -> Select[Delivery, Enrolment, str]:
    """Some mails on slots that an outage kept past their hour, with what is needed to find them a new one."""
    return (
        select(Delivery, Enrolment, Learner.region)
        .join(Enrolment, Enrolment.id == Delivery.enrolment_id)
        .join(Learner, Learner.id == Delivery.learner_id)
        .where(
            Delivery.state.in_(delivery.READY),
            Delivery.kind.in_(ON_SLOT),
            Delivery.try_at <= now,
            Delivery.due_at < now - calendar.LATE_AFTER,
        )
        .limit(limit)
        .with_for_update(of=[Delivery, Enrolment], skip_locked=True)
    )


def event(
    *,
    learner_id: int,
    enrolment_id: int | None,
    kind: str,
    now: datetime,
    lesson_key: str = "",
    text: str = "",
) -> Event:
    """A line of a learner's history."""
    return Event(
        learner_id=learner_id, enrolment_id=enrolment_id, kind=kind, at=now, lesson_key=lesson_key, text=text
    )
