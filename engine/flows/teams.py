"""What a dirigeant sees of his team: who joined, how far each one is, and averages that tell of nobody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import aggregates, calendar, delivery, scoring, team
from engine.core.course import grammar, model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.documents.record import Record, Row
from engine.flows import charters, companies, enrolments, seats, signup
from engine.flows.companies import Place
from engine.tables import Company, Course, Delivery, Enrolment, Learner, Seat, Submission


async def door(session: AsyncSession, enrolment_id: int, *, now: datetime) -> team.Door:
    """What a link that may have been forwarded shows. Raises `errors.NotFound`, `errors.ExpiredLink`."""
    return await _door(session, await companies.place_of(session, enrolment_id, now=now))


async def _door(session: AsyncSession, place: Place) -> team.Door:
    company = place.company
    closed = company is not None and company.closed_at is not None
    return team.Door(
        slug=place.course.slug,
        course=place.course.title,
        language=place.course.language,
        offer=await signup.offer(session, place.followed.slug),
        company_id=company.id if company and not closed else None,
        name=company.name if company else place.enrolment.company,
        closed=closed,
    )


async def page(session: AsyncSession, enrolment_id: int, *, now: datetime) -> team.Page:
    """All that the dirigeant sees. Raises `errors.NotAllowed` while no company is open, `errors.NotFound`."""
    place, company = await companies.open_place(session, enrolment_id, now=now)
    zone = place.enrolment.zone
    held = [
        seat for seat, row in await companies.joined(session, place, company) if companies.held(seat, row)
    ]
    return team.Page(
        door=await _door(session, place),
        people=await _people(session, place, company),
        averages=await _averages(session, place, company),
        paused_until=min(
            (calendar.local_day(s.paused_until, zone) for s in held if s.paused_until), default=None
        ),
        zone=zone,
    )


async def record(session: AsyncSession, enrolment_id: int, *, now: datetime) -> Record:
    """The dirigeant's training record: himself, then whoever joined. Raises what `page` raises."""
    place, company = await companies.open_place(session, enrolment_id, now=now)
    zone = place.enrolment.zone
    holders = [each for each in await _holders(session, place, company) if each[0].joined_at]
    ids = [place.enrolment.id, *(row.id for _, row, _ in holders)]
    received = await _received(session, ids)
    agreed = await _agreed(session, place, ids)

    def line(name: str, course: model.Course, row: Enrolment, began: datetime) -> Row:
        over = row.ended_at if row.state == State.COMPLETED else None
        version, at = agreed.get(row.id, (0, None))
        return Row(
            person=name,
            course=course.title,
            began=calendar.local_day(began, zone),
            lessons=received.get(row.id, 0),
            count=len(course.lessons),
            completed=calendar.local_day(over, zone) if over else None,
            agreed=(version, calendar.local_day(at, zone)) if at else None,
        )

    own = line(place.owner.first_name, place.course, place.enrolment, place.enrolment.created_at)
    others = (
        line(f"{name} ({seat.address})", place.followed, row, seat.joined_at or row.created_at)
        for seat, row, name in holders
    )
    return Record(company.name, calendar.local_day(now, zone), (own, *others), place.course.language)


async def _agreed(session: AsyncSession, place: Place, ids: Sequence[int]) -> dict[int, tuple[int, datetime]]:
    """By enrolment, the version of the dirigeant's charter that was agreed to last, and when."""
    found = await session.scalars(
        select(Submission)
        .where(Submission.enrolment_id.in_(ids), Submission.handed_in_at.is_not(None))
        .order_by(Submission.handed_in_at, Submission.id)
    )
    return {
        each.enrolment_id: (int(each.answers["version"]), each.handed_in_at)
        for each in found
        if each.handed_in_at and charters.is_agreement(each.answers, place.enrolment.id)
    }


async def _people(session: AsyncSession, place: Place, company: Company) -> tuple[team.Person, ...]:
    holders = await _holders(session, place, company)
    received = await _received(session, [row.id for _, row, _ in holders])
    count = len(place.followed.lessons)
    return tuple(_person(seat, row, name, received.get(row.id, 0), count) for seat, row, name in holders)


async def _holders(
    session: AsyncSession, place: Place, company: Company
) -> list[tuple[Seat, Enrolment, str]]:
    """Whoever has a seat or is invited to one, with the first name; who joined first comes first."""
    found = await session.execute(
        select(Seat, Enrolment, Learner.first_name)
        .join(Enrolment, Enrolment.id == Seat.enrolment_id)
        .join(Learner, Learner.id == Enrolment.learner_id)
        .join(Course, Course.id == Enrolment.course_id)
        .where(
            Seat.company_id == company.id,
            Seat.released_at.is_(None),
            seats.VISIBLE,
            Course.slug == place.followed.slug,
        )
        .order_by(Seat.joined_at.is_(None), Seat.joined_at, Seat.invited_at, Seat.id)
    )
    return [(row[0], row[1], row[2]) for row in found]


_STANDINGS = {State.COMPLETED: team.Standing.COMPLETED, State.STOPPED: team.Standing.LEFT}


def _person(seat: Seat, row: Enrolment, first_name: str, received: int, count: int) -> team.Person:
    if seat.joined_at is None:
        # Whatever this enrolment may be besides, the person has not agreed to be seen.
        since = seat.invited_at or row.created_at
        return team.Person(seat.id, "", seat.address, team.Standing.INVITED, since, None, 0, count)
    standing = _STANDINGS.get(State(row.state), team.Standing.JOINED)
    return team.Person(
        seat.id, first_name, seat.address, standing, seat.joined_at, row.ended_at, received, count
    )


async def _received(session: AsyncSession, ids: Sequence[int]) -> dict[int, int]:
    """Lessons that came, by enrolment."""
    counted = await session.execute(
        select(Delivery.enrolment_id, func.count())
        .where(
            Delivery.enrolment_id.in_(ids),
            Delivery.kind == Kind.LESSON,
            Delivery.state == delivery.State.SENT,
        )
        .group_by(Delivery.enrolment_id)
    )
    return {row[0]: row[1] for row in counted if row[0] is not None}


async def _averages(session: AsyncSession, place: Place, company: Company) -> tuple[team.Average, ...]:
    """What the team answered, by activity."""
    given = await _given(session, place, company)
    found = []
    for key, activity in place.followed.activities.items():
        mean = aggregates.mean(list(given.get(key, {}).values()))
        if mean:
            scale = activity.scale if isinstance(activity, grammar.Poll) else 0
            found.append(team.Average(activity.title, scale, mean.value, mean.people))
    return tuple(found)


async def _given(session: AsyncSession, place: Place, company: Company) -> dict[str, dict[int, float | None]]:
    """By activity, what each person's first answer is worth, in the order in which the company got them.

    An answer counts from when the person joined, and keeps its place though a seat is taken back, moved, or
    its person erased (None): else two looks at one average would tell what a single person answered.
    """
    rows = await session.execute(
        select(Submission, Seat, Enrolment)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(Seat, Seat.enrolment_id == Enrolment.id)
        .join(Course, Course.id == Enrolment.course_id)
        .where(Seat.company_id == company.id, Course.slug == place.followed.slug)
        .order_by(Submission.id)
    )
    came = [
        (max(answer.handed_in_at, seat.joined_at), answer, seat, row)
        for answer, seat, row in rows
        if answer.handed_in_at and seat.joined_at
        if seat.released_at is None or answer.handed_in_at <= seat.released_at
    ]
    found: dict[str, dict[int, float | None]] = {}
    for _, answer, seat, row in sorted(came, key=lambda each: each[0]):
        activity = (await enrolments.pinned(session, row)).course.activities.get(answer.activity)
        worth = None if seat.reason == companies.ERASED else _worth(activity, answer.answers)
        found.setdefault(answer.activity, {}).setdefault(row.learner_id, worth)
    return found


def _worth(activity: grammar.Activity | None, answers: dict[str, Any]) -> float | None:
    """The mark of a poll, or the score in per cent; None for what has neither."""
    if isinstance(activity, grammar.Poll):
        return float(answers["value"]) if "value" in answers else None
    return scoring.scores(activity, answers).get("total") if activity else None
