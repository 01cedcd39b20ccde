"""The loop that every worker runs in: nothing ends it but the order to stop."""

import asyncio
import time

import pytest
from sqlalchemy import text

from engine.workers import loop
from tests.people import Town

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def bell() -> loop.Bell:
    return loop.Bell()


async def test_it_goes_on_while_there_is_work_then_rests(bell: loop.Bell) -> None:
    left, stop = [True, True, False], asyncio.Event()

    async def step() -> bool:
        return left.pop(0)

    running = asyncio.create_task(loop.run(step, bell=bell, stop=stop, rest=60, name="test"))
    await asyncio.sleep(0.05)
    assert left == []
    assert not running.done()
    stop.set()
    left.append(False)
    bell.ring()
    await asyncio.wait_for(running, 1)


async def test_the_bell_wakes_it(bell: loop.Bell) -> None:
    steps, stop = 0, asyncio.Event()

    async def step() -> bool:
        nonlocal steps
        steps += 1
        return False

    running = asyncio.create_task(loop.run(step, bell=bell, stop=stop, rest=60, name="test"))
    for expected in (1, 2, 3):
        await asyncio.sleep(0.02)
        assert steps == expected
        bell.ring()
    stop.set()
    await asyncio.wait_for(running, 1)


async def test_a_bell_that_rang_just_before_is_heard(bell: loop.Bell) -> None:
    bell.ring()
    await asyncio.wait_for(bell.wait(60), 1)
    before = time.monotonic()
    await bell.wait(0.05)  # once
    assert time.monotonic() - before >= 0.04


async def test_no_error_ends_it(bell: loop.Bell, town: Town) -> None:
    met, stop = 0, asyncio.Event()

    async def step() -> bool:
        nonlocal met
        met += 1
        if met == 1:
            raise RuntimeError("whatever")
        if met == 2:
            async with town.db.transaction() as session:
                await session.execute(text("SELECT * FROM nowhere"))
        stop.set()
        return True

    running = asyncio.create_task(loop.run(step, bell=bell, stop=stop, rest=60, name="test"))
    while not running.done():
        bell.ring()  # it would rest a while after trouble
        await asyncio.sleep(0.02)
    assert met == 3


async def test_on_stop_the_step_in_hand_is_finished(bell: loop.Bell) -> None:
    finished, stop = [], asyncio.Event()

    async def step() -> bool:
        stop.set()
        await asyncio.sleep(0.05)
        finished.append(True)
        return True

    await asyncio.wait_for(loop.run(step, bell=bell, stop=stop, rest=60, name="test"), 1)
    assert finished == [True]
