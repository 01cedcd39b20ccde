"""A fresh server for each test, and nothing that fails in silence."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from tests.smtpd import Smtpd


@pytest.fixture(autouse=True)
async def no_error_in_the_dark() -> AsyncIterator[None]:
    """What a callback raises, or a future that nobody awaits, fails the test."""
    seen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
    yield
    gc.collect()
    assert seen == []


@pytest.fixture
async def server() -> AsyncIterator[Smtpd]:
    async with Smtpd() as running:
        yield running
