"""Cancelling a send and closing the pool."""

import asyncio

import pytest

from engine.core.delivery import Outcome, Refused, Sent, Unknown
from engine.mail import smtp
from tests.mail.smtp.posting import (
    ALICE,
    BEFORE,
    CHARLIE,
    MORE_THAN_SOCKETS_HOLD,
    SENDER,
    message,
    outcome_of,
    pooled,
)
from tests.smtpd import HANG, Smtpd


async def cancelled_at(
    server: Smtpd, point: str, data: bytes = b"Subject: x\r\n\r\nfin\r\n"
) -> "asyncio.Task[Outcome]":
    server.misbehave(point, HANG)
    async with pooled(server, timeouts=smtp.Timeouts()) as pool:
        sending = asyncio.create_task(pool.send(SENDER, ALICE, data))
        await server.at(point)
        sending.cancel()
        await asyncio.wait([sending], timeout=2)
    return sending


@pytest.mark.parametrize("point", BEFORE)
async def test_cancelled_before_the_dot_nothing_has_left(server: Smtpd, point: str) -> None:
    assert (await cancelled_at(server, point)).cancelled()
    assert server.received == []


async def test_cancelled_in_the_middle_of_a_message_nothing_has_left(server: Smtpd) -> None:
    assert (await cancelled_at(server, "body", MORE_THAN_SOCKETS_HOLD)).cancelled()


async def test_cancelled_after_the_dot_the_mail_is_in_doubt(server: Smtpd) -> None:
    sending = await cancelled_at(server, "dot")
    assert isinstance(sending.result(), Unknown)
    assert len(server.received) == 1


async def test_after_a_cancellation_the_pool_still_works(server: Smtpd) -> None:
    server.misbehave("RCPT", HANG, times=1)
    async with pooled(server, size=1) as pool:
        sending = asyncio.create_task(pool.send(SENDER, ALICE, message(1)))
        waiting = asyncio.create_task(pool.send(SENDER, CHARLIE, message(2)))
        await server.at("RCPT")
        sending.cancel()
        assert isinstance(await waiting, Sent)
    assert [mail.rcpt for mail in server.received] == [[CHARLIE]]


async def test_closing_does_not_wait_for_a_server_that_ignores_quit(server: Smtpd) -> None:
    server.misbehave("QUIT", HANG)
    async with asyncio.timeout(3):
        assert isinstance(await outcome_of(server), Sent)
        await asyncio.sleep(0)


async def test_a_closed_pool_sends_nothing(server: Smtpd) -> None:
    async with pooled(server) as pool:
        await pool.close()
        assert isinstance(await pool.send(SENDER, ALICE, message()), Refused)
    assert server.connections == 0
