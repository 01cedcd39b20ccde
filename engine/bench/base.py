"""People to measure with: ordinary learners in the middle of a bundled course, all alike."""

from datetime import datetime

from sqlalchemy import func, insert, select

from engine import app, paths, settings
from engine.core import errors
from engine.flows import catalog, publishing
from engine.tables import Course, Enrolment, Learner, db, schema

_CHUNK = 1000


async def enrol(database: str, count: int, *, course: str, next_key: str, now: datetime) -> list[int]:
    """Fill an empty database with as many learners, each enrolled in `course`; the ids of their enrolments.

    Raises `errors.Invalid` when there is somebody already.
    """
    found = db.Database(database)
    try:
        row = await publish(
            found, database, catalog.read_directory(paths.courses() / course), course, now=now
        )
        async with found.transaction() as session:
            for start in range(0, count, _CHUNK):
                numbers = range(start, min(start + _CHUNK, count))
                await session.execute(insert(Learner), [_learner(number, now) for number in numbers])
            learners = list(await session.scalars(select(Learner.id).order_by(Learner.id)))
            for start in range(0, count, _CHUNK):
                some = learners[start : start + _CHUNK]
                await session.execute(
                    insert(Enrolment), [_enrolment(each, row, next_key, now) for each in some]
                )
            return list(await session.scalars(select(Enrolment.id).order_by(Enrolment.id)))
    finally:
        await found.close()


async def publish(
    found: db.Database, database: str, files: catalog.Files, slug: str, *, now: datetime
) -> Course:
    """The only course of an empty database. Raises `errors.Invalid` when there is somebody already."""
    await schema.upgrade(found)
    async with found.transaction() as session:
        if await session.scalar(select(func.count()).select_from(Learner)):
            raise errors.Invalid("The bench needs a database without learners.")
        house = app.wardrobe(settings.load(database_url=database))
        await publishing.publish(session, files, slug=slug, house=house, now=now)
        return (await session.scalars(select(Course).where(Course.slug == slug))).one()


def _learner(number: int, now: datetime) -> dict[str, object]:
    address = f"learner-{number}@example.com"
    return {
        "address": address,
        "address_key": address,
        "address_hash": f"{number:064x}",
        "first_name": "Alice",
        "created_at": now,
    }


def _enrolment(learner: int, course: Course, next_key: str, now: datetime) -> dict[str, object]:
    return {
        "learner_id": learner,
        "course_id": course.id,
        "version_id": course.current_version_id,
        "state": "active",
        "slot": "tue 08:30",
        "zone": "Europe/Paris",
        "pace": 1,
        "next_kind": "lesson",
        "next_key": next_key,
        "created_at": now,
    }
