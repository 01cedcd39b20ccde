"""Counting beforehand what pages show: they answer at once, however many learners there are.

The ledger is counted by the days on which its mails came to their end; a day that is past and was counted
after its end stays as it is, so a count looks at the last days only. Where people stand is counted anew each
time. The truth stays in the ledger and the enrolments: to have everything counted again, delete the row
`numbers` of the table `meta`.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import aggregates, calendar, delivery, errors, forecast, numbers
from engine.core.progress import State
from engine.flows import catalog, enrolments
from engine.tables import (
    AnswerTotal,
    Course,
    DailyCount,
    Delivery,
    Enrolment,
    Forecast,
    Learner,
    Meta,
    Standing,
    Submission,
    dialect,
)

_MARK, _LOCK = "numbers", "numbers"
_FORM = 1
"""How we count: another number has everything counted anew."""
_REST = timedelta(minutes=1)
_SHARE = 50
"""Counting takes at most one second in so many."""
_DAYS = 31
"""Days of the ledger that one count looks at."""
_GROUPED = 100
_REASON = 60
"""Characters of a reason: enough to know its cause by."""

_OPEN = (
    # Each fits a partial index.
    "delivery.state IN ('planned', 'retry', 'in_doubt')",
    "delivery.state IN ('claimed', 'sending')",
    "delivery.state = 'held'",
)


@dataclass(frozen=True)
class Mark:
    """How far was counted."""

    at: datetime
    """The moment that the numbers speak of."""
    day: date
    """The first day that the next count looks at: it was not over."""
    seconds: float
    """What the last count cost."""


@dataclass(frozen=True)
class Count:
    """What one count found, ready to be kept."""

    at: datetime
    first: date
    """The ledger was counted from this day on."""
    end: date
    """And up to the day before this one."""
    mails: Sequence[Mapping[str, Any]]
    # None while days are left: where people stand is looked at once, with the last of them.
    standing: Sequence[Mapping[str, Any]] | None = None
    forecast: Sequence[Mapping[str, Any]] | None = None

    @property
    def whole(self) -> bool:
        """Whether no days are left."""
        return self.standing is not None


async def mark(session: AsyncSession) -> Mark | None:
    """None: nothing was counted yet, or in another way."""
    found = await session.get(Meta, _MARK)
    kept = json.loads(found.value) if found else {}
    if kept.get("form") != _FORM:
        return None
    return Mark(datetime.fromisoformat(kept["at"]), date.fromisoformat(kept["day"]), kept["seconds"])


async def is_due(session: AsyncSession, *, now: datetime) -> bool:
    """Whether to count again: at once while days are left, then every half minute, or less often where that
    takes long."""
    last = await mark(session)
    if last is None or last.day < _open_day(last.at):  # the process died between two portions
        return True
    return now >= last.at + max(_REST, timedelta(seconds=last.seconds * _SHARE))


def _open_day(at: datetime) -> date:
    """The day to look at again, `at` being counted: what is settled by midnight may be committed after it."""
    return numbers.today(at - timedelta(hours=1))


async def count(session: AsyncSession, *, now: datetime) -> Count:
    """Look at the last days of the ledger, and where everybody stands. Reads only."""
    await dialect.modestly(session)
    last, today = await mark(session), numbers.today(now)
    first = last.day if last else await _first_day(session) or today
    end = min(today, first + timedelta(days=_DAYS)) + timedelta(days=1)
    mails = Counter[tuple[Any, ...]]()
    for offset in range((end - first).days):
        mails += await _settled(session, first + timedelta(days=offset))
    if end <= today:
        return Count(now, first, end, _rows(DailyCount, mails))
    mails += await _open(session, now)
    standing, expected = await _standing(session, now), await _forecast(session, now)
    return Count(
        now,
        first,
        end,
        _rows(DailyCount, mails),
        standing=_rows(Standing, standing),
        forecast=_rows(Forecast, expected),
    )


def _rows(table: Any, counted: Mapping[tuple[Any, ...], int]) -> list[dict[str, Any]]:
    names = [column.name for column in table.__table__.primary_key]
    return [dict(zip(names, key, strict=True)) | {"n": n} for key, n in counted.items()]


async def _first_day(session: AsyncSession) -> date | None:
    first = await session.scalar(select(func.min(Delivery.settled_at)))
    return numbers.today(first) if first else None


async def _settled(session: AsyncSession, day: date) -> Counter[tuple[Any, ...]]:
    """The mails that came to an end on `day`, by course, day, kind, lesson, state and cause."""
    begin, end = numbers.midnight(day), numbers.midnight(day + timedelta(days=1))
    told = case((Delivery.state == delivery.State.SENT, ""), else_=func.substr(Delivery.reason, 1, _REASON))
    found = await session.execute(
        select(_COURSE, *_SORT, told, func.count())
        .where(Delivery.settled_at >= begin, Delivery.settled_at < end)
        .group_by(text("1, 2, 3, 4, 5"))
    )
    counted = Counter[tuple[Any, ...]]()
    for course, kind, key, state, reason, n in found:
        counted[course, day, kind, key, state, _cause(reason)] += n
    return counted


# Looked up row by row: for one day's mails a join would read all enrolments.
_COURSE = func.coalesce(
    select(Enrolment.course_id)
    .where(Enrolment.id == Delivery.enrolment_id)
    .correlate(Delivery)
    .scalar_subquery(),
    0,
)
_SORT = (Delivery.kind, Delivery.lesson_key, Delivery.state)


async def _open(session: AsyncSession, now: datetime) -> Counter[tuple[Any, ...]]:
    """The mails that wait, by the day on which they are due."""
    late = now - calendar.LATE_AFTER
    told = case(
        (Delivery.state.in_(("retry", "in_doubt", "held")), func.substr(Delivery.reason, 1, _REASON)),
        (Delivery.due_at < late, "late"),
        else_="",
    )
    counted = Counter[tuple[Any, ...]]()
    for which in _OPEN:
        found = await session.execute(
            select(
                _COURSE,
                dialect.hour(session, Delivery.due_at),
                *_SORT,
                told,
                func.count(),
            )
            .where(text(which))
            .group_by(text("1, 2, 3, 4, 5, 6"))
        )
        for course, hour, kind, key, state, reason, n in found:
            counted[course, numbers.today(hour), kind, key, state, _cause(reason)] += n
    return counted


def _cause(reason: str) -> str:
    return numbers.cause(reason) if reason else ""


async def _standing(session: AsyncSession, now: datetime) -> Counter[tuple[Any, ...]]:
    """How many enrolments stand where, in one look at all of them."""
    row = Enrolment
    months = [(row.starts_at >= begin, name) for name, begin in numbers.cohorts(now)]
    cohort = case((row.starts_at.is_(None), ""), *months, else_="")
    why = case(
        (row.state == State.STOPPED, row.end_reason),
        (and_(row.state == State.ACTIVE, row.gate_since.is_not(None)), "gate"),
        (and_(row.state == State.PAUSED, row.due_at.is_not(None)), "pause"),
        else_="",
    )
    # Who stopped is owed nothing, and who had every lesson has no next one.
    over = and_(row.state == State.STOPPED, row.next_key == "", row.last_day.is_not(None))
    kind = case((over, "farewell"), else_=row.next_kind)
    found = await session.execute(
        select(row.course_id, cohort, row.state, kind, row.next_key, why, func.count()).group_by(
            text("1, 2, 3, 4, 5, 6")
        )
    )
    return Counter({tuple(key): n for *key, n in found})


async def _forecast(session: AsyncSession, now: datetime) -> Counter[tuple[Any, ...]]:
    until = numbers.monday(numbers.today(now)) + timedelta(weeks=forecast.WEEKS + 1)
    people: defaultdict[int, Counter[forecast.Stand]] = defaultdict(Counter)
    begins = (Enrolment.state == State.WAITING, Enrolment.starts_at)
    due = (
        and_(
            Enrolment.state.in_((State.ACTIVE, State.PAUSED, State.COMPLETED)), Enrolment.gate_since.is_(None)
        ),
        Enrolment.due_at,
    )
    for which, moment in (begins, due):
        for row in await session.execute(_stands(session, which, moment, numbers.midnight(until))):
            version, *stand, n = row
            with suppress(errors.Invalid, ValueError, KeyError):  # a row that nobody can plan is held
                people[version][_stand(*stand)] += n
    counted = Counter[tuple[Any, ...]]()
    for version, stands in people.items():
        try:
            course = (await catalog.version(session, version)).course
            mails = await asyncio.to_thread(forecast.run, course, stands, until=until)
        except errors.ParcoursError:  # read no more, or closed for ever: its learners are held one by one
            continue
        course_id = await session.scalar(select(Course.id).where(Course.slug == course.slug))
        counted += Counter({(course_id, mail.day, mail.kind, mail.key): n for mail, n in mails.items()})
    return counted


def _stand(
    hour: datetime, zone: str, kind: str, key: str, weekday: str, pace: int, region: str, catching_up: int
) -> forecast.Stand:
    if region:
        calendar.check_calendar(region)
    return forecast.Stand(
        day=calendar.local_day(hour, zone),
        kind=kind or "welcome",
        key=key,
        weekday=calendar.Weekday.parse(weekday),
        pace=enrolments.pace(pace),
        region=region,
        catching_up=catching_up,
    )


def _stands(session: AsyncSession, which: Any, moment: Any, until: datetime) -> Select[*tuple[Any, ...]]:
    region = (
        select(Learner.region)
        .where(Learner.id == Enrolment.learner_id)
        .correlate(Enrolment)
        .scalar_subquery()
    )
    return (
        select(
            func.coalesce(Enrolment.version_id, Course.current_version_id),
            dialect.hour(session, moment),
            Enrolment.zone,
            Enrolment.next_kind,
            Enrolment.next_key,
            func.substr(Enrolment.slot, 1, 3),
            Enrolment.pace,
            region,
            Enrolment.catching_up,
            func.count(),
        )
        .join(Course, Course.id == Enrolment.course_id)
        .where(which, moment < until)
        .group_by(text("1, 2, 3, 4, 5, 6, 7, 8, 9"))
    )


async def keep(session: AsyncSession, found: Count, *, seconds: float) -> None:
    """Put what was counted in place of what was known; older than that, it is thrown away.

    `seconds`: what the count cost.
    """
    await dialect.lock(session, _LOCK)
    last = await mark(session)
    if last and last.at > found.at:
        return
    if last is None:
        await session.execute(delete(DailyCount))
    settled = and_(DailyCount.day >= found.first, DailyCount.day < found.end)
    await session.execute(delete(DailyCount).where(settled, DailyCount.state.in_(delivery.FINAL)))
    await session.execute(delete(DailyCount).where(DailyCount.state.in_(delivery.OPEN)))
    await _put(session, DailyCount, found.mails)
    for table, rows in ((Standing, found.standing), (Forecast, found.forecast)):
        if rows is not None:
            await session.execute(delete(table))
            await _put(session, table, rows)
    day = min(found.end, _open_day(found.at))
    kept = {"form": _FORM, "at": found.at.isoformat(), "day": day.isoformat(), "seconds": seconds}
    await session.merge(Meta(key=_MARK, value=json.dumps(kept)))


async def _put(session: AsyncSession, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await session.execute(insert(table), rows)


_UNGROUPED = (Submission.handed_in_at.is_not(None), Submission.round == 1, Submission.five.is_(None))


async def ripe(session: AsyncSession) -> list[tuple[int, str]]:
    """The courses and activities where five people's first answers wait to be averaged."""
    found = await session.execute(
        select(Enrolment.course_id, Submission.activity)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .where(*_UNGROUPED)
        .group_by(Enrolment.course_id, Submission.activity)
        .having(func.count(Enrolment.learner_id.distinct()) >= aggregates.GROUP)
    )
    return [(row[0], row[1]) for row in found]


async def group(session: AsyncSession, course_id: int, activity: str) -> bool:
    """Put some first answers into their fives, once and for all, and add these up. False: all were looked at.

    Those that come meanwhile wait for the next count: else a busy hour would be grouped one by one.
    """
    await dialect.lock(session, _LOCK)
    rows = await session.execute(
        select(Submission, Enrolment.learner_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .where(Enrolment.course_id == course_id, Submission.activity == activity, *_UNGROUPED)
        .order_by(Submission.handed_in_at, Submission.id)
        .limit(_GROUPED)
        .with_for_update(of=Submission)
    )
    answers = {answer.id: (answer, person) for answer, person in rows}
    worthless = [answer for answer, _ in answers.values() if not _worth(answer)]
    for answer in worthless:
        answer.five = 0
    fives = aggregates.fives((id, person) for id, (answer, person) in answers.items() if _worth(answer))
    last = await session.scalar(select(func.max(Submission.five))) or 0
    for number, five in enumerate(fives, last + 1):
        for id in five:
            answers[id][0].five = number
    await _add(session, course_id, [answers[id][0] for five in fives for id in five], 1)
    return len(answers) == _GROUPED and bool(fives or worthless)


def _worth(answer: Submission) -> dict[str, float]:
    """What an answer is averaged by: {} for what has no value, and for a person who was erased."""
    if answer.score:
        return answer.score
    match answer.answers:
        case {"value": int(mark)}:
            return {"value": float(mark)}
        case {"done": bool(done)}:
            return {"done": 100.0 * done}
    return {}


async def _add(session: AsyncSession, course_id: int, answers: Iterable[Submission], sign: int) -> None:
    """Add answers to the totals of their activities, or with -1 take them away."""
    people, totals = Counter[tuple[str, str]](), defaultdict[tuple[str, str], float](float)
    for answer in answers:
        for measure, worth in _worth(answer).items():
            people[answer.activity, measure] += sign
            totals[answer.activity, measure] += sign * worth
    for (activity, measure), count in people.items():
        key = {"course_id": course_id, "activity": activity, "measure": measure}
        kept = await session.get(AnswerTotal, key) or AnswerTotal(**key, people=0, total=0.0)
        kept.people, kept.total = kept.people + count, kept.total + totals[activity, measure]
        session.add(kept)


async def forget(session: AsyncSession, learner_id: int) -> None:
    """Take the fives of a person out of all averages; to be called while his answers are still there."""
    await dialect.lock(session, _LOCK)
    own = (
        select(Submission.five)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .where(Enrolment.learner_id == learner_id, Submission.five > 0)
    )
    rows = await session.execute(
        select(Submission, Enrolment.course_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .where(Submission.five.in_(own))
    )
    taken: defaultdict[int, list[Submission]] = defaultdict(list)
    for answer, course_id in rows:
        taken[course_id].append(answer)
    for course_id, answers in taken.items():
        await _add(session, course_id, answers, -1)
        for answer in answers:
            answer.five = 0
