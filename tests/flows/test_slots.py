"""Connections of a limited lane, shared by several workers."""

from datetime import timedelta

import pytest

from engine.core.lanes import Limit
from engine.flows import slots
from tests.people import Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = {"orange": Limit(3), "sfr": Limit(1, 60)}


async def lease(town: Town, worker: str, **limits: Limit) -> dict[str, int]:
    async with town.db.transaction() as session:
        return dict(await slots.lease(session, limits or LIMITS, worker=worker, now=town.now))


async def test_who_comes_first_has_them_until_he_gives_them_back(town: Town) -> None:
    assert await lease(town, "one") == {"orange": 3, "sfr": 1}
    assert await lease(town, "two") == {}
    assert await lease(town, "one") == {"orange": 3, "sfr": 1}
    async with town.db.transaction() as session:
        await slots.release(session, worker="one", now=town.now)
    assert await lease(town, "two") == {"orange": 3, "sfr": 1}


async def test_those_of_a_dead_worker_are_free_after_half_a_minute(town: Town) -> None:
    await lease(town, "dead")
    town.clock.pass_by(seconds=20)
    async with town.db.transaction() as session:
        await slots.keep(session, worker="dead", now=town.now)
    town.clock.pass_by(seconds=29)
    assert await lease(town, "two") == {}
    town.clock.pass_by(seconds=1)
    assert await lease(town, "two") == {"orange": 3, "sfr": 1}


async def test_a_smaller_setting_counts_at_once_and_a_larger_one_too(town: Town) -> None:
    await lease(town, "one")
    town.clock.moment += timedelta(minutes=1)
    assert await lease(town, "two", orange=Limit(2)) == {"orange": 2}
    town.clock.moment += timedelta(minutes=1)
    assert await lease(town, "three", orange=Limit(5)) == {"orange": 5}
