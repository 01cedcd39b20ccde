from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Id, Short


class Inbound(Base):
    """What came back about one of our mails, kept raw beside what it was read as."""

    __tablename__ = "inbound"

    id: Mapped[Id]
    received_at: Mapped[datetime] = mapped_column(index=True)
    way: Mapped[Short]
    """By what it came in: `pipe`, or a provider's name."""
    kind: Mapped[Short]
    """`core.feedback.Kind`, or `ignored`: it is about no mail of ours; of those nothing else is kept."""
    digest: Mapped[Short] = mapped_column(unique=True)
    """Of what it says about which mail: what is told twice is told once."""
    delivery_id: Mapped[int | None] = mapped_column(index=True)
    learner_id: Mapped[int | None] = mapped_column(index=True)
    """No foreign keys, as in the ledger; rows go with their learner."""
    class_: Mapped[Short] = mapped_column("class", default="")
    reason: Mapped[str] = mapped_column(default="")
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
