"""The weekly summary: one mail, on Monday morning, to the accounts that ask for it."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import delivery, numbers
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import catalog, outbox, timetable
from engine.flows import numbers as pages
from engine.tables import Account, Course, DailyCount, Enrolment

_DAYS = timedelta(days=7)
_PATIENCE = timedelta(days=3)


@dataclass(frozen=True)
class Line:
    """One course in that week."""

    title: str
    began: int
    """Welcomes that were sent."""
    lessons: int
    completed: int
    left: int


@dataclass(frozen=True)
class Summary:
    first: date
    last: date
    lines: tuple[Line, ...]
    failed: int
    """Mails of that week that failed for good."""
    held: int
    """Mails that wait for somebody now."""
    expected: int
    """Lessons that would leave in the week that begins."""


async def owe(session: AsyncSession, *, now: datetime) -> None:
    """Owe this week's summary to whoever asks for it; once, whenever this is called."""
    asked = numbers.summary(now)
    if asked is None:
        return
    monday, due = asked
    accounts = await session.scalars(select(Account.id).where(Account.weekly, Account.closed_at.is_(None)))
    rows = [
        outbox.row(
            kind=Kind.SUMMARY,
            account_id=account_id,
            now=now,
            due_at=due,
            occasion=monday.isoformat(),
            expires_at=due + _PATIENCE,
        )
        for account_id in accounts
    ]
    await outbox.owe(session, rows)


async def of_week(session: AsyncSession, occasion: str, *, now: datetime) -> Summary:
    """What the mail of that occasion tells: the seven days before its Monday."""
    end = date.fromisoformat(occasion)
    first = end - _DAYS
    counted = await _mails(session, first, end)
    ended = await _ended(session, first, end)
    lines = []
    for course in await session.scalars(select(Course).order_by(Course.slug)):
        mails, over = counted[course.id], ended[course.id]
        if not mails and not over:
            continue
        lines.append(
            Line(
                title=(await catalog.named(session, course.slug))[0],
                began=mails[Kind.WELCOME],
                lessons=mails[Kind.LESSON],
                completed=over["completed"],
                left=over["left"],
            )
        )
    waiting = await pages.waiting(session)
    weeks = await timetable.weeks(session, None, now=now)
    return Summary(
        first=first,
        last=end - timedelta(days=1),
        lines=tuple(lines),
        failed=sum(mails["failed"] for mails in counted.values()),
        held=sum(waiting.causes.get(delivery.State.HELD, {}).values()),
        expected=weeks[0].lessons,
    )


async def _mails(session: AsyncSession, first: date, end: date) -> defaultdict[int, Counter[str]]:
    """By course: how many of each kind were sent, and how many mails `failed`."""
    what = case((DailyCount.state == delivery.State.SENT, DailyCount.kind), else_=DailyCount.state)
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    rows = await session.execute(
        select(DailyCount.course_id, what.label("what"), func.sum(DailyCount.n))
        .where(
            DailyCount.day >= first,
            DailyCount.day < end,
            DailyCount.state.in_((delivery.State.SENT, delivery.State.FAILED)),
        )
        .group_by(DailyCount.course_id, DailyCount.kind, DailyCount.state)
    )
    for course_id, name, n in rows:
        found[course_id][name] += int(n)
    return found


async def _ended(session: AsyncSession, first: date, end: date) -> defaultdict[int, Counter[str]]:
    """By course: how many `completed` it, and how many `left`."""
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    rows = await session.execute(
        select(Enrolment.course_id, Enrolment.state, Enrolment.end_reason, func.count())
        .where(Enrolment.ended_at >= numbers.midnight(first), Enrolment.ended_at < numbers.midnight(end))
        .group_by(Enrolment.course_id, Enrolment.state, Enrolment.end_reason)
    )
    for course_id, state, reason, n in rows:
        found[course_id]["completed" if state == State.COMPLETED else reason] += int(n)
    return found
