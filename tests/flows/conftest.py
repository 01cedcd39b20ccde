"""A town for each test, on each database: the tables are made once, and emptied or copied after that."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.tables import Base, db, schema
from tests.conftest import fresh_postgres
from tests.people import Town

_EMPTY = text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY")


@pytest.fixture(scope="session")
def sqlite_with_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "parcours.db"
    asyncio.run(_make_tables(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_with_tables(postgres: str) -> Iterator[str]:
    for url in fresh_postgres(postgres):
        asyncio.run(_make_tables(url))
        yield url


async def _make_tables(url: str) -> None:
    database = db.Database(url)
    await schema.upgrade(database)
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def town_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_with_tables"))
    path = tmp_path / "parcours.db"
    shutil.copy(request.getfixturevalue("sqlite_with_tables"), path)
    return f"sqlite:///{path}"


@pytest.fixture
async def town(town_url: str) -> AsyncIterator[Town]:
    found = db.Database(town_url)
    if not found.is_sqlite:
        async with found.transaction() as session:
            await session.execute(_EMPTY)
    yield Town(found)
    await found.close()
