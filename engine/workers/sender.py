"""Draining the ledger: lease, mark `sending`, send, record; a commit for each small batch."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Literal

from sqlalchemy.exc import DBAPIError

from engine import observe
from engine.clock import Clock
from engine.core import delivery
from engine.flows import leases, letters
from engine.mail import smtp
from engine.tables.db import Database

_LEASE_PER_CONNECTION = 5
_HEARTBEAT = 10.0
_GRACE = 9.0

log = observe.logger("sender")


class Sender:
    """One worker: leases mails under its own name and sends them over its pool."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        house: letters.House,
        pool: smtp.Pool,
        *,
        connections: int,
        in_doubt: Literal["send", "hold"] = "send",
    ) -> None:
        self._db, self._clock, self._house, self._pool = db, clock, house, pool
        self._connections = connections
        self._in_doubt: Literal["send", "hold"] = in_doubt
        self.name = secrets.token_hex(8)
        self.stopping = asyncio.Event()

    async def step(self) -> bool:
        """Take up what dead workers left, lease what is due and send it. False when nothing was due."""
        async with self._db.transaction() as session:
            now = self._clock.now()
            await leases.reap(session, now=now, in_doubt=self._in_doubt)
            limit = self._connections * _LEASE_PER_CONNECTION
            leased = await leases.lease(session, worker=self.name, limit=limit, now=now)
        if not leased:
            return False
        async with _heartbeat(self):
            for start in range(0, len(leased), self._connections):
                if self.stopping.is_set():
                    break
                await self._batch(leased[start : start + self._connections])
        if self.stopping.is_set():
            await self.release()
        return True

    async def _batch(self, ids: Sequence[int]) -> None:
        """At most one mail a connection is in doubt at any moment: a batch is no larger than that."""
        async with self._db.transaction() as session:
            begun = await leases.begin(session, ids, worker=self.name, now=self._clock.now())
            gathered = await letters.gather(session, begun)
            session.expunge_all()  # nothing of this belongs to the database any more
        results = await asyncio.gather(*(self._send(mail, gathered[mail.id]) for mail in begun))
        outcomes = [(mail, result) for mail, result in zip(begun, results, strict=True)]
        async with self._db.transaction() as session:
            sent = [(mail, each) for mail, each in outcomes if each and not isinstance(each, str)]
            now = self._clock.now()
            await leases.record(session, sent, worker=self.name, now=now, in_doubt=self._in_doubt)
            for mail, reason in outcomes:
                if isinstance(reason, str):
                    await leases.hold(session, mail, reason, worker=self.name)
            if unsent := [mail for mail, each in outcomes if each is None]:
                await leases.release(session, worker=self.name, unsent=unsent)

    async def _send(
        self, mail: leases.Begun, to: letters.Addressed | letters.ToAccount | str
    ) -> delivery.Outcome | str | None:
        """The outcome, or the reason why the mail cannot be made; None: we stopped before it had left."""
        if isinstance(to, str):
            log.error("mail held", delivery=mail.id, reason=to)
            return to
        try:
            written = letters.write(to, self._house, now=self._clock.now())
        except Exception as error:  # whatever a template raises for one person stops nobody else's mail
            log.error("mail held", delivery=mail.id, reason=repr(error))
            return str(error) or type(error).__name__
        sending = asyncio.create_task(self._pool.send(written.sender, written.recipient, written.data))
        outcome = await self._outcome(sending)
        if outcome and not isinstance(outcome, delivery.Sent):
            log.warning("mail not sent", delivery=mail.id, outcome=type(outcome).__name__, said=outcome.text)
        return outcome

    async def _outcome(self, sending: "asyncio.Task[delivery.Outcome]") -> delivery.Outcome | None:
        """Wait for a send; once we are stopping, for `_GRACE` seconds more. None: nothing has left."""
        stopping = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not sending.done():
            await asyncio.wait({sending}, timeout=_GRACE)
        if not sending.done():
            sending.cancel()
        try:
            return await sending
        except asyncio.CancelledError:
            if not sending.cancelled():  # it was ourselves who were cancelled
                raise
            return None

    async def beat(self) -> None:
        async with self._db.transaction() as session:
            await leases.keep(session, worker=self.name, now=self._clock.now())

    async def release(self) -> None:
        """Give back what was leased and not begun."""
        async with self._db.transaction() as session:
            await leases.release(session, worker=self.name)


class _heartbeat:  # a context manager, used as a word
    """Prolongs the worker's leases while its block runs."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._beat())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT)
            try:
                await self._sender.beat()
            except DBAPIError as error:  # the next beat may come through before the leases end
                log.error("database trouble", worker="heartbeat", error=str(error.orig))
