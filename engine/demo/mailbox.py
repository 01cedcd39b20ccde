"""A mailbox on a local SMTP port: what the demo sends arrives here, and nowhere else."""

import asyncio
import email
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

Onward = Callable[[str, list[str], bytes], Awaitable[str]]


@dataclass(frozen=True)
class Received:
    """One mail, as it came over the wire."""

    number: int
    at: datetime
    sender: str
    recipient: str
    source: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.source, policy=policy.default)
        assert isinstance(parsed, EmailMessage)  # what policy.default makes
        return parsed

    def part(self, subtype: str) -> str:
        """The text of the `plain` or `html` part."""
        found = self.message.get_body((subtype,))
        return str(found.get_content()) if found else ""


class Mailbox:
    """Keeps every mail in memory. `onward`, if given, passes each on and its answer back."""

    def __init__(self, now: Callable[[], datetime], *, onward: Onward | None = None) -> None:
        self._now, self._onward = now, onward
        self.mails: list[Received] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Condition()

    async def open(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        running = asyncio.get_running_loop()
        self._server = await running.create_server(
            lambda: SMTP(self, hostname="localhost", enable_SMTPUTF8=False, loop=running), "127.0.0.1", port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server:
            self._server.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # aiosmtpd's name
        source = envelope.original_content or b""
        recipients = list(envelope.rcpt_tos)
        sender = envelope.mail_from or ""
        if self._onward:
            answer = await self._onward(sender, recipients, source)
            if not answer.startswith("250"):
                return answer
        async with self._arrived:
            for recipient in recipients:
                self.mails.append(Received(len(self.mails) + 1, self._now(), sender, recipient, source))
            self._arrived.notify_all()
        return "250 OK"

    async def wait_for(
        self, wanted: Callable[[Received], bool], *, seconds: float, after: int = 0
    ) -> Received | None:
        """The first mail numbered over `after` that is `wanted`, there already or arriving in time."""

        def found() -> Received | None:
            return next((mail for mail in self.mails[after:] if wanted(mail)), None)

        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(lambda: found() is not None), seconds)
            except TimeoutError:
                return None
            return found()
