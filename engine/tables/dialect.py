"""The SQL that differs between SQLite and PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import Executable

from engine.tables.base import Instant


def insert_new(
    session: AsyncSession, table: Any, rows: Sequence[Mapping[str, Any]], *, key: str
) -> Executable:
    """Insert `rows` and pass over those whose unique `key` is there already."""
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    return insert(table).values(list(rows)).on_conflict_do_nothing(index_elements=[key])


def is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"


async def lock(session: AsyncSession, name: str) -> None:
    """Wait until no other transaction holds `name`. On SQLite a writer is alone already."""
    if not is_sqlite(session):
        await session.execute(func.pg_advisory_xact_lock(func.hashtext(name)).select())


def hour(session: AsyncSession, instant: Any) -> Any:
    """The full hour, in UTC, at or before an instant: what many instants have in common."""
    if is_sqlite(session):
        return type_coerce(func.substr(instant, 1, 13).op("||")(":00:00.000000"), Instant())
    return func.date_trunc("hour", instant, "UTC", type_=Instant())
