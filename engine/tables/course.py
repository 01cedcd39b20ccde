from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, Short


class Course(Base):
    """A slug and the version that newcomers get."""

    __tablename__ = "course"

    id: Mapped[Id]
    slug: Mapped[Short] = mapped_column(unique=True)
    current_version_id: Mapped[int | None]
    """No foreign key: versions point here, and SQLite cannot make two tables that point at each other."""
    created_at: Mapped[datetime]


class Version(Base):
    """A published content; it never changes."""

    __tablename__ = "version"
    __table_args__ = (UniqueConstraint("course_id", "hash"),)

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    hash: Mapped[Short]
    parent_hash: Mapped[str] = mapped_column(default="")
    origin: Mapped[Short]
    """`files` or `studio`: where it was written."""
    archive: Mapped[bytes]
    """The author's files, zipped, byte for byte."""
    created_at: Mapped[datetime]


class Draft(Base):
    """What the authors of a course work on, before it is published; one a course."""

    __tablename__ = "draft"

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), unique=True)
    parent_hash: Mapped[Short] = mapped_column(default="")
    """The version that it began from; "" for a course that was never published."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    """The account that changed it last."""


class DraftFile(Base):
    __tablename__ = "draft_file"
    __table_args__ = (UniqueConstraint("draft_id", "path"),)

    id: Mapped[Id]
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id"))
    path: Mapped[str]
    content: Mapped[bytes]
    hash: Mapped[Short]
    """Of the content: what an author had read is known by it."""
