"""Taking the people of a course along to another version, and back: by sets of rows, never one by one.

Rows are locked in the order of their ids before anything is read of them, so that what was counted is what
is written. Planners pass over rows that are locked; a row that a planner holds is waited for.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    String,
    and_,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
    values,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from engine.core import calendar, delivery, errors
from engine.core.course import change, effect, model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import enrolments
from engine.tables import (
    Delivery,
    Enrolment,
    Learner,
    Publication,
    PublicationRow,
    Submission,
    Suppression,
    dialect,
)

KEPT = timedelta(days=30)
"""For how long a publication may be undone."""

_MIDWAY = (State.ACTIVE, State.PAUSED)
_NOT_BEGUN = (State.PENDING, State.WAITING)
_RECEIVED = (
    Kind.WELCOME,
    Kind.LESSON,
    Kind.AGAIN,
    Kind.REMINDER,
    Kind.MISSED,
    Kind.SILENT,
    Kind.FAREWELL,
)
"""What the course sends by itself: who got one of these has received something."""
_BATCH, _MOST_SLOTS = 500, 3000  # a statement takes some ten thousand values
_NOTED = (
    "version_id",
    "state",
    "next_kind",
    "next_key",
    "route",
    "due_at",
    "due_reason",
    "gate_since",
    "reminders",
    "ended_at",
    "end_reason",
)
"""Columns of an enrolment that a publication may change."""


def midway(course_id: int, version_id: int) -> ColumnElement[bool]:
    """Those in the middle of a version."""
    return and_(
        Enrolment.course_id == course_id,
        Enrolment.version_id == version_id,
        Enrolment.state.in_(_MIDWAY),
    )


def offerable(course_id: int, *, now: datetime) -> ColumnElement[bool]:
    """Those who finished and may be offered more: while the links of their course still open, unless they
    began it again, or no longer want or get our mails.
    """
    later = aliased(Enrolment)
    began_again = exists(
        select(later.id).where(
            later.learner_id == Enrolment.learner_id,
            later.course_id == Enrolment.course_id,
            or_(later.id > Enrolment.id, later.state.in_((*_NOT_BEGUN, *_MIDWAY))),
        )
    )
    out_of_reach = exists(
        select(Learner.id)
        .outerjoin(Suppression, Suppression.address_hash == Learner.address_hash)
        .where(
            Learner.id == Enrolment.learner_id,
            or_(Learner.erased_at.is_not(None), Suppression.address_hash.is_not(None)),
        )
    )
    return and_(
        Enrolment.course_id == course_id,
        Enrolment.state == State.COMPLETED,
        Enrolment.ended_at > now - enrolments.OPEN_AFTER,
        ~began_again,
        ~out_of_reach,
    )


async def groups(
    session: AsyncSession, where: ColumnElement[bool], returning: Sequence[str]
) -> list[effect.Group]:
    """Where people stand, counted. `returning`: added lessons that a version of before had."""
    return await _groups(session, Enrolment, Enrolment.id, where, returning)


async def noted(
    session: AsyncSession, publication: Publication, returning: Sequence[str]
) -> list[effect.Group]:
    """The same of those whom a publication takes along."""
    row = PublicationRow
    return await _groups(session, row, row.enrolment_id, row.publication_id == publication.id, returning)


async def _groups(
    session: AsyncSession,
    row: type[Enrolment] | type[PublicationRow],
    enrolment_id: Any,
    where: ColumnElement[bool],
    returning: Sequence[str],
) -> list[effect.Group]:
    rows = (
        select(
            (row.state == State.COMPLETED).label("finished"),
            row.next_kind,
            row.next_key,
            row.route,
            row.gate_since.is_not(None).label("gated"),
            _had(enrolment_id, returning).label("had"),
        )
        .where(where)
        .subquery()
    )
    found = await session.execute(select(*rows.c, func.count().label("people")).group_by(*rows.c))
    return [
        effect.Group(
            finished=bool(each.finished),
            place=change.Place(each.next_kind, each.next_key, tuple(each.route.split())),
            had=frozenset(each.had.split()),
            gated=bool(each.gated),
            count=each.people,
        )
        for each in found
    ]


def _had(enrolment_id: Any, keys: Sequence[str]) -> ColumnElement[str]:
    """Which of `keys` the ledger has for an enrolment, each followed by a space: they cannot come again."""
    found: ColumnElement[str] = literal("", String)
    for key in keys:
        came = exists(
            select(Delivery.id).where(
                Delivery.enrolment_id == enrolment_id,
                Delivery.kind == Kind.LESSON,
                Delivery.lesson_key == key,
            )
        )
        found = found + case((came, literal(f"{key} ", String)), else_=literal("", String))
    return found


async def standing(session: AsyncSession, course_id: int, version_id: int | None) -> dict[str, int]:
    """How many of a course have not begun (`waiting`), `finished`, or are in the middle of a version other
    than `version_id` (`older`).
    """
    kind = case(
        (Enrolment.state.in_(_NOT_BEGUN), "waiting"),
        (Enrolment.state == State.COMPLETED, "finished"),
        (and_(Enrolment.state.in_(_MIDWAY), Enrolment.version_id != version_id), "older"),
        else_="",
    )
    rows = select(kind.label("kind")).where(Enrolment.course_id == course_id).subquery()
    found = await session.execute(select(rows.c.kind, func.count()).group_by(rows.c.kind))
    return {"waiting": 0, "finished": 0, "older": 0} | {kind: count for kind, count in found if kind}


async def note(session: AsyncSession, publication: Publication, where: ColumnElement[bool]) -> None:
    """Lock the enrolments and keep where they stand."""
    rows = (
        select(
            literal(publication.id),
            Enrolment.id,
            *(getattr(Enrolment, name) for name in _NOTED),
            literal(False),
        )
        .where(where)
        .order_by(Enrolment.id)
        # Not against those who only point to the row: answers and mails may go on being written.
        .with_for_update(of=Enrolment, key_share=True)
    )
    names = ["publication_id", "enrolment_id", *_NOTED, "freed"]
    await session.execute(insert(PublicationRow).from_select(names, rows))
    await dialect.analyze(session, "publication_row")


async def take_along(
    session: AsyncSession,
    publication: Publication,
    goes: Sequence[effect.Going],
    returning: Sequence[str],
    *,
    rules: calendar.Rules,
    now: datetime,
) -> None:
    """Write where those who were noted go on."""
    row = PublicationRow
    slots = await _slots(session, publication, rules, now) if any(each.anew for each in goes) else None
    for table in _tables(goes, returning):
        here = and_(
            row.publication_id == publication.id,
            (row.state == State.COMPLETED) == table.c.finished,
            row.next_kind == table.c.kind,
            row.next_key == table.c.key,
            row.route == table.c.route,
            row.gate_since.is_not(None) == table.c.gated,
            _had(row.enrolment_id, returning) == table.c.had,
        )
        due = _new_due(slots, _anew(table.c.freed), now) if slots is not None else {}
        await _write(
            session,
            update(Enrolment)
            .where(Enrolment.id == row.enrolment_id, here)
            .values(
                version_id=publication.version_id,
                state=case((table.c.finished, State.ACTIVE), else_=Enrolment.state),
                ended_at=case((table.c.finished, null()), else_=Enrolment.ended_at),
                end_reason=case((table.c.finished, ""), else_=Enrolment.end_reason),
                next_kind=table.c.to_kind,
                next_key=table.c.to_key,
                route=table.c.to_route,
                gate_since=case((table.c.freed, null()), else_=Enrolment.gate_since),
                reminders=case((table.c.freed, 0), else_=Enrolment.reminders),
                **due,
            ),
        )
        if any(each.freed for each in goes):
            await _write(session, update(row).where(here, table.c.freed).values(freed=True))
    await dialect.analyze(session, "enrolment")  # for undoing, which finds them by their version


def _tables(goes: Sequence[effect.Going], returning: Sequence[str]) -> Iterator[Any]:
    """The groups and where they go, as small tables to join."""
    flags = [column(name, Boolean) for name in ("finished", "gated", "freed")]
    texts = [
        column(name, String) for name in ("kind", "key", "route", "had", "to_kind", "to_key", "to_route")
    ]
    rows = [
        (
            each.group.finished,
            each.group.gated,
            each.freed,
            each.group.place.kind,
            each.group.place.key,
            " ".join(each.group.place.route),
            "".join(f"{key} " for key in returning if key in each.group.had),
            each.place.kind,
            each.place.key,
            " ".join(each.place.route),
        )
        for each in goes
    ]
    for start in range(0, len(rows), _BATCH):
        yield values(*flags, *texts, name="goes").data(rows[start : start + _BATCH]).cte("goes")


def _anew(freed: Any) -> ColumnElement[bool]:
    """Who gets a new due time: nobody who is paused; who is still owed the farewell has one."""
    row = PublicationRow
    return or_(
        and_(freed, row.state == State.ACTIVE),
        and_(row.state == State.COMPLETED, row.next_kind != "farewell"),
    )


async def _slots(
    session: AsyncSession, publication: Publication, rules: calendar.Rules, now: datetime
) -> Any:
    """The first slot from now, reckoned once for each slot that somebody chose, as a small table.

    Without the spread and the holidays of one's own region: the planner, which looks then, puts both on.
    """
    row = PublicationRow
    chosen = await session.execute(
        select(Enrolment.slot, Enrolment.zone)
        .where(
            row.publication_id == publication.id,
            Enrolment.id == row.enrolment_id,
            or_(row.gate_since.is_not(None), row.state == State.COMPLETED),
        )
        .distinct()
        .limit(_MOST_SLOTS)
    )
    rows = [("", "", "", now)]
    for slot, zone in chosen:
        with suppress(errors.Invalid):  # the planner will tell what is wrong with it
            due = calendar.first_slot(now, calendar.Slot.parse(slot, zone), rules)
            rows.append((slot, zone, due.reason, due.at))
    texts = (column(name, String) for name in ("slot", "zone", "reason"))
    return values(*texts, column("at", row.due_at.type), name="slots").data(rows).cte("slots")


def _new_due(slots: Any, anew: ColumnElement[bool], now: datetime) -> dict[str, Any]:
    """The columns that keep it; who has no slot in the table is looked at now."""

    def of(name: str, otherwise: Any) -> Any:
        found = select(slots.c[name]).where(slots.c.slot == Enrolment.slot, slots.c.zone == Enrolment.zone)
        return func.coalesce(found.correlate(Enrolment).scalar_subquery(), otherwise)

    at = of("at", literal(now, PublicationRow.due_at.type))
    return {
        "due_at": case((anew, at), else_=Enrolment.due_at),
        "due_reason": case((anew, of("reason", "")), else_=Enrolment.due_reason),
    }


async def _write(session: AsyncSession, statement: Any) -> int:
    done = await session.execute(statement.execution_options(synchronize_session=False))
    return int(done.rowcount)  # type: ignore[attr-defined]  # of an UPDATE


async def cancel_reminders(
    session: AsyncSession, publication: Publication, old: model.Course, new: model.Course
) -> None:
    """Nobody is reminded of what the new version does not have, or not at that gate."""
    gone = [lesson.key for lesson in old.lessons if new.lesson(lesson.key) is None]
    other = [
        lesson.key
        for lesson in old.lessons
        if (there := new.lesson(lesson.key)) and there.requires != lesson.requires
    ]
    activities = sorted(set(old.activities) - set(new.activities))
    if not (gone or other or activities):
        return
    pointless = or_(
        and_(Delivery.kind == Kind.REMINDER, Delivery.lesson_key.in_(gone + other)),
        and_(
            Delivery.kind == Kind.MISSED,
            or_(Delivery.lesson_key.in_(gone), Delivery.occasion.in_(activities)),
        ),
    )
    rows = select(PublicationRow.enrolment_id).where(PublicationRow.publication_id == publication.id)
    await _write(
        session,
        update(Delivery)
        .where(
            Delivery.state.in_((*delivery.READY, delivery.State.HELD)),
            pointless,
            Delivery.enrolment_id.in_(rows),
        )
        .values(state=delivery.State.CANCELLED, reason="republished", settled_at=publication.at),
    )


async def last_delivery(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.max(Delivery.id))) or 0)


async def prune(session: AsyncSession, publication: Publication, *, now: datetime) -> None:
    """Forget where people stood before the publications that can be undone no more."""
    over = select(Publication.id).where(
        or_(
            and_(Publication.course_id == publication.course_id, Publication.id != publication.id),
            Publication.at < now - KEPT,
        )
    )
    await session.execute(
        delete(PublicationRow)
        .where(PublicationRow.publication_id.in_(over))
        .execution_options(synchronize_session=False)
    )


def _of(publication: Publication) -> ColumnElement[bool]:
    """The enrolments that were taken along, each with its row."""
    return and_(
        PublicationRow.publication_id == publication.id,
        Enrolment.id == PublicationRow.enrolment_id,
        Enrolment.version_id == publication.version_id,
    )


def _untouched(publication: Publication) -> ColumnElement[bool]:
    """Who is still there, and has received nothing since."""
    received = exists(
        select(Delivery.id)
        .where(
            Delivery.enrolment_id == Enrolment.id,
            Delivery.kind.in_(_RECEIVED),
            or_(Delivery.id > publication.ledger, Delivery.sent_at > publication.at),
        )
        .correlate(Enrolment)
    )
    return and_(Enrolment.state != State.STOPPED, ~received)


async def undoable(session: AsyncSession, publication: Publication) -> tuple[int, int]:
    """How many a publication took along, and how many of these have received nothing since."""
    rows = select(func.count()).select_from(PublicationRow).where(_of(publication))
    taken = await session.scalar(rows)
    untouched = await session.scalar(rows.where(_untouched(publication)))
    return int(taken or 0), int(untouched or 0)


async def put_back(session: AsyncSession, publication: Publication, *, now: datetime) -> tuple[int, int]:
    """Everybody who has received nothing since stands where he stood; how many, and how many go on.

    What a learner chose since (a pause, another slot) stands. Whose gate had gone, and who answered since, is
    looked at again at once.
    """
    locked = select(Enrolment.id).where(_of(publication)).order_by(Enrolment.id)
    total = await session.scalar(
        select(func.count()).select_from(locked.with_for_update(of=Enrolment, key_share=True).subquery())
    )
    row = PublicationRow
    reopened = row.state == State.COMPLETED
    answered = exists(
        select(Submission.id)
        .where(Submission.enrolment_id == Enrolment.id, Submission.handed_in_at > publication.at)
        .correlate(Enrolment)
    )
    due = case(
        (reopened, row.due_at),
        (~_anew(row.freed), Enrolment.due_at),
        (Enrolment.state != State.ACTIVE, Enrolment.due_at),
        (answered, literal(now, PublicationRow.due_at.type)),
        else_=row.due_at,
    )
    restored = await _write(
        session,
        update(Enrolment)
        .where(_of(publication), _untouched(publication))
        .values(
            version_id=row.version_id,
            state=case((reopened, row.state), else_=Enrolment.state),
            ended_at=case((reopened, row.ended_at), else_=Enrolment.ended_at),
            end_reason=case((reopened, row.end_reason), else_=Enrolment.end_reason),
            paused_until=case((reopened, null()), else_=Enrolment.paused_until),
            next_kind=row.next_kind,
            next_key=row.next_key,
            route=row.route,
            due_at=due,
            due_reason=case((or_(reopened, _anew(row.freed)), row.due_reason), else_=Enrolment.due_reason),
            gate_since=case((row.freed, row.gate_since), else_=Enrolment.gate_since),
            reminders=case((row.freed, row.reminders), else_=Enrolment.reminders),
        ),
    )
    return restored, int(total or 0) - restored
