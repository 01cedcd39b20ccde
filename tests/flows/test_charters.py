"""Read and agreed: which charter a person is shown, and who stands on its list."""

import pytest

from engine.core import errors, views
from engine.flows import activities, companies, documents, privacy
from tests.people import ALICE, BOB, CHARLIE, Town
from tests.teams import OWNER_COURSE, TEAM_COURSE, Team

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CHARTER = b"""\
kind: charter
title: Nos regles
document: Charte
sections:
  - key: qui
    title: Qui
    questions: [{key: referent, type: text, prompt: Qui decide, required: true}]
articles:
  - {key: roles, title: Les roles, parts: [{text: "{{ answers.referent }} decide."}]}
"""
_AGREEMENT = b"kind: agreement\ntitle: Votre accord\nprompt: Lisez, puis approuvez.\ncharter: charte\n"
OWNER = {"activities/charte.yaml": _CHARTER, "activities/signature.yaml": _AGREEMENT}


@pytest.fixture
async def team(town: Town) -> Team:
    """Their courses, with a charter in Alice's and the agreement in her team's."""
    found = Team(town)
    await found.publish(TEAM_COURSE | {"activities/accord.yaml": _AGREEMENT}, owners=OWNER_COURSE | OWNER)
    return found


async def adopt(town: Town, enrolment: int, referent: str) -> None:
    async with town.db.transaction() as session:
        place = await activities.take(session, enrolment, "charte", now=town.now)
        if place.whole:
            await activities.again(session, place, now=town.now)
        typed = {"referent": [referent]}
        await activities.save(session, place, "qui", typed, now=town.now)
        await activities.hand_in(session, place, now=town.now)


async def agree(town: Town, enrolment: int, key: str = "accord") -> None:
    async with town.db.transaction() as session:
        place = await activities.take(session, enrolment, key, now=town.now)
        await activities.hand_in(session, place, now=town.now)


async def shown(town: Town, enrolment: int, key: str = "accord") -> views.Played:
    async with town.db.reading() as session:
        return await activities.open(session, enrolment, key, now=town.now)


async def signatures(town: Town, owner: int) -> list[str]:
    async with town.db.reading() as session:
        found = await documents.charter(session, owner, "charte", now=town.now)
    return [each.name for each in found.written.signatures]


async def test_a_colleague_agrees_to_the_charter_of_his_own_company(town: Town, team: Team) -> None:
    alice, charlie = await team.open(), await team.open(CHARLIE, "Chez Charlie")
    bob = await team.join(alice, BOB)
    await adopt(town, alice, "Alice")
    await adopt(town, charlie, "Charlie")
    found = (await shown(town, bob)).charter
    assert found
    assert "Alice" in str(found.articles)
    assert "Charlie" not in str(found.articles)
    await agree(town, bob)
    await agree(town, alice, "signature")
    assert await signatures(town, alice) == ["Bob (bob@example.org)", "Alice"]
    assert await signatures(town, charlie) == []


async def test_nobody_agrees_to_what_is_not_adopted(town: Town, team: Team) -> None:
    bob = await team.join(await team.open(), BOB)
    assert (await shown(town, bob)).charter is None
    with pytest.raises(errors.Invalid):
        await agree(town, bob)


async def test_an_invitation_that_was_not_accepted_shows_nothing(town: Town, team: Team) -> None:
    alice = await team.open()
    await adopt(town, alice, "Alice")
    bob = await team.join(alice, BOB)
    seat = await team.seat_of(BOB.address)
    await team.act(companies.withdraw, alice, str(seat.id))
    assert (await shown(town, bob)).charter is None
    assert await signatures(town, alice) == []


async def test_twice_is_once_and_a_new_version_is_agreed_to_anew(town: Town, team: Team) -> None:
    alice = await team.open()
    bob = await team.join(alice, BOB)
    await adopt(town, alice, "Alice")
    await agree(town, bob)
    await agree(town, bob)
    assert await signatures(town, alice) == ["Bob (bob@example.org)"]
    assert (await shown(town, bob)).agreed
    town.clock.pass_by(days=1)
    await adopt(town, alice, "Denise")
    found = await shown(town, bob)
    assert found.charter
    assert (found.charter.version, found.agreed) == (2, False)
    assert await signatures(town, alice) == []
    await agree(town, bob)
    assert await signatures(town, alice) == ["Bob (bob@example.org)"]


async def test_who_is_erased_leaves_the_list(town: Town, team: Team) -> None:
    alice = await team.open()
    bob = await team.join(alice, BOB)
    await adopt(town, alice, "Alice")
    await agree(town, bob)
    async with town.db.transaction() as session:
        row = await town.row(bob)
        await privacy.erase(session, row.learner_id, now=town.now)
    assert await signatures(town, alice) == []


async def test_alices_own_charter_without_a_company(town: Town, team: Team) -> None:
    alice = await town.enrol(ALICE)
    await town.wake()
    await adopt(town, alice, "Alice")
    await agree(town, alice, "signature")
    assert await signatures(town, alice) == ["Alice"]


ASKS = TEAM_COURSE["course.yaml"] + b"certificate: {title: Attestation, text: Suivi., requires: [accord]}\n"


async def test_the_attestation_asks_for_the_agreement_only_where_there_is_a_charter(
    town: Town, team: Team
) -> None:
    asks = TEAM_COURSE | {"activities/accord.yaml": _AGREEMENT, "course.yaml": ASKS}
    await team.publish(asks, owners=OWNER_COURSE | OWNER)
    alice = await team.open()
    bob = await team.join(alice, BOB)

    async def missing() -> list[str]:
        async with town.db.reading() as session:
            attestation = (await documents.page(session, bob, now=town.now)).attestation
        assert attestation
        return [each.key for each in attestation.missing if each.kind != "course"]

    assert await missing() == [], "nobody adopted anything"
    await adopt(town, alice, "Alice")
    assert await missing() == ["accord"]
    await agree(town, bob)
    assert await missing() == []
