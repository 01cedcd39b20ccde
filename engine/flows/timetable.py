"""What leaves in the weeks to come, and to how many: an estimate, from where everybody stands."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, delivery, forecast, numbers
from engine.core.course import model
from engine.core.delivery import Kind, State
from engine.core.progress import State as Progress
from engine.flows import catalog, counting, drafts
from engine.tables import Course, DailyCount, Forecast, Standing

_ON_COURSE = (Kind.WELCOME, Kind.LESSON, Kind.FAREWELL)


@dataclass(frozen=True)
class Week:
    """What would leave in one week, from Monday on."""

    monday: date
    lessons: int
    others: int
    """Welcomes and farewells."""


@dataclass(frozen=True)
class Group:
    """Those who receive the same mail on the same day."""

    kind: str
    number: int
    """Of the lesson; 0: no lesson, or one that is not in the current version."""
    title: str
    """The subject of the lesson, or its key."""
    people: int


@dataclass(frozen=True)
class Day:
    day: date
    groups: tuple[Group, ...]

    @property
    def people(self) -> int:
        return sum(group.people for group in self.groups)


@dataclass(frozen=True)
class Timetable:
    """Who receives what on which day, in this week and the next twelve; days without a mail are left out."""

    title: str
    """Of the course."""
    language: str
    at: datetime | None
    """When it was counted; None: never yet."""
    weeks: tuple[tuple[date, tuple[Day, ...]], ...]
    """By Monday."""
    rows: tuple[tuple[Group, tuple[int, ...]], ...]
    """Each mail of the course with its people, week by week."""
    held_up: int
    """Learners who are not in it: at a gate, or in a pause without end."""


async def course_id(session: AsyncSession, slug: str) -> int:
    return (await session.scalars(select(Course.id).where(Course.slug == slug))).one()


async def of_course(session: AsyncSession, slug: str, *, now: datetime) -> Timetable:
    """Raises `errors.NotFound`."""
    course = (await catalog.current(session, slug)).course
    own = await course_id(session, slug)
    mark = await counting.mark(session)
    days: defaultdict[date, list[Group]] = defaultdict(list)
    for mail, n in (await _expected(session, own, now)).items():
        days[mail.day].append(_group(course, mail, n))
    weeks: defaultdict[date, list[Day]] = defaultdict(list)
    for day in sorted(days):
        groups = sorted(days[day], key=lambda group: (_ON_COURSE.index(Kind(group.kind)), group.number))
        weeks[numbers.monday(day)].append(Day(day, tuple(groups)))
    mails: defaultdict[tuple[int, int, str], Counter[date]] = defaultdict(Counter)
    for monday, found in weeks.items():
        for group in (group for day in found for group in day.groups):
            mails[_ON_COURSE.index(Kind(group.kind)), group.number, group.title][monday] += group.people
    return Timetable(
        title=course.title,
        language=course.language,
        at=mark.at if mark else None,
        weeks=tuple((monday, tuple(found)) for monday, found in weeks.items()),
        rows=tuple(
            (
                Group(_ON_COURSE[kind], number, title, people.total()),
                tuple(people[monday] for monday in weeks),
            )
            for (kind, number, title), people in sorted(mails.items())
        ),
        held_up=sum(await held_up(session, Standing.course_id == own)),
    )


def _group(course: model.Course, mail: forecast.Mail, people: int) -> Group:
    lesson = course.lesson(mail.key)
    return Group(mail.kind, lesson.number if lesson else 0, lesson.subject if lesson else mail.key, people)


@dataclass(frozen=True)
class Received:
    """A mail that one learner would get."""

    kind: str
    lesson: model.Lesson | None
    at: datetime
    """Aware UTC: the slot's own minute, which the day's spread may move by nine."""
    reason: str
    """Why it is not the day one would expect, in French; ""."""


@dataclass(frozen=True)
class Alone:
    """What one learner would live through."""

    title: str
    language: str
    slot: calendar.Slot
    working_days: frozenset[int]
    calendar: str
    """That of the holidays that were obeyed."""
    mails: tuple[Received, ...]


async def of_one(session: AsyncSession, slug: str, plan: drafts.Plan) -> Alone:
    """Simulate one learner. Raises `errors.NotFound`, `errors.Invalid`."""
    course = (await catalog.current(session, slug)).course
    mails = tuple(
        Received(
            row["kind"], course.lesson(row["lesson"]), datetime.fromisoformat(row["at_utc"]), row["reason"]
        )
        for row in drafts.simulate(course, plan)
    )
    slot = calendar.Slot.parse(plan.slot or course.slot, plan.zone)
    rules = course.rules.with_region(plan.calendar)
    return Alone(course.title, course.language, slot, rules.working_days, rules.calendar, mails)


async def weeks(session: AsyncSession, own: int | None, *, now: datetime) -> tuple[Week, ...]:
    """This week, from today on, and the next twelve; of one course, or with None of the house."""
    lessons, others = Counter[date](), Counter[date]()
    for mail, n in (await _expected(session, own, now)).items():
        (lessons if mail.kind == Kind.LESSON else others)[numbers.monday(mail.day)] += n
    first = numbers.monday(numbers.today(now))
    mondays = (first + timedelta(weeks=ahead) for ahead in range(forecast.WEEKS + 1))
    return tuple(Week(monday, lessons[monday], others[monday]) for monday in mondays)


async def _expected(session: AsyncSession, own: int | None, now: datetime) -> Counter[forecast.Mail]:
    """What would leave from today on: what the ledger holds, and what follows from where everybody stands."""
    found = Counter[forecast.Mail]()
    leaves = (DailyCount.state.in_(delivery.OPEN - {State.HELD}), DailyCount.kind.in_(_ON_COURSE))
    owed = select(DailyCount.day, DailyCount.kind, DailyCount.lesson_key, func.sum(DailyCount.n))
    follows = select(Forecast.day, Forecast.kind, Forecast.lesson_key, func.sum(Forecast.n))
    for table, query in ((DailyCount, owed.where(*leaves)), (Forecast, follows)):
        query = query.where(table.day >= numbers.today(now))
        if own is not None:
            query = query.where(table.course_id == own)
        for day, kind, key, n in await session.execute(
            query.group_by(table.day, table.kind, table.lesson_key)
        ):
            found[forecast.Mail(day, kind, key)] += int(n)
    return found


@dataclass(frozen=True)
class Today:
    """The mails of one day, of all courses."""

    at: datetime
    """When they were counted."""
    sent: int
    failed: int
    to_come: int
    """What the ledger holds for today, and what follows from where everybody stands."""


async def today(session: AsyncSession, *, now: datetime) -> Today | None:
    """None: nothing was counted today."""
    mark, day = await counting.mark(session), numbers.today(now)
    if mark is None or numbers.today(mark.at) != day:
        return None
    of_day = select(DailyCount.state, func.sum(DailyCount.n)).where(DailyCount.day == day)
    rows = await session.execute(of_day.group_by(DailyCount.state))
    counted = {state: int(n) for state, n in rows}
    owed = sum(counted.get(state, 0) for state in delivery.OPEN - {State.HELD})
    follows = await session.scalar(select(func.sum(Forecast.n)).where(Forecast.day == day)) or 0
    return Today(mark.at, counted.get(State.SENT, 0), counted.get(State.FAILED, 0), owed + int(follows))


async def held_up(session: AsyncSession, *own: ColumnElement[bool]) -> tuple[int, int]:
    """How many learners wait before an activity, and how many are in a pause without end."""
    gate = and_(Standing.state == Progress.ACTIVE, Standing.cause == "gate")
    silent = and_(Standing.state == Progress.PAUSED, Standing.cause == "")
    found = [select(func.sum(Standing.n)).where(which, *own) for which in (gate, silent)]
    return int(await session.scalar(found[0]) or 0), int(await session.scalar(found[1]) or 0)
