"""What dkimpy says of our signatures; who touches a mail on its way breaks them."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core import delivery, errors
from engine.mail import dkim, dress, fill, message, skeleton
from tests.signatures import ED25519, RSA, SIGNER, valid

NOW = datetime(2027, 3, 30, 6, 30, tzinfo=UTC)
DRESS = dress.Dress(
    "fr",
    "https://parcours.example.org",
    "Association Exemple",
    "Parcours <p@example.org>",
    tutor_name="Zoé, la tutrice",
    tutor_email="zoe@example.org",
    slug="ia-pme",
)
ALICE = message.Envelope(
    "Alice", "alice@example.net", "<a@example.org>", NOW, "https://parcours.example.org/u/a"
)
NAME, HTML = skeleton.slot("learner.first_name"), "<p>Une  leçon\t: 1  000 €</p>\n\n\n"
MISSING = ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"]


def written(
    name: str = "Alice", envelope: message.Envelope = ALICE, kind: delivery.Kind = delivery.Kind.LESSON
) -> bytes:
    parts = fill.Parts(f"Pour {NAME}", f"{NAME},\n..\n  . \n--\n", HTML + NAME)
    build = fill.build(parts, message.standing(kind, DRESS, lesson="reperes"), sender="p@example.org")
    return fill.fill(build, {"learner.first_name": name}, lambda _: True, envelope)


def signed(mail: bytes) -> bytes:
    return SIGNER.sign(mail, NOW) + mail


MAIL = signed(written())
FIELDS = message_from_bytes(written()).keys()


def test_both_signatures_hold_and_no_line_is_long() -> None:
    assert valid(MAIL, NOW) == [True, True]
    fields = message_from_bytes(MAIL, policy=policy.default).get_all("DKIM-Signature", [])
    assert ["a=rsa-sha256" in fields[0], "a=ed25519-sha256" in fields[1]] == [True, True]
    assert all("d=example.org" in field and "l=" not in field for field in fields)
    head = MAIL.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("name", FIELDS)
def test_whoever_changes_a_field_breaks_them(name: str) -> None:
    changed = re.sub(rb"(?m)^(%b: )" % name.encode(), rb"\1x", MAIL, count=1)
    assert changed != MAIL
    assert valid(changed, NOW) == [False, False]


@pytest.mark.parametrize("name", ["From", "To", "Subject", "Date", "Reply-To", "Content-Type", *MISSING])
def test_whoever_adds_another_breaks_them(name: str) -> None:
    added = f"{name}: <https://example.com/charlie>\r\n".encode()
    assert valid(added + MAIL, NOW) == [False, False]
    assert valid(MAIL.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1), NOW) == [False, False]


@pytest.mark.parametrize("name", MISSING)
def test_nor_can_one_be_added_where_there_is_none(name: str) -> None:
    letter = signed(written(envelope=replace(ALICE, leave=""), kind=delivery.Kind.CONFIRM))
    assert name.encode() not in letter
    assert valid(letter, NOW) == [True, True]
    assert valid(f"{name}: x\r\n".encode() + letter, NOW) == [False, False]


def test_whoever_changes_the_body_breaks_them() -> None:
    assert valid(MAIL.replace(b"Une", b"Two"), NOW) == [False, False]
    assert valid(MAIL + b"A word more.\r\n", NOW) == [False, False]


def test_what_relays_do_breaks_nothing() -> None:
    head, _, body = MAIL.partition(b"\r\n\r\n")
    head = re.sub(rb"(?m)^Subject: Pour ", b"SUBJECT:  Pour\r\n\t ", head)
    body = body.replace(b" ", b" \t ").replace(b"\r\n", b"  \r\n") + b"\r\n\r\n"
    passed_on = b"Received: from a by b; now\r\nFeedback-ID: a:b\r\n" + head + b"\r\n\r\n" + body
    assert valid(passed_on, NOW) == [True, True]


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=120)


@given(name=NAMES | st.text(alphabet=' .é"\\=?_,(a', max_size=120))
@example(name="..  .")
@example(name="Marie  Anne, de  Metz")
@example(name=" ")
@settings(deadline=None)
def test_whatever_somebody_is_called_they_hold(name: str) -> None:
    mail = signed(written(name, replace(ALICE, name=name)))
    assert valid(mail, NOW) == [True, True]


@pytest.mark.parametrize("key", [RSA, ED25519])
def test_a_key_of_its_own_holds_too(key: dkim.Key) -> None:
    mail = written()
    assert valid(dkim.Signer("example.org", (key,)).sign(mail, NOW) + mail, NOW) == [True]


def pem(private: rsa.RSAPrivateKey | dsa.DSAPrivateKey, password: bytes = b"") -> bytes:
    closed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, closed
    )


def test_a_key_that_other_programs_made_will_do() -> None:
    assert dkim.read("other", pem(rsa.generate_private_key(65537, 2048))).algorithm == "rsa"


@pytest.mark.parametrize(
    ("selector", "file", "told"),
    [
        ("p 2027", dkim.generate("ed25519"), "no selector"),
        ("-p", dkim.generate("ed25519"), "no selector"),
        ("", dkim.generate("ed25519"), "no selector"),
        ("p2027", b"", "no private key"),
        ("p2027", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        ("p2027", pem(rsa.generate_private_key(65537, 2048), b"hush"), "without a password"),
        ("p2027", pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        ("p2027", pem(dsa.generate_private_key(1024)), "neither RSA nor Ed25519"),
    ],
)
def test_a_key_that_will_not_do_is_told(selector: str, file: bytes, told: str) -> None:
    with pytest.raises(errors.Invalid, match=told):
        dkim.read(selector, file)


def test_the_dns_gets_strings_of_a_length_it_takes() -> None:
    line = dkim.record(RSA, "example.org")
    assert line.startswith('rsa-2027._domainkey.example.org. IN TXT ("v=DKIM1; k=rsa; p=')
    assert max(map(len, re.findall(r'"([^"]*)"', line))) <= 255
