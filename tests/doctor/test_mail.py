"""A lesson as it arrived somewhere: who signed it, what that covers, and what the mailbox thought of it."""

from datetime import UTC, datetime

import pytest

from engine import app, settings
from engine.doctor import mail as mails
from engine.doctor.finding import Verdict
from engine.tables import db
from tests.doctor.conftest import Patient
from tests.people import Town, course
from tests.signatures import valid

NOW = datetime.now(UTC)
RESULTS = "Authentication-Results: mx.example.net; {}\r\n"
GOOD = "dkim=pass (2048-bit key; a comment says dkim=fail) header.d=example.org;\r\n spf=pass; dmarc=pass"


def specimen() -> bytes:
    found = settings.load(
        PARCOURS_FROM="Parcours <parcours@example.org>", controller="Association, Marseille"
    )
    return mails.specimen(app.wardrobe(found), "alice@example.net", host="example.org", now=NOW).data


def signed(names: str, *, by: str = "example.org") -> bytes:
    """The specimen as a relay might sign it."""
    return (
        f"DKIM-Signature: v=1; a=rsa-sha256; d={by};\r\n s=rsa-2027; h={names}; b=abc\r\n".encode()
        + specimen()
    )


COVERED = "From:To:Subject:Date:Message-ID:List-Id:\r\n List-Unsubscribe : List-Unsubscribe-Post"


async def test_the_specimen_is_signed_over_what_one_leaves_by(patient: Patient) -> None:
    found = await patient.look()
    assert found["dkim_list_headers"].found.endswith(
        "covers List-Unsubscribe, List-Unsubscribe-Post, List-Id."
    )
    assert found["dkim_alignment"].verdict == Verdict.OK


async def test_list_headers_that_nobody_signed_are_found(patient: Patient) -> None:
    patient.settings["dkim_keys"] = ""
    patient.received = (RESULTS.format(GOOD)).encode() + signed("From:To:Subject:Date:Message-ID:List-Id")
    found = await patient.look()
    assert found["dkim_list_headers"].verdict == Verdict.ERROR
    assert "does not cover List-Unsubscribe, List-Unsubscribe-Post" in found["dkim_list_headers"].found
    assert "SignHeaders" in found["dkim_list_headers"].cure
    assert found["dkim_alignment"].verdict == found["authentication"].verdict == Verdict.OK
    assert found["dkim_key"].verdict == Verdict.OK  # the relay's, by the signature


async def test_a_mail_that_arrived_well_is_well(patient: Patient) -> None:
    patient.received = (RESULTS.format(GOOD)).encode() + signed(COVERED)
    found = await patient.look()
    for name in ("dkim_list_headers", "dkim_alignment", "authentication", "dkim_key"):
        assert found[name].verdict == Verdict.OK, found[name]


async def test_a_signature_for_the_relay_alone_is_found(patient: Patient) -> None:
    patient.received = signed(COVERED, by="relay.test")
    found = await patient.look()
    assert found["dkim_alignment"].verdict == Verdict.ERROR


async def test_a_subdomain_may_sign_unless_the_policy_is_strict(patient: Patient) -> None:
    patient.received = signed(COVERED, by="mail.example.org")
    # By RFC 9989 it is of the organisation that a record above it tells of.
    assert (await patient.look())["dkim_alignment"].verdict == Verdict.OK
    patient.zone["dmarc"] = patient.zone["dmarc"].replace("p=", "adkim=s; p=")
    assert (await patient.look())["dkim_alignment"].verdict == Verdict.ERROR


async def test_a_course_of_another_sender_is_told(patient: Patient, database: db.Database) -> None:
    town = Town(database)
    await town.publish(course(also='sender: "Alice <alice@relay.test>"\n', a=""))
    patient.live_in(database)
    found = (await patient.look())["dkim_alignment"]
    assert found.verdict == Verdict.WARNING
    assert "essai is from relay.test" in found.found


async def test_where_nobody_signs_it_is_told(patient: Patient) -> None:
    patient.settings["dkim_keys"] = ""
    found = await patient.look()
    for name in ("dkim_key", "dkim_alignment", "dkim_list_headers"):
        assert found[name].verdict == Verdict.NOT_CHECKED
        assert "--send-to" in found[name].cure
    patient.received = specimen()
    found = await patient.look()
    for name in ("dkim_alignment", "dkim_list_headers"):
        assert found[name].verdict == Verdict.ERROR


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("dkim=fail; spf=pass; dmarc=pass", Verdict.ERROR),
        ("dkim=none; spf=pass", Verdict.ERROR),
        ("dkim=pass; spf=pass; dmarc=fail", Verdict.ERROR),
        ("dkim=pass; spf=softfail; dmarc=pass", Verdict.WARNING),
        ("dkim=fail header.d=relay.test; dkim=pass header.d=example.org; spf=pass", Verdict.OK),
    ],
)
def test_the_mailboxs_own_verdict_counts(said: str, verdict: Verdict) -> None:
    own = "".join(RESULTS.format(part) for part in said.split("; "))  # milters write a field each
    below = "Authentication-Results: elsewhere.test; dkim=pass; spf=pass; dmarc=pass\r\n"
    source = (own + below).encode() + signed(COVERED)
    assert mails.results(mails.Mail(source, received=True)).verdict == verdict


async def test_bounces_go_where_the_mailbox_says(patient: Patient) -> None:
    patient.zone |= {
        "return": 'b.relay.test. IN TXT "v=spf1 ip4:192.0.2.25 -all"',
        "return_mx": "b.relay.test. IN MX 0 .",
    }
    patient.received = b"Return-Path: <x+7@b.relay.test>\r\n" + signed(COVERED)
    found = await patient.look()
    assert found["return_mx"].found.startswith("b.relay.test")
    assert found["spf"].found.startswith("v=spf1 ip4:192.0.2.25 -all")


async def test_a_specimen_is_sent_as_a_lesson_is(patient: Patient) -> None:
    patient.send_to = "alice@example.net"
    found = await patient.look()
    assert found["specimen"].verdict == Verdict.OK
    assert "--mail" in found["specimen"].cure
    (received,) = patient.relay.received
    assert (received.mail_from, received.rcpt) == ("parcours@example.org", ["alice@example.net"])
    assert b"\r\nList-Unsubscribe: <https://localhost:" in received.data
    assert valid(received.data, datetime.now(UTC)) == [True]


def test_what_is_no_mail_breaks_nothing() -> None:
    for source in (b"", b"\x00\xff" * 1000, b"DKIM-Signature: nonsense\r\n\r\n", b"From: \xe9\r\n"):
        mail = mails.Mail(source, received=True)
        assert mails.coverage(mail).verdict == Verdict.ERROR
        assert mails.results(mail).verdict == Verdict.NOT_CHECKED
