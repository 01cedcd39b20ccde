"""Statements of the hot path: made once, and on PostgreSQL run by the driver itself.

SQLAlchemy takes 200 µs and more to run a statement, psycopg 80. What differs between the databases stays in
the statement, which SQLAlchemy writes for each.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import psycopg
from sqlalchemy import Dialect, Executable
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from engine.tables import dialect

Rows = Sequence[Sequence[Any]]

_POSTGRESQL: Dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


class Prepared:
    """`make(sqlite)` writes the statement, of tables and not of classes; values are given by name."""

    def __init__(self, make: Callable[[bool], Executable]) -> None:
        self._make = make
        self._sqlite: Executable | None = None
        self._sql, self._fixed = "", dict[str, Any]()

    async def run(self, session: AsyncSession, **values: Any) -> Rows:
        """The rows, in the session's transaction; none when the statement returns none.

        Raises SQLAlchemy's DBAPIError.
        """
        (rows,) = await together(session, (self, values))
        return rows

    def on_sqlite(self) -> Executable:
        self._sqlite = self._make(True) if self._sqlite is None else self._sqlite
        return self._sqlite

    def on_postgresql(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """What the driver is given."""
        if not self._sql:
            self._write()
        return self._sql, {**self._fixed, **values}

    def _write(self) -> None:
        statement = self._make(False)
        assert isinstance(statement, ClauseElement)
        written = statement.compile(dialect=_POSTGRESQL)
        assert isinstance(written, SQLCompiler)
        self._sql = str(written)
        self._fixed = {name: bind.value for name, bind in written.binds.items() if not bind.required}


async def together(session: AsyncSession, *asked: tuple[Prepared, Mapping[str, Any]]) -> list[Rows]:
    """Run statements in turn and in one round trip: none may need what another finds.

    Raises SQLAlchemy's DBAPIError.
    """
    if session.new or session.dirty or session.deleted:
        await session.flush()  # neither a statement of tables nor the driver does it by itself
    if dialect.is_sqlite(session):
        return [await _on_sqlite(session, statement.on_sqlite(), values) for statement, values in asked]
    driver = await driver_of(session)
    cursors = [driver.cursor() for _ in asked]
    try:
        async with driver.pipeline() if len(asked) > 1 else nullcontext():
            for cursor, (statement, values) in zip(cursors, asked, strict=True):
                await cursor.execute(*statement.on_postgresql(values), prepare=True)
        return [await cursor.fetchall() if cursor.description else () for cursor in cursors]
    except psycopg.Error as error:  # as everywhere else; without the values, which name people
        gone = isinstance(error, psycopg.OperationalError)
        raise DBAPIError(None, None, error, connection_invalidated=gone) from error


async def _on_sqlite(session: AsyncSession, statement: Executable, values: Mapping[str, Any]) -> Rows:
    found = await session.execute(statement, values)
    return found.all() if found.returns_rows else ()  # type: ignore[attr-defined]  # of a cursor


async def driver_of(session: AsyncSession) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """The driver's connection, in the transaction of the session; looked up once for each."""
    # A savepoint is not made before the session is asked for its connection.
    if "driver" not in session.info or session.in_nested_transaction():
        connection = await session.connection()
        session.info["driver"] = (await connection.get_raw_connection()).driver_connection
    found: psycopg.AsyncConnection[tuple[Any, ...]] = session.info["driver"]
    return found
