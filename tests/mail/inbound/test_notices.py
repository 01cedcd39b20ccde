"""Reports that a mail did not arrive, in fields and in words."""

import pytest

from engine.core.feedback import Cause, Class, Kind
from engine.mail import inbound
from tests.mail.inbound import mails


def test_each_recipient_has_its_own_verdict_in_the_order_of_the_report() -> None:
    report = inbound.read(
        mails.dsn(
            mails.person("bob@example.net", status="5.2.2", said="552 5.2.2 Mailbox full"),
            mails.person("alice@example.net", said="550 5.1.1 User unknown"),
            mails.person("charlie@example.net", "delivered", "2.0.0", "250 OK"),
        )
    )
    assert report.kind == Kind.BOUNCE
    assert [(each.address, each.class_, each.status) for each in report.recipients] == [
        ("bob@example.net", Class.SOFT_MAILBOX, "5.2.2"),
        ("alice@example.net", Class.HARD, "5.1.1"),
        ("charlie@example.net", Class.DELIVERED, "2.0.0"),
    ]
    assert report.recipients[1].said == "550 5.1.1 User unknown"


def test_words_come_before_codes_and_codes_before_what_stands_around() -> None:
    full = mails.dsn(mails.person(status="5.1.1", said="550 5.1.1 <alice@example.net> mailbox is full"))
    assert inbound.read(full).recipients[0].cause == Cause.FULL
    coded = mails.dsn(
        mails.person(status="5.2.2", said="550 5.2.2 see below"), text="<alice@example.net>: user unknown"
    )
    assert inbound.read(coded).recipients[0].cause == Cause.FULL
    bare = mails.dsn(mails.person(status="5.0.0"), text="<alice@example.net>: unknown user")
    assert inbound.read(bare).recipients[0].cause == Cause.USER_UNKNOWN


def test_some_codes_leave_no_doubt() -> None:
    said = "550 5.7.26 blah user unknown blah"
    assert (
        inbound.read(mails.dsn(mails.person(status="5.7.26", said=said))).recipients[0].class_ == Class.POLICY
    )


def test_what_is_said_before_the_recipient_is_named_is_about_us() -> None:
    text = (
        "<alice@example.net>: host mx.example.net[192.0.2.1] said: 550 unknown user (in reply to {} command)"
    )
    mail, rcpt = (
        mails.dsn(mails.person(status="5.0.0"), text=text.format(c)) for c in ("MAIL FROM", "RCPT TO")
    )
    assert inbound.read(mail).recipients[0].class_ == Class.SENDER_FAULT
    assert inbound.read(rcpt).recipients[0].class_ == Class.HARD


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("failed", Kind.BOUNCE),
        ("delayed", Kind.UNKNOWN),
        ("delivered", Kind.DELIVERED),
        ("relayed", Kind.DELIVERED),
        ("expanded", Kind.DELIVERED),
    ],
)
def test_only_what_failed_is_a_bounce(action: str, kind: Kind) -> None:
    status = {"failed": "5.1.1", "delayed": "4.4.1"}.get(action, "2.0.0")
    assert inbound.read(mails.dsn(mails.person(action=action, status=status))).kind == kind


def test_a_mail_that_is_late_is_no_bounce() -> None:
    text = """\
Your message could not be delivered for more than 4 hour(s).
It will be retried until it is 5 day(s) old.

<alice@example.net>: connect to mx.example.net[192.0.2.1]:25: Connection timed out
"""
    report = inbound.read(mails.plain(text, subject="Delayed Mail (still being retried)"))
    assert (report.kind, report.recipients[0].class_) == (Kind.UNKNOWN, Class.EXPIRED_OR_NETWORK)
    expired = inbound.read(mails.dsn(mails.person(action="delayed", status="4.4.7"), text="Envelope expired"))
    assert (expired.kind, expired.recipients[0].cause) == (Kind.BOUNCE, Cause.EXPIRED)


def test_utf8_reports_are_read_too() -> None:
    raw = mails.dsn(mails.person("utf-8; zoé@example.net".removeprefix("utf-8; "), said="550 5.1.1 inconnu"))
    raw = raw.replace(b"message/delivery-status", b"message/global-delivery-status")
    assert inbound.read(raw).recipients[0].address == "zoé@example.net"


EXIM = """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  alice@example.net
    host mx.example.net [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<alice@example.net>:
    550 5.1.1 <alice@example.net>: no such user
  bob@example.net
    host mx.example.net [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<bob@example.net>:
    552 5.2.2 quota exceeded

------ This is a copy of the message, including all the headers. ------

Received: by example.org
To: charlie@example.net
"""
QMAIL = """\
Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<alice@example.net>:
Sorry, no mailbox here by that name. (#5.1.1)

<bob@example.net>:
192.0.2.1 does not like recipient.
Remote host said: 552 mailbox full
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Return-Path: <parcours@example.org>
"""
SENDMAIL = """\
The original message was received at Tue, 24 Nov 2026 08:00:00 +0100

   ----- The following addresses had permanent fatal errors -----
<alice@example.net>

   ----- Transcript of session follows -----
... while talking to mx.example.net.:
>>> RCPT To:<alice@example.net>
<<< 550 Compte inconnu
550 5.1.1 <alice@example.net>... User unknown
<<< 503 need RCPT command

   ----- Original message follows -----
To: charlie@example.net
"""
EXCHANGE = """\
Échec de la remise pour ces destinataires ou groupes :

alice@example.net<mailto:alice@example.net>
L'adresse de messagerie que vous avez entrée est introuvable.

Informations de diagnostic pour les administrateurs :
alice@example.net
Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found'

En-têtes de message d'origine :
To: charlie@example.net
"""
FRENCH = """\
Votre message n'a pas pu être remis au destinataire suivant :

   alice@example.net

Raison : boîte aux lettres pleine
"""
IN_A_SENTENCE = "Could not be delivered to: <alice@example.net>\nas their mailbox is full."
BOTH = {"alice@example.net": Class.HARD, "bob@example.net": Class.SOFT_MAILBOX}


@pytest.mark.parametrize(
    ("text", "subject", "expected"),
    [
        (EXIM, "Mail delivery failed", BOTH),
        (QMAIL, "failure notice", BOTH),
        (SENDMAIL, "Returned mail: User unknown", {"alice@example.net": Class.HARD}),
        (EXCHANGE, "Non remis : Leçon 3", {"alice@example.net": Class.HARD}),
        (FRENCH, "Message non distribué", {"alice@example.net": Class.SOFT_MAILBOX}),
        (IN_A_SENTENCE, "Mail delivery failed", {"alice@example.net": Class.SOFT_MAILBOX}),
    ],
)
def test_reports_in_words(text: str, subject: str, expected: dict[str, Class]) -> None:
    report = inbound.read(mails.plain(text, subject=subject))
    assert report.kind == Kind.BOUNCE
    assert {each.address: each.class_ for each in report.recipients} == expected


def test_the_mail_that_came_back_says_nothing_of_why() -> None:
    text = "Sorry.\n\n<alice@example.net>:\nIt did not work\n\n--- Below this line is a copy.\n\nUser unknown"
    assert inbound.read(mails.plain(text)).recipients[0].cause == Cause.UNDETERMINED


def test_exim_names_whom_it_means_in_the_head() -> None:
    raw = mails.plain(
        "It failed: 550 user unknown", head="X-Failed-Recipients: alice@example.net, bob@example.net\n"
    )
    assert [each.address for each in inbound.read(raw).recipients] == ["alice@example.net", "bob@example.net"]


def test_a_report_that_hides_its_recipient_still_counts() -> None:
    report = inbound.read(mails.plain("We could not deliver your message: user unknown"))
    assert [(each.address, each.class_) for each in report.recipients] == [("", Class.HARD)]
