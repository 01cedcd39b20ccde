"""One connection and what it carries: MAIL, RCPT, DATA, a message, and what each reply means."""

import asyncio
import re
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from engine.core.delivery import Outcome, Refused, Sent, Unknown
from engine.mail.smtp import wire
from engine.mail.smtp.envelope import Envelope

#: The first digit that lets the conversation go on (RFC 5321 §4.2.1: an unknown code means its first digit).
_WANTED = {"RSET": 2, "MAIL": 2, "RCPT": 2, "DATA": 3, "dot": 2}
#: The command, its parameters or our rights are wrong, whoever the mail is for.
_OUR_CODES = frozenset({500, 501, 502, 503, 504, 521, 523, 530, 534, 535, 538, 555})
#: Enhanced codes (RFC 3463 and registry) that speak of the sender or of policy: bad sender, protocol, policy;
#: 5.7.13 is an account that its owner's provider disabled.
_OUR_STATUS = re.compile(r"\s*5\.(1\.[78]|3\.5|5\.\d+|7\.(?!13\b)\d+)\b")
_TOO_BIG = re.compile(r"\s*5\.(3\.4|2\.3)\b")


_Step = tuple[str, bytes, float]
"""Its name, the command, and the seconds to wait for its reply."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for each thing, as RFC 5321 §4.5.3.2 has them. A shorter `dot` makes duplicates."""

    greeting: float = 300  # also connecting, EHLO, STARTTLS and AUTH, each
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180  # for the server to read the message
    dot: float = 600


class Connection:
    """Takes over a client that is connected and greeted. Carries one mail at a time, many in turn."""

    def __init__(self, client: aiosmtplib.SMTP, timeouts: Timeouts) -> None:
        if client.transport is None:
            raise aiosmtplib.SMTPServerDisconnected("the server hung up after its greeting")
        self.wire = wire.Wire(cast(asyncio.Transport, client.transport))
        self.mails = 0
        self.idle_since = 0.0
        self.stale = False  # it ended while idle: the mail in hand was not even heard of
        self._extensions = frozenset(client.esmtp_extensions)
        self._timeouts = timeouts
        self._used = False
        self._dirty = False  # the server may still hold an envelope

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Carry one mail. After a cancellation, see `Pool.send`."""
        if envelope.international and "smtputf8" not in self._extensions:
            return self._not_international(envelope)
        self.stale = self._used  # until the server answers
        self._used = True
        try:
            return await self._converse(envelope)
        except wire.BrokenError as error:
            self.stale = self.stale and isinstance(error, wire.LostError) and not self.wire.heard
            return Unknown(str(error)) if self.wire.dot_left else server_trouble(str(error))
        except asyncio.CancelledError:
            self.wire.abort()
            if not self.wire.dot_left:
                raise
            return Unknown("stopped while the reply to the final dot was awaited")

    async def _converse(self, envelope: Envelope) -> Outcome:
        if refused := await self._introduce(envelope):
            return refused
        self.mails += 1
        self._dirty = False
        reply = await self.wire.send(envelope.data, block=self._timeouts.block, dot=self._timeouts.dot)
        match reply.code // 100:
            case 2:
                return Sent(f"{reply.code} {reply.text}".strip())
            case 3:
                self.wire.abort()
                return Unknown(f"no reply to a final dot: {reply.code} {reply.text}")
        return self._refused("dot", reply)

    async def _introduce(self, envelope: Envelope) -> Refused | None:
        """Say whom the mail is from and for, until the server wants to have it; else why not."""
        steps = self._commands(envelope)
        groups = [steps] if "pipelining" in self._extensions else [(step,) for step in steps]
        for group in groups:
            replies = await self.wire.ask(
                b"".join([command for _, command, _ in group]), [seconds for *_, seconds in group]
            )
            self.stale = self.stale and replies[0].code == 421
            for (step, _, _), reply in zip(group, replies, strict=False):
                if reply.code // 100 != _WANTED[step]:
                    if replies[-1].code // 100 == 3:
                        self.wire.abort()  # it waits for a message to nobody, which a dot would send
                    return self._refused(step, reply)
        return None

    def _commands(self, envelope: Envelope) -> tuple[_Step, ...]:
        options = b" SIZE=%d" % len(envelope.data) if "size" in self._extensions else b""
        if envelope.international:
            options += b" SMTPUTF8"
        if "8bitmime" in self._extensions and not envelope.data.isascii():
            options += b" BODY=8BITMIME"
        times = self._timeouts
        steps: tuple[_Step, ...] = (
            ("MAIL", b"MAIL FROM:<%b>%b\r\n" % (envelope.sender, options), times.mail),
            ("RCPT", b"RCPT TO:<%b>\r\n" % envelope.recipient, times.rcpt),
            ("DATA", b"DATA\r\n", times.data),
        )
        return (("RSET", b"RSET\r\n", times.mail), *steps) if self._dirty else steps

    def _refused(self, step: str, reply: wire.Reply) -> Refused:
        self._dirty = True
        if reply.code == 421 or reply.code < 400:
            self.wire.abort()
        return refused(step, reply)

    def _not_international(self, envelope: Envelope) -> Refused:
        ours = not envelope.sender.isascii()
        text = "nothing was sent: the address needs SMTPUTF8, which the server does not offer"
        return Refused(0, text, permanent=True, scope="server" if ours else "recipient")


def refused(step: str, reply: wire.Reply) -> Refused:
    """What a reply that says no means for the mail, and whom it speaks of.

    A 5yz is final for the mail only where it speaks of the recipient or the message. Where it speaks of the
    server, our rights or our reputation, nobody is to lose a lesson by it: it is tried again.
    """
    code, text = reply
    if code < 400:
        return server_trouble(f"an unexpected reply to {step}: {code} {text}")
    if code == 421:
        return server_trouble(text, code=code)
    if code < 500:
        return Refused(
            code, text, permanent=False, scope="recipient" if step in ("RCPT", "dot") else "server"
        )
    if step == "dot":
        return Refused(code, text, permanent=True, scope="recipient")
    if step in ("RSET", "MAIL"):
        too_big = code == 552 or _TOO_BIG.match(text) is not None
        return Refused(code, text, permanent=too_big, scope="server")
    if code in _OUR_CODES or _OUR_STATUS.match(text):
        return server_trouble(text, code=code)
    return Refused(code, text, permanent=True, scope="recipient")


def server_trouble(text: str, *, code: int = 0) -> Refused:
    """Nothing has left, and the person has no part in it."""
    return Refused(code if 200 <= code <= 599 else 0, text, permanent=False, scope="server")
