from sqlalchemy.orm import Mapped, mapped_column

from engine.tables.base import Base, Short


class Meta(Base):
    """A fact about this installation, such as how far the demo's clock was moved."""

    __tablename__ = "meta"

    key: Mapped[Short] = mapped_column(primary_key=True)
    value: Mapped[str]
