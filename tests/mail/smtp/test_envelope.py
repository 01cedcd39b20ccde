"""Hostile addresses and messages never reach the server."""

import pytest

from engine.core.delivery import Refused, Sent
from tests.mail.smtp.posting import ALICE, SENDER, message, outcome_of, pooled
from tests.smtpd import Smtpd

HOSTILE = [
    "alice@example.org\r\nRCPT TO:<bob@example.com",
    "alice@example.org\n",
    "al\0ice@example.org",
    "alice smith@example.org",
    "alice\u2028@example.org",
    "alice>@example.org",
    "\ud800@example.org",
    "alice",
    "@example.org",
    "",
    "a" * 250 + "@example.org",
    "alice@" + "é" * 80 + ".example",
]


@pytest.mark.parametrize("address", HOSTILE)
async def test_a_hostile_address_never_reaches_the_server(server: Smtpd, address: str) -> None:
    outcome = await outcome_of(server, address)
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == (True, "recipient")
    assert server.connections == 0


async def test_a_hostile_sender_is_our_own_fault(server: Smtpd) -> None:
    async with pooled(server) as pool:
        outcome = await pool.send("a@b\r\nDATA", ALICE, message())
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == (True, "server")


async def test_a_lone_dot_cannot_smuggle_a_second_mail(server: Smtpd) -> None:
    async with pooled(server) as pool:
        outcome = await pool.send(SENDER, ALICE, b"Subject: x\r\n\r\n.\r\nMAIL FROM:<x@example.org>\r\n")
    assert isinstance(outcome, Refused)
    assert outcome.permanent
    assert server.connections == 0


async def test_an_accented_name_needs_a_server_that_knows_how(server: Smtpd) -> None:
    outcome = await outcome_of(server, "béa@example.org")
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == (True, "recipient")
    assert all(not line.startswith("MAIL") for _, line in server.commands)
    server.extensions += ("SMTPUTF8",)
    assert isinstance(await outcome_of(server, "béa@example.org"), Sent)
    assert server.received[0].rcpt == ["béa@example.org"]
    assert "SMTPUTF8" in server.received[0].mail_options


async def test_an_accented_domain_travels_as_ascii(server: Smtpd) -> None:
    assert isinstance(await outcome_of(server, "Alice@faß.de"), Sent)
    assert server.received[0].rcpt == ["Alice@xn--fa-hia.de"]
