from datetime import datetime

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, Short


class ApiToken(Base):
    """A key to the JSON API, known by its hash alone. It is never deleted: the history names it."""

    __tablename__ = "api_token"

    id: Mapped[Id]
    name: Mapped[str]
    """What it is for, in its owner's words."""
    digest: Mapped[Short] = mapped_column(unique=True)
    hint: Mapped[Short]
    """The first characters, by which its owner knows it again."""
    scopes: Mapped[list[str]] = mapped_column(JSON)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    """Who made it; None: the command line."""
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    """To within ten minutes."""
    revoked_at: Mapped[datetime | None]
