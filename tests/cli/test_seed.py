"""An invented base: in every state, consistent with what the flows would have written, and the same again."""

import asyncio
import json
import re
from typing import Any

import pytest
from sqlalchemy import Executable, func, select

from engine.core import progress
from engine.flows import searching
from engine.tables import Consent, Delivery, Enrolment, Learner, SearchWord, Submission, db
from tests.cli.command import parcours
from tests.people import NOW


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('seed')}/parcours.db"
    ran = parcours("seed", "--learners", "600", "--json", "--database", url)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["learners"] == 600
    return url


def looked_up(url: str, *queries: Executable) -> list[list[Any]]:
    """What each query finds, the first column of it."""

    async def go() -> list[list[Any]]:
        found = db.Database(url)
        async with found.reading() as session:
            rows = [list((await session.execute(query)).scalars()) for query in queries]
        await found.close()
        return rows

    return asyncio.run(go())


def test_a_base_on_each_database(database_url: str) -> None:
    ran = parcours("seed", "--learners", "150", "--json", "--database", database_url)
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    counts = [select(func.count()).select_from(table) for table in (Learner, Enrolment, Delivery, Submission)]
    found = [rows[0] for rows in looked_up(database_url, *counts)]
    assert found == [told[name] for name in ("learners", "enrolments", "deliveries", "submissions")]


def test_who_comes_next_gets_a_number_that_is_free(database_url: str) -> None:
    assert parcours("seed", "--learners", "20", "--database", database_url).code == 0

    async def come() -> int:
        found = db.Database(database_url)
        async with found.transaction() as session:
            someone = Learner(address="x@y.fr", address_key="x@y.fr", address_hash="x", created_at=NOW)
            session.add(someone)
            await session.flush()
        await found.close()
        return someone.id

    assert asyncio.run(come()) == 21


def test_everybody_is_in_some_state_and_owed_mails(seeded: str) -> None:
    asked = select(Consent.enrolment_id).where(Consent.event == "asked")
    states, mails, number, without = looked_up(
        seeded,
        select(Enrolment.state).distinct(),
        select(Delivery.state).distinct(),
        select(func.count()).select_from(Delivery),
        select(Enrolment.id).where(Enrolment.id.not_in(asked)),
    )
    assert set(states) == set(progress.State)
    assert {"sent", "failed", "cancelled", "planned"} <= set(mails)
    assert 8 < number[0] / 600 < 18
    assert without == []


def test_nobody_in_it_is_real(seeded: str) -> None:
    (addresses,) = looked_up(seeded, select(Learner.address))
    for address in addresses:
        assert re.fullmatch(r"[a-z]+\.\d+@([a-z-]+\.)?example\.org", address)


def test_people_in_it_are_found_by_what_is_known_of_them(seeded: str) -> None:
    lines, words = select(Learner.words).order_by(Learner.id), select(func.count()).select_from(SearchWord)
    before = looked_up(seeded, lines, words)

    async def note() -> None:
        found = db.Database(seeded)
        async with found.transaction() as session:
            await searching.note(session, list(await session.scalars(select(Learner.id))))
        await found.close()

    asyncio.run(note())
    assert looked_up(seeded, lines, words) == before


def test_it_keeps_its_hands_off_a_database_in_use(seeded: str) -> None:
    ran = parcours("seed", "--learners", "5", "--database", seeded)
    assert (ran.code, "There are learners" in ran.err) == (1, True)


def test_pages_are_measured_on_it(seeded: str) -> None:
    ran = parcours("bench", "pages", "--rate", "20", "--seconds", "3", "--json", "--database", seeded)
    assert ran.code == 0, ran.err + ran.out
    told = json.loads(ran.out)
    assert (told["statuses"], told["learners"]) == ({"200": 60}, 600)
    assert min(page["sent"] for page in told["pages"].values()) >= 2
