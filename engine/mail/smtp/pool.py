"""The door by which mail leaves: a pool of connections to one server; each send returns an outcome."""

import asyncio
import ssl

import aiosmtplib

from engine.core.delivery import Outcome, Refused
from engine.mail.smtp import envelope, wire
from engine.mail.smtp.connection import Connection, Timeouts, server_trouble
from engine.mail.smtp.envelope import Envelope
from engine.mail.smtp.server import Server


class Pool:
    """Connections to one server, kept open between mails.

    Holds at most `size` connections; each carries at most `per_connection` mails and is closed when idle for
    `idle` seconds. `helo` is our name for EHLO (the host's own when ""). One event loop only.
    """

    def __init__(
        self,
        server: Server,
        *,
        size: int = 20,
        per_connection: int = 100,
        idle: float = 30,
        timeouts: Timeouts | None = None,
        helo: str = "",
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self.server = server
        self._timeouts = timeouts or Timeouts()
        self._per_connection = per_connection
        self._idle_seconds = idle
        self._helo = helo
        self._tls_context = tls_context
        self._room = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._leaving: set[asyncio.Future[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, sender: str, recipient: str, data: bytes) -> Outcome:
        """Send one mail to one person. Whatever the server does is an outcome, never an exception.

        `data` is the whole message as it travels: CRLF line ends, dots doubled at line starts (RFC 5321
        §4.5.2), without the final dot. `sender` may be "" (bounces go nowhere).

        Cancelled before the final dot has left, it drops the connection and raises CancelledError: nothing
        has left. Cancelled later, it swallows the cancellation and returns `Unknown`, so that a caller who
        cancels the task of a send reads from its result that this mail is in doubt.
        """
        sealed = envelope.seal(sender, recipient, data)
        if isinstance(sealed, Refused):
            return sealed
        async with self._room:
            return await self._send(sealed)

    async def close(self) -> None:
        """Say QUIT on every idle connection, for 2 seconds at most; busy ones do after their mail."""
        self._closed = True
        if self._sweeper:
            self._sweeper.cancel()
        while self._idle:
            self._leave(self._idle.pop())
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=wire.GOODBYE)

    async def _send(self, sealed: Envelope) -> Outcome:
        while connection := self._take():
            outcome = await self._use(connection, sealed)
            if not connection.stale:
                return outcome
        if self._closed:
            return server_trouble("the pool of connections is closed")
        opened = await self._open()
        return opened if isinstance(opened, Refused) else await self._use(opened, sealed)

    async def _use(self, connection: Connection, sealed: Envelope) -> Outcome:
        try:
            return await connection.deliver(sealed)
        finally:
            if self._closed or connection.mails >= self._per_connection or not connection.wire.usable:
                self._leave(connection)
            else:
                self._keep(connection)

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.wire.usable:
                return connection
        return None

    def _keep(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._idle_seconds, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle too long, and come back when the next one will have been."""
        loop = asyncio.get_running_loop()
        self._sweeper = None
        while self._idle and self._idle[0].idle_since + self._idle_seconds <= loop.time() + 0.001:
            self._leave(self._idle.pop(0))
        if self._idle:
            self._sweeper = loop.call_at(self._idle[0].idle_since + self._idle_seconds, self._sweep)

    def _leave(self, connection: Connection) -> None:
        connection.wire.leave()
        if not connection.wire.gone.done():
            self._leaving.add(connection.wire.gone)
            connection.wire.gone.add_done_callback(self._leaving.discard)

    async def _open(self) -> Connection | Refused:
        client = self._client()
        try:
            await _connect(client)
            return Connection(client, self._timeouts)
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            return server_trouble(_words(error.message), code=error.code)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            return server_trouble(f"no connection to {self.server}: {_words(str(error))}")
        except asyncio.CancelledError:
            client.close()
            raise

    def _client(self) -> aiosmtplib.SMTP:
        here = self.server
        if self._tls_context is None and here.tls != "never":
            self._tls_context = _context(here)  # reading the authorities takes 10 ms: once a pool
        return aiosmtplib.SMTP(
            hostname=here.host,
            port=here.port,
            username=here.user or None,
            password=here.password or None,
            local_hostname=self._helo or None,
            timeout=self._timeouts.greeting,
            use_tls=here.tls == "implicit",
            start_tls={"required": True, "opportunistic": None}.get(here.tls, False),
            tls_context=self._tls_context,
        )


async def _connect(client: aiosmtplib.SMTP) -> None:
    """Connect and greet, and stop at once when cancelled.

    Until Python 3.12, `asyncio.wait_for` (in aiosmtplib) may swallow a cancellation, hence a task of its own
    that is cancelled until it ends.
    """
    opening = asyncio.create_task(_greet(client))
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        while not opening.done():
            opening.cancel()
            await asyncio.wait([opening], timeout=0.1)
        raise


async def _greet(client: aiosmtplib.SMTP) -> None:
    await client.connect()
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


def _context(server: Server) -> ssl.SSLContext:
    """Certificates are verified, but where TLS is only opportunistic: there plain text would do as well."""
    context = ssl.create_default_context()
    if server.tls == "opportunistic":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _words(text: str) -> str:
    return wire.clean(text.encode("utf-8", "surrogateescape"))
