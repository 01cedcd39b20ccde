"""Sending what other programs are owed: one try of each message that is due, side by side."""

import asyncio
import ssl
from datetime import datetime, timedelta
from functools import cached_property

import httpcore

from engine import network, observe
from engine.clock import Clock
from engine.core import webhooks
from engine.core.network import Networks
from engine.flows import hooks, instance
from engine.tables.db import Database

_AT_ONCE = 20
_ANSWER_BYTES = 2000
_PRUNE = timedelta(hours=1)

log = observe.logger("webhooks")


class Messenger:
    """Takes messages up, calls, writes down what came back. Any number may run."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        allowed: Networks = (),
        seconds: float = 15.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._db, self._clock, self._seconds = db, clock, seconds
        self._allowed, self._given_tls = allowed, tls
        self._pruned: datetime | None = None
        self.stopping = asyncio.Event()

    @cached_property  # it takes a third of a second, and many installations never need it
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or httpcore.default_ssl_context()

    async def due(self) -> bool:
        """Whether there is something for a step to do."""
        async with self._db.reading() as session:
            return await hooks.due(session, now=self._clock.now())

    async def step(self) -> bool:
        """One try of each message that is due. False when nothing was."""
        now = self._clock.now()
        async with self._db.transaction() as session:
            if await instance.rests(session):
                return False
            messages = await hooks.lease(session, limit=_AT_ONCE, now=now)
            if self._pruned is None or now >= self._pruned + _PRUNE:
                await hooks.prune(session, now=now)
                self._pruned = now
        await asyncio.gather(*(self._try(message) for message in messages))
        return bool(messages) and not self.stopping.is_set()

    async def _try(self, message: hooks.Message) -> None:
        answer = await self._unless_stopping(message)
        if answer is None:
            return
        async with self._db.transaction() as session:
            switched_off = await hooks.record(session, message.id, answer, now=self._clock.now())
        if switched_off:
            log.error("webhook switched off", message=message.id, reason=switched_off)
        elif not answer.taken:
            log.warning("webhook not taken", message=message.id, status=answer.status)

    async def _unless_stopping(self, message: hooks.Message) -> hooks.Answer | None:
        """The answer; None when we stop first: the message is tried again once its lease is over."""
        calling = asyncio.create_task(self._call(message))
        stopping = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({calling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if calling.done():
            return calling.result()
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        return None

    async def _call(self, message: hooks.Message) -> hooks.Answer:
        """Post it. A redirect is not followed: it is an answer that is no success."""
        signed = webhooks.headers(message.key, message.payload, message.secrets, now=self._clock.now())
        sent = {**signed, "content-type": "application/json", "user-agent": "Parcours"}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._pool(message.url) as pool,
                pool.stream(
                    "POST", message.url, headers=list(sent.items()), content=message.payload.encode()
                ) as answer,
            ):
                return hooks.Answer(answer.status, await _beginning(answer))
        except TimeoutError:
            return hooks.Answer(None, f"no answer within {self._seconds:g} seconds")
        except Exception as error:  # whatever the other side, the network or TLS do is no success
            return hooks.Answer(None, str(error) or type(error).__name__)

    def _pool(self, url: str) -> httpcore.AsyncConnectionPool:
        """For one call. Without encryption only into the operator's own networks."""
        encrypted = url.startswith("https:")
        backend = network.Guarded(self._allowed, public=encrypted)
        return httpcore.AsyncConnectionPool(self._tls if encrypted else None, network_backend=backend)


async def _beginning(answer: httpcore.Response) -> str:
    """What stands at the beginning of an answer; the rest is not read."""
    found = b""
    async for chunk in answer.aiter_stream():
        found += chunk
        if len(found) >= _ANSWER_BYTES:
            break
    return found[:_ANSWER_BYTES].decode("utf-8", "replace")
