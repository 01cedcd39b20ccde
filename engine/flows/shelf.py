"""The courses as their authors find them: published or begun, and how many people follow each."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors
from engine.core.course import editing
from engine.flows import catalog, desk
from engine.tables import Course, Draft, Standing, Version


@dataclass(frozen=True)
class Summary:
    """A course in the list of courses."""

    slug: str
    title: str
    language: str
    published_at: datetime | None
    changed_at: datetime | None
    """When its draft was last changed; None without draft."""
    people: Mapping[str, int]
    """How many, by the state of their enrolment, as they were counted last (see `counting`)."""


async def courses(session: AsyncSession) -> list[Summary]:
    """Every course, published or begun, by its slug."""
    rows = await session.execute(
        select(Course.slug, Course.id, Version.created_at, Draft.changed_at)
        .outerjoin(Version, Version.id == Course.current_version_id)
        .outerjoin(Draft, Draft.course_id == Course.id)
        .where(or_(Version.id.is_not(None), Draft.id.is_not(None)))
        .order_by(Course.slug)
    )
    people = await _people(session)
    return [
        Summary(slug, *await _title(session, slug), published, changed, people.get(course, {}))
        for slug, course, published, changed in rows
    ]


async def _people(session: AsyncSession) -> Mapping[int, Mapping[str, int]]:
    rows = await session.execute(
        select(Standing.course_id, Standing.state, func.sum(Standing.n)).group_by(
            Standing.course_id, Standing.state
        )
    )
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for course, state, count in rows:
        found[course][state] = int(count)
    return found


async def _title(session: AsyncSession, slug: str) -> tuple[str, str]:
    """The title, and the language that it is written in."""
    try:
        course = (await catalog.current(session, slug)).course
        return course.title, course.language
    except errors.NotFound:
        header = (await desk.file(session, slug, editing.COURSE)).content
        return editing.field(header, "title") or slug, editing.field(header, "language") or "fr"
