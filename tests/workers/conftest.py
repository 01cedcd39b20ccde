"""Workers live in the same towns as flows do."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.conftest import postgres_with_tables, sqlite_with_tables, town, town_url
from tests.smtpd import Smtpd

__all__ = ["postgres_with_tables", "sqlite_with_tables", "town", "town_url"]


@pytest.fixture
async def server() -> AsyncIterator[Smtpd]:
    async with Smtpd() as found:
        yield found
