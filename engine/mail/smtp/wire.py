"""One opened SMTP connection: commands out, their replies in, and whether the final dot has left.

aiosmtplib connects, negotiates TLS and authenticates; then its transport is handed over to a `Wire`. Its own
protocol normalises each body again, and pairs a reply nobody asked for with the next command; here such a
reply ends the conversation.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import NamedTuple

#: Octets of one whole reply; a real one holds a few hundred.
LONGEST_REPLY = 16_384
#: Seconds that a server has to answer QUIT.
GOODBYE = 2.0

_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)


class Reply(NamedTuple):
    code: int
    text: str


class BrokenError(Exception):
    """The conversation cannot go on: too late, or nonsense was said."""


class LostError(BrokenError):
    """The other side closed the connection."""


class Wire(asyncio.Protocol):
    """Takes over a transport on which no reply is waited for. One group of commands at a time."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.dot_left = False  # the final dot is out of our hands, its reply is not yet here
        self.gone = asyncio.get_running_loop().create_future()
        self._transport = transport
        self._trouble: BrokenError | None = None
        self._buffer = bytearray()
        self._waiter: asyncio.Future[list[Reply]] | None = None
        self._replies: list[Reply] = []
        self._seconds: Sequence[float] = ()  # for each reply that is waited for
        self._timer: asyncio.TimerHandle | None = None
        self._flushed: asyncio.Future[None] | None = None
        self._goodbye: asyncio.TimerHandle | None = None
        transport.set_protocol(self)
        # We want to know about the last byte. Over TLS asyncio would call 0 "always paused".
        transport.set_write_buffer_limits(high=1 if transport.get_extra_info("sslcontext") else 0)

    @property
    def usable(self) -> bool:
        return self._trouble is None and self._goodbye is None and not self._transport.is_closing()

    @property
    def heard(self) -> bool:
        """Whether the server said anything to the last group."""
        return bool(self._replies)

    async def ask(self, commands: bytes, seconds: Sequence[float]) -> list[Reply]:
        """Write whole command lines at once (RFC 2920) and wait for their replies, so long for each.

        A server that refuses and hangs up has answered: the last reply says no, and others are missing.
        Raises `BrokenError`.
        """
        self._write(commands)
        return await self._answered(seconds)

    async def send(self, data: bytes, *, block: float, dot: float) -> Reply:
        """Write a message and its final dot and wait for the reply. Raises `BrokenError`.

        `dot_left` tells, after an error or a cancellation, whether the server may have the whole message.
        """
        self._write(data)  # 50 kB: they are not copied to add five bytes
        self._transport.write(b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n")
        await self._flush(block)
        self.dot_left = True
        (reply,) = await self._answered((dot,))
        self.dot_left = False
        return reply

    def leave(self) -> None:
        """Say QUIT; the connection closes at the answer, or soon. `gone` is done when it has."""
        if not self.usable:
            self._transport.abort()
            return
        self._transport.write(b"QUIT\r\n")
        self._goodbye = asyncio.get_running_loop().call_later(GOODBYE, self._transport.abort)

    def abort(self) -> None:
        self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._trouble:
            raise self._trouble
        if not self.usable:
            raise LostError("the connection was closed")
        self._transport.write(data)

    async def _flush(self, seconds: float) -> None:
        """Wait until the transport holds none of our bytes any more."""
        if self._flushed is None:
            return
        timer = self._fail_after(seconds, "the server stopped reading")
        try:
            await self._flushed
        finally:
            timer.cancel()
        if self._trouble:
            raise self._trouble

    async def _answered(self, seconds: Sequence[float]) -> list[Reply]:
        self._waiter = asyncio.get_running_loop().create_future()
        self._replies, self._seconds = [], seconds
        self._timer = self._fail_after(seconds[0], "no reply")
        try:
            return await self._waiter
        finally:
            self._timer.cancel()
            self._waiter = None

    def _fail_after(self, seconds: float, what: str) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self._late, what, seconds)

    def _late(self, what: str, seconds: float) -> None:
        self._fail(BrokenError(f"{what} within {seconds:g} seconds"))

    def _fail(self, trouble: BrokenError) -> None:
        self._trouble = self._trouble or trouble
        if self._waiter and not self._waiter.done():
            if self._replies and self._replies[-1].code >= 400:
                self._waiter.set_result(self._replies)
            else:
                self._waiter.set_exception(self._trouble)
        self.resume_writing()
        self._transport.abort()

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        if self._goodbye:
            self._transport.close()
        elif self._waiter is None or self._waiter.done():
            self._fail(LostError(f"a reply nobody asked for: {clean(data)}"))
        else:
            self._buffer += data
            self._read(self._waiter)

    def _read(self, waiter: asyncio.Future[list[Reply]]) -> None:
        while self._buffer and not waiter.done():
            try:
                reply, length = parse(self._buffer)
            except ValueError as error:
                self._fail(BrokenError(str(error)))
                return
            if reply is None:
                return
            del self._buffer[:length]
            self._replies.append(reply)
            missing = self._seconds[len(self._replies) :]
            if not missing:
                waiter.set_result(self._replies)
            elif self._timer:
                self._timer.cancel()
                self._timer = self._fail_after(missing[0], "no reply")
        if self._buffer:  # the replies stand, but nothing more can be trusted
            self._fail(BrokenError(f"a reply too many: {clean(bytes(self._buffer))}"))

    def pause_writing(self) -> None:
        self._flushed = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._flushed and not self._flushed.done():
            self._flushed.set_result(None)
        self._flushed = None

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(LostError("the connection was lost" + (f": {error}" if error else "")))
        if self._goodbye:
            self._goodbye.cancel()
        if not self.gone.done():
            self.gone.set_result(None)


def parse(buffer: bytes | bytearray) -> tuple[Reply | None, int]:
    """The first whole reply in `buffer` and its length in octets; (None, 0) when more is to come.

    Raises ValueError for what is no reply (RFC 5321 §4.2).
    """
    end, code, texts = 0, 0, []
    while (line_end := buffer.find(b"\n", end)) >= 0:
        if line_end > LONGEST_REPLY:
            break
        line = bytes(buffer[end:line_end]).rstrip(b"\r")
        match = _REPLY_LINE.fullmatch(line)
        if match is None or (code and int(match[1]) != code):
            raise ValueError(f"no SMTP reply: {clean(line)}")
        code, end = int(match[1]), line_end + 1
        texts.append(match[3] or b"")
        if match[2] != b"-":
            return Reply(code, clean(b" ".join(texts))), end
    if len(buffer) > LONGEST_REPLY:
        raise ValueError("a reply without end")
    return None, 0


def clean(text: bytes) -> str:
    """A server's words, fit for a log line and a database: one line, printable, at most 500 characters."""
    words = text.decode("utf-8", "replace")
    if words.isprintable():
        return words.strip()[:500]
    return "".join(char if char.isprintable() else " " for char in words).strip()[:500]
