from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, Short


class Import(Base):
    """A list of people that somebody brings into a course, and how far the work on it is."""

    __tablename__ = "import"

    id: Mapped[Id]
    name: Mapped[str]
    """Of the file."""
    file: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """Empty once it runs: its rows are kept apart."""
    account: Mapped[str] = mapped_column(default="")
    """Who brought it."""
    state: Mapped[Short]
    """See `core.intake.State`."""
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    columns: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Which column, from 0, holds which field of `core.intake.FIELDS`."""
    source: Mapped[str] = mapped_column(default="")
    """Where and when these people agreed: stands in the consent of each."""
    agreed: Mapped[bool] = mapped_column(default=False)
    """They agreed elsewhere and it can be proved: nobody is asked again."""
    total: Mapped[int] = mapped_column(default=0)
    """Rows of the file."""
    done: Mapped[int] = mapped_column(default=0)
    """Rows that the present state is through with."""
    last_line: Mapped[int] = mapped_column(default=0)
    """The line of the last of them."""
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """By verdict once checked; `removed`, `stopped` and `kept` once taken back."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    """When the state began."""


class ImportRow(Base):
    """One row of such a list, what is made of it, and what to take back. Gone after a month."""

    __tablename__ = "import_row"
    __table_args__ = (
        Index("ix_import_row_address_key_import_id", "address_key", "import_id"),
        Index("ix_import_row_import_id_verdict_line", "import_id", "verdict", "line"),
    )

    import_id: Mapped[int] = mapped_column(ForeignKey("import.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    address: Mapped[str]
    address_key: Mapped[str]
    first_name: Mapped[str]
    company: Mapped[str]
    size: Mapped[int]
    region: Mapped[Short]
    verdict: Mapped[Short]
    """See `core.intake.Verdict`."""
    problem: Mapped[str]
    """Why it is not taken, or which cell is left out; in French."""
    learner_id: Mapped[int | None]
    """No foreign key: what is taken back goes away."""
    enrolment_id: Mapped[int | None]
    made: Mapped[bool] = mapped_column(default=False)
    """The learner, too, came by this import."""
