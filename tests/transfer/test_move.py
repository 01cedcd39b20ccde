"""From SQLite to PostgreSQL: everything once, whatever happens on the way, and the old file rests."""

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select, update

from engine import app
from engine.bench import seed
from engine.core import errors
from engine.flows import instance
from engine.tables import DailyCount, Import, Learner, db, schema
from engine.tables.copying import TABLES
from engine.transfer import move
from tests.cli.command import parcours
from tests.conftest import fresh_postgres
from tests.journeys.service import KEYS
from tests.people import CHARLIE, NOW, Clock
from tests.smtpd import Smtpd
from tests.transfer.house import a_week_later, house, settled, town


@pytest.fixture
def here(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/parcours.db"


@pytest.fixture
def there(postgres: str) -> Iterator[str]:
    yield from fresh_postgres(postgres)


async def moving(here: str, there: str) -> dict[str, int]:
    source, target = db.Database(here, alone=True), db.Database(there)
    try:
        return await move.move(source, target, told=lambda *_: None)
    finally:
        await source.close()
        await target.close()


async def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything, as the program reads it."""
    found = db.Database(url)
    async with found.reading() as session:
        all_of = {
            table.name: [tuple(row) for row in await session.execute(select(table))] for table in TABLES
        }
    await found.close()
    return {name: sorted(some, key=repr) for name, some in all_of.items()}


async def every_type(url: str) -> None:
    """What people's lives leave out: bytes, truth values, days, and text that COPY must escape."""
    found = db.Database(url)
    async with found.transaction() as session:
        text = "tab\there, \\N, \\., «guillemets», \r\n and 'quotes'"
        row = {"name": text, "file": bytes(range(256)), "state": "checked", "agreed": True}
        await session.execute(
            insert(Import).values(**row, columns={"é": 1, "none": None}, created_at=NOW, changed_at=NOW)
        )
        day = {"course_id": 0, "day": date(2027, 3, 22), "kind": "lesson", "lesson_key": "a", "state": "sent"}
        await session.execute(insert(DailyCount).values(**day, cause="", n=3))
    await found.close()


async def test_every_row_is_there_as_it_was(here: str, there: str) -> None:
    await settled(here)
    await every_type(here)
    before = await rows(here)
    counts = await moving(here, there)
    assert counts == {name: len(some) for name, some in before.items()}
    assert counts["delivery"] > 0
    assert await rows(there) == before
    assert await rows(here) == before  # the source keeps all of it


async def test_the_course_goes_on_there_and_not_here(here: str, there: str) -> None:
    people = await settled(here)
    await moving(here, there)
    async with Smtpd() as server:
        assert await a_week_later(here, server) == []
        assert await a_week_later(there, server) == ["alice@example.org", "bob@example.org"]
    async with town(there) as lived:
        assert await lived.sent(people[0], "lesson") == [
            "lesson a tue 2027-03-23 08:30",
            "lesson b tue 2027-03-30 08:30",
        ]
        assert people[-1] < await lived.enrol(CHARLIE)  # numbers go on where they were


async def test_nothing_works_on_the_old_file_any_more(here: str, there: str) -> None:
    await settled(here)
    await moving(here, there)
    async with town(here) as lived:
        with pytest.raises(errors.Conflict, match="was moved to postgresql://"):
            await app.prepare(app.Site(house(here), lived.db, lived.clock))
    for command in (("learner", "list"), ("delivery", "list")):
        refused = await asyncio.to_thread(parcours, *command, "--database", here)
        assert (refused.code, "was moved to postgresql://" in refused.err) == (1, True)
    back = await asyncio.to_thread(parcours, "activate", "--yes", "--database", here)
    assert back.code == 0, back.err
    async with Smtpd() as server:
        assert await a_week_later(here, server) == ["alice@example.org", "bob@example.org"]


async def test_it_stays_the_same_installation(here: str, there: str) -> None:
    await settled(here)
    ids = []
    for url in (here, there):
        async with town(url) as lived:
            if url == there:
                await moving(here, there)
            await app.prepare(app.Site(house(url), lived.db, lived.clock))
            async with lived.db.reading() as session:
                ids.append(await instance.identity(session))
    assert ids[0] == ids[1] != ""


async def test_a_copy_that_rests_still_rests_there(here: str, there: str) -> None:
    await settled(here)
    async with town(here) as lived, lived.db.transaction() as session:
        await instance.mark_copy(session, now=NOW)
    await moving(here, there)
    async with Smtpd() as server:
        assert await a_week_later(there, server) == []


async def test_once_it_is_done_it_is_done(here: str, there: str) -> None:
    await settled(here)
    await moving(here, there)
    async with town(there) as lived:
        await lived.enrol(CHARLIE)
    after = await rows(there)
    await moving(here, there)
    assert await rows(there) == after


async def test_a_file_that_somebody_has_open_is_refused(here: str, there: str) -> None:
    await settled(here)
    async with town(here) as lived:
        async with lived.db.reading() as session:
            await instance.rests(session)
        with pytest.raises(errors.Conflict, match="stop the service first"):
            await moving(here, there)
        async with lived.db.reading() as session:
            assert await instance.rests(session) == ""


async def test_a_target_that_holds_something_is_refused(here: str, there: str) -> None:
    await settled(here)
    async with town(there, made=True) as other:
        await other.publish()
    before = await rows(there)
    with pytest.raises(errors.Conflict, match="not empty"):
        await moving(here, there)
    assert await rows(there) == before
    async with town(here) as lived, lived.db.reading() as session:
        assert await instance.rests(session) == ""


async def test_a_target_of_another_move_is_refused(here: str, there: str, tmp_path: Path) -> None:
    await settled(here)
    async with town(there, made=True) as lived, lived.db.transaction() as session:
        await instance.keep_arrival(session, instance.Arrival("of another", {}))
    with pytest.raises(errors.Conflict, match="not empty"):
        await moving(here, there)


async def test_a_row_that_postgresql_does_not_take_is_told(here: str, there: str) -> None:
    await settled(here)
    async with town(here) as lived, lived.db.transaction() as session:
        await session.execute(update(Learner).values(language="x" * 65))  # SQLite does not mind
    with pytest.raises(errors.Invalid, match="learner: PostgreSQL does not take a row"):
        await moving(here, there)


async def test_killed_in_the_middle_it_goes_on(here: str, there: str) -> None:
    await seed.run(learners=300, seed=1, database=here, now=NOW, clock=lambda: 0.0)
    before = await rows(here)
    target = db.Database(there)
    await schema.upgrade(target)
    with psycopg.connect(there) as holding:
        holding.execute("LOCK TABLE enrolment IN SHARE MODE")  # the move waits there
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine", "move", "--database", here, "--to", there),
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | KEYS,
        )
        async with asyncio.timeout(60):
            while not await _carried(target, "delivery"):  # noqa: ASYNC110  # another process gives no sign
                await asyncio.sleep(0.05)
        process.kill()
        await process.wait()
    assert not await _carried(target, "enrolment")
    with pytest.raises(errors.Conflict, match="not finished"):
        await app.prepare(app.Site(house(there), target, Clock()))
    await target.close()
    async with Smtpd() as server:
        assert await a_week_later(here, server) == []
    await moving(here, there)
    assert await rows(there) == before


async def _carried(target: db.Database, table: str) -> bool:
    async with target.reading() as session:
        found = await instance.arrival(session)
    return found is not None and table in found.done


def test_the_command_says_what_to_do_next(there: str, tmp_path: Path) -> None:
    here = f"sqlite:///{tmp_path}/parcours.db"
    asyncio.run(settled(here))
    moving = ("move", "--database", here, "--to", there)
    done = parcours(*moving, PARCOURS_SECRET_KEY="", PARCOURS_SUPPRESSION_KEY="")
    assert done.code == 0, done.err
    assert "as many as before" in done.out
    assert f"the first line of {tmp_path}/parcours.db.keys" in done.out
    wrong = parcours("move", "--database", there, "--to", here)
    assert (wrong.code, "leads from a SQLite file" in wrong.err) == (1, True)
    nowhere = parcours("move", "--database", f"sqlite:///{tmp_path}/none.db", "--to", there)
    assert (nowhere.code, "There is no file" in nowhere.err) == (1, True)
