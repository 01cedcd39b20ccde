from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, BigId, Short

_OPEN = text("state IN ('planned', 'retry', 'in_doubt')")
_ASIDE = text("state IN ('retry', 'in_doubt', 'held', 'cancelled', 'failed')")
_TO_ACCOUNTS, _SETTLED = text("account_id IS NOT NULL"), text("settled_at IS NOT NULL")
_LEASED = text("state IN ('claimed', 'sending')")


class Delivery(Base):
    """One mail owed to one person: a row of the ledger, which is the only queue of mails."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_open", "priority", "try_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        # With the state: the planner looks for the few that are not over among those of many weeks.
        Index("ix_delivery_enrolment", "enrolment_id", "state"),
        # Lists of what did not leave as planned, the newest first.
        Index("ix_delivery_aside", "state", "id", sqlite_where=_ASIDE, postgresql_where=_ASIDE),
        *(
            Index(f"ix_delivery_{column}", column, sqlite_where=there, postgresql_where=there)
            for column, there in (("account_id", _TO_ACCOUNTS), ("settled_at", _SETTLED))
        ),
        Index("ix_delivery_leased", "lease_until", sqlite_where=_LEASED, postgresql_where=_LEASED),
    )

    id: Mapped[BigId]
    dedup_key: Mapped[str] = mapped_column(unique=True)
    learner_id: Mapped[int | None] = mapped_column(index=True)
    account_id: Mapped[int | None]
    """Whom it is owed to: a learner, or somebody of the studio.

    Nobody here is a foreign key: looking each up took half of the time that planning a mail takes. Their rows
    outlive their mails: accounts are never deleted, learners and enrolments by `reversal.remove` alone.
    """
    enrolment_id: Mapped[int | None]
    kind: Mapped[Short]
    lesson_key: Mapped[Short] = mapped_column(default="")
    occasion: Mapped[str] = mapped_column(default="")
    priority: Mapped[int]
    """0: a person is waiting at the screen; 1: course mail; 2: a list's confirmations."""
    state: Mapped[Short]
    due_at: Mapped[datetime]
    due_reason: Mapped[str] = mapped_column(default="")
    try_at: Mapped[datetime]
    """When it may be tried next: `due_at` at first."""
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    lease: Mapped[Short] = mapped_column(default="")
    lease_until: Mapped[datetime | None]
    message_id: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    """Why it is held, cancelled or failed, or what the server last said."""
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    """When it became sent, cancelled or failed: final, and counted on that day."""
