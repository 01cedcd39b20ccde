"""A town for each test, on each database."""

import pytest

from engine.tables import db
from tests.people import Town


@pytest.fixture
async def town(database: db.Database) -> Town:
    return Town(database)
