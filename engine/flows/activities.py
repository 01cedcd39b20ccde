"""Activities: what learners answered, and what that opens."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors, progress, views
from engine.core.course import grammar, model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import enrolments, outbox
from engine.tables import Enrolment, Learner, Submission


async def facts(session: AsyncSession, rows: Sequence[Enrolment]) -> dict[int, progress.Facts]:
    """What conditions may ask, for each enrolment, read in bulk."""
    if not rows:
        return {}
    learners = {
        learner.id: learner
        for learner in await session.scalars(
            select(Learner).where(Learner.id.in_({row.learner_id for row in rows}))
        )
    }
    answers: defaultdict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    handed_in = await session.scalars(
        select(Submission)
        .where(Submission.enrolment_id.in_([row.id for row in rows]), Submission.handed_in_at.is_not(None))
        .order_by(Submission.round)
    )
    for submission in handed_in:
        answers[submission.enrolment_id][submission.activity] = submission.answers
    return {row.id: _facts(row, learners[row.learner_id], answers[row.id]) for row in rows}


def _facts(row: Enrolment, learner: Learner, answers: dict[str, dict[str, Any]]) -> progress.Facts:
    about = {
        "first_name": learner.first_name,
        "company": row.company,
        "size": row.size,
        "region": learner.region,
    }
    return progress.Facts(learner=about, answers=answers, handed_in=frozenset(answers))


async def of(session: AsyncSession, enrolment: Enrolment) -> progress.Facts:
    return (await facts(session, [enrolment]))[enrolment.id]


def _checkin(course: model.Course, key: str) -> grammar.Checkin:
    activity = course.activities.get(key)
    if activity is None:
        raise errors.NotFound("Cette activité n'existe pas dans ce parcours.")
    if not isinstance(activity, grammar.Checkin):
        raise errors.NotFound("Cette activité ne se remplit pas encore en ligne.")
    return activity


def button(activity: grammar.Checkin, language: str) -> str:
    return activity.button or ("C'est fait" if language == "fr" else "Done")


async def page(session: AsyncSession, enrolment_id: int, key: str, *, now: datetime) -> views.ActivityPage:
    """Raises `errors.NotFound`, `errors.ExpiredLink`."""
    enrolment = await enrolments.get(session, enrolment_id)
    enrolments.check_open(enrolment, now)
    await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    activity = _checkin(course, key)
    submission = await _submission(session, enrolment_id, key)
    waiting = enrolment.state == State.ACTIVE and enrolment.next_kind == "lesson"
    return views.ActivityPage(
        slug=course.slug,
        course=course.title,
        language=course.language,
        key=key,
        title=activity.title,
        prompt=activity.prompt,
        button=button(activity, course.language),
        done_at=submission.handed_in_at if submission else None,
        next_at=enrolment.due_at if waiting and enrolment.gate_since is None else None,
        zone=enrolment.zone,
    )


async def _submission(session: AsyncSession, enrolment_id: int, key: str) -> Submission | None:
    return await session.scalar(
        select(Submission).where(
            Submission.enrolment_id == enrolment_id, Submission.activity == key, Submission.round == 1
        )
    )


async def hand_in(session: AsyncSession, enrolment_id: int, key: str, *, now: datetime) -> None:
    """Record that a check-in is done; twice is once. A gate that waited for it opens at the next slot."""
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    enrolments.check_open(enrolment, now)
    learner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    _checkin(course, key)
    if await _submission(session, enrolment_id, key):
        return
    session.add(
        Submission(
            enrolment_id=enrolment_id,
            activity=key,
            round=1,
            answers={"done": True},
            updated_at=now,
            handed_in_at=now,
        )
    )
    session.add(
        outbox.event(learner_id=learner.id, enrolment_id=enrolment_id, kind="handed_in", now=now, text=key)
    )
    lesson = course.lesson(enrolment.next_key)
    gate = lesson.requires.activity if lesson and lesson.requires else ""
    if gate != key or enrolment.gate_since is None:
        return
    await outbox.cancel(session, enrolment_id, Kind.REMINDER, reason="handed in")
    if enrolment.state == State.ACTIVE:
        own = enrolments.rules(course.rules, enrolment, learner.region)
        slot, position = enrolments.slot(enrolment), enrolments.position(enrolment)
        enrolments.settle(enrolment, progress.next_chance(course, position, slot, own, now=now))
