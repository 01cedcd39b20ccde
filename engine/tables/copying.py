"""Whole tables: what is there, counted; and carried over from SQLite to PostgreSQL."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from psycopg import sql
from sqlalchemy import Connection, Table, func, inspect, literal, select, union_all
from sqlalchemy import table as text_table
from sqlalchemy.ext.asyncio import AsyncSession

from engine.tables import Base, Meta, dialect
from engine.tables.base import table
from engine.tables.prepared import driver_of

_META = table(Meta)
_ROWS = 1000

TABLES: Sequence[Table] = [each for each in Base.metadata.sorted_tables if each is not _META]
"""All but `meta`, which tells of the database itself; each after those that it points to."""


async def existing(session: AsyncSession) -> set[str]:
    """The names of all tables, ours or not."""
    connection = await session.connection()
    return set(await connection.run_sync(_names))


def _names(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()


NAMES = [each.name for each in TABLES]


async def counts(session: AsyncSession, names: Iterable[str] = NAMES) -> dict[str, int]:
    """How many rows each table has."""
    counting = [
        select(literal(name).label("name"), func.count().label("rows")).select_from(text_table(name))
        for name in names
    ]
    return {row.name: row.rows for row in await session.execute(union_all(*counting))}


async def carry(
    source: AsyncSession, target: AsyncSession, each: Table, *, told: Callable[[int], None]
) -> int:
    """Write all rows of a table of a SQLite file into the same, empty table of PostgreSQL; how many.

    `told` is called with how many more are there. Raises DBAPIError, and psycopg's Error for a value that
    PostgreSQL does not take.
    """
    writing = _writers(target, each)
    names = [column.name for column in each.columns]
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(each.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    count, rows = 0, await source.stream(select(each).execution_options(yield_per=_ROWS))
    driver = await driver_of(target)
    async with driver.cursor() as cursor, cursor.copy(command) as copy:
        async for some in rows.partitions():
            for row in some:
                await copy.write_row(_written(row, writing))
            count += len(some)
            told(len(some))
    await _advance(target, each)
    return count


_Writer = Callable[[Any], Any]


def _writers(session: AsyncSession, each: Table) -> list[_Writer | None]:
    """For each column what PostgreSQL's driver is given of a value; None: the value itself."""
    of = session.get_bind().dialect
    return [column.type.dialect_impl(of).bind_processor(of) for column in each.columns]


def _written(row: Sequence[Any], writing: Sequence[_Writer | None]) -> list[Any]:
    return [write(value) if write else value for value, write in zip(row, writing, strict=True)]


async def _advance(session: AsyncSession, each: Table) -> None:
    """The next row's number comes after those that are there."""
    if "id" in each.columns:
        last = select(func.max(each.c.id)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(each.name, "id")
        await session.execute(select(func.setval(sequence, func.coalesce(last, 1), last.is_not(None))))


async def analyze(session: AsyncSession) -> None:
    """Let PostgreSQL look at all tables."""
    for each in TABLES:
        await dialect.analyze(session, f'"{each.name}"')
