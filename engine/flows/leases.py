"""Mails in a worker's hands: leased, begun, recorded, given back. All in bulk: this is the hot path."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    Boolean,
    Select,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from engine.core import calendar, delivery, lanes, sending
from engine.core.delivery import Kind, State
from engine.core.webhooks import Event as WebhookEvent
from engine.flows import hooks, outbox
from engine.tables import Account, Delivery, Enrolment, Learner, Submission, Suppression, dialect
from engine.tables.base import table
from engine.tables.prepared import Prepared, Rows, together

_DAY = timedelta(days=1)
LEASE = timedelta(seconds=30)
"""How long a worker may be silent before others take its rows up."""

InDoubt = Literal["send", "hold"]
"""What the operator wants done with a mail of which nobody can know whether it arrived."""


class Recipient(NamedTuple):
    """Whom a mail goes to, and where he stands in his course."""

    learner_id: int
    first_name: str
    address: str
    new_address: str
    region: str
    enrolment_id: int
    course_id: int
    version_id: int | None
    company: str
    size: str
    zone: str
    due_at: datetime | None
    paused_until: datetime | None


class Begun(NamedTuple):
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
    person: Recipient | None = None
    """None for an account, and without an enrolment."""


_Around = dict[int, tuple[sending.Around, Recipient | None]]


async def due(session: AsyncSession, *, now: datetime) -> bool:
    """Whether a mail is due, or a dead worker left some."""
    ready = exists().where(
        Delivery.state.in_(dialect.constants(delivery.READY)),
        Delivery.priority.in_(outbox.PRIORITIES),
        Delivery.try_at <= now,
    )
    left = exists().where(
        Delivery.state.in_(dialect.constants((State.CLAIMED, State.SENDING))), Delivery.lease_until < now
    )
    return bool(await session.scalar(select(or_(ready, left))))


async def lease(
    session: AsyncSession, *, worker: str, limit: int, now: datetime, shut: Collection[str] = ()
) -> list[int]:
    """Reserve up to `limit` mails that are due for `worker`, the most urgent first; none of lanes `shut`.

    Nobody else takes them for `LEASE`.
    """
    late, until = now - calendar.LATE_AFTER, now + LEASE
    given = {"now": now, "late": late, "limit": limit, "worker": worker, "until": until}
    if shut:
        domains = [domain for lane in shut for domain in lanes.GROUPS.get(lane, ())]
        others = {"shut": domains, "others": lanes.OTHERS in shut, "named": list(lanes.DOMAINS)}
        claimed = await _LEASE_BUT.run(session, **given, **others)
    else:
        claimed = await _LEASE.run(session, **given)
    # RETURNING keeps no order.
    return [row[-1] for row in sorted(claimed, key=tuple)]


_MAILS, _LEARNERS, _PLACES = table(Delivery), table(Learner), table(Enrolment)
_ACCOUNTS, _SUPPRESSIONS = table(Account), table(Suppression)


def _lease_but(sqlite: bool) -> Update:
    whose = dialect.domain(_LEARNERS.c.address_key, sqlite=sqlite)

    def at(name: str) -> Any:
        there = dialect.given(whose, sqlite=sqlite, name=name)
        return exists().where(_LEARNERS.c.id == _MAILS.c.learner_id, there).correlate(_MAILS)

    return _lease(sqlite, ~at("shut"), or_(not_(bindparam("others", type_=Boolean())), at("named")))


def _lease(_: bool, *more: Any) -> Update:
    late = and_(_MAILS.c.kind.in_(dialect.constants(outbox.ON_SLOT)), _MAILS.c.due_at < bindparam("late"))
    due = (
        select(_MAILS.c.id)
        .where(
            _MAILS.c.state.in_(dialect.constants(delivery.READY)),
            _MAILS.c.try_at <= bindparam("now"),
            ~late,
            *more,
        )
        .order_by(_MAILS.c.priority, _MAILS.c.try_at)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )
    return (
        update(_MAILS)
        .where(_MAILS.c.id.in_(due.scalar_subquery()))
        .values(state=State.CLAIMED, lease=bindparam("worker"), lease_until=bindparam("until"))
        .returning(_MAILS.c.priority, _MAILS.c.try_at, _MAILS.c.id)
    )


_LEASE, _LEASE_BUT = Prepared(_lease), Prepared(_lease_but)


async def lanes_of(session: AsyncSession, ids: Sequence[int]) -> dict[int, str]:
    """The lane of each mail."""
    found = await session.execute(
        select(Delivery.id, Learner.address)
        .outerjoin(Learner, Learner.id == Delivery.learner_id)
        .where(dialect.among(session, Delivery.id, ids))
    )
    return {id: lanes.of(address or "") for id, address in found}


async def exchange(
    session: AsyncSession,
    outcomes: Sequence[tuple[Begun, delivery.Outcome]],
    ids: Sequence[int],
    *,
    worker: str,
    now: datetime,
    in_doubt: InDoubt,
    tell: bool = True,
) -> list[Begun]:
    """Record what became of mails that were `sending`, and begin others: one round trip.

    Those of `ids` are marked `sending` where the lease is still ours and nothing stands against them; what a
    suppression, a stop or a pause stands against is put aside with its reason. No byte of a mail may leave
    before this is committed.

    Of the outcomes: somebody who took us for dead may have put a mail in doubt. That it was sent is still
    true, and ends the doubt unless it is being sent again already. `tell`: whether a webhook may listen.
    """
    sent = [mail for mail, outcome in outcomes if isinstance(outcome, delivery.Sent)]
    written, marked, around = await together(
        session,
        (_RECORD, {"ids": [mail.id for mail in sent], "worker": worker, "now": now}),
        (_BEGIN, {"ids": list(ids), "worker": worker, "until": now + LEASE}),
        (_LOOK, {"ids": list(ids), "since": now - _DAY}),
    )
    for mail, outcome in outcomes:
        if not isinstance(outcome, delivery.Sent):
            mine = and_(Delivery.id == mail.id, Delivery.state == State.SENDING, Delivery.lease == worker)
            await session.execute(_written(mine, _after(mail, outcome, now=now, in_doubt=in_doubt)))
    lessons = await _sent(session, sent, {row[0] for row in written}, now)
    if tell:
        await hooks.tell(session, WebhookEvent.LESSON_SENT, *lessons, now=now)
    return await _begun(session, [Begun(*columns) for columns in marked], _around(around), now)


async def _begun(
    session: AsyncSession, marked: Sequence[Begun], around: _Around, now: datetime
) -> list[Begun]:
    """Of the mails marked, those that nothing stands against; the others are put aside."""
    may: list[Begun] = []
    aside: defaultdict[sending.Aside, list[int]] = defaultdict(list)
    for mail in marked:
        found, person = around[mail.id]
        if why := sending.against(Kind(mail.kind), found, expires_at=mail.expires_at, now=now):
            aside[why].append(mail.id)
        else:
            may.append(mail._replace(person=person))
    for why, some in aside.items():
        settled = now if why.state in delivery.FINAL else None
        which = dialect.among(session, Delivery.id, some)
        put = _put_aside(which, why.state, why.reason)
        await session.execute(put.values(settled_at=settled, tries=Delivery.tries - 1))
    return may


def _ours(state: State, sqlite: bool) -> Any:
    """The mails whose numbers are given, where they are in our hands."""
    given = dialect.given(_MAILS.c.id, sqlite=sqlite)
    return and_(given, _MAILS.c.state == state, _MAILS.c.lease == bindparam("worker"))


def _begin(sqlite: bool) -> Update:
    return (
        update(_MAILS)
        .where(_ours(State.CLAIMED, sqlite))
        .values(state=State.SENDING, lease_until=bindparam("until"), tries=_MAILS.c.tries + 1)
        .returning(*(_MAILS.c[name] for name in Begun._fields[:-1]))
    )


def _around(rows: Rows) -> _Around:
    found: _Around = {}
    for id, here, suppressed, state, today, missed, *columns in rows:
        around = sending.Around(here, suppressed or "", state or "", today, missed)
        found[id] = around, Recipient(*columns) if state else None
    return found


def _look(sqlite: bool) -> Select[*tuple[Any, ...]]:
    learner = and_(_LEARNERS.c.id.is_not(None), _LEARNERS.c.erased_at.is_(None))
    account = and_(_ACCOUNTS.c.id.is_not(None), _ACCOUNTS.c.closed_at.is_(None))
    return (
        select(
            _MAILS.c.id,
            case((_MAILS.c.account_id.is_not(None), account), else_=learner),
            _SUPPRESSIONS.c.reason,
            _PLACES.c.state,
            case((_MAILS.c.kind.in_(dialect.constants(sending.UNCAPPED)), 0), else_=_today()),
            case((_MAILS.c.kind == Kind.MISSED, _still_missed()), else_=true()),
            *(_PERSON[name] for name in Recipient._fields),
        )
        .outerjoin(_LEARNERS, _LEARNERS.c.id == _MAILS.c.learner_id)
        .outerjoin(_ACCOUNTS, _ACCOUNTS.c.id == _MAILS.c.account_id)
        .outerjoin(_SUPPRESSIONS, _SUPPRESSIONS.c.address_hash == _LEARNERS.c.address_hash)
        .outerjoin(_PLACES, _PLACES.c.id == _MAILS.c.enrolment_id)
        .where(dialect.given(_MAILS.c.id, sqlite=sqlite))
    )


_PERSON = {
    "learner_id": _LEARNERS.c.id,
    "first_name": _LEARNERS.c.first_name,
    "address": _LEARNERS.c.address,
    "new_address": _LEARNERS.c.new_address,
    "region": _LEARNERS.c.region,
    "enrolment_id": _PLACES.c.id,
    "course_id": _PLACES.c.course_id,
    "version_id": _PLACES.c.version_id,
    "company": _PLACES.c.company,
    "size": _PLACES.c.size,
    "zone": _PLACES.c.zone,
    "due_at": _PLACES.c.due_at,
    "paused_until": _PLACES.c.paused_until,
}
_BEGIN, _LOOK = Prepared(_begin), Prepared(_look)


def _put_aside(where: Any, state: State, reason: str) -> Any:
    return (
        update(Delivery)
        .where(where)
        .values(state=state, reason=reason, lease="", lease_until=None)
        .execution_options(synchronize_session=False)
    )


def _today() -> Any:
    """How many mails left to the same person lately."""
    other = _MAILS.alias()
    return (
        select(func.count())
        .where(other.c.learner_id == _MAILS.c.learner_id, other.c.sent_at > bindparam("since"))
        .correlate(_MAILS)
        .scalar_subquery()
    )


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
    """A sign of life: prolong all leases of `worker`.

    Mails that another transaction has in hand are passed over, since two that lock many rows in any order
    may block each other: ours are recorded or begun there, and to begin one prolongs its lease.
    """
    mine = (
        select(Delivery.id)
        .where(Delivery.state.in_((State.CLAIMED, State.SENDING)), Delivery.lease == worker)
        .with_for_update(skip_locked=True)
    )
    await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(mine.scalar_subquery()))
        .values(lease_until=now + LEASE)
        .execution_options(synchronize_session=False)
    )


async def _sent(
    session: AsyncSession, mails: Sequence[Begun], written: set[Any], now: datetime
) -> list[hooks.Fact]:
    """The lessons among them."""
    for mail in mails:
        if mail.id not in written and await _end_doubt(session, mail, now):
            written.add(mail.id)
    return [
        hooks.Fact(mail.learner_id, mail.enrolment_id, lesson=mail.lesson_key)
        for mail in mails
        if mail.id in written and mail.kind == Kind.LESSON and mail.learner_id
    ]


def _record(sqlite: bool) -> Update:
    return (
        update(_MAILS)
        .where(_ours(State.SENDING, sqlite))
        .values(_left(bindparam("now")))
        .returning(_MAILS.c.id)
    )


_RECORD = Prepared(_record)


def _left(at: Any) -> dict[str, Any]:
    return {
        "state": State.SENT,
        "sent_at": at,
        "settled_at": at,
        "reason": "",
        "lease": "",
        "lease_until": None,
    }


async def _end_doubt(session: AsyncSession, mail: Begun, now: datetime) -> bool:
    doubted = Delivery.state.in_((State.IN_DOUBT, State.CLAIMED, State.HELD))
    written = await session.execute(
        _written(and_(Delivery.id == mail.id, doubted, Delivery.tries == mail.tries), _left(now))
    )
    return bool(written.rowcount)  # type: ignore[attr-defined]  # of an UPDATE


def _written(which: Any, values: dict[str, Any]) -> Update:
    return (
        update(Delivery)
        .where(which)
        .values(**{"lease": "", "lease_until": None, **values})
        .execution_options(synchronize_session=False)
    )


def _after(
    mail: Begun, outcome: delivery.Refused | delivery.Unknown, *, now: datetime, in_doubt: InDoubt
) -> dict[str, Any]:
    match outcome:
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


def _doubt(text: str, now: datetime, in_doubt: InDoubt) -> dict[str, Any]:
    if in_doubt == "hold":
        return {"state": State.HELD, "reason": f"in doubt: {text}"}
    return {"state": State.IN_DOUBT, "try_at": now, "reason": text}


async def hold(session: AsyncSession, mail: Begun, reason: str, *, worker: str) -> None:
    """Put aside a mail that cannot be made, for a human to look at; the others go on."""
    mine = and_(Delivery.id == mail.id, Delivery.state == State.SENDING, Delivery.lease == worker)
    await session.execute(_put_aside(mine, State.HELD, reason[:300]))


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


async def recover(
    session: AsyncSession, *, worker: str, in_hand: Sequence[int], now: datetime, in_doubt: InDoubt
) -> None:
    """Take up what a step of ours left when the database went away: while we live nobody else does."""
    await release(session, worker=worker)
    lost = and_(Delivery.state == State.SENDING, Delivery.lease == worker, Delivery.id.not_in(in_hand))
    doubt = _doubt("the database went away while it was begun", now, in_doubt)
    await session.execute(_written(lost, doubt))


async def reap(session: AsyncSession, *, now: datetime, in_doubt: InDoubt) -> int:
    """Take up what dead workers left: claimed mails are safe, `sending` ones are in doubt. How many."""
    claimed = await session.execute(_put_aside(_abandoned(State.CLAIMED, now), State.PLANNED, ""))
    sending = await session.execute(
        _written(_abandoned(State.SENDING, now), _doubt("the worker died while sending", now, in_doubt))
    )
    return int(claimed.rowcount) + int(sending.rowcount)  # type: ignore[attr-defined]  # of an UPDATE


async def abandoned(session: AsyncSession, *, since: datetime) -> int:
    """How many mails a dead worker held at `since`, and nobody has taken up."""
    leased = Delivery.state.in_(dialect.constants((State.CLAIMED, State.SENDING)))
    found = select(func.count()).select_from(Delivery).where(leased, Delivery.lease_until < since)
    return await session.scalar(found) or 0


def _abandoned(state: State, now: datetime) -> Any:
    """A worker that only stands still may hold some in a transaction: those are not waited for."""
    found = (
        select(Delivery.id)
        .where(Delivery.state == state, Delivery.lease_until < now)
        .with_for_update(skip_locked=True)
    )
    return Delivery.id.in_(found.scalar_subquery())
