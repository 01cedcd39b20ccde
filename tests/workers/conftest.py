"""Workers live in the same towns as flows do."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.flows.conftest import postgres_town, sqlite_town, town, town_database
from tests.smtpd import Smtpd

__all__ = ["postgres_town", "sqlite_town", "town", "town_database"]


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[Smtpd]:
    async with Smtpd() as found:
        yield found
