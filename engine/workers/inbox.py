"""What comes back, taken from a mail server over LMTP (RFC 2033)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session
from sqlalchemy.exc import DBAPIError

from engine import observe
from engine.clock import Clock
from engine.core import verp
from engine.flows import feedback
from engine.flows.feedback import Done
from engine.mail import inbound
from engine.tables.db import Database

_LARGEST = 10_000_000
_LATER = "451 4.3.0 Try again later"

log = observe.logger("inbox")


class Inbox:
    """Acts on each mail, one transaction a mail. A mail that it does not answer for stays with the server."""

    def __init__(self, db: Database, clock: Clock, returns: verp.Returns) -> None:
        self._db, self._clock, self._returns = db, clock, returns

    async def take(self, raw: bytes, *, envelope: str, way: str) -> Done:
        """`envelope`: the address that it was delivered to; "" where that is not known."""
        report = await asyncio.to_thread(inbound.read, raw[: inbound.LONGEST], envelope=envelope)
        async with self._db.transaction() as session:
            now = self._clock.now()
            return await feedback.receive(session, report, raw, returns=self._returns, way=way, now=now)

    # The names of these two are aiosmtpd's.

    async def handle_RCPT(
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """One at a time: aiosmtpd gives one answer a mail, and LMTP wants one for each recipient."""
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:
        try:
            done = await self.take(
                envelope.original_content or b"", envelope=envelope.rcpt_tos[0], way="lmtp"
            )
        except DBAPIError as error:
            log.error("database trouble", worker="inbox", error=str(error.orig))
            return _LATER
        except Exception:  # a report that trips us up is kept by the mail server, which says so
            log.exception("a report was not taken")
            return _LATER
        return f"250 2.0.0 {done}"


@asynccontextmanager
async def listening(inbox: Inbox, host: str, port: int) -> AsyncIterator[int]:
    """Take mails on a port (0: any that is free), which is given. Raises OSError where it is taken."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: LMTP(inbox, hostname="parcours", data_size_limit=_LARGEST, loop=loop), host, port
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()  # what is in hand is handed over again: nobody has to wait for an idle mail server
