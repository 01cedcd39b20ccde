"""Answers of people and of their programs, complaints, and by what our mail is found."""

import json

import pytest

from engine.core.feedback import Class, Kind, Traces
from engine.mail import inbound
from tests.mail.inbound import mails

ALICE = "Alice <alice@example.net>"


@pytest.mark.parametrize(
    "subject",
    [
        "Réponse automatique : Leçon 3",
        "=?utf-8?q?R=C3=A9ponse_automatique=C2=A0=3A_Le=C3=A7on_3?=",
        "Absence du bureau : Leçon 3",
        "Absent jusqu'au 4 janvier",
        "Automatic reply: Lesson 3",
        "Out of Office: Lesson 3",
        "Auto: Lesson 3",
        "Abwesenheitsnotiz: Lektion 3",
        "Automatische Antwort: Lektion 3",
        "Respuesta automática: Lección 3",
        "Risposta automatica: Lezione 3",
    ],
)
def test_absences_are_known_by_their_subjects(subject: str) -> None:
    text = "Je suis absent et ne pourrai pas vous répondre. I am unable to reach my mail."
    report = inbound.read(mails.plain(text, sender=ALICE, subject=subject, head="Return-Path: <>\n"))
    assert report.kind == Kind.AUTO_REPLY
    assert [(each.address, each.class_) for each in report.recipients] == [
        ("alice@example.net", Class.AUTO_REPLY)
    ]


@pytest.mark.parametrize(
    "head",
    [
        "Auto-Submitted: auto-replied (vacation)\n",
        "X-Autoreply: yes\n",
        "Precedence: auto_reply\n",
        "Precedence: bulk\nIn-Reply-To: <lesson.3@example.org>\n",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=x\n",
    ],
)
def test_absences_are_known_by_their_fields(head: str) -> None:
    assert (
        inbound.read(mails.plain("Merci", sender=ALICE, subject="Merci", head=head)).kind == Kind.AUTO_REPLY
    )


def test_people_speak_of_their_holidays_too() -> None:
    assert inbound.read(mails.plain("Puis-je attendre ?", sender=ALICE, subject="Congés")).kind == Kind.REPLY


def test_a_daemon_is_nobody() -> None:
    assert inbound.read(mails.plain("Bonjour", subject="Bonjour")).kind == Kind.UNKNOWN


def test_a_person_writes_and_quotes() -> None:
    text = """\
STOP, merci.

Le mar. 24 nov. 2026 à 08:00, Parcours <parcours@example.org> a
écrit :
> 550 5.1.1 user unknown
"""
    report = inbound.read(mails.plain(text, sender=ALICE, subject="Re: Leçon 3"))
    assert (report.kind, report.recipients, report.author) == (Kind.REPLY, (), "alice@example.net")
    assert report.words == "STOP, merci."


@pytest.mark.parametrize(
    "text",
    [
        "My mail server was unable to deliver your last lesson.",
        "I had an error 550 5.1.1 when I wrote to you.",
    ],
)
def test_people_may_speak_of_failures(text: str) -> None:
    assert inbound.read(mails.plain(text, sender=ALICE, subject="Re: a question")).kind == Kind.REPLY


def test_news_of_a_machine_is_nothing() -> None:
    raw = mails.plain(
        "Hello", sender="news@example.net", subject="News", head="List-Id: <news.example.net>\n"
    )
    assert inbound.read(raw).kind == Kind.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "returned", "address"),
    [
        ("Original-Rcpt-To: <alice@example.net>", "To: undisclosed", "alice@example.net"),
        ("Source-IP: 192.0.2.1", "To: alice@example.net", "alice@example.net"),
        ("Source-IP: 192.0.2.1", "To: undisclosed", ""),
    ],
)
def test_a_complaint_is_one_even_where_it_hides_whose(fields: str, returned: str, address: str) -> None:
    report = inbound.read(mails.complaint("abuse", fields=fields, returned=returned))
    assert report.kind == Kind.COMPLAINT
    assert [(each.address, each.class_) for each in report.recipients] == [(address, Class.COMPLAINT)]


def test_a_report_of_failed_authentication_is_no_complaint() -> None:
    report = inbound.read(mails.complaint("auth-failure"))
    assert (report.kind, report.recipients[0].class_) == (Kind.UNKNOWN, Class.OTHER)


def test_a_mail_program_unsubscribes_its_user() -> None:
    head = "Auto-Submitted: auto-replied\n"
    raw = mails.plain(
        "Apple Mail sent this email to unsubscribe.", sender=ALICE, subject="unsubscribe", head=head
    )
    assert inbound.read(raw).kind == Kind.COMPLAINT
    assert inbound.read(mails.plain("please", sender=ALICE, subject="unsubscribe")).kind == Kind.REPLY


def test_notifications_of_amazon() -> None:
    gone = {
        "emailAddress": "alice@example.net",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 user unknown",
    }
    bounce = {"notificationType": "Bounce", "bounce": {"bouncedRecipients": [gone]}}
    wrapped = json.dumps({"Type": "Notification", "Message": json.dumps(bounce)})
    report = inbound.read(
        mails.plain(wrapped, sender="no-reply@sns.amazonaws.com", subject="AWS Notification")
    )
    assert (report.kind, report.recipients[0].class_) == (Kind.BOUNCE, Class.HARD)


def test_by_what_our_mail_is_found() -> None:
    report = inbound.read(mails.dsn(mails.person()), envelope="b+other@bounces.example.org")
    assert report.traces == Traces(
        addresses=("b+other@bounces.example.org", mails.SENDER),
        envelope_id="d4711",
        message_ids=("lesson.3@example.org",),
    )
    answer = mails.plain("Oui", sender=ALICE, subject="Re: x", head="In-Reply-To: <lesson.3@example.org>\n")
    assert inbound.read(answer).traces.message_ids == ("lesson.3@example.org",)


def test_a_hidden_complaint_leads_to_our_mail() -> None:
    raw = mails.complaint("abuse", fields=f"Original-Mail-From: <{mails.SENDER}>").replace(
        b"To: b+token", b"To: fbl"
    )
    assert mails.SENDER in inbound.read(raw).traces.addresses
