"""What the tests of sending share: three people, a message, a pool on the test's server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.core.delivery import Outcome
from engine.mail import smtp
from tests.smtpd import Smtpd

SENDER = "b+12@bounces.example.org"
ALICE, BOB, CHARLIE = "alice@example.org", "bob@example.com", "charlie@example.net"
SHORT = smtp.Timeouts(greeting=0.3, mail=0.3, rcpt=0.3, data=0.3, block=0.3, dot=0.3)
PATIENT = smtp.Timeouts(greeting=5, mail=5, rcpt=5, data=5, block=5, dot=5)


def message(number: int = 1) -> bytes:
    return (
        b"From: cours@example.org\r\nMessage-ID: <%d@example.org>\r\nSubject: =?utf-8?q?Le=C3=A7on?=\r\n\r\n"
        b"..une ligne =C3=A9tait l=C3=A0\r\n...\r\nfin\r\n" % number
    )


BEFORE = ["connect", "EHLO", "MAIL", "RCPT", "DATA"]
NONSENSE = ["hello", "2", "250-a\r\n550 b", "\x00\xff", "999 what", "250 " + "x" * 20_000, "354 go on"]

MORE_THAN_SOCKETS_HOLD = b"Subject: x\r\n\r\n" + (b"x" * 76 + b"\r\n") * 400_000


@asynccontextmanager
async def pooled(running: Smtpd, *, query: str = "", **options: object) -> AsyncIterator[smtp.Pool]:
    timeouts = SHORT if running.hangs else PATIENT
    options = {"timeouts": timeouts, "helo": "parcours.example.org", **options}
    pool = smtp.Pool(smtp.parse(f"smtp://127.0.0.1:{running.port}{query}"), **options)  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        await pool.close()


async def outcome_of(running: Smtpd, recipient: str = ALICE) -> Outcome:
    async with pooled(running) as pool:
        return await pool.send(SENDER, recipient, message())
