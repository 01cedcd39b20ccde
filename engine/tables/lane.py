from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Short


class LaneSlot(Base):
    """One connection that a limited lane allows, whoever of all machines uses it."""

    __tablename__ = "lane_slot"

    lane: Mapped[Short] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[Short] = mapped_column(default="")
    until: Mapped[datetime]
    """The end of its lease."""
