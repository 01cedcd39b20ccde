from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, Short


class Account(Base):
    """Somebody who works in the studio."""

    __tablename__ = "account"

    id: Mapped[Id]
    address: Mapped[str]
    address_key: Mapped[str] = mapped_column(unique=True)
    """For equality: see `core.consent.address_key`."""
    name: Mapped[str]
    role: Mapped[Short]
    language: Mapped[Short] = mapped_column(default="fr")
    password: Mapped[str] = mapped_column(default="")
    """Its argon2 hash; empty until the person chose one."""
    password_at: Mapped[datetime | None]
    """When it was chosen: links to choose one that were made before are void."""
    totp: Mapped[str] = mapped_column(default="")
    """The shared secret of the second factor (RFC 6238), base32; empty without one."""
    totp_used: Mapped[int] = mapped_column(default=0)
    """The time step of the last code that was taken: none is taken twice."""
    weekly: Mapped[bool] = mapped_column(default=False)
    """Asked for the weekly summary by mail."""
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class AccountSession(Base):
    """A browser that signed in."""

    __tablename__ = "account_session"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    token_hash: Mapped[Short] = mapped_column(unique=True)
    """SHA-256 of what the cookie carries: who reads the database cannot sign in with it."""
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    agent: Mapped[str] = mapped_column(default="")
    ended_at: Mapped[datetime | None]


class Backoff(Base):
    """Wrong passwords, counted by who was tried from where; rows hold keyed hashes, never an address."""

    __tablename__ = "backoff"

    key: Mapped[Short] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)


class Audit(Base):
    """What somebody changed, and why. Append-only."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "at"),)

    id: Mapped[Id]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    """None: the command line."""
    at: Mapped[datetime]
    action: Mapped[Short]
    target: Mapped[str] = mapped_column(default="")
    """What was changed: `learner:7`, `course:ia-pme`, `account:2`."""
    text: Mapped[str] = mapped_column(default="")
    """The reason, or what an onlooker would want to know."""
