"""TLS and AUTH."""

import ssl

import pytest

from engine.core.delivery import Outcome, Refused, Sent, Unknown
from engine.mail import smtp
from tests import smtpd as smtpd_
from tests.mail.smtp.posting import ALICE, NONSENSE, PATIENT, SENDER, message
from tests.smtpd import DROP, Smtpd


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return smtpd_.certificate(tmp_path_factory.mktemp("tls"))


Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


async def send_by(url: str, client: ssl.SSLContext | None = None) -> Outcome:
    pool = smtp.Pool(smtp.parse(url), timeouts=PATIENT, tls_context=client, helo="parcours.example.org")
    outcome = await pool.send(SENDER, ALICE, message())
    await pool.close()
    return outcome


@pytest.mark.parametrize("methods", ["PLAIN LOGIN", "PLAIN", "LOGIN"])
async def test_starttls_then_auth(contexts: Contexts, methods: str) -> None:
    ours, theirs = contexts
    async with Smtpd(tls=ours, auth=("alice@cours", "p:a/s s"), methods=methods) as server:
        url = f"smtp://alice%40cours:p%3Aa%2Fs%20s@localhost:{server.port}?starttls=required"
        assert isinstance(await send_by(url, theirs), Sent)
    assert server.received[0].raw == message()
    lines = [line.split()[0] for _, line in server.commands]
    assert lines == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]


async def test_tls_from_the_first_byte(contexts: Contexts) -> None:
    ours, theirs = contexts
    async with Smtpd(tls=ours, implicit=True) as server:
        assert isinstance(await send_by(f"smtps://localhost:{server.port}", theirs), Sent)
    assert server.received[0].raw == message()


async def test_over_tls_too_a_lost_answer_is_in_doubt(contexts: Contexts) -> None:
    ours, theirs = contexts
    async with Smtpd(tls=ours) as server:
        server.misbehave("dot", DROP)
        assert isinstance(await send_by(f"smtp://localhost:{server.port}?starttls=required", theirs), Unknown)


@pytest.mark.parametrize("point", ["STARTTLS", "AUTH"])
@pytest.mark.parametrize("what", [DROP, "220 go ahead\r\nhello", "334 not base64 é", "421 later", *NONSENSE])
async def test_nonsense_while_connecting_is_only_a_delay(contexts: Contexts, point: str, what: str) -> None:
    ours, theirs = contexts
    async with Smtpd(tls=ours, auth=("alice", "secret"), methods="CRAM-MD5 PLAIN LOGIN") as server:
        server.misbehave(point, what)
        outcome = await send_by(f"smtp://alice:secret@localhost:{server.port}?starttls=required", theirs)
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == (False, "server")
    assert outcome.text.isprintable()
    assert server.received == []


async def test_an_unverified_certificate_gets_no_mail(contexts: Contexts) -> None:
    async with Smtpd(tls=contexts[0]) as server:
        outcome = await send_by(f"smtp://localhost:{server.port}?starttls=required")
        assert isinstance(outcome, Refused)
        assert (outcome.permanent, outcome.scope) == (False, "server")
        assert "CERTIFICATE_VERIFY_FAILED" in outcome.text
        assert isinstance(await send_by(f"smtp://localhost:{server.port}?starttls=opportunistic"), Sent)
        assert (server.connections, "STARTTLS") == (server.commands[-5][0], "STARTTLS")


async def test_required_tls_that_is_not_offered_stops_the_mail(server: Smtpd) -> None:
    outcome = await send_by(f"smtp://127.0.0.1:{server.port}?starttls=required")
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.scope) == (False, "server")
    assert "STARTTLS" in outcome.text


async def test_a_password_does_not_travel_in_clear_unless_told_so() -> None:
    async with Smtpd(auth=("alice", "secret")) as server:
        assert isinstance(await send_by(f"smtp://alice:secret@127.0.0.1:{server.port}"), Refused)
        assert all(not line.startswith("AUTH") for _, line in server.commands)
        assert isinstance(await send_by(f"smtp://alice:secret@127.0.0.1:{server.port}?starttls=never"), Sent)


async def test_a_wrong_password_is_nobody_elses_fault() -> None:
    async with Smtpd(auth=("alice", "secret")) as server:
        outcome = await send_by(f"smtp://alice:wrong@127.0.0.1:{server.port}?starttls=never")
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.permanent, outcome.scope) == (535, False, "server")
    assert "wrong@" not in outcome.text
