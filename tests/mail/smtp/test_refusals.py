"""What a server's no means for the mail, and whom it speaks of."""

import pytest

from engine.core.delivery import Refused, Sent
from tests.mail.smtp.posting import ALICE, BOB, SENDER, message, outcome_of, pooled
from tests.smtpd import Smtpd

SERVER, RECIPIENT = (False, "server"), (True, "recipient")


@pytest.mark.parametrize(
    ("point", "reply", "meaning"),
    [
        ("connect", "554 5.7.1 blocked", SERVER),
        ("connect", "421 4.3.2 later", SERVER),
        ("EHLO", "421 4.3.2 later", SERVER),
        ("MAIL", "550 5.7.1 not you", SERVER),
        ("MAIL", "530 5.7.0 authenticate first", SERVER),
        ("MAIL", "451 4.3.0 later", SERVER),
        ("MAIL", "552 5.3.4 too big", (True, "server")),
        ("RCPT", "550 5.1.1 no such user", RECIPIENT),
        ("RCPT", "554 no", RECIPIENT),
        ("RCPT", "599 an unknown code", RECIPIENT),
        ("RCPT", "550 5.7.13 account disabled", RECIPIENT),
        ("RCPT", "554 5.7.1 relay access denied", SERVER),
        ("RCPT", "503 bad sequence", SERVER),
        ("RCPT", "450 4.2.0 greylisted", (False, "recipient")),
        ("RCPT", "421 4.7.0 too many", SERVER),
        ("DATA", "451 4.3.0 later", SERVER),
        ("DATA", "554 5.6.0 no", RECIPIENT),
        ("dot", "554 5.6.0 virus", RECIPIENT),
        ("dot", "451 4.3.0 later", (False, "recipient")),
        ("dot", "421 4.3.2 closing", SERVER),
    ],
)
async def test_a_refusal_means(server: Smtpd, point: str, reply: str, meaning: tuple[bool, str]) -> None:
    server.misbehave(point, reply)
    outcome = await outcome_of(server)
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == meaning
    assert outcome.code == int(reply[:3])
    assert reply.endswith(outcome.text)
    assert server.received == []


@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "450 4.2.0 greylisted"])
async def test_after_a_refusal_the_same_connection_serves_the_next_person(server: Smtpd, reply: str) -> None:
    server.misbehave("RCPT", reply, times=1)
    async with pooled(server) as pool:
        assert isinstance(await pool.send(SENDER, ALICE, message(1)), Refused)
        assert isinstance(await pool.send(SENDER, BOB, message(2)), Sent)
    assert [(mail.rcpt, mail.connection) for mail in server.received] == [([BOB], 1)]


async def test_a_refused_rset_costs_only_the_connection(server: Smtpd) -> None:
    server.misbehave("RCPT", "550 5.1.1 no such user", times=1)
    server.misbehave("RSET", "421 tired of you", times=1)
    async with pooled(server) as pool:
        await pool.send(SENDER, ALICE, message(1))
        assert isinstance(await pool.send(SENDER, BOB, message(2)), Sent)
    assert server.received[0].connection == 2
