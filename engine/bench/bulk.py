"""Rows by the million, written past the flows: bases to try things on and to measure."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import UniqueConstraint, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from engine.tables import dialect


@asynccontextmanager
async def unchecked(session: AsyncSession, *of: Any) -> AsyncIterator[None]:
    """On PostgreSQL, bulk first: indexes are made and keys that point elsewhere checked once, at the end."""
    if dialect.is_sqlite(session):
        yield
        return
    await session.execute(text("SET LOCAL timezone = 'UTC'"))
    await session.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
    tables = [table.__table__ for table in of]
    unique = [each for table in tables for each in table.constraints if isinstance(each, UniqueConstraint)]
    keys = [*unique, *(table.primary_key for table in tables if "id" not in table.c)]
    links = [each for table in tables for each in table.foreign_key_constraints]
    indexes = [each for table in tables for each in table.indexes]
    for constraint in (*links, *keys):
        await session.execute(DropConstraint(constraint))
    for index in indexes:
        await session.execute(DropIndex(index))
    yield
    for index in indexes:
        await session.execute(CreateIndex(index))
    for constraint in (*keys, *links):
        await session.execute(AddConstraint(constraint))
    for table in tables:
        if "id" in table.c:
            highest = select(func.coalesce(func.max(table.c.id), 1)).scalar_subquery()
            sequence = func.pg_get_serial_sequence(table.name, "id")
            await session.execute(select(func.setval(sequence, highest)))


async def write(
    session: AsyncSession, table: Any, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows past all rules; instants as text that both databases read."""
    if not rows:
        return
    name = table.__tablename__
    connection = await session.connection()
    if dialect.is_sqlite(session):
        marks = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  # our own names
        await connection.exec_driver_sql(insert, list(rows))
        return
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None  # it is checked out
    async with raw.cursor() as cursor, cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
        for block in _blocks(rows):
            await copy.write(block)


def _blocks(rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """Rows in COPY's text form; no value of ours holds a tab or a line's end, a backslash only JSON does."""
    for start in range(0, len(rows), 500):
        lines = [
            "\t".join(["\\N" if value is None else str(value) for value in row])
            for row in rows[start : start + 500]
        ]
        yield "\n".join(lines).replace("\\", "\\\\").replace("\\\\N", "\\N") + "\n"
