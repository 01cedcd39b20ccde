"""The database: opening it, and the only commit of the program."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from engine.core import errors

Transaction = Callable[[], AbstractAsyncContextManager[AsyncSession]]
"""Begins a transaction that commits when its block ends well and is rolled back otherwise."""

_FORGETS = "forgets"
_BUSY_MS, _ALONE_MS = 10_000, 1_000
_AWAY = ("locked", "disk", "full", "connection", "readonly", "starting up", "shutting down")


class Database:
    """A SQLite file or a PostgreSQL database, for one process.

    On SQLite writers take turns on one connection (`BEGIN IMMEDIATE`), readers have their own: no writer ever
    finds the file locked by this process.

    `alone`: a SQLite file that nobody else may have open, from the first use until `close`; while somebody
    has, every use raises DBAPIError. One session at a time.
    """

    def __init__(self, url: str, *, alone: bool = False) -> None:
        self.url = parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if alone:
            self._writer = self._reader = _sqlite(self.url, "BEGIN IMMEDIATE", pool_size=1, alone=True)
        elif self.is_sqlite:
            self._writer = _sqlite(self.url, "BEGIN IMMEDIATE", pool_size=1)
            self._reader = _sqlite(self.url, "BEGIN", pool_size=4)
        else:
            # Compiling a query takes longer than any of ours runs. Times are UTC as the driver reads them.
            options = f"{self.url.query.get('options', '')} -c jit=off -c timezone=UTC".strip()
            self._writer = self._reader = create_async_engine(
                self.url, pool_size=8, pool_pre_ping=True, connect_args={"options": options}
            )
        self._write = async_sessionmaker(self._writer, expire_on_commit=False)
        self._read = async_sessionmaker(self._reader, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits when the block ends well and rolls back otherwise."""
        async with self._write() as session:
            async with session.begin():
                yield session
            if self.is_sqlite and session.info.get(_FORGETS):
                await self._checkpoint()

    async def _checkpoint(self) -> None:
        """Empty the write-ahead log, which still holds what was overwritten in the file.

        What somebody is reading at this moment stays until the next time.
        """
        async with self._reader.connect() as connection:
            raw = await connection.get_raw_connection()
            assert raw.driver_connection
            await raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # in no transaction

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[Transaction]:
        """One connection for many transactions in turn, without a look whether it still lives before each.

        On SQLite there is one for all writers, and each transaction waits for its turn.
        """
        if self.is_sqlite:
            yield self.transaction
            return
        async with self._writer.connect() as connection:

            @asynccontextmanager
            async def transaction() -> AsyncIterator[AsyncSession]:
                async with self._write(bind=connection) as session, session.begin():
                    yield session

            yield transaction

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session whose changes, should there be any, are thrown away."""
        async with self._read() as session:
            yield session

    @property
    def engine(self) -> AsyncEngine:
        return self._writer

    async def close(self) -> None:
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def forgets(session: AsyncSession) -> None:
    """What this transaction takes out must not be found in the database's files either."""
    session.info[_FORGETS] = True


def parse(url: str) -> URL:
    """The address with the driver that we use; raises `errors.Invalid` for what is no database of ours."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise errors.Invalid(f"{_hidden(url)} is not a database address.") from None
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
    raise errors.Invalid(f"{_hidden(url)}: use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.")


def public_address(url: URL) -> str:
    """The address as PostgreSQL's own programs take it, without its password: for command lines and notes."""
    return url._replace(drivername="postgresql", password=None).render_as_string()  # `set` passes over None


def _hidden(url: str) -> str:
    return re.sub(r"://[^@/]*@", "://…@", url)


def unavailable(error: DBAPIError) -> bool:
    """Whether the database is locked, full or away: trying again later may help, other rows won't."""
    words = str(error.orig).lower()
    return error.connection_invalidated or any(sign in words for sign in _AWAY)


def _sqlite(url: URL, begin: str, *, pool_size: int, alone: bool = False) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"timeout": (_ALONE_MS if alone else _BUSY_MS) / 1000},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # Our own BEGIN below replaces the driver's, which would begin too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            # Before the first look at the file: whoever has it open then holds a lock that we do not get.
            *(("locking_mode=EXCLUSIVE",) if alone else ()),
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={_ALONE_MS if alone else _BUSY_MS}",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
