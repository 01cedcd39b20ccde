from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, Short


class Certificate(Base):
    """The attestation of one enrolment. It is never deleted, so that a revoked one can be told as such."""

    __tablename__ = "certificate"

    id: Mapped[Id]
    code: Mapped[Short] = mapped_column(unique=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), unique=True)
    name: Mapped[str]
    """As printed; "" once the person had everything erased."""
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str] = mapped_column(default="")
    """For operators; no page shows it."""
