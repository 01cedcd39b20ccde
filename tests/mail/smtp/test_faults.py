"""Servers that hang, drop or talk nonsense: a delay before the final dot, a doubt after it."""

import asyncio
import socket

import pytest

from engine.core.delivery import Refused, Sent, Unknown
from engine.mail import smtp
from tests.mail.smtp.posting import (
    ALICE,
    BEFORE,
    BOB,
    MORE_THAN_SOCKETS_HOLD,
    NONSENSE,
    SENDER,
    SHORT,
    message,
    outcome_of,
    pooled,
)
from tests.smtpd import DROP, HANG, Smtpd


@pytest.mark.parametrize("point", BEFORE)
@pytest.mark.parametrize("what", [DROP, HANG])
async def test_silence_before_the_dot_is_only_a_delay(server: Smtpd, point: str, what: str) -> None:
    server.misbehave(point, what)
    outcome = await outcome_of(server)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.permanent, outcome.scope) == (0, False, "server")
    assert server.received == []


@pytest.mark.parametrize("what", [DROP, HANG])
async def test_a_small_message_leaves_whole_so_that_silence_is_doubt(server: Smtpd, what: str) -> None:
    server.misbehave("body", what)
    assert isinstance(await outcome_of(server), Unknown)


@pytest.mark.parametrize("what", [DROP, HANG])
async def test_a_message_that_could_not_be_handed_over_whole_is_not_in_doubt(
    server: Smtpd, what: str
) -> None:
    server.misbehave("body", what)
    async with pooled(server) as pool:
        outcome = await pool.send(SENDER, ALICE, MORE_THAN_SOCKETS_HOLD)
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == (False, "server")


@pytest.mark.parametrize("point", ["connect", "MAIL", "RCPT"])
@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_before_the_dot_is_only_a_delay(server: Smtpd, point: str, what: str) -> None:
    server.misbehave(point, what)
    outcome = await outcome_of(server)
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == (False, "server")
    assert len(outcome.text) <= 600
    assert outcome.text.isprintable()
    assert server.received == []


async def test_data_answered_by_250_is_nonsense(server: Smtpd) -> None:
    server.misbehave("DATA", "250 ok")
    outcome = await outcome_of(server)
    assert outcome == Refused(0, "an unexpected reply to DATA: 250 ok", permanent=False, scope="server")


@pytest.mark.parametrize("what", [DROP, HANG, *NONSENSE])
async def test_after_the_dot_no_clear_answer_means_in_doubt(server: Smtpd, what: str) -> None:
    server.misbehave("dot", what, times=1)
    async with pooled(server) as pool:
        assert isinstance(await pool.send(SENDER, ALICE, message(1)), Unknown)
        assert isinstance(await pool.send(SENDER, BOB, message(2)), Sent)
    assert [mail.connection for mail in server.received] == [1, 2]


@pytest.mark.parametrize("point", ["MAIL", "RCPT"])
async def test_a_reply_said_twice_is_never_taken_for_the_next_one(server: Smtpd, point: str) -> None:
    server.misbehave(point, "250 ok\r\n250 ok")
    outcome = await outcome_of(server)
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == (False, "server")
    assert server.received == []


async def test_a_second_reply_to_data_is_never_taken_for_the_answer_to_the_dot(server: Smtpd) -> None:
    server.misbehave("DATA", "354 go on\r\n250 ok")
    outcome = await outcome_of(server)
    assert outcome == Refused(0, "a reply too many: 250 ok", permanent=False, scope="server")
    assert server.received == []


async def test_a_250_said_twice_after_the_dot_still_counts_once(server: Smtpd) -> None:
    server.misbehave("dot", "250 ok\r\n250 ok", times=1)
    async with pooled(server) as pool:
        assert await pool.send(SENDER, ALICE, message(1)) == Sent("250 ok")
        assert isinstance(await pool.send(SENDER, BOB, message(2)), Sent)
    assert [(mail.rcpt, mail.connection) for mail in server.received] == [([ALICE], 1), ([BOB], 2)]


async def test_what_is_said_unasked_between_two_mails_ends_the_connection(server: Smtpd) -> None:
    async with pooled(server) as pool:
        assert isinstance(await pool.send(SENDER, ALICE, message(1)), Sent)
        server.interject("250 ok")
        await asyncio.sleep(0.05)
        assert isinstance(await pool.send(SENDER, BOB, message(2)), Sent)
    assert [mail.connection for mail in server.received] == [1, 2]


@pytest.mark.parametrize("what", [DROP, "421 4.3.2 enough mails on this line"])
async def test_a_connection_that_ended_while_idle_costs_no_delay(server: Smtpd, what: str) -> None:
    async with pooled(server) as pool:
        await pool.send(SENDER, ALICE, message(1))
        server.misbehave("MAIL", what, times=1)
        assert isinstance(await pool.send(SENDER, BOB, message(2)), Sent)
    assert [mail.connection for mail in server.received] == [1, 2]


async def test_a_server_that_restarts_costs_no_mail(server: Smtpd) -> None:
    async with pooled(server) as pool:
        await asyncio.gather(*(pool.send(SENDER, ALICE, message(n)) for n in range(5)))
        await server.drop_all()
        assert isinstance(await pool.send(SENDER, BOB, message(9)), Sent)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "nowhere.invalid:25", f"{'x' * 70}.example:25"])
async def test_no_server_is_only_a_delay(host: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        pool = smtp.Pool(smtp.parse("smtp://" + host.format(port=closed.getsockname()[1])), timeouts=SHORT)
        outcome = await pool.send(SENDER, ALICE, message())
        await pool.close()
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.permanent, outcome.scope) == (0, False, "server")
