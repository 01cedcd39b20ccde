"""A mail looked at as receivers do: who signed it, for whom, and what the signature covers."""

import email
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.utils import parseaddr
from functools import cached_property

from engine import paths
from engine.core import errors
from engine.doctor import domain, finding
from engine.doctor.finding import Finding
from engine.doctor.resolver import Resolver
from engine.flows import catalog
from engine.mail import dkim, dress, message, proof

_COURSE = "ia-pme"
_LEAVING = ("list-unsubscribe", "list-unsubscribe-post")
"""What the signature must cover, or no mail program offers to leave (RFC 8058 §4)."""
_LISTED = "list-id"
_RESULT = re.compile(r"(?:^|;)\s*(dkim|spf|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_UNSIGNED = "Parcours signs nothing (PARCOURS_DKIM_KEYS is empty), so the relay must."
_LOOK = "Try it: `parcours doctor --send-to YOUR_ADDRESS`, then `parcours doctor --mail` with what arrived."


@dataclass(frozen=True)
class Mail:
    """A mail by its source."""

    source: bytes
    received: bool
    """As it lay in a mailbox; else as it would leave."""

    @cached_property
    def _fields(self) -> list[tuple[str, str]]:
        parsed = email.message_from_bytes(self.source, policy=policy.compat32)
        return [(name.lower(), str(value)) for name, value in parsed.items()]

    def fields(self, name: str) -> list[str]:
        """The values of a header, the topmost first."""
        return [value for found, value in self._fields if found == name.lower()]

    @property
    def author(self) -> str:
        """The domain that it says it is from."""
        return _domain(self.fields("From"))

    @property
    def returns(self) -> str:
        """The domain that bounces go to, as the mailbox noted it; "" where it did not."""
        return _domain(self.fields("Return-Path"))

    @cached_property
    def signatures(self) -> tuple[dkim.Signature, ...]:
        return tuple(filter(None, map(_signature, self.fields("DKIM-Signature"))))


def _domain(values: Sequence[str]) -> str:
    return parseaddr(values[0])[1].rpartition("@")[2].lower() if values else ""


def _signature(value: str) -> dkim.Signature | None:
    try:
        return dkim.signature(value)
    except ValueError:
        return None


@dataclass(frozen=True)
class Specimen:
    """Lesson 1 of the course that comes with Parcours, to somebody who is in no course."""

    sender: str
    recipient: str
    data: bytes
    """Without a signature."""


def specimen(house: dress.Dress, address: str, *, host: str, now: datetime) -> Specimen:
    """The mail with all headers of a lesson; its link to leave changes nothing.

    `host`: what its Message-ID ends with. Raises `errors.ParcoursError`.
    """
    course = catalog.check(
        catalog.read_directory(paths.courses() / _COURSE), slug=_COURSE, house=house
    ).course
    if course is None:
        raise errors.NotFound(f"The course {_COURSE} has mistakes: `parcours course check {_COURSE}`.")
    identity = f"doctor.{now:%Y%m%d%H%M%S}@{host}"
    envelope = message.Envelope("", address, identity, now, proof.nowhere(house))
    made = proof.make(course, f"lesson-{course.lessons[0].key}", house, envelope=envelope)
    return Specimen(message.sender(dress.fitted(house, course)), address, made.source)


def coverage(mail: Mail) -> Finding:
    """Whether a signature covers what one leaves by."""
    absent = [name for name in _LEAVING if not mail.fields(name)]
    if absent:
        told = f"The mail has no {' and no '.join(map(_written, absent))}."
        return finding.error(told, "Give a lesson, as it arrived. If it is one, the relay took them away.")
    if not mail.signatures:
        return finding.error("The mail carries no DKIM signature.", _SIGN) if mail.received else relay_signs()
    best = max(mail.signatures, key=lambda each: len({*_LEAVING, _LISTED} & each.signed))
    missing = [name for name in (*_LEAVING, _LISTED) if mail.fields(name) and name not in best.signed]
    signed = f"The signature of {best.domain} ({best.selector})"
    if not missing:
        return finding.ok(f"{signed} covers {', '.join(map(_written, (*_LEAVING, _LISTED)))}.")
    told = f"{signed} does not cover {', '.join(map(_written, missing))}"
    if missing == [_LISTED]:
        return finding.warning(f"{told}.", _COVER)
    return finding.error(f"{told}: no mail program will offer to leave.", _COVER)


_COVER = (
    "Let whoever signs cover them (opendkim: SignHeaders; rspamd: sign_headers), "
    "or let Parcours sign: `parcours dkim generate`."
)
_SIGN = "Let the relay sign for your domain, or let Parcours do it: `parcours dkim generate`."


def relay_signs() -> Finding:
    """Nothing can be said before a mail went through the relay."""
    return finding.not_checked(_UNSIGNED, _LOOK)


def _written(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


async def alignment(resolver: Resolver, mail: Mail) -> Finding:
    """Whether a signature is of the organisation that the mail says it is from."""
    if not mail.signatures:
        return finding.error("The mail carries no DKIM signature.", _SIGN) if mail.received else relay_signs()
    for each in mail.signatures:
        if await domain.aligned(resolver, each.domain, mail.author):
            return finding.ok(f"d={each.domain} is of the organisation of From: {mail.author}.")
    signers = ", ".join(each.domain for each in mail.signatures)
    told = f"From is of {mail.author}, signed is d={signers}: that counts for nothing in DMARC."
    return finding.error(told, _SIGN)


def results(mail: Mail) -> Finding:
    """What the mailbox itself found (RFC 8601): in the topmost field, and others of the same server."""
    if not mail.received:
        return finding.not_checked("No mail was given that arrived somewhere.", _LOOK)
    fields = mail.fields("Authentication-Results")
    if not fields:
        told = "The mailbox wrote no Authentication-Results into the mail."
        return finding.not_checked(told, "Try a mailbox at a provider that does, such as Gmail.")
    server = _server(fields[0])
    said: dict[str, list[str]] = {}
    for field in (each for each in fields if _server(each) == server):
        for method, result in _RESULT.findall(_COMMENT.sub("", field)):
            said.setdefault(method.lower(), []).append(result.lower())
    told = f"{server} says " + (
        ", ".join(f"{method}={'/'.join(said[method])}" for method in said) or "nothing"
    )
    if "pass" not in said.get("dkim", []):
        return finding.error(f"{told}.", f"{_SIGN} Then look at dkim_key.")
    if "dmarc" in said and "pass" not in said["dmarc"]:
        return finding.error(f"{told}.", "Look at dkim_alignment and dmarc.")
    if "spf" in said and "pass" not in said["spf"]:
        return finding.warning(f"{told}.", "Look at spf: what the relay sends from is not in the record.")
    return finding.ok(f"{told}.")


def _server(results: str) -> str:
    return results.partition(";")[0].strip()
