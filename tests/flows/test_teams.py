"""Averages on the team page: of five people or more, today and whatever happens tomorrow."""

from dataclasses import replace

import pytest

from engine.core import team
from engine.flows import companies, privacy
from tests.people import BOB, CHARLIE, Town
from tests.teams import Team

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def house(town: Town) -> Team:
    return Team(town)


async def member(house: Team, owner: int, name: str, **answers: object) -> int:
    """Somebody joins and answers the poll (`value`) or the quiz (`un`, `deux`)."""
    who = replace(BOB, first_name=name, address=f"{name}@example.org")
    enrolment = await house.join(owner, who)
    await answer(house, enrolment, **answers)
    return enrolment


async def answer(house: Team, enrolment: int, **answers: object) -> None:
    house.town.clock.pass_by(minutes=1)
    await house.hand_in(enrolment, "aisance" if "value" in answers else "quiz", **answers)


async def averages(house: Team, owner: int) -> list[tuple[str, float, int]]:
    return [(each.title, each.value, each.people) for each in (await house.page(owner)).averages]


async def opened(house: Team) -> int:
    await house.publish()
    return await house.open()


async def four(house: Team, owner: int) -> list[int]:
    return [await member(house, owner, f"m{mark}", value=mark) for mark in (1, 2, 3, 4)]


async def test_averages_begin_at_five_people(house: Team) -> None:
    alice = await opened(house)
    await four(house, alice)
    assert await averages(house, alice) == []
    await member(house, alice, "m5", value=5)
    assert await averages(house, alice) == [("Votre aisance", 3.0, 5)]
    for number in range(6, 10):
        await member(house, alice, f"m{number}", value=5)
        assert await averages(house, alice) == [("Votre aisance", 3.0, 5)]
    await member(house, alice, "m10", value=5)
    assert await averages(house, alice) == [("Votre aisance", 4.0, 10)]


async def test_a_quiz_shows_its_score_and_a_check_in_nothing(house: Team) -> None:
    alice = await opened(house)
    for number in range(5):
        enrolment = await member(house, alice, f"m{number}", un=True, deux=number == 0)
        await house.hand_in(enrolment, "point", done=True)
    (shown,) = (await house.page(alice)).averages
    assert shown == team.Average("Trois pièges", 0, 90.0, 5)


async def test_only_the_first_time_counts_and_nobody_twice(house: Team) -> None:
    alice = await opened(house)
    people = await four(house, alice)
    async with house.town.db.transaction() as session:
        await companies.withdraw(
            session, alice, str((await house.seat_of("m1@example.org")).id), now=house.town.now
        )
    await house.act(companies.invite, alice, "m1@example.org")
    assert await house.accept(replace(BOB, address="m1@example.org")) == people[0]
    assert await averages(house, alice) == [], "one of the five would be there twice"


async def test_a_seat_that_goes_leaves_the_average_alone(house: Team) -> None:
    alice = await opened(house)
    await four(house, alice)
    await member(house, alice, "m5", value=5)
    await house.act(companies.withdraw, alice, str((await house.seat_of("m1@example.org")).id))
    await house.act(companies.move, alice, str((await house.seat_of("m2@example.org")).id), CHARLIE.address)
    assert await averages(house, alice) == [("Votre aisance", 3.0, 5)]
    await member(house, alice, "m6", value=1)
    assert await averages(house, alice) == [("Votre aisance", 3.0, 5)]


async def test_what_is_answered_after_the_seat_went_is_nobodys_business(house: Team) -> None:
    alice = await opened(house)
    await four(house, alice)
    fifth = await house.join(alice)
    await house.act(companies.withdraw, alice, str((await house.seat_of(BOB.address)).id))
    await answer(house, fifth, value=5)
    assert await averages(house, alice) == []


async def test_an_answer_from_before_takes_its_place_when_the_person_joins(house: Team) -> None:
    """Else it would push somebody out of the first five, and the difference would tell two answers."""
    alice = await opened(house)
    charlie = await house.open(CHARLIE, "Chez Charlie")
    early = await member(house, charlie, "early", value=1)
    await four(house, alice)
    await member(house, alice, "m5", value=5)
    assert await averages(house, alice) == [("Votre aisance", 3.0, 5)]
    await house.act(companies.invite, alice, "early@example.org")
    house.town.clock.pass_by(minutes=1)
    assert await house.accept(replace(BOB, address="early@example.org")) == early
    assert await averages(house, alice) == [("Votre aisance", 3.0, 5)]


async def test_who_is_erased_takes_the_four_others_along(house: Team) -> None:
    alice = await opened(house)
    people = [*await four(house, alice), await member(house, alice, "m5", value=5)]
    for enrolment in people:
        await answer(house, enrolment, un=True, deux=False)
    assert await averages(house, alice) == [("Votre aisance", 3.0, 5), ("Trois pièges", 100.0, 5)]
    async with house.town.db.transaction() as session:
        await privacy.erase(session, (await house.town.row(people[0])).learner_id, now=house.town.now)
    assert await averages(house, alice) == []
    await member(house, alice, "m6", value=1)
    assert await averages(house, alice) == [], "the sixth would tell what the erased one answered"


async def test_averages_are_of_one_company(house: Team) -> None:
    alice = await opened(house)
    charlie = await house.open(CHARLIE, "Chez Charlie")
    await four(house, alice)
    await member(house, charlie, "m5", value=5)
    assert await averages(house, alice) == await averages(house, charlie) == []
