"""Everybody, as the rows of a spreadsheet: read chunk by chunk, so that a million people take no more memory
than a thousand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import delivery
from engine.core.delivery import Kind
from engine.tables import Course, Delivery, Enrolment, Learner, dialect

CHUNK = 1000

COLUMNS = (
    *(
        "numero",
        "adresse",
        "prenom",
        "langue",
        "region",
        "depuis",
        "parcours",
        "etat",
        "entreprise",
        "effectif",
    ),
    *("creneau", "fuseau", "lecons_envoyees", "prochaine_lecon", "prochaine_date", "fin", "raison_fin"),
)
"""One row for each course of a person; somebody without a course has one row. Names that a program can read;
those of people are read back by an import."""


@dataclass(frozen=True)
class Chunk:
    rows: tuple[tuple[object, ...], ...]
    last: int | None
    """Where the next chunk goes on; None at the end."""


async def read(session: AsyncSession, *, after: int = 0, slug: str = "") -> Chunk:
    """The next thousand learners after number `after`, by number; only those of one course with `slug`."""
    wanted = select(Learner).where(Learner.id > after, Learner.erased_at.is_(None))
    if slug:
        inside = (
            select(Enrolment.learner_id)
            .join(Course, Course.id == Enrolment.course_id)
            .where(Course.slug == slug, Enrolment.learner_id == Learner.id)
        )
        wanted = wanted.where(inside.exists())
    people = list(await session.scalars(wanted.order_by(Learner.id).limit(CHUNK)))
    courses = await _courses(session, [learner.id for learner in people], slug)
    rows = tuple(
        (*_about(learner), *course) for learner in people for course in courses.get(learner.id, [_NONE])
    )
    return Chunk(rows, people[-1].id if len(people) == CHUNK else None)


_NONE = ("",) * 11


def _about(learner: Learner) -> tuple[object, ...]:
    return (
        learner.id,
        learner.address,
        learner.first_name,
        learner.language,
        learner.region,
        _iso(learner.created_at),
    )


async def _courses(
    session: AsyncSession, learners: Sequence[int], slug: str
) -> dict[int, list[tuple[object, ...]]]:
    query = (
        select(Enrolment, Course.slug)
        .join(Course, Course.id == Enrolment.course_id)
        .where(dialect.among(session, Enrolment.learner_id, learners))
        .order_by(Enrolment.id)
    )
    if slug:
        query = query.where(Course.slug == slug)
    found = (await session.execute(query)).all()
    came = await _came(session, [row.id for row, _ in found])
    rows: dict[int, list[tuple[object, ...]]] = {}
    for row, name in found:
        rows.setdefault(row.learner_id, []).append(_course(row, name, came.get(row.id, 0)))
    return rows


async def _came(session: AsyncSession, places: Sequence[int]) -> dict[int | None, int]:
    """How many lessons were sent."""
    counted = await session.execute(
        select(Delivery.enrolment_id, func.count())
        .where(
            dialect.among(session, Delivery.enrolment_id, places),
            Delivery.kind == Kind.LESSON,
            Delivery.state == delivery.State.SENT,
        )
        .group_by(Delivery.enrolment_id)
    )
    return {row[0]: row[1] for row in counted}


def _course(row: Enrolment, slug: str, came: int) -> tuple[object, ...]:
    return (
        slug,
        row.state,
        row.company,
        row.size or "",
        row.slot,
        row.zone,
        came,
        row.next_key,
        _iso(row.due_at),
        _iso(row.ended_at),
        row.end_reason,
    )


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
