"""What has been kept long enough: who never confirmed, who has done nothing for years, old logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core.progress import State
from engine.core.retention import Terms
from engine.flows import privacy, seats
from engine.tables import (
    AccountSession,
    Audit,
    Base,
    Consent,
    Enrolment,
    Event,
    Inbound,
    Learner,
    Seat,
    Submission,
)

ACTS = frozenset(
    {"confirmed", "handed_in", "slot", "pace", "renamed", "address_asked", "again_asked", "sooner"}
    | {"caught_up", "paused", "seat_taken", "company_opened", "company_closed", "seat_withdrawn"}
    | {"seat_moved", "team_paused", "team_resumed"}
)
"""Lines of history that tell what the person did; they are kept as long as they count."""

_UNDERWAY = (State.WAITING, State.ACTIVE)


@dataclass(frozen=True)
class Due:
    """How many of each are kept no longer."""

    unconfirmed: int
    inactive: int
    history: int
    audit: int
    sessions: int
    reports: int


async def due(session: AsyncSession, terms: Terms, *, now: datetime) -> Due:
    """What `forget` and `prune` would do now; changes nothing."""

    async def count(table: type[Base], which: ColumnElement[bool]) -> int:
        return await session.scalar(select(func.count()).select_from(table).where(which)) or 0

    old = _old(terms, now)
    return Due(
        unconfirmed=await count(Learner, _unconfirmed(terms, now)),
        inactive=await count(Learner, and_(_inactive(terms, now), ~_unconfirmed(terms, now))),
        history=await count(Event, old[Event]),
        audit=await count(Audit, old[Audit]),
        sessions=await count(AccountSession, old[AccountSession]),
        reports=await count(Inbound, old[Inbound]),
    )


async def people(session: AsyncSession, terms: Terms, *, limit: int, now: datetime) -> Sequence[int]:
    """Learners who are to be forgotten now."""
    which = or_(_unconfirmed(terms, now), _inactive(terms, now))
    return (await session.scalars(select(Learner.id).where(which).order_by(Learner.id).limit(limit))).all()


async def forget(session: AsyncSession, ids: Sequence[int], terms: Terms, *, now: datetime) -> int:
    """Erase those of them who still are; somebody may have come back since they were listed. How many."""
    which = or_(_unconfirmed(terms, now), _inactive(terms, now))
    still = await session.scalars(
        select(Learner.id).where(Learner.id.in_(ids), which).with_for_update(of=Learner)
    )
    found = still.all()
    for learner_id in found:
        await privacy.erase(session, learner_id, now=now)
    return len(found)


async def prune(session: AsyncSession, terms: Terms, *, limit: int, now: datetime) -> int:
    """Delete old lines of logs, at most `limit` of each kind. How many."""
    gone = 0
    for table, which in _old(terms, now).items():
        some = select(table.id).where(which).order_by(table.id).limit(limit)
        done = await session.execute(
            delete(table).where(table.id.in_(some)).execution_options(synchronize_session=False)
        )
        gone += done.rowcount  # type: ignore[attr-defined]  # of a DELETE
    return gone


def _old(terms: Terms, now: datetime) -> dict[Any, ColumnElement[bool]]:
    past, done = _past(terms.logs, now), _past(max(terms.logs, terms.inactive), now)
    old_line = or_(Event.at < done, and_(Event.at < past, Event.kind.not_in(sorted(ACTS))))
    return {
        Event: old_line,
        Audit: Audit.at < past,
        AccountSession: AccountSession.seen_at < past,
        Inbound: Inbound.received_at < past,
    }


def _past(days: int, now: datetime) -> datetime:
    return now - timedelta(days=days)


def _unconfirmed(terms: Terms, now: datetime) -> ColumnElement[bool]:
    """Nobody ever agreed, and nothing that still waits asks for it.

    An invitation by a company may be answered for longer than a confirmation of one's own.
    """
    past = _past(terms.unconfirmed, now)
    invited = _past(seats.INVITE_DAYS, now)
    return and_(
        _kept_since(past),
        ~_of_person(Consent, or_(Consent.event == "given", Consent.at >= past)),
        ~_of_person(Enrolment, Enrolment.state.not_in((State.PENDING, State.STOPPED))),
        ~exists(
            select(Seat.id)
            .join(Enrolment, Enrolment.id == Seat.enrolment_id)
            .where(Enrolment.learner_id == Learner.id, Seat.released_at.is_(None), Seat.invited_at >= invited)
        ),
    )


def _inactive(terms: Terms, now: datetime) -> ColumnElement[bool]:
    past = _past(terms.inactive, now)
    return and_(
        _kept_since(past),
        ~_of_person(Consent, Consent.at >= past),
        ~_of_person(Event, and_(Event.at >= past, Event.kind.in_(sorted(ACTS)))),
        ~_of_person(Enrolment, Enrolment.state.in_(_UNDERWAY)),
        ~exists(
            select(Submission.id)
            .join(Enrolment, Enrolment.id == Submission.enrolment_id)
            .where(Enrolment.learner_id == Learner.id, Submission.updated_at >= past)
        ),
    )


def _kept_since(past: datetime) -> ColumnElement[bool]:
    return and_(Learner.erased_at.is_(None), Learner.created_at < past)


def _of_person(table: Any, which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(table.id).where(table.learner_id == Learner.id, which))
