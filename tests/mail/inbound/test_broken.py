"""Whatever comes in, it is read to an end, and soon."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.feedback import Class, Kind
from engine.mail import inbound
from tests.mail.inbound import mails

REPORT = mails.dsn(mails.person(said="550 5.1.1 User unknown"), text="<alice@example.net>: unknown")
SAMPLES = (
    REPORT,
    mails.complaint("abuse"),
    mails.plain("<alice@example.net>:\n550 user unknown"),
    mails.plain("<p>User <b>unknown</b><!-- -->", head="Content-Type: text/html; charset=latin1\n"),
    mails.plain('{"notificationType": "Bounce", "bounce": {"bouncedRecipients": [{}]}}'),
)
# fmt: off
PIECES = (
    b"\n", b"\r", b"\0", b"\n\n", b"--limit", b"--limit--\n",
    b"Content-Type: ", b"message/rfc822", b"boundary=",
    b'"', b"=?utf-8?b?", b"?=", b"\xff\xfe", b"<", b">", b"550 5.1.1 ",
    b"Content-Transfer-Encoding: base64\n",
    b"charset=idna", b"charset=\xe9", b"@", b"{", b"[[", b"From ", b": ", b"Final-Recipient: ", b"&#x110000;",
)
# fmt: on


@given(st.binary(max_size=2000), st.text(max_size=20))
def test_any_bytes(raw: bytes, envelope: str) -> None:
    assert inbound.read(raw, envelope=envelope).kind in Kind


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.floats(0, 1), st.sampled_from(PIECES)), max_size=12))
def test_mails_with_pieces_thrown_in(raw: bytes, thrown: list[tuple[float, bytes]]) -> None:
    for where, piece in thrown:
        at = int(where * len(raw))
        raw = raw[:at] + piece + raw[at:]
    assert inbound.read(raw).kind in Kind


@given(st.sampled_from(SAMPLES), st.floats(0, 1))
@settings(max_examples=50)
def test_torn_mails(raw: bytes, where: float) -> None:
    assert inbound.read(raw[: int(where * len(raw))]).kind in Kind


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\r\r\n"])
@pytest.mark.parametrize("raw", SAMPLES)
def test_line_ends_make_no_difference(raw: bytes, end: bytes) -> None:
    assert inbound.read(raw.replace(b"\n", end)) == inbound.read(raw)


def test_nulls_make_no_difference() -> None:
    assert inbound.read(REPORT.replace(b"User unknown", b"User\0 unknown\0")) == inbound.read(REPORT)


def test_a_mail_that_was_kept_in_a_mailbox_file() -> None:
    assert inbound.read(b"From MAILER-DAEMON Tue Nov 24 08:00:00 2026\n" + REPORT) == inbound.read(REPORT)


def test_what_follows_the_first_megabyte_is_not_read() -> None:
    assert inbound.read(REPORT + b"x" * 10_000_000).recipients == inbound.read(REPORT).recipients


@pytest.mark.parametrize("levels", [200, 3000])
def test_parts_in_each_other(levels: int) -> None:
    body = REPORT
    for depth in range(levels):
        head = b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (depth, depth)
        body = head + body + b"\n--b%d--\n" % depth
    assert (
        inbound.read(b"From: MAILER-DAEMON@example.net\nSubject: failure notice\n" + body).kind == Kind.BOUNCE
    )


def test_words_in_html_in_a_wrong_charset() -> None:
    text = "<html><head><style>p {}</style></head><p>Boîte pleine&nbsp;: 552 <b>mailbox full</b><!-- spam -->"
    head = "Content-Type: text/html; charset=x-nonsense\n"
    report = inbound.read(mails.plain(text, subject="Non remis", head=head))
    assert report.recipients[0].class_ == Class.SOFT_MAILBOX


HEAD = b"From: MAILER-DAEMON@example.net\nSubject: failure notice\n"
HTML = HEAD + b"Content-Type: text/html\n\n"


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\n" + b"x" * 10_000_000,
        HEAD + b"\n" + b"a@a." * 250_000,
        HEAD + b"\n" + b"550 user <a@b.example> not " * 40_000,
        HEAD + b"\n" + b" " * 1_000_000,
        HEAD + b"\n" + b">" * 500_000,
        HEAD + b"\n" + b"To: " * 250_000,
        HTML + b"<" * 1_000_000,
        HTML + b"<style " * 150_000,
        HTML + b"<!--" * 250_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 70_000,
        b"From: a@b.example\n\n" + b'{"notificationType":' * 50_000,
        REPORT.replace(b"Action: failed", b"Action: failed\n\nFinal-Recipient: rfc822; a@b.example" * 5000),
    ],
    ids=range(12),
)
def test_no_mail_takes_long(raw: bytes) -> None:
    """Who waits here for minutes has an expression that goes back and forth."""
    assert inbound.read(raw).kind in Kind
