"""Taking back those whom a list took in, by their enrolments: the reverse of `intake`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import delivery, intake
from engine.core.intake import Back
from engine.core.progress import State
from engine.flows import outbox, searching
from engine.tables import Company, Consent, Delivery, Enrolment, Event, Learner, Seat, Submission, dialect


async def sort_out(session: AsyncSession, places: Sequence[int], *, agreed: bool) -> dict[int, Back]:
    """What becomes of each enrolment, under lock: no worker takes up its mail meanwhile."""
    more = or_(
        exists(select(Seat.id).where(Seat.enrolment_id == Enrolment.id)),
        exists(select(Submission.id).where(Submission.enrolment_id == Enrolment.id)),
    )
    found = (
        await session.execute(
            select(Enrolment.id, Enrolment.state, more)
            .where(dialect.among(session, Enrolment.id, places))
            .order_by(Enrolment.id)
            .with_for_update(of=Enrolment)
        )
    ).all()
    mails = await session.execute(
        select(Delivery.enrolment_id, Delivery.kind, Delivery.state, Delivery.tries)
        .where(dialect.among(session, Delivery.enrolment_id, places))
        .order_by(Delivery.id)
        .with_for_update()
    )
    sent: dict[int | None, set[str]] = {}
    for place, kind, state, tries in mails:
        if tries or state in (delivery.State.CLAIMED, delivery.State.SENDING, delivery.State.SENT):
            sent.setdefault(place, set()).add(kind)
    return {
        place: intake.take_back(state, agreed=agreed, sent=sent.get(place, ()), more=bool(hangs))
        for place, state, hangs in found
    }


async def remove(session: AsyncSession, places: Sequence[int], *, made: Sequence[int]) -> None:
    """Without a trace: nothing had left, and the people know nothing of us. `made`: new with the list."""
    if not places:
        return
    theirs = list(
        await session.scalars(
            select(Enrolment.learner_id).where(dialect.among(session, Enrolment.id, places))
        )
    )
    for table in (Delivery, Consent, Event):
        await session.execute(
            _without_sync(delete(table).where(dialect.among(session, table.enrolment_id, places)))
        )
    await session.execute(
        _without_sync(delete(Enrolment).where(dialect.among(session, Enrolment.id, places)))
    )
    columns = (
        Enrolment.learner_id,
        Delivery.learner_id,
        Consent.learner_id,
        Event.learner_id,
        Company.owner_id,
    )
    known = union(*(select(column).where(dialect.among(session, column, made)) for column in columns))
    kept = set(await session.scalars(known))
    gone = [learner for learner in made if learner not in kept]
    await searching.forget(session, gone)
    await session.execute(_without_sync(delete(Learner).where(dialect.among(session, Learner.id, gone))))
    await searching.note(session, theirs)  # who stays is no longer found by the company of the list


async def stop(session: AsyncSession, places: Sequence[int], *, now: datetime) -> None:
    """The confirmation had left: its link works no more, and the ledger keeps what was sent."""
    if not places:
        return
    await session.execute(
        _without_sync(
            update(Enrolment)
            .where(dialect.among(session, Enrolment.id, places))
            .values(state=State.STOPPED, ended_at=now, end_reason=intake.UNDONE)
        )
    )
    await session.execute(
        _without_sync(
            update(Delivery)
            .where(
                dialect.among(session, Delivery.enrolment_id, places),
                Delivery.state.in_((*delivery.READY, delivery.State.HELD)),
            )
            .values(state=delivery.State.CANCELLED, reason=intake.UNDONE, settled_at=now)
        )
    )
    learners = await session.execute(
        select(Enrolment.id, Enrolment.learner_id).where(dialect.among(session, Enrolment.id, places))
    )
    session.add_all(
        outbox.event(learner_id=learner, enrolment_id=place, kind="import_undone", now=now)
        for place, learner in learners
    )


def _without_sync(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)
