"""People are found by the beginning of any word, and by where they stand; whatever way the search takes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from engine.core import links, search
from engine.core.progress import State
from engine.flows import learners, people, privacy, searching
from engine.flows.people import Filters, Page
from engine.tables import Company, Enrolment, Learner, SearchWord
from tests.people import ALICE, BOB, CHARLIE, NOW, Town, course, fingerprint

pytestmark = pytest.mark.asyncio(loop_scope="session")

Find = Callable[..., Awaitable[list[str]]]


@pytest.fixture(params=["as it is", "a short stretch", "all words", "common words"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ways that a search may take among a million, forced upon three."""
    if request.param == "a short stretch":
        monkeypatch.setattr(people, "_STRETCH", 1)
        monkeypatch.setattr(people, "_LOOKED_UP", 1)
    elif request.param == "all words":
        monkeypatch.setattr(people, "_STRETCH", 1)
        monkeypatch.setattr(people, "_LOOKED_UP", 1)
        monkeypatch.setattr(people, "_RARE", 1)
    elif request.param == "common words":
        monkeypatch.setattr(people, "_RARE", 1)
    return str(request.param)


async def page(town: Town, query: str = "", before: int | None = None, **filters: str) -> Page:
    async with town.db.reading() as session:
        return await people.find(session, query, Filters(**filters), before=before)


async def names(town: Town, query: str = "", **filters: str) -> list[str]:
    return [person.first_name for person in (await page(town, query, None, **filters)).people]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Charlie", "Bob", "Alice"]),
        ("alice", ["Alice"]),
        ("ALI", ["Alice"]),
        ("álïcé", ["Alice"]),
        ("b", ["Bob"]),
        ("aub", ["Alice"]),
        ("atelier aubert", ["Alice"]),
        ("a", ["Alice"]),
        ("alice@example.org", ["Alice"]),
        ("example", ["Charlie", "Bob", "Alice"]),
        ("ex org", ["Bob", "Alice"]),
        ("alice bob", []),
        ("lice", []),
        ("alicex", []),
        ("%", []),
        ("_lice", []),
        ("'; --", []),
        (" \x00 ", []),
    ],
)
async def test_all_words_begin_so(town: Town, way: str, query: str, found: list[str]) -> None:
    await town.publish()
    for who in (ALICE, BOB, CHARLIE):
        await town.sign_up(who)
    assert await names(town, query) == found


async def test_who_stands_where(town: Town, way: str) -> None:
    await town.publish(course(a="", b=""))
    for who in (ALICE, BOB):
        await town.enrol(who)
    await town.sign_up(CHARLIE)
    await town.tick()
    assert await names(town, state="pending") == ["Charlie"]
    assert await names(town, state="active") == ["Bob", "Alice"]
    assert await names(town, course="essai") == ["Charlie", "Bob", "Alice"]
    assert await names(town, course="essai", lesson="a") == ["Bob", "Alice"]
    assert await names(town, "ali", lesson="a", state="active") == ["Alice"]
    assert await names(town, "ali", state="pending") == []
    assert await names(town, company="atelier a") == ["Alice"]
    assert await names(town, "bob", company="atelier") == []
    nobody: list[dict[str, str]] = [
        {"course": "inconnu"},
        {"state": "dancing"},
        {"lesson": "z"},
        {"lesson": "a", "state": "paused"},
        {"company": "aubert"},
        {"company": "?"},
    ]
    for filters in nobody:
        assert await names(town, **filters) == [], filters


async def test_a_line_tells_where_a_person_stands(town: Town) -> None:
    await town.publish()
    await town.enrol(ALICE)
    (alice,) = (await page(town, "alice")).people
    (standing,) = alice.standings
    assert (alice.address, alice.since) == ("alice@example.org", NOW)
    assert (standing.course, standing.state, standing.company) == ("essai", "waiting", "Atelier Aubert")


async def test_of_two_courses_the_one_that_was_asked_for_stands_first(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.change(alice, state="stopped", due_at=None, starts_at=None)
    await town.enrol(ALICE)
    for filters, first in (({}, "waiting"), ({"state": "stopped"}, "stopped")):
        (found,) = (await page(town, "alice", None, **filters)).people
        assert found.standings[0].state == first
        assert len(found.standings) == 2


async def crowd(town: Town, count: int) -> None:
    """So many people, all at one company, every third of them paused."""
    await town.publish()
    await town.sign_up(ALICE)
    async with town.db.transaction() as session:
        first = (await session.scalars(select(Enrolment))).one()
        for number in range(count):
            address = f"p{number}@example.org"
            words = search.known("Paul", address, ["Grande Maison"])
            learner = Learner(
                address=address,
                address_key=address,
                address_hash=f"{number:064}",
                first_name="Paul",
                words=search.kept(words),
                created_at=NOW + timedelta(minutes=number),
            )
            session.add(learner)
            await session.flush()
            session.add_all(SearchWord(word=word, learner_id=learner.id) for word in words)
            session.add(
                Enrolment(
                    learner_id=learner.id,
                    course_id=first.course_id,
                    state=State.ACTIVE if number % 3 else State.PAUSED,
                    company="Grande Maison",
                    slot=first.slot,
                    zone=first.zone,
                    pace=1,
                    created_at=NOW,
                )
            )


@pytest.mark.parametrize("query", ["", "paul", "paul maison", "p"])
async def test_pages_hold_everybody_once(town: Town, way: str, query: str) -> None:
    await crowd(town, 130)
    everybody = 131 if query == "" else 130
    found, before, total = [], None, None
    while True:
        got = await page(town, query, before)
        total = total or got.total
        found += [person.id for person in got.people]
        before = got.following
        if before is None:
            break
        assert len(got.people) == people.PAGE
    assert len(found) == len(set(found)) == everybody
    assert found == sorted(found, reverse=True)
    assert total is not None
    assert total.number == everybody if total.exact else 0 < total.number <= everybody


@pytest.mark.parametrize(("limit", "found"), [(20, 20), (60, 60), (1000, 101)])
async def test_so_many_of_the_newest(town: Town, limit: int, found: int) -> None:
    await crowd(town, 100)
    async with town.db.reading() as session:
        ids = [person.id for person in await people.newest(session, "example", limit=limit)]
    assert ids == sorted(ids, reverse=True)[:found]
    assert len(set(ids)) == found


async def test_a_filter_and_a_word_in_pages(town: Town, way: str) -> None:
    await crowd(town, 170)
    first = await page(town, "grande", state="paused")
    rest = await page(town, "grande", first.following, state="paused")
    assert (len(first.people), len(rest.people), rest.following) == (50, 7, None)
    assert rest.total is None


async def test_no_more_than_so_many_are_counted(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await crowd(town, 100)
    monkeypatch.setattr(people, "MOST", 55)
    for query, filters in (("", {}), ("paul", {}), ("", {"state": "active"}), ("p", {"state": "active"})):
        got = await page(town, query, None, **filters)
        assert got.total == people.Total(55, exact=False), (query, filters)


# What is written is found at once


async def test_a_new_name_is_found_and_the_old_one_no_longer(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    async with town.db.transaction() as session:
        await learners.rename(session, alice, first_name="Éloïse", now=town.now)
    assert await names(town, "eloise") == ["Éloïse"]
    assert [person.address for person in (await page(town, "alice")).people] == ["alice@example.org"]
    async with town.db.transaction() as session:
        learner = await session.get_one(Learner, 1)
        learner.new_address = "eve@example.net"
    parts = [str(learner.id), links.stamp_of(town.now), learners.address_mark("eve@example.net")]
    async with town.db.transaction() as session:
        await learners.confirm_address(session, parts, fingerprint=fingerprint, now=town.now)
    assert await names(town, "alice") == []
    assert await names(town, "eve") == ["Éloïse"]


async def test_who_was_erased_is_not_found(town: Town, way: str) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.enrol(BOB)
    learner = await town.learner(alice)
    async with town.db.transaction() as session:
        await privacy.erase(session, learner.id, now=town.now)
    assert await names(town) == ["Bob"]
    assert await names(town, "alice") == []
    assert await names(town, state="stopped") == []
    async with town.db.reading() as session:
        left = select(func.count()).select_from(SearchWord).where(SearchWord.learner_id == learner.id)
        assert await session.scalar(left) == 0


async def test_the_name_of_a_company_that_was_opened_finds_its_owner(town: Town) -> None:
    await town.publish()
    alice = await town.learner(await town.enrol(ALICE))
    async with town.db.transaction() as session:
        session.add(Company(name="Forge du Sud", owner_id=alice.id, created_at=NOW))
        await session.flush()
        await searching.note(session, [alice.id])
    assert await names(town, "forge") == ["Alice"]
    assert await names(town, company="forge du") == ["Alice"]
