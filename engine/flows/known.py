"""What conditions may ask about a learner, read in bulk for many enrolments at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import progress, scoring
from engine.tables import Enrolment, Learner, Submission


async def of_all(session: AsyncSession, rows: Sequence[Enrolment]) -> dict[int, progress.Facts]:
    if not rows:
        return {}
    learners = {
        learner.id: learner
        for learner in await session.scalars(
            select(Learner).where(Learner.id.in_({row.learner_id for row in rows}))
        )
    }
    handed_in: defaultdict[int, list[Submission]] = defaultdict(list)
    for submission in await session.scalars(
        select(Submission)
        .where(Submission.enrolment_id.in_([row.id for row in rows]), Submission.handed_in_at.is_not(None))
        .order_by(Submission.handed_in_at, Submission.round)
    ):
        handed_in[submission.enrolment_id].append(submission)
    return {row.id: _facts(row, learners[row.learner_id], handed_in[row.id]) for row in rows}


async def of(session: AsyncSession, enrolment: Enrolment) -> progress.Facts:
    return (await of_all(session, [enrolment]))[enrolment.id]


def about(row: Enrolment, learner: Learner) -> dict[str, Any]:
    """`learner.<field>`, as conditions name them."""
    return {
        "first_name": learner.first_name,
        "company": row.company,
        "size": row.size,
        "region": learner.region,
    }


def _facts(row: Enrolment, learner: Learner, handed_in: Sequence[Submission]) -> progress.Facts:
    """Of several rounds, the latest answer to each question counts, and the best score."""
    answers: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    score: defaultdict[str, dict[str, float]] = defaultdict(dict)
    attempts: defaultdict[str, list[scoring.Attempt]] = defaultdict(list)
    for each in handed_in:
        attempts[each.activity].append(scoring.Attempt(each.answers, each.lessons))
        answers[each.activity] |= each.answers
        for axis, percent in each.score.items():
            score[each.activity][axis] = max(percent, score[each.activity].get(axis, 0.0))
    return progress.Facts(
        learner=about(row, learner),
        answers=answers,
        score=score,
        handed_in=frozenset(answers),
        attempts=attempts,
    )
