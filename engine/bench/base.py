"""People to measure with: ordinary learners, all alike, who stand somewhere in a course."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, insert, select

from engine import app, settings
from engine.core import errors
from engine.core.progress import State
from engine.flows import publishing
from engine.tables import Course, Enrolment, Learner, db, schema

_CHUNK = 1000
_LESSONS = 3
_COURSE = """\
title: Un parcours court
language: fr
summary: De quoi mesurer.
description: Trois leçons.
slot: "tue 08:30"
modules: [{key: debut, title: Le début}]
welcome: {subject: Bienvenue, text: Bonjour.}
farewell: {subject: Au revoir, text: Merci.}
"""
_LESSON = """\
---
subject: La leçon {number}
module: debut
minutes: 5
---
Bonjour {{{{ learner.first_name }}}}, voici la leçon {number}.
"""
SHORT: Mapping[str, bytes] = {
    "course.yaml": _COURSE.encode(),
    **{
        f"lessons/{number:02}-l{number}.md": _LESSON.format(number=number).encode()
        for number in range(1, _LESSONS + 1)
    },
}
"""A course that asks nothing: who answers nothing receives all of it."""
SHORT_LESSON = "l1"
SHORT_MAILS = _LESSONS + 2
"""What each of its learners receives: with the welcome and the farewell."""
WAITING: Mapping[str, object] = {"state": State.WAITING, "next_kind": "", "version_id": None}
"""The beginning of a course, for `enrol`."""


async def enrol(
    database: str,
    count: int,
    *,
    files: Mapping[str, bytes],
    slug: str,
    place: Mapping[str, object],
    now: datetime,
) -> list[int]:
    """Fill an empty database with as many learners, all enrolled in one course; the ids of their enrolments.

    `place` tells where they stand in it.

    Raises `errors.Invalid` when there is somebody already.
    """
    found = db.Database(database)
    try:
        row = await publish(found, database, files, slug, now=now)
        async with found.transaction() as session:
            for start in range(0, count, _CHUNK):
                numbers = range(start, min(start + _CHUNK, count))
                await session.execute(insert(Learner), [_learner(number, now) for number in numbers])
            learners = list(await session.scalars(select(Learner.id).order_by(Learner.id)))
            for start in range(0, count, _CHUNK):
                some = learners[start : start + _CHUNK]
                await session.execute(insert(Enrolment), [_enrolment(each, row, place, now) for each in some])
            return list(await session.scalars(select(Enrolment.id).order_by(Enrolment.id)))
    finally:
        await found.close()


async def publish(
    found: db.Database, database: str, files: Mapping[str, bytes], slug: str, *, now: datetime
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


def _enrolment(learner: int, course: Course, place: Mapping[str, object], now: datetime) -> dict[str, object]:
    return {
        "learner_id": learner,
        "course_id": course.id,
        "version_id": course.current_version_id,
        "state": State.ACTIVE,
        "slot": "tue 08:30",
        "zone": "Europe/Paris",
        "pace": 1,
        "next_kind": "lesson",
        "starts_at": now,
        "created_at": now,
        **place,
    }
