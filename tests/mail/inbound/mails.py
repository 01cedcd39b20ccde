"""Mails that come in, written for the tests."""

SENDER = "b+token@bounces.example.org"


def dsn(
    *people: dict[str, str],
    text: str = "",
    subject: str = "Undelivered Mail Returned to Sender",
    head: str = "",
) -> bytes:
    """A report in fields (RFC 3464), one block a person; keys are the names of the fields."""
    fields = "\n\n".join("\n".join(f"{name}: {value}" for name, value in each.items()) for each in people)
    return f"""\
Return-Path: <>
Delivered-To: {SENDER}
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: {SENDER}
Subject: {subject}
{head}Content-Type: multipart/report; report-type=delivery-status; boundary="limit"

This is a MIME-encapsulated message.

--limit
Content-Type: text/plain; charset=us-ascii

{text}

--limit
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Original-Envelope-Id: d4711
X-Postfix-Sender: rfc822; {SENDER}

{fields}

--limit
Content-Type: message/rfc822

From: Parcours <parcours@example.org>
To: alice@example.net
Subject: Lesson 3
Message-ID: <lesson.3@example.org>

The lesson: 550 5.1.1 user unknown, virus, spam.
--limit--
""".encode()


def person(
    address: str = "alice@example.net", action: str = "failed", status: str = "5.1.1", said: str = ""
) -> dict[str, str]:
    diagnostic = {"Diagnostic-Code": f"smtp; {said}"} if said else {}
    return {"Final-Recipient": f"rfc822; {address}", "Action": action, "Status": status, **diagnostic}


def plain(
    text: str,
    *,
    sender: str = "MAILER-DAEMON@mx.example.net",
    subject: str = "failure notice",
    head: str = "",
) -> bytes:
    return f"From: {sender}\nTo: {SENDER}\nSubject: {subject}\n{head}\n{text}\n".encode()


def complaint(kind: str, *, fields: str = "", returned: str = "To: undisclosed") -> bytes:
    """A feedback report (RFC 5965)."""
    return f"""\
From: feedback@provider.example
To: {SENDER}
Subject: FW: Lesson 3
Content-Type: multipart/report; report-type=feedback-report; boundary="limit"

--limit
Content-Type: text/plain

This is an email abuse report.
--limit
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Test/1.0
Version: 1
{fields}
--limit
Content-Type: message/rfc822

From: Parcours <parcours@example.org>
{returned}
Message-ID: <lesson.3@example.org>

Lesson 3.
--limit--
""".encode()
