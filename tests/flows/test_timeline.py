"""A person's line of time: what was agreed to, what came, what was done, and never what was answered."""

import dataclasses

import pytest

from engine.core import errors
from engine.flows import enrolments, privacy, timeline
from engine.flows.timeline import Group, Story
from tests.people import ALICE, BOB, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def story(town: Town, learner: int = 1, group: str = "") -> Story:
    async with town.db.reading() as session:
        return await timeline.one(session, learner, group)


async def test_everything_in_its_order(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.enrol(BOB)
    await town.live("2027-03-23 09:00")
    await town.check_in(alice)
    async with town.db.transaction() as session:
        await enrolments.pause(session, alice, until=None, now=town.now)
    told = await story(town)
    assert (told.person.address, told.language, told.suppressed, told.cut) == (
        "alice@example.org",
        "fr",
        "",
        False,
    )
    assert [line.at for line in told.lines] == sorted((line.at for line in told.lines), reverse=True)
    assert {(line.group.value, line.kind) for line in told.lines} == {
        ("consent", "asked"),
        ("consent", "given"),
        ("mail", "confirm"),
        ("mail", "welcome"),
        ("mail", "lesson"),
        ("mail", "missed"),
        ("mail", "paused"),
        ("activity", "point"),
        ("event", "confirmed"),
        ("event", "paused"),
    }
    (missed,) = [line for line in told.lines if line.kind == "missed"]
    assert (missed.state, missed.text, missed.course) == ("cancelled", "paused", "essai")
    only = await story(town, group="mail")
    assert {line.group for line in only.lines} == {Group.MAIL}


async def test_answers_are_not_told(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-03-23 09:00")
    await town.check_in(alice, "done")
    told = str(dataclasses.asdict(await story(town)))
    assert "'point'" in told
    assert "'done'" not in told


async def test_who_left_everything_is_told_as_such(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    async with town.db.transaction() as session:
        await enrolments.leave(session, alice, scope="all", now=town.now)
    assert (await story(town)).suppressed == "left"


async def test_nobody_and_who_was_erased(town: Town) -> None:
    await town.publish()
    await town.enrol(ALICE)
    async with town.db.transaction() as session:
        await privacy.erase(session, 1, now=town.now)
    for learner in (1, 99):
        with pytest.raises(errors.NotFound):
            await story(town, learner)
