"""Draining the ledger: lease, mark `sending`, send, record; one commit for all that came back meanwhile."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Literal

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from engine import observe
from engine.clock import Clock
from engine.core import breaker, delivery, lanes
from engine.core.lanes import Limit
from engine.core.webhooks import Event
from engine.flows import hooks, instance, leases, letters, slots, writing
from engine.mail import smtp
from engine.tables.db import Database, Transaction
from engine.workers.lanes import Lanes

_LEASE_PER_CONNECTION = 5
_SLICE = 2.0  # seconds after which a step leases no more: others of this process have their turn
_MORE = 0.002
_FOR_A_LANE = 0.05
_HEARTBEAT = 10.0
_GRACE = 9.0

log = observe.logger("sender")

_Result = delivery.Outcome | str | None
"""What became of a mail: its outcome, why it cannot be made, or None: we stopped before it had left."""

Sign = Callable[[bytes, datetime], bytes]
"""Of a mail and the moment, the fields to put before it that sign it. Called in threads."""


class Sender:
    """One worker: leases mails under its own name and sends them over its pool.

    `more` is called when there is more than it leases at once: others may help.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        house: letters.House,
        pool: smtp.Pool,
        *,
        connections: int,
        in_doubt: Literal["send", "hold"] = "send",
        limits: Mapping[str, Limit] | None = None,
        more: Callable[[], None] = lambda: None,
        sign: Sign | None = None,
    ) -> None:
        self._db, self._clock, self._house, self._pool = db, clock, house, pool
        self._connections = connections
        self._in_doubt: Literal["send", "hold"] = in_doubt
        self._sign, self._more = sign, more
        self._flight = _Flight()
        self.relay = breaker.Breaker()
        self._lanes = Lanes(limits or {}, connections)
        self._lane_of: dict[int, str] = {}
        """Of mails in our hands, while it matters."""
        self._until = 0.0
        self._tell = True
        self._failed = self._stepping = False
        self._rests = ""
        self._heart: asyncio.Task[None] | None = None
        self._pins: letters.Pins = {}
        self.name = secrets.token_hex(8)
        self.stopping = asyncio.Event()

    async def due(self) -> bool:
        """Whether there is something for a step to do."""
        async with self._db.reading() as session:
            return await leases.due(session, now=self._clock.now())

    async def step(self) -> bool:
        """Take up what dead workers left, lease what is due and send it. False when nothing was due.

        Mails that take long stay on the wire: a later step records them.
        """
        if self._heart is None or self._heart.done():
            self._heart = asyncio.create_task(self._beat())
        self._stepping = True
        try:
            return await self._step()
        except DBAPIError:
            self._failed = True
            raise
        except asyncio.CancelledError:
            self._heart.cancel()
            self._flight.cancel()
            raise
        finally:
            self._stepping = False

    async def _step(self) -> bool:
        self._until = asyncio.get_running_loop().time() + _SLICE
        async with self._db.keeping() as transaction:
            async with transaction() as session:
                now = self._clock.now()
                if self._failed:
                    hand = self._flight.ids
                    await leases.recover(
                        session, worker=self.name, in_hand=hand, now=now, in_doubt=self._in_doubt
                    )
                await leases.reap(session, now=now, in_doubt=self._in_doubt)
                leased = deque[int]()
                if self._lanes.limits:
                    self._lanes.held = await slots.lease(
                        session, self._lanes.limits, worker=self.name, now=now
                    )
                if self._room() and not await self._rest(session):
                    leased = await self._lease(session, leased)
                if leased or self._flight.open:
                    self._tell = bool(await hooks.listening(session, Event.LESSON_SENT))
            self._failed = False
            if not leased and not self._flight.open:
                return False
            if len(leased) == self._limit():
                self._more()
            self._pins.clear()  # before it begins, a course follows the version that is current
            async with _beside(self._stop_in_time()):
                await self._drain(leased, transaction)
        if leased or self.stopping.is_set():
            await self.release()
        return True

    async def _rest(self, session: AsyncSession) -> bool:
        """Whether this database is one that must not send; said once."""
        rests = await instance.rests(session)
        if rests and rests != self._rests:
            log.error("nothing is sent", reason=rests)
        self._rests = rests
        return bool(rests)

    async def finish(self) -> None:
        """Once we are stopping: wait for what is on the wire, `_GRACE` seconds at most, and record it.

        Where the database is away, those mails are in doubt.
        """
        try:
            if self._flight.open:
                await self.step()
        except DBAPIError as error:
            log.error("database trouble", worker="sender", error=str(error.orig))

    async def _lease(self, session: AsyncSession, waiting: deque[int]) -> deque[int]:
        limit, now, shut = self._limit(), self._clock.now(), list[str]()
        if self._lanes.restricted:
            shut = self._lanes.shut((self._lane_of[id] for id in waiting if id in self._lane_of), now=now)
        ids = await leases.lease(session, worker=self.name, limit=limit, now=now, shut=shut)
        if self._lanes.restricted:
            self._lane_of |= await leases.lanes_of(session, ids)
        return deque(ids)

    def _free(self, id: int) -> bool:
        """Whether the lane of a mail has room for it."""
        lane = self._lane_of.get(id)
        return lane is None or self._lanes.room(lane, now=self._clock.now())

    def _pick(self, leased: deque[int], count: int) -> list[int]:
        """Take mails out that may begin now; each counts in its lane from here on."""
        if not self._lanes.restricted:
            return [leased.popleft() for _ in range(min(count, len(leased)))]
        picked, kept = list[int](), list[int]()
        while leased and len(picked) < count:
            id = leased.popleft()
            if not self._free(id):
                kept.append(id)
                continue
            picked.append(id)
            if lane := self._lane_of.get(id):
                self._lanes.begin(lane, now=self._clock.now())
        leased.extendleft(reversed(kept))
        return picked

    def _unpick(self, ids: Iterable[int]) -> None:
        """They are no longer on the wire, or never were."""
        for id in ids:
            if lane := self._lane_of.pop(id, None):
                self._lanes.end(lane)

    def _limit(self) -> int:
        return max(1, self._room()) * _LEASE_PER_CONNECTION

    def _room(self) -> int:
        """How many mails may be on the wire."""
        if self.stopping.is_set():
            return 0
        return breaker.room(self.relay, self._connections, now=self._clock.now())

    async def _drain(self, leased: deque[int], transaction: Transaction) -> None:
        """Keep every connection busy until nothing is due any more, or nothing comes back for a while.

        At most one mail a connection is in doubt at any moment: what is `sending` in the database is on the
        wire, or came back and goes into the next commit.
        """
        while True:
            room = self._room()
            ids = self._pick(leased, room - self._flight.on_wire)
            if ids or self._flight.back:
                leased += await self._commit(transaction, ids, leased)
            if self._flight.on_wire:
                if not await self._flight.some(_SLICE) and not self.stopping.is_set():
                    return
            elif not room or not (leased or self._flight.back):
                return
            elif not ids:  # what is left waits for its lane
                if asyncio.get_running_loop().time() > self._until:
                    return
                await asyncio.sleep(_FOR_A_LANE)

    async def _commit(self, transaction: Transaction, ids: list[int], left: deque[int]) -> deque[int]:
        """Record what came back, begin other mails, and where few are left lease more: one commit for all."""
        back, more = self._flight.take(), deque[int]()
        low = len(left) < self._connections or sum(map(self._free, left)) < self._connections
        time = asyncio.get_running_loop().time()
        try:
            async with transaction() as session:
                begun = await self._exchange(session, back, ids)
                gathered = await letters.gather(session, begun, pins=self._pins)
                session.expunge_all()  # nothing of this belongs to the database any more
                if low and ids and time < self._until and not self.stopping.is_set():
                    more = await self._lease(session, left)
        except BaseException:  # even when we are cancelled: what came back is told by the next commit
            self._flight.back[:0] = back
            self._unpick(ids)
            raise
        self._unpick(mail.id for mail, _ in back)
        self._unpick({*ids} - {mail.id for mail in begun})
        for mail in begun:
            self._flight.begin(mail, self._send(mail, gathered[mail.id]))
        return more

    async def _exchange(
        self, session: AsyncSession, back: list[tuple[leases.Begun, _Result]], ids: list[int]
    ) -> list[leases.Begun]:
        outcomes = [(mail, each) for mail, each in back if each is not None and not isinstance(each, str)]
        begun = await leases.exchange(
            session,
            outcomes,
            ids,
            worker=self.name,
            now=self._clock.now(),
            in_doubt=self._in_doubt,
            tell=self._tell,
        )
        for mail, reason in back:
            if isinstance(reason, str):
                await leases.hold(session, mail, reason, worker=self.name)
        if unsent := [mail for mail, each in back if each is None]:
            await leases.release(session, worker=self.name, unsent=unsent)
        return begun

    def _learn(self, outcome: delivery.Outcome) -> None:
        """Notice when the relay refuses everything, and when it is well again."""
        before = self.relay
        self.relay = breaker.after(before, outcome, now=self._clock.now())
        if self.relay.open and not before.open:
            log.error("the relay refuses everything: it is asked once a minute", said=self.relay.said)
        elif before.open and not self.relay.open:
            log.info("the relay takes mails again")

    async def _send(self, mail: leases.Begun, to: letters.Addressed | letters.ToAccount | str) -> _Result:
        if isinstance(to, str):
            log.error("mail held", delivery=mail.id, reason=to)
            return to
        now = self._clock.now()
        try:
            written = writing.write(to, self._house, now=now)
            data = await _signed(written.data, self._sign, now) if self._sign else written.data
        except Exception as error:  # whatever a template raises for one person stops nobody else's mail
            log.error("mail held", delivery=mail.id, reason=repr(error))
            return str(error) or type(error).__name__
        outcome = await self._pool.send(written.sender, written.recipient, data)
        self._learn(outcome)
        if not isinstance(outcome, delivery.Sent):
            lane = lanes.of(written.recipient)
            if self._lanes.hear(lane, outcome, now=self._clock.now()):
                log.warning("fewer mails at once for a while", lane=lane, said=outcome.text)
            log.warning("mail not sent", delivery=mail.id, outcome=type(outcome).__name__, said=outcome.text)
        return outcome

    async def _stop_in_time(self) -> None:
        """Once we are stopping, what is on the wire has `_GRACE` seconds more."""
        await self.stopping.wait()
        await asyncio.sleep(_GRACE)
        self._flight.cancel()

    async def _beat(self) -> None:
        """Prolong our leases while anything is in our hands."""
        while True:
            await asyncio.sleep(_HEARTBEAT)
            if not (self._stepping or self._flight.open):
                return
            try:
                await self.beat()
            except DBAPIError as error:  # the next beat may come through before the leases end
                log.error("database trouble", worker="heartbeat", error=str(error.orig))

    async def beat(self) -> None:
        async with self._db.transaction() as session:
            await leases.keep(session, worker=self.name, now=self._clock.now())
            if self._lanes.limits:
                await slots.keep(session, worker=self.name, now=self._clock.now())

    async def release(self) -> None:
        """Give back what was leased and not begun."""
        hand = self._flight.ids
        self._lane_of = {id: self._lane_of[id] for id in hand if id in self._lane_of}
        async with self._db.transaction() as session:
            await leases.release(session, worker=self.name)
            if self._lanes.limits and not hand:
                await slots.release(session, worker=self.name, now=self._clock.now())


class _Flight:
    """The mails on the wire, and those that came back and are not recorded yet."""

    def __init__(self) -> None:
        self.back: list[tuple[leases.Begun, _Result]] = []
        self._tasks: dict[asyncio.Task[_Result], int] = {}
        self._rung = asyncio.Event()

    @property
    def on_wire(self) -> int:
        return len(self._tasks)

    @property
    def open(self) -> bool:
        return bool(self._tasks or self.back)

    @property
    def ids(self) -> list[int]:
        """Of all of them."""
        return [*self._tasks.values(), *(mail.id for mail, _ in self.back)]

    def begin(self, mail: leases.Begun, sending: Coroutine[object, object, _Result]) -> None:
        task = asyncio.create_task(sending)
        self._tasks[task] = mail.id
        task.add_done_callback(partial(self._landed, mail))

    def _landed(self, mail: leases.Begun, task: asyncio.Task[_Result]) -> None:
        del self._tasks[task]
        self.back.append((mail, None if task.cancelled() else task.result()))
        self._rung.set()

    async def some(self, seconds: float) -> bool:
        """Wait until mails came back; a moment longer while others are out, so that a commit carries more.

        False: none did in so long.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        if self._tasks:
            await asyncio.sleep(_MORE)
        self._rung.clear()
        return True

    def take(self) -> list[tuple[leases.Begun, _Result]]:
        found, self.back = self.back, []
        return found

    def cancel(self) -> None:
        """Where the final dot has left, a mail is in doubt; else nothing of it has left."""
        for task in self._tasks:
            task.cancel()


async def _signed(mail: bytes, sign: Sign, now: datetime) -> bytes:
    return await asyncio.get_running_loop().run_in_executor(None, sign, mail, now) + mail


@asynccontextmanager
async def _beside(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Something that goes on while the block runs."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
