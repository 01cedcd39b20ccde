"""The planner's tick: enrol, plan, finish, and call the sender."""

import asyncio

import pytest

from engine.workers import planner
from tests.people import ALICE, BOB, CHARLIE, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_tick_does_all_that_is_due_and_calls_the_sender(town: Town) -> None:
    calls = []
    own = planner.Planner(town.db, town.clock, planned=lambda: calls.append(town.now))
    await town.publish()
    people = [await town.enrol(who) for who in (ALICE, BOB, CHARLIE)]
    assert await own.tick() >= 3
    assert calls
    for enrolment in people:
        assert (await town.row(enrolment)).state == "active"
        assert (await town.mail(enrolment, "welcome")).state == "planned"
    calls.clear()
    assert await own.tick() == 0
    assert calls == []


async def test_any_number_of_planners_may_run(town: Town) -> None:
    await town.publish()
    people = [await town.enrol(who) for who in (ALICE, BOB, CHARLIE)]
    others = [planner.Planner(town.db, town.clock, planned=lambda: None) for _ in range(3)]
    await asyncio.gather(*(one.tick() for one in others))
    await town.send()
    await town.sleep("2027-03-25 14:15")
    await asyncio.gather(*(one.tick() for one in others))
    for enrolment in people:
        assert len(await town.mails(enrolment, "welcome")) == 1
        assert len(await town.mails(enrolment, "lesson")) <= 1
    assert len(await town.mails(people[2], "lesson")) == 1  # Thursday at 14:00 in Paris


async def test_planners_that_wake_together_after_an_outage_agree(town: Town) -> None:
    await town.publish()
    people = [await town.enrol(who) for who in (ALICE, BOB)]
    await town.wake()
    await town.sleep("2027-03-23 08:45")
    await town.tick()
    await town.sleep("2027-03-24 14:00")
    others = [planner.Planner(town.db, town.clock, planned=lambda: None) for _ in range(3)]
    await asyncio.gather(*(one.tick() for one in others))
    await town.live("2027-04-01 00:00")
    for enrolment in people:
        assert await town.sent(enrolment, "lesson") == [
            "lesson a thu 2027-03-25 08:30",
            "lesson b tue 2027-03-30 08:30",
        ]


async def test_chunks_grow_while_they_are_quick_and_shrink_when_they_are_not() -> None:
    assert planner.aimed(1000, 0.020) == 2000
    assert planner.aimed(1000, 0.001) == 2000  # never more than the double: it may have been chance
    assert planner.aimed(1000, 0.080) == 500
    assert planner.aimed(1000, 5.0) == 250  # the least
    assert planner.aimed(4000, 0.001) == 4000  # the most
