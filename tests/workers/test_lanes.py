"""Limits of a provider, over real SMTP."""

import asyncio

import pytest

from engine.core.delivery import Kind
from engine.core.lanes import Limit
from engine.flows import outbox
from engine.workers.sender import Sender
from tests.people import ALICE, Town
from tests.smtpd import Smtpd
from tests.workers.test_sender import drain, due, working

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def owed(town: Town, count: int) -> None:
    """A lesson and so many other mails to Alice."""
    (alice,) = await due(town, ALICE)
    learner = (await town.row(alice)).learner_id
    async with town.db.transaction() as session:
        await outbox.owe(
            session,
            [
                outbox.row(
                    kind=Kind.KNOWN,
                    learner_id=learner,
                    enrolment_id=alice,
                    now=town.now,
                    occasion=f"{number}",
                )
                for number in range(count)
            ],
        )


async def wait_for(server: Smtpd, point: str, times: int) -> None:
    await server.at(point, times)
    await asyncio.sleep(0.2)  # had more been on its way, it would be here


async def test_a_lane_uses_no_more_connections_than_it_may(town: Town, server: Smtpd) -> None:
    await owed(town, 6)
    server.gate = asyncio.Event()
    async with working(town, server, connections=5, limits={"others": Limit(2)}) as worker:
        draining = asyncio.create_task(drain(worker))
        await wait_for(server, "taken", 2)
        assert server.reached["taken"] == 2
        server.gate.set()
        await draining
    assert len(server.received) == 7
    assert server.most_open <= 2


async def test_other_lanes_go_on_while_one_is_full(town: Town, server: Smtpd) -> None:
    await owed(town, 6)
    server.gate = asyncio.Event()
    async with working(town, server, connections=5, limits={"orange": Limit(1)}) as worker:
        draining = asyncio.create_task(drain(worker))
        await wait_for(server, "taken", 5)
        server.gate.set()
        await draining
    assert len(server.received) == 7


async def test_another_worker_has_what_the_first_does_not_use(town: Town, server: Smtpd) -> None:
    await owed(town, 3)
    limits = {"others": Limit(1)}
    async with (
        working(town, server, connections=5, limits=limits) as one,
        working(town, server, connections=5, limits=limits) as two,
    ):
        await asyncio.gather(drain(one), drain(two))
        await drain(two)
    assert len(server.received) == 4
    assert server.most_open == 1


async def test_a_provider_that_has_too_much_gets_half_for_a_while(town: Town, server: Smtpd) -> None:
    await owed(town, 12)
    server.misbehave("RCPT", "451 4.7.1 too much", times=1)
    async with working(town, server, connections=4) as worker:
        await drain(worker)
        assert most(worker, town) == 2
        town.clock.pass_by(minutes=6)
        await drain(worker)
        assert len(server.received) == 13
        town.clock.pass_by(minutes=5)
        assert most(worker, town) == 4


def most(worker: Sender, town: Town) -> int:
    return worker._lanes.most("others", now=town.now)
