"""What a process asks PostgreSQL, counted on the wire: whatever library asks, and nobody else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import URL

from engine.tables import db

_QUERY, _EXECUTE = b"Q"[0], b"E"[0]
_HEAD = 5
"""Octets before what a message says: its kind and its length, which counts itself but not the kind."""
_FIRST = 4
"""The first message of a connection has no kind."""


_BEGIN, _AROUND = b"BEGIN", (b"COMMIT", b"ROLLBACK", b"DEALLOCATE", b";")
"""What begins a transaction; and what else is no question: its end, tidying up, a ping."""


@dataclass
class Count:
    queries: int = 0
    """Statements that ask or change something."""
    transactions: int = 0


@asynccontextmanager
async def counting(database: str) -> AsyncIterator[tuple[str, Count]]:
    """Another address of the same PostgreSQL, and what is asked there. It speaks no TLS."""
    url, count = db.parse(database), Count()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            answers, asks = await _connect(url)
            try:
                await asyncio.gather(_pass_on(reader, asks, count), _answer(answers, writer))
            finally:
                asks.close()
                writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    here = url.set(host="127.0.0.1", port=port, drivername="postgresql")
    plain = here.difference_update_query(["host"]).update_query_dict({"sslmode": "disable"})
    try:
        yield plain.render_as_string(hide_password=False), count
    finally:
        server.close()


async def _connect(url: URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the server, by its socket's folder where the address names one."""
    host, port = str(url.query.get("host") or url.host or "127.0.0.1"), url.port or 5432
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, port)


async def _pass_on(reader: asyncio.StreamReader, asks: asyncio.StreamWriter, count: Count) -> None:
    first = await reader.readexactly(_FIRST)
    asks.write(first + await reader.readexactly(int.from_bytes(first) - _FIRST))
    while True:
        head = await reader.readexactly(_HEAD)
        body = await reader.readexactly(int.from_bytes(head[1:]) - _HEAD + 1)
        _note(head[0], body, count)
        asks.write(head + body)


def _note(kind: int, body: bytes, count: Count) -> None:
    if kind == _QUERY and body.startswith(_BEGIN):
        count.transactions += 1
    elif kind == _EXECUTE or (kind == _QUERY and not body.startswith(_AROUND)):
        count.queries += 1


async def _answer(answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await answers.read(65_536):
        writer.write(data)
    raise asyncio.IncompleteReadError(b"", None)
