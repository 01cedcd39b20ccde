"""What the JSON API reads: rows by their ids, and long lists in pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, case, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import consent, errors, progress
from engine.core.course import model
from engine.core.progress import State
from engine.flows import catalog
from engine.tables import Course, Delivery, Enrolment, Learner, Submission, Version


@dataclass(frozen=True)
class Page:
    """At most `limit` rows, in the order of their ids, after the one that ended the page before."""

    limit: int
    after: int = 0


Record = Row[*tuple[Any, ...]]
Rows = list[Record]
_Query = Select[*tuple[Any, ...]]

_LEARNER: _Query = select(
    Learner.id,
    Learner.address,
    Learner.first_name,
    Learner.language,
    Learner.region,
    Learner.created_at,
).where(Learner.erased_at.is_(None))

_ENROLMENT: _Query = (
    select(
        Enrolment.id,
        Enrolment.learner_id,
        Course.slug.label("course"),
        Version.hash.label("version"),
        Enrolment.state,
        Enrolment.company,
        Enrolment.size,
        Enrolment.slot,
        Enrolment.zone,
        Enrolment.pace,
        case((Enrolment.next_kind == "lesson", Enrolment.next_key)).label("next_lesson"),
        Enrolment.due_at,
        Enrolment.starts_at,
        Enrolment.paused_until,
        Enrolment.created_at,
        Enrolment.ended_at,
        Enrolment.end_reason,
    )
    .join(Course, Course.id == Enrolment.course_id)
    .outerjoin(Version, Version.id == Enrolment.version_id)
)

_DELIVERY: _Query = (
    select(
        Delivery.id,
        Delivery.learner_id,
        Delivery.enrolment_id,
        Course.slug.label("course"),
        Delivery.kind,
        Delivery.lesson_key.label("lesson"),
        Delivery.state,
        Delivery.due_at,
        Delivery.due_reason,
        Delivery.tries,
        Delivery.sent_at,
        Delivery.reason,
        Delivery.created_at,
    )
    .outerjoin(Enrolment, Enrolment.id == Delivery.enrolment_id)
    .outerjoin(Course, Course.id == Enrolment.course_id)
)

# What is being written is nobody's but the learner's; who was erased has no answers any more.
_SUBMISSION: _Query = (
    select(
        Submission.id,
        Submission.enrolment_id,
        Enrolment.learner_id,
        Course.slug.label("course"),
        Submission.activity,
        Submission.round,
        Submission.answers,
        Submission.score,
        Submission.handed_in_at,
    )
    .join(Enrolment, Enrolment.id == Submission.enrolment_id)
    .join(Course, Course.id == Enrolment.course_id)
    .join(Learner, and_(Learner.id == Enrolment.learner_id, Learner.erased_at.is_(None)))
    .where(Submission.handed_in_at.is_not(None))
)


async def learners(
    session: AsyncSession, page: Page, *, address: str | None = None, since: datetime | None = None
) -> Rows:
    """Learners, but for who was erased."""
    key = None if address is None else consent.address_key(address)
    query = _with(_LEARNER, (Learner.address_key, key))
    if since:
        query = query.where(Learner.created_at >= since)
    return await _page(session, query, Learner.id, page)


async def learner(session: AsyncSession, learner_id: int) -> Record:
    """Raises `errors.NotFound`, also when the person was erased."""
    return await _one(session, _LEARNER.where(Learner.id == learner_id))


async def enrolments(
    session: AsyncSession,
    page: Page,
    *,
    course: str | None = None,
    state: str | None = None,
    learner_id: int | None = None,
    since: datetime | None = None,
) -> Rows:
    query = _with(
        _ENROLMENT, (Course.slug, course), (Enrolment.state, state), (Enrolment.learner_id, learner_id)
    )
    if since:
        query = query.where(Enrolment.created_at >= since)
    return await _page(session, query, Enrolment.id, page)


async def enrolment(session: AsyncSession, enrolment_id: int) -> Record:
    """Raises `errors.NotFound`."""
    return await _one(session, _ENROLMENT.where(Enrolment.id == enrolment_id))


@dataclass(frozen=True)
class Asked:
    """What a sign-up led to. Nothing is set when nothing began: the address must not be written to."""

    learner_id: int | None
    enrolment_id: int | None
    state: State | None


async def asked(session: AsyncSession, slug: str, address: str) -> Asked:
    """The open enrolment of an address in a course."""
    found = await session.execute(
        select(Enrolment.learner_id, Enrolment.id, Enrolment.state)
        .join(Learner, Learner.id == Enrolment.learner_id)
        .join(Course, Course.id == Enrolment.course_id)
        .where(
            Learner.address_key == consent.address_key(address),
            Course.slug == slug,
            Enrolment.state.in_(progress.OPEN),
        )
    )
    row = found.first()
    return Asked(row[0], row[1], State(row[2])) if row else Asked(None, None, None)


async def deliveries(
    session: AsyncSession,
    page: Page,
    *,
    course: str | None = None,
    state: str | None = None,
    kind: str | None = None,
    learner_id: int | None = None,
    enrolment_id: int | None = None,
    since: datetime | None = None,
) -> Rows:
    query = _with(
        _DELIVERY,
        (Course.slug, course),
        (Delivery.state, state),
        (Delivery.kind, kind),
        (Delivery.learner_id, learner_id),
        (Delivery.enrolment_id, enrolment_id),
    )
    if since:
        query = query.where(Delivery.created_at >= since)
    return await _page(session, query, Delivery.id, page)


async def delivery(session: AsyncSession, delivery_id: int) -> Record:
    """Raises `errors.NotFound`."""
    return await _one(session, _DELIVERY.where(Delivery.id == delivery_id))


async def submissions(
    session: AsyncSession,
    page: Page,
    *,
    course: str | None = None,
    activity: str | None = None,
    enrolment_id: int | None = None,
    since: datetime | None = None,
) -> Rows:
    """Answers that were handed in."""
    query = _with(
        _SUBMISSION,
        (Course.slug, course),
        (Submission.activity, activity),
        (Submission.enrolment_id, enrolment_id),
    )
    if since:
        query = query.where(Submission.handed_in_at >= since)
    return await _page(session, query, Submission.id, page)


async def submission(session: AsyncSession, submission_id: int) -> Record:
    """Raises `errors.NotFound`."""
    return await _one(session, _SUBMISSION.where(Submission.id == submission_id))


@dataclass(frozen=True)
class Shown:
    """A course with its current version."""

    id: int
    version: str
    published_at: datetime
    course: model.Course


async def courses(session: AsyncSession, page: Page) -> list[Shown]:
    found = await _page(session, _current(), Course.id, page)
    return [await _shown(session, row) for row in found]


async def course(session: AsyncSession, slug: str) -> Shown:
    """Raises `errors.NotFound`."""
    return await _shown(session, await _one(session, _current().where(Course.slug == slug)))


def _current() -> _Query:
    return select(
        Course.id, Version.id.label("version_id"), Version.hash, Version.created_at.label("published_at")
    ).join(Version, Version.id == Course.current_version_id)


async def _shown(session: AsyncSession, row: Record) -> Shown:
    pinned = await catalog.version(session, row.version_id)
    return Shown(row.id, row.hash, row.published_at, pinned.course)


def _with(query: _Query, *wanted: tuple[Any, object]) -> _Query:
    """Only rows whose columns have these values; None is any."""
    return query.where(*(column == value for column, value in wanted if value is not None))


async def _page(session: AsyncSession, query: _Query, key: Any, page: Page) -> Rows:
    found = await session.execute(query.where(key > page.after).order_by(key).limit(page.limit))
    return list(found.all())


async def _one(session: AsyncSession, query: _Query) -> Record:
    row: Record | None = (await session.execute(query)).first()
    if row is None:
        raise errors.NotFound("Il n'y a rien de tel ici.")
    return row
