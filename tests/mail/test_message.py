import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import delivery
from engine.mail import dress, header, message

DRESS = dress.Dress(
    language="fr",
    base_url="https://parcours.exemple.fr",
    controller="Association Exemple\n1 rue de la Paix, 57000 Metz",
    sender="Parcours <parcours@exemple.fr>",
    tutor_name="Zoé, la tutrice",
    tutor_email="zoe@exemple.fr",
    slug="ia-pme",
)
ALICE = message.Envelope(
    name="Alice",
    address="alice@exemple.fr",
    message_id="<abc@parcours.exemple.fr>",
    date=datetime(2027, 3, 30, 6, 30, tzinfo=UTC),
    leave="https://parcours.exemple.fr/u/abc",
)
CONTROLS = ["\r", "\n", "\r\n", "\x00", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]


def parsed(fields: bytes) -> EmailMessage:
    return message_from_bytes(fields + b"\r\n", policy=policy.SMTP)


def assert_rules(fields: bytes) -> None:
    """RFC 5322 §2.1.1 and §2.2.3, RFC 2047 §2."""
    assert fields.isascii()
    assert fields.endswith(b"\r\n")
    for line in fields.removesuffix(b"\r\n").split(b"\r\n"):
        assert line.strip()
        assert b"\r" not in line
        assert b"\n" not in line
        assert len(line) <= 998
        words = re.findall(rb"=\?[^?]+\?.\?[^?]*\?=", line)
        assert all(len(word) <= 75 for word in words)
        assert not words or len(line) <= 76


def test_a_lesson_carries_what_large_providers_ask_for() -> None:
    fields = message.personal(ALICE) + message.standing(delivery.Kind.LESSON, DRESS, lesson="reperes")
    mail = parsed(fields)
    assert_rules(fields)
    assert mail["Date"] == "Tue, 30 Mar 2027 06:30:00 +0000"
    assert mail["From"] == "Parcours <parcours@exemple.fr>"
    assert mail["Reply-To"].addresses[0].display_name == "Zoé, la tutrice"
    assert mail["To"] == "Alice <alice@exemple.fr>"
    assert mail["Message-ID"] == "<abc@parcours.exemple.fr>"
    assert mail["List-Unsubscribe"] == "<https://parcours.exemple.fr/u/abc>"
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in fields
    assert mail["List-Id"] == "<ia-pme.lists.parcours.exemple.fr>"
    assert mail["Precedence"] == "list"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert mail["Feedback-ID"] == "reperes:ia-pme:lesson:parcours"
    assert mail["Content-Language"] == "fr"
    assert mail["MIME-Version"] == "1.0"
    assert mail.get_content_type() == "multipart/alternative"
    assert all(len(mail.get_all(name, [])) == 1 for name in mail)


@pytest.mark.parametrize("kind", list(delivery.Kind))
def test_only_course_mail_belongs_to_a_list(kind: delivery.Kind) -> None:
    transactional = delivery.transactional(kind)
    leave = "" if transactional else ALICE.leave
    mail = parsed(message.personal(replace(ALICE, leave=leave)) + message.standing(kind, DRESS))
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence"):
        assert (name in mail) is not transactional


def test_without_a_tutor_nobody_is_named_for_replies() -> None:
    fields = message.standing(delivery.Kind.LESSON, replace(DRESS, tutor_name="", tutor_email=""))
    assert b"Reply-To" not in fields


def test_a_long_link_to_leave_is_neither_encoded_nor_broken() -> None:
    leave = f"https://{'h' * 63}.{'i' * 63}.exemple.fr/u/{'t' * 60}"
    dressed = replace(DRESS, base_url=f"https://{'h' * 63}.exemple.fr")
    fields = message.personal(replace(ALICE, leave=leave)) + message.standing(delivery.Kind.LESSON, dressed)
    assert f" <{leave}>\r\n".encode() in fields
    assert f" <ia-pme.lists.{'h' * 63}.exemple.fr>\r\n".encode() in fields
    assert parsed(fields)["List-Unsubscribe"].strip() == f"<{leave}>"


@pytest.mark.parametrize(
    "leave", ["mailto:a@exemple.fr", "https://exemple.fr/a b", "https://exemple.fr/>", "", "javascript:0"]
)
def test_only_a_web_address_may_be_where_one_leaves(leave: str) -> None:
    with pytest.raises(header.Unsendable):
        header.url("List-Unsubscribe", leave)


@pytest.mark.parametrize("control", CONTROLS)
def test_controls_never_reach_a_header(control: str) -> None:
    evil = f"Alice{control}Bcc: charlie@exemple.fr"
    envelopes = (
        replace(ALICE, name=evil),
        replace(ALICE, address=f"alice{control}@exemple.fr"),
        replace(ALICE, message_id=f"<a{control}@b>"),
        replace(ALICE, leave=f"https://exemple.fr/{control}"),
    )
    dresses = (
        replace(DRESS, sender=f"{evil} <a@exemple.fr>"),
        replace(DRESS, tutor_name=evil),
        replace(DRESS, slug=evil),
    )
    for envelope in envelopes:
        with pytest.raises(header.Unsendable):
            message.personal(envelope)
    for dressed in dresses:
        with pytest.raises(header.Unsendable):
            message.standing(delivery.Kind.LESSON, dressed)
    with pytest.raises(header.Unsendable):
        message.standing(delivery.Kind.LESSON, DRESS, lesson=evil)
    with pytest.raises(header.Unsendable):
        message.subject(evil)


readable = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=120)


@given(readable)
@example("Leçon nº 3 : l’IA, « pas à pas » ?")
@example("=?utf-8?q?faux?=")
@example("x" * 300)
@example("é" * 3000)
@example("deux  espaces")
@example("mot " * 100)
def test_a_subject_reads_as_it_was_written(text: str) -> None:
    field = message.subject(text)
    assert_rules(field)
    assert str(parsed(field)["Subject"]) == text.strip()


@given(readable)
@example("Durand, Alice")
@example('Alice "la cheffe" \\ Durand')
@example("Alice (Metz) <alice>")
@example("😀" * 2500)
@example("\u202eecilA")
@example("a" * 10_000)
def test_a_name_reads_as_it_was_written_and_leaves_the_address_alone(name: str) -> None:
    field = header.mailbox("To", name, "alice@exemple.fr")
    assert_rules(field)
    assert b"<alice@exemple.fr>\r\n" in field
    # Not by policy.SMTP: it leaves a space between neighbouring encoded-words of a name (RFC 2047 §6.2).
    phrase, address = parseaddr(field.decode().removeprefix("To:").replace("\r\n", "").strip())
    assert address == "alice@exemple.fr"
    assert str(make_header(decode_header(phrase))) == name.strip()


def test_a_domain_with_accents_travels_as_a_label() -> None:
    assert header.ascii_address("alice@bücher.exemple") == "alice@xn--bcher-kva.exemple"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "@exemple.fr",
        "alice@",
        "élise@exemple.fr",
        "alice@exemple.fr>, <bob@exemple.fr",
        "a b@exemple.fr",
        "alice@exe mple.fr",
        "a" * 65 + "@exemple.fr",
        "alice@" + "d" * 300,
        "alice@-é-.fr",
        ".alice@exemple.fr",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(header.Unsendable):
        header.mailbox("To", "Alice", address)
