"""The SQL that differs between SQLite and PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import Executable


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


async def analyze(session: AsyncSession, table: str) -> None:
    """Let PostgreSQL look at a table of which much was just written: by what it knew before, it would join
    row by row what it should hash. SQLite's plans ask for no counts.
    """
    if not is_sqlite(session):
        await session.execute(text(f"ANALYZE {table}"))
