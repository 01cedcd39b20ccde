from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, LearnerId, Short

_OPEN = text("state IN ('pending', 'waiting', 'active', 'paused')")
_DUE, _WAITING = text("due_at IS NOT NULL"), text("state = 'waiting'")
_AT_THE_END = text("state = 'active' AND next_kind = 'farewell'")
_AT_A_LESSON = text("next_kind = 'lesson'")
_UNGROUPED = text("handed_in_at IS NOT NULL AND round = 1 AND five IS NULL")


class Enrolment(Base):
    """A learner in a course: where he stands, and when the planner must look at him again."""

    __tablename__ = "enrolment"
    __table_args__ = (
        Index(
            "uq_enrolment_open",
            "learner_id",
            "course_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_enrolment_due", "due_at", sqlite_where=_DUE, postgresql_where=_DUE),
        # Not by version or state of all: the planner moves thousands a second, and each index takes its part.
        Index("ix_enrolment_waiting", "starts_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_enrolment_end", "id", sqlite_where=_AT_THE_END, postgresql_where=_AT_THE_END),
        # Lists of people, the newest first.
        Index("ix_enrolment_people", "course_id", "state", "learner_id"),
        Index(
            "ix_enrolment_lesson",
            "course_id",
            "next_key",
            "learner_id",
            sqlite_where=_AT_A_LESSON,
            postgresql_where=_AT_A_LESSON,
        ),
    )

    id: Mapped[Id]
    learner_id: Mapped[LearnerId]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("version.id"))
    """Pinned when the enrolment becomes active."""
    state: Mapped[Short]
    company: Mapped[str] = mapped_column(default="")
    size: Mapped[int] = mapped_column(default=0)
    """People in the company: the lower bound of the bracket ticked; 0 when not told."""
    slot: Mapped[Short]
    """Local weekday and time: `tue 08:30`."""
    zone: Mapped[Short]
    pace: Mapped[int]
    next_kind: Mapped[Short] = mapped_column(default="")
    """What is owed next: `welcome`, `lesson`, `farewell`, or nothing."""
    next_key: Mapped[Short] = mapped_column(default="")
    route: Mapped[str] = mapped_column(default="", server_default="")
    """Keys of all lessons to come, `next_key` the first, where that is not the order of the course."""
    due_at: Mapped[datetime | None]
    """When the planner looks at this row again; it may only ask then, not send (gates, reminders)."""
    due_reason: Mapped[str] = mapped_column(default="")
    """Why `due_at` is not on the slot."""
    spread: Mapped[int | None] = mapped_column(SmallInteger)
    """`calendar.spread` in minutes, for SQL to reckon with; None until the planner first meets the row."""
    last_day: Mapped[date | None]
    """Local day of the last lesson that was planned."""
    gate_since: Mapped[datetime | None]
    """Since when the next lesson waits for its activity."""
    reminders: Mapped[int] = mapped_column(default=0)
    """Reminders sent at this gate."""
    unanswered: Mapped[int] = mapped_column(default=0, server_default="0")
    """Lessons that led to an activity, since the learner last answered, came back or asked for something."""
    catching_up: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many lessons after the next one follow on the next open day instead of at a slot."""
    starts_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    """When a pause ends by itself; None while paused: when the learner comes back."""
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[Short] = mapped_column(default="")


class Submission(Base):
    """One person's answers to one activity of one enrolment, being written or handed in."""

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "activity", "round"),
        Index(
            "ix_submission_ungrouped",
            "activity",
            "handed_in_at",
            sqlite_where=_UNGROUPED,
            postgresql_where=_UNGROUPED,
        ),
    )

    id: Mapped[Id]
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"))
    activity: Mapped[Short]
    round: Mapped[int] = mapped_column(default=1)
    """The n-th time: another attempt at a quiz, a question that came back, a new version of a charter."""
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    score: Mapped[dict[str, float]] = mapped_column(JSON, default=dict, server_default="{}")
    """In per cent by axis, and `total`; empty until handed in, and for what is not scored."""
    lessons: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of the lesson that had come last when it was handed in."""
    updated_at: Mapped[datetime]
    handed_in_at: Mapped[datetime | None]
    five: Mapped[int | None] = mapped_column(index=True)
    """The group that a first answer is averaged with, once and for all (`core.aggregates`).

    None: not yet; 0: it is worth nothing, or a person of its group was erased.
    """
