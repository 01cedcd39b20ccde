"""Publishing a course while people follow it."""

import pytest
from sqlalchemy import select, update

from engine.core import errors
from engine.tables import Version
from tests.people import ALICE, BOB, THREE, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = course(a="", b="", c="", words="Un chiffre corrigé.")
WITHOUT_B = course(a="", c="")


async def versions(town: Town) -> list[Version]:
    async with town.db.reading() as session:
        return list(await session.scalars(select(Version).order_by(Version.id)))


async def midway(town: Town) -> int:
    """Alice has had lesson a; b is next."""
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")
    return alice


async def follows(town: Town, enrolment: int) -> str:
    """The hash of the version that an enrolment is pinned to."""
    pinned = (await town.row(enrolment)).version_id
    return next(version.hash for version in await versions(town) if version.id == pinned)


async def test_the_same_content_twice_does_nothing(town: Town) -> None:
    first = await town.publish()
    second = await town.publish(dict(reversed(THREE.items())))
    assert (first.changed, second.changed) == (True, False)
    assert first.hash == second.hash
    assert len(await versions(town)) == 1


async def test_a_correction_moves_everybody(town: Town) -> None:
    alice = await midway(town)
    due = (await town.row(alice)).due_at
    done = await town.publish(WORDS)
    assert (done.effect.moved, done.effect.stay) == (1, 0)
    assert await follows(town, alice) == done.hash
    assert (await town.row(alice)).due_at == due


async def test_a_correction_moves_nobody_who_is_to_stay(town: Town) -> None:
    alice = await midway(town)
    old = await follows(town, alice)
    done = await town.publish(WORDS, others="stay")
    assert (done.effect.moved, done.effect.stay) == (0, 1)
    assert await follows(town, alice) == old


async def test_a_new_structure_asks_and_changes_nothing_before_it_is_answered(town: Town) -> None:
    alice = await midway(town)
    old = await follows(town, alice)
    with pytest.raises(errors.Conflict, match="1 personne"):
        await town.publish(WITHOUT_B)
    assert len(await versions(town)) == 1
    assert await follows(town, alice) == old


async def test_a_new_structure_asks_nothing_when_nobody_is_midway(town: Town) -> None:
    await town.publish()
    assert (await town.publish(WITHOUT_B)).changed


async def test_who_stays_finishes_with_the_version_he_has(town: Town) -> None:
    alice = await midway(town)
    done = await town.publish(WITHOUT_B, others="stay")
    assert (done.effect.moved, done.effect.stay) == (0, 1)
    bob = await town.enrol(BOB)
    await town.live("2027-06-01 00:00")
    assert [mail.split()[1] for mail in await town.sent(alice, "lesson")] == ["a", "b", "c"]
    assert [mail.split()[1] for mail in await town.sent(bob, "lesson")] == ["a", "c"]


async def test_who_moves_goes_on_after_a_lesson_that_is_gone(town: Town) -> None:
    alice = await midway(town)
    done = await town.publish(WITHOUT_B, others="move")
    assert (done.effect.moved, done.effect.stay) == (1, 0)
    await town.live("2027-06-01 00:00")
    assert await town.sent(alice, "lesson", "farewell") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson c tue 2027-03-30 08:30",
        "farewell tue 2027-04-06 08:30",
    ]


async def test_who_moves_past_the_last_lesson_gets_the_farewell(town: Town) -> None:
    alice = await midway(town)
    await town.publish(course(a=""), others="move")
    await town.live("2027-06-01 00:00")
    assert await town.sent(alice, "lesson", "farewell") == [
        "lesson a tue 2027-03-23 08:30",
        "farewell tue 2027-03-30 08:30",
    ]
    assert (await town.row(alice)).state == "completed"


async def test_a_lesson_put_before_is_never_sent_late_and_none_is_sent_twice(town: Town) -> None:
    alice = await midway(town)
    await town.publish(course(zero="", b="", a="", c=""), others="move")
    await town.live("2027-07-01 00:00")
    keys = [mail.split()[1] for mail in await town.sent(alice, "lesson")]
    assert keys == ["a", "b", "c"]


async def test_publishing_can_be_undone(town: Town) -> None:
    alice = await midway(town)
    first = (await versions(town))[0]
    await town.publish(WORDS)
    done = await town.publish(THREE)
    assert (done.changed, done.hash, done.effect.moved) == (True, first.hash, 1)
    assert (await town.row(alice)).version_id == first.id
    assert len(await versions(town)) == 2


async def test_newcomers_get_the_current_version(town: Town) -> None:
    await midway(town)
    done = await town.publish(WITHOUT_B, others="stay")
    bob = await town.enrol(BOB)
    await town.live("2027-03-25 00:00")
    assert await follows(town, bob) == done.hash


async def test_an_edit_made_in_the_studio_is_not_overwritten_by_accident(town: Town) -> None:
    first = await town.publish()
    async with town.db.transaction() as session:
        await session.execute(update(Version).values(origin="studio"))
    with pytest.raises(errors.Conflict) as refused:
        await town.publish(WORDS)
    assert f"--parent {first.hash}" in str(refused.value)
    assert "+Bonjour {{ learner.first_name }}, voici la leçon a. Un chiffre corrigé." in str(refused.value)
    assert (await town.publish(WORDS, parent=first.hash)).changed


async def test_a_parent_that_is_not_the_current_version(town: Town) -> None:
    first = await town.publish()
    await town.publish(WORDS)
    with pytest.raises(errors.Conflict):
        await town.publish(WITHOUT_B, parent=first.hash)


async def test_a_course_with_errors_is_not_published(town: Town) -> None:
    with pytest.raises(errors.Invalid) as refused:
        await town.publish(course(a="module: nowhere", b="minutes: many"))
    assert "lessons/01-a.md:" in str(refused.value)
    assert "lessons/02-b.md:" in str(refused.value)
    assert await versions(town) == []


WAITING = course(a="", b="requires: {activity: point, reminders: 1, limit: 7, then: wait}", c="")


@pytest.mark.parametrize("without", [THREE, WITHOUT_B])
async def test_a_gate_that_is_taken_away_lets_go_who_waited_there(
    town: Town, without: dict[str, bytes]
) -> None:
    await town.publish(WAITING)
    alice = await town.enrol(ALICE)
    await town.live("2027-05-05 12:00")  # a Wednesday
    assert (await town.row(alice)).due_at is None
    await town.publish(without, others="move")
    await town.live("2027-05-14 00:00")
    came = (await town.sent(alice, "lesson"))[1:]
    assert came
    assert all(mail.endswith("08:30") for mail in came)


async def test_a_gate_passes_nothing_on_to_the_lesson_that_follows(town: Town) -> None:
    gate = "requires: {activity: point, reminders: 2, limit: 21}"
    await town.publish(course(a="", b=gate, c=gate))
    alice = await town.enrol(ALICE)
    await town.live("2027-04-14 00:00")
    assert len(await town.sent(alice, "reminder")) == 2
    await town.publish(course(a="", c=gate), others="move")
    await town.live("2027-04-28 00:00")
    assert await town.sent(alice, "lesson", "reminder") == [
        "lesson a tue 2027-03-23 08:30",
        "reminder b tue 2027-03-30 08:30",
        "reminder b tue 2027-04-06 08:30",
        "reminder c tue 2027-04-20 08:30",
        "reminder c tue 2027-04-27 08:30",
    ]
