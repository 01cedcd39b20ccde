from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, Short

_WAITING = text("state = 'waiting'")


class Webhook(Base):
    """An address of another program that is told what happens."""

    __tablename__ = "webhook"

    id: Mapped[Id]
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(JSON)
    secret: Mapped[Short]
    """Signs the messages; kept as it is, for we must sign with it."""
    old_secret: Mapped[Short] = mapped_column(default="")
    rotated_at: Mapped[datetime | None]
    """Since when `secret` replaces `old_secret`."""
    enabled: Mapped[bool]
    note: Mapped[str] = mapped_column(default="")
    """Why it was switched off without a person asking."""
    failing_since: Mapped[datetime | None]
    """The first failure after the last message that was taken."""
    created_at: Mapped[datetime]


class WebhookDelivery(Base):
    """One message owed to one webhook, written in the transaction that it tells of."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_waiting", "try_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    )

    id: Mapped[Id]
    key: Mapped[Short] = mapped_column(unique=True)
    """The header `webhook-id`, the same at every try."""
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"), index=True)
    event: Mapped[Short]
    payload: Mapped[str]
    """The message as it is signed."""
    state: Mapped[Short]
    tries: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[datetime]
    """When it may be tried next; a try in hand pushes it forward, for the case that its worker dies."""
    status: Mapped[int | None]
    """HTTP status of the last try; None when there was no answer."""
    answer: Mapped[str] = mapped_column(default="")
    """The beginning of the last answer, or why there was none."""
    created_at: Mapped[datetime] = mapped_column(index=True)
    done_at: Mapped[datetime | None]
    """When it reached a final state."""
