"""The ledger, which is the only queue of mails: owing, leasing, sending, recording."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Select, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from engine.core import calendar, delivery, errors, links
from engine.core.delivery import Kind, State
from engine.core.progress import State as Progress
from engine.core.webhooks import Event as WebhookEvent
from engine.flows import hooks
from engine.tables import Account, Delivery, Enrolment, Event, Learner, Submission, Suppression, dialect

LEASE = timedelta(seconds=30)
"""How long a worker may be silent before others take its rows up."""

_PATIENCE = timedelta(days=4)
_PERSON_WAITS, _COURSE, _BULK = 0, 1, 2
_PAUSED = "paused"
_OF_A_PERSON = (Kind.ADDRESS, Kind.DATA, Kind.TEAM)
"""Mails on request that are about the person, whatever the course it was asked from."""
_ON_SLOT = (Kind.LESSON, Kind.REMINDER, Kind.MISSED, Kind.SILENT, Kind.FAREWELL)
"""Mails that leave at the learner's hour or not at all that day."""

_TRANSACTIONAL = tuple(kind for kind in Kind if delivery.transactional(kind))
# Who left everything is not written to because somebody else wishes it.
_OWN_WISH = tuple(kind for kind in _TRANSACTIONAL if kind != Kind.INVITE)
# Which state of its enrolment a mail may leave in; the rest was overtaken by what the learner did.
_MAY_LEAVE: dict[Kind, tuple[Progress, ...]] = {
    Kind.WELCOME: (Progress.ACTIVE, Progress.PAUSED),
    Kind.LESSON: (Progress.ACTIVE, Progress.COMPLETED),
    Kind.AGAIN: (Progress.ACTIVE, Progress.PAUSED, Progress.COMPLETED),
    Kind.REMINDER: (Progress.ACTIVE,),
    Kind.MISSED: (Progress.ACTIVE, Progress.COMPLETED),
    Kind.SILENT: (Progress.PAUSED,),
    Kind.PAUSED: (Progress.PAUSED,),
    Kind.RESUMED: (Progress.ACTIVE,),
    Kind.FAREWELL: (Progress.ACTIVE, Progress.COMPLETED),
    Kind.CONFIRM: (Progress.PENDING,),
}


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
        # The same at every try, so that a copy is recognised; random, so that it tells nothing.
        "message_id": secrets.token_hex(16),
        "reason": "",
        "created_at": now,
    }


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
    return mail.state == State.HELD and mail.reason == _PAUSED


async def lease(session: AsyncSession, *, worker: str, limit: int, now: datetime) -> list[int]:
    """Reserve up to `limit` mails that are due for `worker`, the most urgent first.

    Nobody else takes them for `LEASE`.
    """
    late = and_(Delivery.kind.in_(_ON_SLOT), Delivery.due_at < now - calendar.LATE_AFTER)
    due = (
        select(Delivery.id)
        .where(Delivery.state.in_(delivery.READY), Delivery.try_at <= now, ~late)
        .order_by(Delivery.priority, Delivery.try_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(due.scalar_subquery()))
        .values(state=State.CLAIMED, lease=worker, lease_until=now + LEASE)
        .returning(Delivery.priority, Delivery.try_at, Delivery.id)
        .execution_options(synchronize_session=False)
    )
    # RETURNING keeps no order.
    return [found.id for found in sorted(claimed, key=tuple)]


@dataclass(frozen=True)
class Begun:
    """A mail that may leave now: marked `sending`, in doubt if we die."""

    id: int
    kind: str
    learner_id: int | None
    enrolment_id: int | None
    account_id: int | None
    lesson_key: str
    occasion: str
    message_id: str
    tries: int
    due_at: datetime
    expires_at: datetime


async def begin(session: AsyncSession, ids: Sequence[int], *, worker: str, now: datetime) -> list[Begun]:
    """Mark leased mails as `sending` where the lease is still ours and nothing stands against it.

    What a suppression, a stop or a pause stands against is put aside with its reason. No byte of a mail may
    leave before this is committed.
    """
    mine = and_(Delivery.id.in_(ids), Delivery.state == State.CLAIMED, Delivery.lease == worker)
    expired = and_(mine, Delivery.expires_at <= now)
    await session.execute(_put_aside(expired, State.FAILED, "expired").values(settled_at=now))
    unwanted = _put_aside(and_(mine, _suppressed()), State.CANCELLED, "suppressed")
    await session.execute(unwanted.values(settled_at=now))
    await session.execute(_put_aside(and_(mine, _paused()), State.HELD, _PAUSED))
    overtaken = _put_aside(and_(mine, ~_in_place()), State.CANCELLED, "overtaken")
    await session.execute(overtaken.values(settled_at=now))
    begun = await session.execute(
        update(Delivery)
        .where(mine)
        .values(state=State.SENDING, lease_until=now + LEASE, tries=Delivery.tries + 1)
        .returning(*(getattr(Delivery, name) for name in Begun.__dataclass_fields__))
        .execution_options(synchronize_session=False)
    )
    return [Begun(**found._mapping) for found in begun]


def _put_aside(where: Any, state: State, reason: str) -> Any:
    return (
        update(Delivery)
        .where(where)
        .values(state=state, reason=reason, lease="", lease_until=None)
        .execution_options(synchronize_session=False)
    )


def _suppressed() -> Any:
    """`left`: no course, no invitation; `hard`: only a confirmation (asked anew); `complaint`: nothing."""
    own_wish = Delivery.kind.in_(_OWN_WISH)
    return exists(
        select(Suppression.reason)
        .join(Learner, Learner.address_hash == Suppression.address_hash)
        .where(
            Learner.id == Delivery.learner_id,
            or_(
                Suppression.reason == "complaint",
                and_(Suppression.reason == "hard", Delivery.kind != Kind.CONFIRM),
                and_(Suppression.reason == "left", ~own_wish),
            ),
        )
        .correlate(Delivery)
    )


def _enrolment_is(states: Iterable[Progress]) -> Any:
    return exists(
        select(Enrolment.id)
        .where(Enrolment.id == Delivery.enrolment_id, Enrolment.state.in_(tuple(states)))
        .correlate(Delivery)
    )


def _paused() -> Any:
    held = (Kind.LESSON, Kind.REMINDER, Kind.FAREWELL)
    return and_(Delivery.kind.in_(held), _enrolment_is((Progress.PAUSED,)))


def _in_place() -> Any:
    """Whom it is for is still there, and where the mail finds a learner it makes sense."""
    here = exists(
        select(Learner.id)
        .where(Learner.id == Delivery.learner_id, Learner.erased_at.is_(None))
        .correlate(Delivery)
    )
    by_kind = [and_(Delivery.kind == kind, _enrolment_is(states)) for kind, states in _MAY_LEAVE.items()]
    stands = or_(Delivery.kind.not_in(tuple(_MAY_LEAVE)), *by_kind)
    learner = and_(here, stands, or_(Delivery.kind != Kind.MISSED, _still_missed()))
    account = exists(
        select(Account.id)
        .where(Account.id == Delivery.account_id, Account.closed_at.is_(None))
        .correlate(Delivery)
    )
    return or_(learner, account)


def _still_missed() -> Any:
    """The lesson came, its activity is not handed in, nor anything else since.

    Who answered something needs no reminder.
    """
    lesson = aliased(Delivery)
    came = exists(
        select(lesson.id)
        .where(
            lesson.enrolment_id == Delivery.enrolment_id,
            lesson.kind == Kind.LESSON,
            lesson.lesson_key == Delivery.lesson_key,
            lesson.state == State.SENT,
        )
        .correlate(Delivery)
    )
    answered = exists(
        select(Submission.id)
        .where(
            Submission.enrolment_id == Delivery.enrolment_id,
            Submission.handed_in_at.is_not(None),
            or_(Submission.activity == Delivery.occasion, Submission.handed_in_at >= Delivery.created_at),
        )
        .correlate(Delivery)
    )
    return and_(came, ~answered)


async def keep(session: AsyncSession, *, worker: str, now: datetime) -> None:
    """A sign of life: prolong all leases of `worker`."""
    await session.execute(
        update(Delivery)
        .where(Delivery.state.in_((State.CLAIMED, State.SENDING)), Delivery.lease == worker)
        .values(lease_until=now + LEASE)
        .execution_options(synchronize_session=False)
    )


async def record(
    session: AsyncSession,
    outcomes: Iterable[tuple[Begun, delivery.Outcome]],
    *,
    worker: str,
    now: datetime,
    in_doubt: Literal["send", "hold"],
) -> None:
    """Write what became of mails that were `sending`.

    Somebody who took us for dead may have put a mail in doubt: that it was sent is still true, and ends the
    doubt unless it is being sent again already.
    """
    lessons = []
    for mail, outcome in outcomes:
        values = _after(mail, outcome, now=now, in_doubt=in_doubt)
        ours = and_(Delivery.state == State.SENDING, Delivery.lease == worker)
        if isinstance(outcome, delivery.Sent):
            doubted = Delivery.state.in_((State.IN_DOUBT, State.CLAIMED, State.HELD))
            ours = or_(ours, and_(doubted, Delivery.tries == mail.tries))
        written = await session.execute(
            update(Delivery)
            .where(Delivery.id == mail.id, ours)
            .values(**values, lease="", lease_until=None)
            .execution_options(synchronize_session=False)
        )
        if values["state"] == State.SENT and mail.kind == Kind.LESSON and mail.learner_id and _rows(written):
            lessons.append(hooks.Fact(mail.learner_id, mail.enrolment_id, lesson=mail.lesson_key))
    await hooks.tell(session, WebhookEvent.LESSON_SENT, *lessons, now=now)


def _rows(written: Any) -> int:
    """How many an UPDATE changed."""
    return int(written.rowcount)


def _after(
    mail: Begun, outcome: delivery.Outcome, *, now: datetime, in_doubt: Literal["send", "hold"]
) -> dict[str, Any]:
    match outcome:
        case delivery.Sent():
            return {"state": State.SENT, "sent_at": now, "settled_at": now, "reason": ""}
        case delivery.Unknown():
            return _doubt(outcome.text, now, in_doubt)
        case delivery.Refused(permanent=True, scope="recipient"):
            return {"state": State.FAILED, "settled_at": now, "reason": _said(outcome)}
        case delivery.Refused(permanent=True):  # our own fault: trying again would not mend it
            return {"state": State.HELD, "reason": _said(outcome)}
    again = delivery.retry(mail.tries, now=now, due=mail.due_at, expires=mail.expires_at)
    if isinstance(again, delivery.GiveUp):
        return {"state": State.FAILED, "settled_at": now, "reason": f"{again.reason}: {_said(outcome)}"}
    return {"state": State.RETRY, "try_at": again.at, "reason": _said(outcome)}


def _said(outcome: delivery.Refused) -> str:
    return f"{outcome.code} {outcome.text}"[:300].strip()


def _doubt(text: str, now: datetime, in_doubt: Literal["send", "hold"]) -> dict[str, Any]:
    if in_doubt == "hold":
        return {"state": State.HELD, "reason": f"in doubt: {text}"}
    return {"state": State.IN_DOUBT, "try_at": now, "reason": text}


async def hold(session: AsyncSession, mail: Begun, reason: str, *, worker: str) -> None:
    """Put aside a mail that cannot be made, for a human to look at; the others go on."""
    mine = and_(Delivery.id == mail.id, Delivery.state == State.SENDING, Delivery.lease == worker)
    await session.execute(_put_aside(mine, State.HELD, reason[:300]))


async def held(session: AsyncSession) -> list[Delivery]:
    """Mails that wait for a human (those that a pause keeps back wait for the learner)."""
    found = await session.scalars(
        select(Delivery).where(Delivery.state == State.HELD, Delivery.reason != _PAUSED).order_by(Delivery.id)
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


async def release(session: AsyncSession, *, worker: str, unsent: Sequence[Begun] = ()) -> None:
    """Give back what was leased and not begun, and what was begun without a final dot (at SIGTERM)."""
    mine = and_(Delivery.state == State.CLAIMED, Delivery.lease == worker)
    await session.execute(_put_aside(mine, State.PLANNED, ""))
    begun = and_(
        Delivery.id.in_([mail.id for mail in unsent]),
        Delivery.state == State.SENDING,
        Delivery.lease == worker,
    )
    await session.execute(_put_aside(begun, State.PLANNED, "").values(tries=Delivery.tries - 1))


async def reap(session: AsyncSession, *, now: datetime, in_doubt: Literal["send", "hold"]) -> int:
    """Take up what dead workers left: claimed mails are safe, `sending` ones are in doubt. How many."""
    gone = Delivery.lease_until < now
    claimed = await session.execute(
        _put_aside(and_(Delivery.state == State.CLAIMED, gone), State.PLANNED, "")
    )
    doubt = _doubt("the worker died while sending", now, in_doubt)
    sending = await session.execute(
        update(Delivery)
        .where(Delivery.state == State.SENDING, gone)
        .values(**doubt, lease="", lease_until=None)
        .execution_options(synchronize_session=False)
    )
    return int(claimed.rowcount) + int(sending.rowcount)  # type: ignore[attr-defined]  # of an UPDATE


async def next_moment(session: AsyncSession) -> datetime | None:
    """When the ledger has something to do again: the next try, or the end of a lease."""
    tries = select(func.min(Delivery.try_at)).where(Delivery.state.in_(delivery.READY))
    leases = select(func.min(Delivery.lease_until)).where(Delivery.state.in_((State.CLAIMED, State.SENDING)))
    moments = [await session.scalar(tries), await session.scalar(leases)]
    return min((moment for moment in moments if moment), default=None)


def late(now: datetime) -> Select[Delivery, Enrolment, str]:
    """Mails on slots that an outage kept past their hour, with what is needed to find them a new one."""
    return (
        select(Delivery, Enrolment, Learner.region)
        .join(Enrolment, Enrolment.id == Delivery.enrolment_id)
        .join(Learner, Learner.id == Delivery.learner_id)
        .where(
            Delivery.state.in_(delivery.READY),
            Delivery.kind.in_(_ON_SLOT),
            Delivery.try_at <= now,
            Delivery.due_at < now - calendar.LATE_AFTER,
        )
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
