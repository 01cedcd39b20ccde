from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, LearnerId, Short

_ERASED, _REGIONAL = text("erased_at IS NOT NULL"), text("region <> ''")


class Learner(Base):
    """A person, by address."""

    __tablename__ = "learner"
    __table_args__ = (
        Index("ix_learner_erased", "id", sqlite_where=_ERASED, postgresql_where=_ERASED),
        Index("ix_learner_region", "id", "region", sqlite_where=_REGIONAL, postgresql_where=_REGIONAL),
    )

    id: Mapped[Id]
    address: Mapped[str]
    """As the person typed it."""
    address_key: Mapped[str] = mapped_column(unique=True)
    """For equality: see `core.consent.address_key`."""
    address_hash: Mapped[Short] = mapped_column(index=True)
    """Keyed fingerprint of `address_key`: what suppressions are known by."""
    new_address: Mapped[str] = mapped_column(default="")
    """Where the person asked to move to, until that address is confirmed."""
    first_name: Mapped[str] = mapped_column(default="")
    language: Mapped[Short] = mapped_column(default="fr")
    region: Mapped[Short] = mapped_column(default="")
    """Calendar of holidays that wins over the course's, such as FR-974; empty: the course's."""
    words: Mapped[str] = mapped_column(default="", server_default="")
    """What finds this person, as `core.search.kept` writes it; `flows/searching` keeps it right."""
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class Consent(Base):
    """One event: asked, given, withdrawn. Append-only, but for erasure, which blanks who and from where."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("ix_consent_network_address_at", "network_address", "at"),
        Index("ix_consent_domain_at", "domain", "at"),
    )

    id: Mapped[Id]
    learner_id: Mapped[LearnerId]
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolment.id"), index=True)
    event: Mapped[Short]
    purpose: Mapped[Short]
    wording: Mapped[str] = mapped_column(default="")
    wording_version: Mapped[Short] = mapped_column(default="")
    at: Mapped[datetime]
    address: Mapped[str] = mapped_column(default="")
    domain: Mapped[str] = mapped_column(default="")
    address_hash: Mapped[Short]
    """Keyed: proves that this row is about an address that is told to us again."""
    network_address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="")


class Suppression(Base):
    """The fingerprint of an address that must not be mailed, and why. Outlives erasure."""

    __tablename__ = "suppression"

    address_hash: Mapped[Short] = mapped_column(primary_key=True)
    reason: Mapped[Short]
    """`left`, `hard` or `complaint`."""
    at: Mapped[datetime]


class Event(Base):
    """A line of a learner's history: what happened and why. Append-only, pruned by age."""

    __tablename__ = "event"

    id: Mapped[Id]
    learner_id: Mapped[LearnerId]
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolment.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[Short]
    lesson_key: Mapped[Short] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
