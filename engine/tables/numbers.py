from datetime import date

from sqlalchemy import Double
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Short


class DailyCount(Base):
    """How many mails of one sort came to one end on one day; or wait, by the day on which they are due.

    Days are the house's own (`core.numbers.ZONE`). Counted anew from the ledger, never by hand.
    """

    __tablename__ = "daily_count"

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0: the mail belongs to no course."""
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[Short] = mapped_column(primary_key=True)
    lesson_key: Mapped[Short] = mapped_column(primary_key=True)
    state: Mapped[Short] = mapped_column(primary_key=True)
    cause: Mapped[Short] = mapped_column(primary_key=True)
    """Why it failed, was cancelled or waits: a `core.numbers.Cause`, or ""."""
    n: Mapped[int]


class Standing(Base):
    """How many enrolments of a course stand at one place."""

    __tablename__ = "standing"

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cohort: Mapped[Short] = mapped_column(primary_key=True)
    """The month in which they began: `2027-03`; "" while they have not, or long ago."""
    state: Mapped[Short] = mapped_column(primary_key=True)
    next_kind: Mapped[Short] = mapped_column(primary_key=True)
    next_key: Mapped[Short] = mapped_column(primary_key=True)
    """The lesson that they would receive next, or would have received when they stopped."""
    cause: Mapped[Short] = mapped_column(primary_key=True)
    """Why they stopped; `gate` or `pause`: they wait for an activity, or for the end of a pause; or ""."""
    n: Mapped[int]


class Forecast(Base):
    """How many mails of a course would leave on a day to come, reckoned from where everybody stands."""

    __tablename__ = "forecast"

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[Short] = mapped_column(primary_key=True)
    lesson_key: Mapped[Short] = mapped_column(primary_key=True)
    n: Mapped[int]


class AnswerTotal(Base):
    """The sum of what one question or axis was worth, over whole groups of five: `core.aggregates`."""

    __tablename__ = "answer_total"

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    activity: Mapped[Short] = mapped_column(primary_key=True)
    measure: Mapped[Short] = mapped_column(primary_key=True)
    """The key of an axis, `total`, `value` (the mark of a poll) or `done` (0 or 100)."""
    people: Mapped[int]
    total: Mapped[float] = mapped_column(Double)
