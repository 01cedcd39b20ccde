"""What conditions may ask about a learner, read in bulk for many enrolments at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import progress, scoring
from engine.flows.leases import Recipient
from engine.tables import Enrolment, Learner, Submission, dialect
from engine.tables.base import table
from engine.tables.prepared import Prepared


async def of_all(session: AsyncSession, ids: Sequence[int]) -> dict[int, progress.Facts]:
    """By the numbers of the enrolments."""
    if not ids:
        return {}
    people = [_Person(*row) for row in await _PEOPLE.run(session, ids=list(ids))]
    handed_in = await _handed_in(session, ids)
    return {each.enrolment_id: _facts(about(each, each), handed_in[each.enrolment_id]) for each in people}


class _Person(NamedTuple):
    enrolment_id: int
    company: str
    size: int
    first_name: str
    region: str


def _people(sqlite: bool) -> Select[*tuple[Any, ...]]:
    places, learners = table(Enrolment).c, table(Learner).c
    return (
        select(places.id, places.company, places.size, learners.first_name, learners.region)
        .join_from(table(Enrolment), table(Learner), learners.id == places.learner_id)
        .where(dialect.given(places.id, sqlite=sqlite))
    )


_PEOPLE = Prepared(_people)


async def of_recipients(session: AsyncSession, people: Sequence[Recipient]) -> dict[int, progress.Facts]:
    """The same for whom mails go to, by their enrolments."""
    handed_in = await _handed_in(session, [each.enrolment_id for each in people])
    return {each.enrolment_id: _facts(about(each, each), handed_in[each.enrolment_id]) for each in people}


class _Answers(NamedTuple):
    activity: str
    answers: dict[str, Any]
    score: dict[str, float]
    lessons: int


async def _handed_in(session: AsyncSession, ids: Sequence[int]) -> defaultdict[int, list[_Answers]]:
    found: defaultdict[int, list[_Answers]] = defaultdict(list)
    for enrolment_id, *columns in await _SUBMISSIONS.run(session, ids=list(ids)):
        found[enrolment_id].append(_Answers(*columns))
    return found


def _submissions(sqlite: bool) -> Select[*tuple[Any, ...]]:
    columns = table(Submission).c
    return (
        select(
            columns.enrolment_id,
            columns.activity,
            columns.answers,
            columns.score,
            columns.lessons,
        )
        .where(dialect.given(columns.enrolment_id, sqlite=sqlite), columns.handed_in_at.is_not(None))
        .order_by(columns.handed_in_at, columns.round)
    )


_SUBMISSIONS = Prepared(_submissions)


async def of(session: AsyncSession, enrolment: Enrolment) -> progress.Facts:
    return (await of_all(session, [enrolment.id]))[enrolment.id]


def about(row: Enrolment | Recipient | _Person, learner: Learner | Recipient | _Person) -> dict[str, Any]:
    """`learner.<field>`, as conditions name them."""
    return {
        "first_name": learner.first_name,
        "company": row.company,
        "size": row.size,
        "region": learner.region,
    }


def _facts(about: dict[str, Any], handed_in: Sequence[_Answers]) -> progress.Facts:
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
        learner=about,
        answers=answers,
        score=score,
        handed_in=frozenset(answers),
        attempts=attempts,
    )
