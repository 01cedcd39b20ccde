"""Statements of the hot path: made once, and on PostgreSQL run by the driver itself.

SQLAlchemy takes 200 µs and more to run a statement, psycopg 80. What differs between the databases stays in
the statement, which SQLAlchemy writes for each.
"""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from sqlalchemy import Dialect, Executable
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from engine.tables import dialect

_POSTGRESQL: Dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


class Prepared:
    """`make(sqlite)` writes the statement, of tables and not of classes; values are given by name."""

    def __init__(self, make: Callable[[bool], Executable]) -> None:
        self._make = make
        self._sqlite: Executable | None = None
        self._sql, self._fixed = "", dict[str, Any]()

    async def run(self, session: AsyncSession, **values: Any) -> Sequence[Sequence[Any]]:
        """The rows, in the session's transaction; none when the statement returns none.

        Raises SQLAlchemy's DBAPIError.
        """
        if session.new or session.dirty or session.deleted:
            await session.flush()  # neither a statement of tables nor the driver does it by itself
        if dialect.is_sqlite(session):
            self._sqlite = self._make(True) if self._sqlite is None else self._sqlite
            found = await session.execute(self._sqlite, values)
            return found.all() if found.returns_rows else ()  # type: ignore[attr-defined]  # of a cursor
        if not self._sql:
            self._write()
        cursor = await _cursor(session)
        try:
            await cursor.execute(self._sql, {**self._fixed, **values}, prepare=True)
        except psycopg.Error as error:  # as everywhere else; without the values, which name people
            gone = isinstance(error, psycopg.OperationalError)
            raise DBAPIError(self._sql, None, error, connection_invalidated=gone) from error
        return await cursor.fetchall() if cursor.description else ()

    def _write(self) -> None:
        statement = self._make(False)
        assert isinstance(statement, ClauseElement)
        written = statement.compile(dialect=_POSTGRESQL)
        assert isinstance(written, SQLCompiler)
        self._sql = str(written)
        self._fixed = {name: bind.value for name, bind in written.binds.items() if not bind.required}


async def _cursor(session: AsyncSession) -> psycopg.AsyncCursor[tuple[Any, ...]]:
    """The driver's, in the transaction of the session; looked up once for each."""
    if "cursor" not in session.info:
        connection = await session.connection()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        session.info["cursor"] = driver.cursor()
    found: psycopg.AsyncCursor[tuple[Any, ...]] = session.info["cursor"]
    return found
