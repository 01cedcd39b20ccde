"""A real SMTP server on loopback that records what it takes, and misbehaves when told to.

    async with Smtpd() as smtpd:
        smtpd.misbehave("RCPT", "550 5.1.1 no such user")
        …

Points where it may misbehave: connect, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, body (in the middle of
a message), dot (the whole message is here), RSET, QUIT. What it may do there: any reply, DROP, HANG.
"""

import asyncio
import base64
import contextlib
import os
import re
import shutil
import ssl
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from types import TracebackType

import pytest

#: Close the connection at once, without a word.
DROP = "(drop)"
#: Say nothing more, read nothing more, keep the connection open.
HANG = "(hang)"


@dataclass
class Received:
    """One message that the server took: it had the whole of it, whether its 250 was heard or not."""

    mail_from: str
    mail_options: list[str]
    rcpt: list[str]
    data: bytes  # dots undone, without the final dot
    raw: bytes  # as it travelled, without the final dot
    connection: int

    @property
    def message_id(self) -> str:
        return str(message_from_bytes(self.data)["Message-ID"])


@dataclass
class Smtpd:
    """`port` is known once entered. `tls` offers STARTTLS, or TLS from the first byte when `implicit`."""

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    auth: tuple[str, str] | None = None
    methods: str = "PLAIN LOGIN"
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 10240000", "8BITMIME")
    pieces: bool = False  # write replies byte by byte
    gate: asyncio.Event | None = None  # the answer to the final dot waits until it is set
    host: str = "127.0.0.1"
    port: int = 0
    received: list[Received] = field(default_factory=list)
    commands: list[tuple[int, str]] = field(default_factory=list)  # (connection, line)
    connections: int = 0  # ever
    open: int = 0
    most_open: int = 0
    reached: Counter[str] = field(default_factory=Counter)  # how often each point was met
    _faults: dict[str, tuple[str, int]] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _met: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> "Smtpd":
        tls = self.tls if self.implicit else None
        self._server = await asyncio.start_server(self._accept, self.host, self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def misbehave(self, point: str, what: str, times: int = 1_000_000) -> None:
        """At `point`, answer `what` instead of the right thing, `times` times. CRLF may stand inside."""
        self._faults[point] = (what, times)

    def behave(self) -> None:
        self._faults.clear()

    @property
    def hangs(self) -> bool:
        return any(what == HANG for what, _ in self._faults.values())

    async def at(self, point: str, times: int = 1) -> None:
        """Wait until the server has met `point` that often."""
        async with asyncio.timeout(5):
            while self.reached[point] < times:
                self._met.clear()
                await self._met.wait()

    def interject(self, line: str) -> None:
        """Say something nobody asked for, on every connection."""
        for writer in self._writers:
            writer.write(line.encode() + b"\r\n")

    async def drop_all(self) -> None:
        """Hang up on everybody, as a server that restarts does."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fault(self, point: str) -> str | None:
        self.reached[point] += 1
        self._met.set()
        what, times = self._faults.get(point, ("", 0))
        if not times:
            return None
        self._faults[point] = (what, times - 1)
        return what

    def refuses_the_message(self) -> bool:
        what, times = self._faults.get("dot", ("", 0))
        return times > 0 and what.startswith(("4", "5"))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        session = _Session(self, reader, writer, self.connections)
        try:
            await session.run()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort() if session.dropped else writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


@dataclass
class _Session:
    smtpd: Smtpd
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    mail_from: str | None = None
    mail_options: list[str] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    secured: bool = False
    dropped: bool = False

    async def run(self) -> None:
        self.secured = self.smtpd.implicit
        await self.answer("connect", "220 smtpd.example.org ESMTP")
        while line := await self.reader.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.smtpd.commands.append((self.number, text))
            verb, _, argument = text.partition(" ")
            handler = getattr(self, f"do_{verb.lower()}", None)
            await (handler(argument) if handler else self.answer(verb, "502 5.5.1 not known here"))
            if verb == "QUIT":
                return

    async def answer(self, point: str, right: str) -> bool:
        """Answer, rightly or as told; True when it was the right answer."""
        fault = self.smtpd.fault(point)
        if fault == DROP:
            self.dropped = True
            raise EOFError
        if fault == HANG:
            await asyncio.Event().wait()
        await self.write((fault or right).encode() + b"\r\n")
        return fault is None

    async def write(self, data: bytes) -> None:
        step = 1 if self.smtpd.pieces else len(data)
        for start in range(0, len(data), step):
            self.writer.write(data[start : start + step])
            await self.writer.drain()
            await asyncio.sleep(0)

    async def do_ehlo(self, _: str) -> None:
        lines = ["smtpd.example.org", *self.smtpd.extensions]
        if self.smtpd.tls and not self.secured:
            lines.append("STARTTLS")
        if self.smtpd.auth:
            lines.append(f"AUTH {self.smtpd.methods}")
        marked = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
        await self.answer("EHLO", "\r\n".join(marked))

    async def do_helo(self, _: str) -> None:
        await self.answer("HELO", "250 smtpd.example.org")

    async def do_starttls(self, _: str) -> None:
        if await self.answer("STARTTLS", "220 go ahead"):
            assert self.smtpd.tls
            await self.writer.start_tls(self.smtpd.tls)
            self.secured = True

    async def do_auth(self, argument: str) -> None:
        method, _, first = argument.partition(" ")
        if method.upper() == "PLAIN":
            user, password = base64.b64decode(first).decode().split("\0")[1:]
        else:
            user = base64.b64decode(first).decode()
            await self.write(b"334 UGFzc3dvcmQ6\r\n")
            password = base64.b64decode(await self.reader.readline()).decode()
        right = (user, password) == self.smtpd.auth
        await self.answer("AUTH", "235 2.7.0 welcome" if right else "535 5.7.8 wrong user or password")

    async def do_mail(self, argument: str) -> None:
        match = re.fullmatch(r"FROM:<(.*?)>(?: (.*))?", argument)
        if self.mail_from is not None or not match:
            await self.answer("MAIL", "503 5.5.1 an envelope is open" if match else "501 5.5.4 no path")
        elif await self.answer("MAIL", "250 2.1.0 sender ok"):
            self.mail_from, self.mail_options = match[1], (match[2] or "").split()

    async def do_rcpt(self, argument: str) -> None:
        match = re.fullmatch(r"TO:<(.+?)>", argument)
        if self.mail_from is None or not match:
            await self.answer("RCPT", "503 5.5.1 MAIL first")
        elif await self.answer("RCPT", "250 2.1.5 recipient ok"):
            self.rcpt.append(match[1])

    async def do_data(self, _: str) -> None:
        if not self.rcpt:
            await self.answer("DATA", "503 5.5.1 RCPT first")
        elif await self.answer("DATA", "354 end with a lone dot"):
            await self.take(await self.read_message())

    async def read_message(self) -> bytes:
        lines = [await self.reader.readline()]
        fault = self.smtpd.fault("body")
        if fault == DROP:
            self.dropped = True
            raise EOFError
        if fault == HANG:
            await asyncio.Event().wait()
        while lines[-1] != b".\r\n":
            if not lines[-1]:
                raise EOFError
            lines.append(await self.reader.readline())
        return b"".join(lines[:-1])

    async def take(self, raw: bytes) -> None:
        if not self.smtpd.refuses_the_message():
            data = re.sub(rb"(?m)^\.", b"", raw)
            mail = Received(self.mail_from or "", self.mail_options, self.rcpt, data, raw, self.number)
            self.smtpd.received.append(mail)
        self.reset()
        if self.smtpd.gate:
            self.smtpd.reached["taken"] += 1
            self.smtpd._met.set()
            await self.smtpd.gate.wait()
        await self.answer("dot", f"250 2.0.0 taken as {len(self.smtpd.received)}")

    def reset(self) -> None:
        self.mail_from, self.mail_options, self.rcpt = None, [], []

    async def do_rset(self, _: str) -> None:
        self.reset()
        await self.answer("RSET", "250 2.0.0 forgotten")

    async def do_quit(self, _: str) -> None:
        await self.answer("QUIT", "221 2.0.0 bye")


def certificate(folder: Path, *, days: int = 2) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's TLS context around a fresh certificate for localhost and 127.0.0.1.

    It is `cert.pem` in `folder`, and its own authority.
    """
    if not shutil.which("openssl"):
        reason = "THE OPENSSL COMMAND IS MISSING: TLS is not tested (apt-get install openssl)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += [
        "-nodes",
        "-days",
        str(days),
        "-subj",
        "/CN=localhost",
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(cert, key)
    return ours, ssl.create_default_context(cafile=str(cert))
