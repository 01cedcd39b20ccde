"""A wire between us and a sink, and what is seen on it: which mails arrived, how often, in what order."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^@>]+)", re.IGNORECASE | re.MULTILINE)
_HEAD = 16_384
"""Octets in which the headers are."""
_END = b"\r\n.\r\n"


class Watch:
    """The mails that a sink took charge of, by what stands before the @ of their Message-ID."""

    def __init__(self, sink: str, *, delay: float = 0.0) -> None:
        self.host, _, port = sink.rpartition(":")
        self.port, self.delay = int(port), delay
        self.life = 0
        """Counted up at each kill: a copy too many is put down to the life in which the first came."""
        self.first: dict[str, int] = {}
        """The life in which each came first, in the order of their coming."""
        self.again: Counter[int] = Counter()
        """Copies too many, by life."""
        self._began = self._ended = 0.0

    @property
    def lasted(self) -> float:
        """Seconds from the first mail to the last."""
        return self._ended - self._began

    def came(self, message: str) -> None:
        self._ended = asyncio.get_running_loop().time()
        self._began = self._began or self._ended
        if message in self.first:
            self.again[self.first[message]] += 1
        else:
            self.first[message] = self.life


@asynccontextmanager
async def watching(sink: str, *, delay: float = 0.0) -> AsyncIterator[tuple[str, Watch]]:
    """The HOST:PORT that leads to `sink`; its answers to a final dot come `delay` seconds later."""
    watch, loop = Watch(sink, delay=delay), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(watch), "127.0.0.1", 0, backlog=512)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", watch
    finally:
        server.close()


class _Client(asyncio.Protocol):
    """The side that sends. It has one mail on its way at most, so that nothing piles up here."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.transport: asyncio.Transport | None = None
        self._sink: asyncio.Transport | None = None
        self._early = bytearray()
        self._head, self._tail = bytearray(), b""
        self._message = False  # a message is on its way
        self._whole = False  # and here; the sink has not answered yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._sink, _ = await loop.create_connection(
                lambda: _Sink(self), self.watch.host, self.watch.port
            )
        except OSError:
            self.end()
            return
        if self.transport is None:
            self._sink.close()
        elif self._early:
            self._sink.write(self._early)

    def data_received(self, data: bytes) -> None:
        if self._message and not self._whole:
            self._read(data)
        if self._sink:
            self._sink.write(data)
        else:
            self._early += data

    def _read(self, data: bytes) -> None:
        if len(self._head) < _HEAD:
            self._head += data[:_HEAD]
        self._whole = _END in self._tail + data
        self._tail = (self._tail + data)[-len(_END) :]

    def answered(self, data: bytes) -> None:
        """The sink said something."""
        if self._whole:
            self._taken(data)
            asyncio.get_running_loop().call_later(self.watch.delay, self._pass_on, data)
            return
        if re.search(rb"^354", data, re.MULTILINE):
            self._message = True
        self._pass_on(data)

    def _taken(self, reply: bytes) -> None:
        found = _MESSAGE_ID.search(self._head)
        if reply.startswith(b"2") and found:
            self.watch.came(found[1].decode())
        self._message = self._whole = False
        self._head, self._tail = bytearray(), b""
        if self.transport is None:  # who sent it is dead
            self.end()

    def _pass_on(self, data: bytes) -> None:
        if self.transport:
            self.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if not self._whole:  # else its answer still tells whether the mail was taken
            self.end()

    def end(self) -> None:
        for side in (self._sink, self.transport):
            if side:
                side.close()


class _Sink(asyncio.Protocol):
    """The side that takes."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.answered(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._client.end()
