"""A town for each test, on each database: opened once and emptied after each test, for speed."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import search
from engine.flows import searching
from engine.tables import Base, Learner, SearchWord, db, schema
from tests.conftest import fresh_postgres
from tests.people import Town


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sqlite_town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[db.Database]:
    path = tmp_path_factory.mktemp("town") / "parcours.db"
    async for found in _opened(f"sqlite:///{path}"):
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_town(postgres: str) -> AsyncIterator[db.Database]:
    for url in fresh_postgres(postgres):
        async for found in _opened(url):
            yield found


async def _opened(url: str) -> AsyncIterator[db.Database]:
    found = db.Database(url)
    await schema.upgrade(found)
    yield found
    await found.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def town_database(request: pytest.FixtureRequest) -> db.Database:
    name = "sqlite_town" if request.param == "sqlite" else "postgres_town"
    found: db.Database = request.getfixturevalue(name)
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def town(town_database: db.Database) -> AsyncIterator[Town]:
    lived = Town(town_database)
    yield lived
    async with town_database.transaction() as session:
        found, known = await _found_by(session)
        for table in reversed(Base.metadata.sorted_tables):
            await session.execute(table.delete())
            if not town_database.is_sqlite and "id" in table.c:  # SQLite begins at 1 again by itself
                sequence = func.pg_get_serial_sequence(table.name, "id")
                await session.execute(select(func.setval(sequence, 1, False)))
    assert lived.behind_the_flows or found == known, (
        "after a change of name, address or company: searching.note(session, [learner.id])"
    )


async def _found_by(session: AsyncSession) -> tuple[dict[int, str], dict[int, str]]:
    """By which words everybody is found, and by which they should be."""
    kept: dict[int, list[str]] = {}
    for word, learner_id in await session.execute(_WORDS):
        kept.setdefault(learner_id, []).append(word)
    lines = select(Learner.id, Learner.words).where(Learner.erased_at.is_(None))
    found = {row.id: row.words for row in await session.execute(lines)}
    await searching.note(session, list(found))
    known = {row.id: row.words for row in await session.execute(lines)}
    return {id_: search.kept(kept.get(id_, ())) for id_ in found}, known


_WORDS = select(SearchWord.word, SearchWord.learner_id).order_by(SearchWord.word)
