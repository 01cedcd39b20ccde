from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Big, Id, Short


class Publication(Base):
    """A version became the one that newcomers get, with what that did to people."""

    __tablename__ = "publication"

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("version.id"))
    before_id: Mapped[int | None] = mapped_column(ForeignKey("version.id"))
    """The version that it replaced. None: it was the first."""
    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    """Who published. None: the command line."""
    origin: Mapped[Short]
    """`files` or `studio`: where it was published from."""
    choices: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What the author chose for people."""
    effect: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What it did, in counts."""
    ledger: Mapped[int] = mapped_column(Big, default=0)
    """The last delivery there was: later ones were planned by the new version."""
    undone_at: Mapped[datetime | None]
    restored: Mapped[int] = mapped_column(default=0)
    """Enrolments that undoing put back."""
    kept: Mapped[int] = mapped_column(default=0)
    """Enrolments that undoing left with the new version: they had received something by it."""


class PublicationRow(Base):
    """Where one enrolment stood before a publication; kept while that may be undone."""

    __tablename__ = "publication_row"

    publication_id: Mapped[int] = mapped_column(ForeignKey("publication.id"), primary_key=True)
    # No foreign key: a million checks at each publication, for rows that live thirty days.
    enrolment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version_id: Mapped[int | None]
    state: Mapped[Short]
    next_kind: Mapped[Short]
    next_key: Mapped[Short]
    route: Mapped[str]
    due_at: Mapped[datetime | None]
    due_reason: Mapped[str]
    gate_since: Mapped[datetime | None]
    reminders: Mapped[int]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[Short]
    freed: Mapped[bool] = mapped_column(default=False)
    """The publication took away the gate that it waited at."""
