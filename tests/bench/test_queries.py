"""What is asked of PostgreSQL is counted where it passes."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from engine.bench import queries
from engine.tables import db
from tests.conftest import fresh_postgres


@pytest.fixture
def server_url(postgres: str) -> Iterator[str]:
    yield from fresh_postgres(postgres)


async def test_statements_are_counted_and_what_stands_around_them_is_not(server_url: str) -> None:
    async with queries.counting(server_url) as (url, count):
        found = db.Database(url)
        async with found.reading() as session:
            await session.execute(text("SELECT 1"))
        before = count.queries, count.transactions
        for _ in range(2):
            async with found.reading() as session:
                assert await session.scalar(text("SELECT :it"), {"it": "two"}) == "two"
                assert await session.scalar(text("SELECT 3")) == 3
                await session.execute(text("SELECT 4"))
        await found.close()
    assert (count.queries - before[0], count.transactions - before[1]) == (6, 2)
