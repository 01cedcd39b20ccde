"""What all tables share: names of constraints, and instants that are always aware UTC."""

from datetime import UTC, datetime
from typing import Annotated

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, mapped_column

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC; a naive one is refused (SQLite would keep it silently)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: Instant(), str: Text()}  # noqa: RUF012  # SQLAlchemy's own convention


Id = Annotated[int, mapped_column(primary_key=True)]
# SQLite numbers rows by itself only where the type is INTEGER, which has 64 bits there.
Big = BigInteger().with_variant(Integer, "sqlite")
BigId = Annotated[int, mapped_column(Big, primary_key=True)]
Short = Annotated[str, mapped_column(String(64))]
LearnerId = Annotated[int, mapped_column(ForeignKey("learner.id"), index=True)]


def table(of: type[Base]) -> Table:
    """The table of a class. A statement of tables gives rows instead of objects, in half the time."""
    return Base.metadata.tables[of.__tablename__]
