"""`parcours serve --demo` as a real process, and a mailbox that counts."""

import asyncio
import os
import re
import resource
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from engine.demo import mailbox, pages

KEYS = {"PARCOURS_SECRET_KEY": "kept-over-kills", "PARCOURS_SUPPRESSION_KEY": "this-one-too"}


class CountingMailbox(mailbox.Mailbox):
    """A mailbox that knows how many connections are open, and takes its time to answer."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        super().__init__(lambda: datetime.now(UTC))
        self.seconds = seconds
        self.open_connections = 0

    async def open(self, port: int = 0) -> None:
        box = self

        class Counted(SMTP):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                box.open_connections += 1
                super().connection_made(transport)

            def connection_lost(self, error: Exception | None) -> None:
                box.open_connections -= 1
                super().connection_lost(error)

        running = asyncio.get_running_loop()
        self._server = await running.create_server(
            lambda: Counted(self, hostname="localhost", loop=running), "127.0.0.1", port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(self.seconds)  # the mail is here; the 250 is still on its way
        return answer

    def copies(self) -> Counter[str]:
        """How often each Message-ID arrived."""
        return Counter(str(mail.message["Message-ID"]) for mail in self.mails)

    def lessons(self, address: str) -> list[str]:
        """The lessons that one person received, in the order of their first copies."""
        keys = [
            pages.kind_of(mail)[1]
            for mail in self.mails
            if mail.recipient == address and pages.kind_of(mail)[0] == "lesson"
        ]
        return list(dict.fromkeys(keys))


class Service:
    """One life of the process after the other."""

    def __init__(self, database: str, log: Path, *, smtp_port: int = 0) -> None:
        self._database, self._log = database, log
        self._smtp = ("--smtp", f"127.0.0.1:{smtp_port}") if smtp_port else ()
        self.largest_file: int | None = None
        """Bytes: from the next start on, no file may grow beyond, as on a full disk."""
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> str:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "engine", "serve", "--demo"),
                *("--database", self._database, "--port", "8600", *self._smtp),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=os.environ | KEYS,
                preexec_fn=self._limit if self.largest_file else None,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while line := (await self._process.stdout.readline()).decode():
                if found := re.search(r"(http://\S+)/demo", line):
                    self.url = found[1]
                    return self.url
        raise AssertionError(self._log.read_text())

    def _limit(self) -> None:
        assert self.largest_file
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest_file, self.largest_file))

    async def kill(self) -> None:
        """SIGKILL: no goodbye, as when the power fails."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.communicate()

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.communicate()
        return self._process.returncode or 0


@asynccontextmanager
async def service(
    database: str, log: Path, *, seconds: float = 0.0
) -> AsyncIterator[tuple[Service, CountingMailbox]]:
    box = CountingMailbox(seconds=seconds)
    await box.open()
    running = Service(database, log, smtp_port=box.port)
    await running.start()
    try:
        yield running, box
    finally:
        await running.stop()
        await box.close()
