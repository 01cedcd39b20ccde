from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, Short

_LIVE = text("released_at IS NULL")


class Company(Base):
    """An employer: begins when a dirigeant opens seats for the team."""

    __tablename__ = "company"

    id: Mapped[Id]
    name: Mapped[str]
    """As the dirigeant typed it; empty once he was erased."""
    owner_id: Mapped[int] = mapped_column(ForeignKey("learner.id"), unique=True)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Seat(Base):
    """What a company proposes to one person: an enrolment, which stays the person's own."""

    __tablename__ = "seat"
    __table_args__ = (
        # Two companies may propose one course to one person; neither may tell that the other did.
        Index(
            "uq_seat_live",
            "company_id",
            "enrolment_id",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
    )

    id: Mapped[Id]
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), index=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    address: Mapped[str]
    """As the company knows it, whatever address the person moves to later."""
    invited_at: Mapped[datetime | None]
    """None: asked for by the link to share; the company hears of it when the person joins."""
    joined_at: Mapped[datetime | None]
    """When the person agreed that the company sees how far he is."""
    began: Mapped[bool] = mapped_column(default=False)
    """The course began by this seat: it ends when the seat goes to somebody else."""
    paused_until: Mapped[datetime | None]
    """What the company's pause wrote into the enrolment; a pause with another end is the person's own."""
    released_at: Mapped[datetime | None]
    reason: Mapped[Short] = mapped_column(default="")
    """`declined` (also while it is not released), `left`, `withdrawn`, `moved`, `closed` or `erased`."""
