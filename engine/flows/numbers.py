"""What the studio's pages show of courses and mails: read from what was counted beforehand, so at once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import aggregates, delivery, numbers
from engine.core.course import grammar, model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import catalog, counting, timetable
from engine.tables import AnswerTotal, Course, DailyCount, Standing, Suppression

DAYS = 90
"""Days that are shown one by one."""


@dataclass(frozen=True)
class People:
    """Enrolments by state."""

    pending: int = 0
    waiting: int = 0
    active: int = 0
    paused: int = 0
    completed: int = 0
    stopped: int = 0

    @property
    def begun(self) -> int:
        """Everybody for whom the course began, or who left before it did."""
        return self.active + self.paused + self.completed + self.stopped


@dataclass(frozen=True)
class Place:
    """The learners for whom the same lesson came last."""

    number: int
    """From 1; 0: none came yet."""
    key: str
    subject: str
    received: int = 0
    """To how many this lesson was ever sent, in whichever version."""
    active: int = 0
    gate: int = 0
    """They wait for an activity before the next lesson."""
    paused: int = 0
    """Until a day."""
    silent: int = 0
    """Paused until they give a sign."""
    left: int = 0
    ended: int = 0
    """Stopped by something else: a shut gate, a dead address, erasure."""

    @property
    def here(self) -> int:
        return self.active + self.gate + self.paused + self.silent + self.left + self.ended


@dataclass(frozen=True)
class Cohort:
    """Who began in one month."""

    month: date
    """Its first day."""
    people: People


@dataclass(frozen=True)
class Day:
    """What became of mails on one day."""

    day: date
    sent: int
    failed: int
    cancelled: int


@dataclass(frozen=True)
class Measure:
    """An average over whole groups of five; `after` where the same was asked again later."""

    title: str
    scale: int
    """The highest mark of a poll; 0: per cent."""
    before: aggregates.Mean | None
    after: aggregates.Mean | None


@dataclass(frozen=True)
class Result:
    """What the answers to one activity come down to."""

    title: str
    kind: str
    again: str
    """The title of the activity that asks the same later; ""."""
    measures: tuple[Measure, ...]

    @property
    def people(self) -> tuple[int, int]:
        """Before and after."""
        means = [(each.before, each.after) for each in self.measures]
        return (
            max((before.people for before, _ in means if before), default=0),
            max((after.people for _, after in means if after), default=0),
        )


@dataclass(frozen=True)
class Waiting:
    """Mails that are open, by state and cause."""

    planned: int
    """Due later, and nothing stands against them."""
    late: int
    causes: Mapping[str, Mapping[str, int]]
    """By state (`held`, `retry`, `in_doubt`), then by cause."""

    @property
    def any(self) -> bool:
        return bool(self.late or self.causes)


@dataclass(frozen=True)
class Mails:
    """The mails of a course, or of the house."""

    days: tuple[Day, ...]
    """The last 90, today last."""
    weeks: tuple[timetable.Week, ...]
    """An estimate: this week and the next twelve, of mails that follow the course."""
    failures: Mapping[str, int]
    """Of these days, by cause."""
    waiting: Waiting


@dataclass(frozen=True)
class Line:
    """One course in the overview."""

    slug: str
    title: str
    language: str
    """Of the title."""
    people: People


@dataclass(frozen=True)
class Overview:
    at: datetime | None
    """When it was counted; None: never yet."""
    courses: tuple[Line, ...]
    mails: Mails
    held_up: tuple[int, int]
    """Learners who wait before an activity, and those in a pause without end."""
    suppressed: Mapping[str, int]
    """Addresses that are not mailed, by reason."""


@dataclass(frozen=True)
class OfCourse:
    at: datetime | None
    slug: str
    title: str
    language: str
    """Of its texts."""
    people: People
    places: tuple[Place, ...]
    elsewhere: int
    """Learners whose next lesson is in no version that is current."""
    cohorts: tuple[Cohort, ...]
    results: tuple[Result, ...]
    mails: Mails


async def overview(session: AsyncSession, *, now: datetime) -> Overview:
    mark = await counting.mark(session)
    people: defaultdict[int, Counter[str]] = defaultdict(Counter)
    rows = await session.execute(
        select(Standing.course_id, Standing.state, func.sum(Standing.n)).group_by(
            Standing.course_id, Standing.state
        )
    )
    for course_id, state, n in rows:
        people[course_id][state] += n
    lines = []
    for course in await session.scalars(select(Course).order_by(Course.slug)):
        title, language = await catalog.named(session, course.slug)
        lines.append(Line(course.slug, title, language, People(**people[course.id])))
    reasons = select(Suppression.reason, func.count()).group_by(Suppression.reason)
    suppressed = {row[0]: row[1] for row in await session.execute(reasons)}
    mails = await _mails(session, None, now)
    held_up = await timetable.held_up(session)
    return Overview(mark.at if mark else None, tuple(lines), mails, held_up, suppressed)


async def of_course(session: AsyncSession, slug: str, *, now: datetime) -> OfCourse:
    """Raises `errors.NotFound`."""
    course = (await catalog.current(session, slug)).course
    course_id = await timetable.course_id(session, slug)
    mark = await counting.mark(session)
    cohorts = await _cohorts(session, course_id)
    places, elsewhere = await _places(session, course_id, course)
    return OfCourse(
        at=mark.at if mark else None,
        slug=slug,
        title=course.title,
        language=course.language,
        people=_people(cohorts.values()),
        places=places,
        elsewhere=elsewhere,
        cohorts=tuple(
            Cohort(date.fromisoformat(f"{month}-01"), People(**cohorts[month]))
            for month in sorted(cohorts)
            if month
        ),
        results=_results(course, await _totals(session, course_id)),
        mails=await _mails(session, course_id, now),
    )


# Where people stand


async def _cohorts(session: AsyncSession, course_id: int) -> dict[str, Counter[str]]:
    """By month of beginning ("": not begun), enrolments by state."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    rows = await session.execute(
        select(Standing.cohort, Standing.state, func.sum(Standing.n))
        .where(Standing.course_id == course_id)
        .group_by(Standing.cohort, Standing.state)
    )
    for month, state, n in rows:
        found[month][state] += int(n)
    return found


def _people(counted: Iterable[Counter[str]]) -> People:
    return People(**sum(counted, Counter()))


async def _places(
    session: AsyncSession, course_id: int, course: model.Course
) -> tuple[tuple[Place, ...], int]:
    """Where people stand, and how many stand nowhere in this version."""
    where = (Standing.state, Standing.next_kind, Standing.next_key, Standing.cause)
    rows = await session.execute(
        select(*where, func.sum(Standing.n))
        .where(
            Standing.course_id == course_id,
            Standing.state.in_((State.ACTIVE, State.PAUSED, State.STOPPED)),
        )
        .group_by(*where)
    )
    counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    elsewhere = 0
    for state, kind, key, cause, n in rows:
        number = _came_last(course, kind, key)
        if number is None:
            elsewhere += int(n)
        else:
            counted[number][_why_here(state, cause)] += int(n)
    received = await _received(session, course_id)
    start = Place(0, "", "", **counted[0])
    lessons = (
        Place(each.number, each.key, each.subject, received.get(each.key, 0), **counted[each.number])
        for each in course.lessons
    )
    return (start, *lessons), elsewhere


def _came_last(course: model.Course, next_kind: str, next_key: str) -> int | None:
    """The number of the lesson before the next one; None when that is not in this version."""
    if next_kind == "farewell":
        return len(course.lessons)
    if not next_key:
        return 0
    following = course.lesson(next_key)
    return following.number - 1 if following else None


def _why_here(state: str, cause: str) -> str:
    """The field of `Place` that counts them."""
    match state:
        case State.ACTIVE:
            return "gate" if cause == "gate" else "active"
        case State.PAUSED:
            return "paused" if cause == "pause" else "silent"
    return "left" if cause == "left" else "ended"


async def _received(session: AsyncSession, course_id: int) -> dict[str, int]:
    rows = await session.execute(
        select(DailyCount.lesson_key, func.sum(DailyCount.n))
        .where(
            DailyCount.course_id == course_id,
            DailyCount.kind == Kind.LESSON,
            DailyCount.state == delivery.State.SENT,
        )
        .group_by(DailyCount.lesson_key)
    )
    return {key: int(n) for key, n in rows}


# What they answered

_Totals = Mapping[tuple[str, str], aggregates.Mean]


async def _totals(session: AsyncSession, course_id: int) -> _Totals:
    rows = await session.scalars(
        select(AnswerTotal).where(AnswerTotal.course_id == course_id, AnswerTotal.people >= aggregates.GROUP)
    )
    return {(row.activity, row.measure): aggregates.Mean(row.total / row.people, row.people) for row in rows}


def _results(course: model.Course, totals: _Totals) -> tuple[Result, ...]:
    """The activities that have an average, as lessons lead to them, each with the one that asks again."""
    later = {_earlier(each): key for key, each in course.activities.items() if _earlier(each)}
    order = {key: None for lesson in course.lessons for key in lesson.activities}
    found = []
    for key in (*order, *(course.activities.keys() - order.keys())):
        activity = course.activities[key]
        if _earlier(activity) in course.activities:
            continue  # stands beside the one that it repeats
        again = later.get(key, "")
        measures = tuple(
            Measure(title, scale, totals.get((key, measure)), totals.get((again, measure)))
            for measure, title, scale in _measures(activity)
        )
        measures = tuple(each for each in measures if each.before or each.after)
        if measures:
            title = course.activities[again].title if again else ""
            found.append(Result(activity.title, activity.kind, title, measures))
    return tuple(found)


def _earlier(activity: grammar.Activity) -> str:
    match activity:
        case grammar.Diagnostic(repeats=str(key)) | grammar.Poll(compares=str(key)):
            return key
    return ""


def _measures(activity: grammar.Activity) -> Iterable[tuple[str, str, int]]:
    """Key, title ("": the whole) and scale of what an activity is averaged by."""
    match activity:
        case grammar.Diagnostic():
            return (*((axis.key, axis.title, 0) for axis in activity.axes), ("total", "", 0))
        case grammar.Quiz():
            return (("total", "", 0),)
        case grammar.Poll():
            return (("value", "", activity.scale),)
        case grammar.Checkin():
            return (("done", "", 0),)
    return ()


# Mails


async def _mails(session: AsyncSession, course_id: int | None, now: datetime) -> Mails:
    """Of one course, or with None of the house."""
    today = numbers.today(now)
    first = today - timedelta(days=DAYS - 1)

    own = () if course_id is None else (DailyCount.course_id == course_id,)
    settled = await session.execute(
        select(DailyCount.day, DailyCount.state, DailyCount.cause, func.sum(DailyCount.n))
        .where(*own, DailyCount.day >= first, DailyCount.day <= today)
        .where(DailyCount.state.in_(delivery.FINAL))
        .group_by(DailyCount.day, DailyCount.state, DailyCount.cause)
    )
    days: defaultdict[date, Counter[str]] = defaultdict(Counter)
    failures = Counter[str]()
    for day, state, cause, n in settled:
        days[day][state] += int(n)
        if state == delivery.State.FAILED:
            failures[cause] += int(n)
    return Mails(
        days=tuple(
            Day(day, days[day]["sent"], days[day]["failed"], days[day]["cancelled"])
            for day in (first + timedelta(days=offset) for offset in range(DAYS))
        ),
        weeks=await timetable.weeks(session, course_id, now=now),
        failures=dict(failures.most_common()),
        waiting=await waiting(session, *own),
    )


async def waiting(session: AsyncSession, *own: ColumnElement[bool]) -> Waiting:
    """What waits and why; `own`: of which counts."""
    rows = await session.execute(
        select(DailyCount.state, DailyCount.cause, func.sum(DailyCount.n))
        .where(*own, DailyCount.state.in_(delivery.OPEN))
        .group_by(DailyCount.state, DailyCount.cause)
    )
    planned = late = 0
    causes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for state, cause, n in rows:
        if cause == numbers.Cause.LATE:
            late += int(n)
        elif not cause:
            planned += int(n)
        else:
            causes[state][cause] = int(n)
    return Waiting(planned, late, causes)
