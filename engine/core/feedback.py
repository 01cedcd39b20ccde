"""What comes back about our mails, in one vocabulary for mailboxes, pipes and providers' webhooks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.core import consent


class Kind(StrEnum):
    BOUNCE = "bounce"  # a mail did not arrive, and will not
    COMPLAINT = "complaint"  # the recipient called it spam, or wants no more
    AUTO_REPLY = "auto_reply"  # out of office, read receipts: nobody wrote it
    REPLY = "reply"  # somebody wrote it
    DELIVERED = "delivered"  # it did arrive, or went on to where nothing is reported
    UNKNOWN = "unknown"  # anything else: reports that a mail is late, news from providers


class Class(StrEnum):
    """What is to be done, only where the kind is `bounce` or `complaint`; else it merely informs."""

    HARD = "hard"  # nobody there, or no such host: stop at once
    SOFT_MAILBOX = "soft_mailbox"  # this mailbox, for now: count
    EXPIRED_OR_NETWORK = "expired_or_network"  # the way there: try the next lesson
    THROTTLE = "throttle"  # too much at once: slow the domain down
    POLICY = "policy"  # about us, our network or our reputation: tell the operator
    CONTENT = "content"  # about this very mail: tell the author
    SENDER_FAULT = "sender_fault"  # our address or our command is wrong: tell the operator
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    DELIVERED = "delivered"
    OTHER = "other"


class Cause(StrEnum):
    """Why, in short words."""

    USER_UNKNOWN = "user unknown"
    HOST_UNKNOWN = "host unknown"
    MOVED = "has moved"
    FULL = "mailbox full"
    DISABLED = "account disabled"
    FILTERED = "refused by the recipient"
    LIMIT = "recipient over a limit"
    TOO_BIG = "message too big"
    UNDETERMINED = "failed, no reason told"
    MAILER = "error of the recipient's program"
    EXPIRED = "expired"
    NETWORK = "network error"
    SYSTEM = "system error"
    SYSTEM_FULL = "system full"
    TLS = "TLS failed"
    CONNECTIONS = "too many connections"
    SPEED = "too many mails"
    BLOCKED = "blocked"
    REPUTATION = "bad reputation"
    AUTHENTICATION = "not authenticated"
    NO_PTR = "no reverse DNS"
    POLICY = "against a policy"
    SECURITY = "security"
    SPAM = "spam"
    CONTENT = "content refused"
    VIRUS = "virus"
    MALFORMED = "malformed message"
    SENDER = "sender refused"
    RELAYING = "relaying denied"
    SYNTAX = "syntax error"
    COMPLAINT = "complaint"
    AUTO_REPLY = "automatic reply"
    DELIVERED = "delivered"
    OTHER = "undetermined"


_CAUSES: dict[Class, tuple[Cause, ...]] = {
    Class.HARD: (Cause.USER_UNKNOWN, Cause.HOST_UNKNOWN, Cause.MOVED),
    Class.SOFT_MAILBOX: (
        Cause.FULL,
        Cause.DISABLED,
        Cause.FILTERED,
        Cause.LIMIT,
        Cause.TOO_BIG,
        Cause.UNDETERMINED,
        Cause.MAILER,
    ),
    Class.EXPIRED_OR_NETWORK: (
        Cause.EXPIRED,
        Cause.NETWORK,
        Cause.SYSTEM,
        Cause.SYSTEM_FULL,
        Cause.TLS,
    ),
    Class.THROTTLE: (Cause.CONNECTIONS, Cause.SPEED),
    Class.POLICY: (
        Cause.BLOCKED,
        Cause.REPUTATION,
        Cause.AUTHENTICATION,
        Cause.NO_PTR,
        Cause.POLICY,
        Cause.SECURITY,
        Cause.SPAM,
    ),
    Class.CONTENT: (Cause.CONTENT, Cause.VIRUS, Cause.MALFORMED),
    Class.SENDER_FAULT: (Cause.SENDER, Cause.RELAYING, Cause.SYNTAX),
    Class.COMPLAINT: (Cause.COMPLAINT,),
    Class.AUTO_REPLY: (Cause.AUTO_REPLY,),
    Class.DELIVERED: (Cause.DELIVERED,),
    Class.OTHER: (Cause.OTHER,),
}
_CLASS = {cause: name for name, causes in _CAUSES.items() for cause in causes}


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of those that a report speaks of."""

    address: str
    """As the report writes it; "" where it hides it."""
    cause: Cause
    status: str = ""
    """The enhanced code (RFC 3463); "" where none stands in the report."""
    said: str = ""
    """The words of the server, on one line, at most 300 characters."""

    @property
    def class_(self) -> Class:
        return _CLASS[self.cause]


@dataclass(frozen=True, slots=True)
class Traces:
    """By what the mail that a report is about may be found. All of it can be forged, but a signed address."""

    addresses: tuple[str, ...] = ()
    """Whom the report came to, the surest first: our return address should be among them."""
    envelope_id: str = ""
    """What we called the mail when we handed it over (Original-Envelope-Id, RFC 3464 §2.2.1)."""
    message_ids: tuple[str, ...] = ()
    """Of the mail that came back, or that is answered; without brackets."""


@dataclass(frozen=True, slots=True)
class Report:
    kind: Kind
    recipients: tuple[Recipient, ...] = ()
    """In the order of the report; none for a reply."""
    traces: Traces = Traces()
    author: str = ""
    """The address of who wrote it; "" for none."""
    words: str = ""
    """Of a reply what its author wrote, without what he quotes."""


_WORST = (Class.HARD, Class.SOFT_MAILBOX)


def about(report: Report, address_key: str) -> Recipient | None:
    """What the report says of the one person that the mail was for; None: nothing.

    Where it names only others, people behind an alias, what counts is the best that is said of any.
    """
    named = [each for each in report.recipients if consent.address_key(each.address) == address_key]

    def mildness(each: Recipient) -> int:
        return _WORST.index(each.class_) if each.class_ in _WORST else len(_WORST)

    return max(named or report.recipients, key=mildness, default=None)


class Patience(StrEnum):
    """What follows when a mailbox refused once more for now."""

    WAIT = "wait"
    ASK = "ask"  # pause, and ask the person once
    STOP = "stop"  # write there no more


_IN_A_ROW = 3
_AT_LEAST = timedelta(days=13, hours=12)  # two weeks, though clocks change and a lesson is tried twice


def patience(refused: Iterable[datetime], arrived: Iterable[datetime], asked_at: datetime | None) -> Patience:
    """After how many refusals in a row, over how long, a mailbox that says "not now" is taken at its word.

    `refused` and `arrived`: when the lessons left that did not, and those that did, arrive; `asked_at`:
    when the person was last asked. A row ends with the last refusal, and begins after the last lesson before.
    """
    refused = sorted(refused)
    if not refused:
        return Patience.WAIT
    before = max((at for at in arrived if at < refused[-1]), default=None)
    row = [at for at in refused if before is None or at > before]
    if asked_at is not None and asked_at > row[0]:
        return Patience.STOP if len(row) > _IN_A_ROW else Patience.WAIT
    long = len(row) >= _IN_A_ROW and row[-1] - row[0] >= _AT_LEAST
    return Patience.ASK if long else Patience.WAIT


_STOP = re.compile(
    r"""(?x)stop | arr[êe]te[rz]? | (?:me\ |se\ )?d[ée]sabonne(?:r|z|ment)(?:[- ]moi)?
    | (?:me\ )?d[ée]sinscri(?:re|ption|vez)(?:[- ]moi)? | unsubscribe(?:\ me)?"""
)
_COURTESY = re.compile(
    r"""(?imx)^\s*(?:envoy[ée]\ (?:de|depuis|à\ partir)|sent\ from)\b.*$
    | \b(?:bonjour|bonsoir|hello|merci(?:\ d'avance)?|svp
    |s'il\ (?:vous|te)\ pla[iî]t|please|thanks?|thank\ you
    |cordialement)\b | [^\w\s'-]"""
)


def asks_to_stop(words: str) -> bool:
    """Whether a reply says that, and nothing else but courtesies."""
    bare = " ".join(_COURTESY.sub(" ", words.replace("\u2019", "'")[:1000]).split())
    return bool(_STOP.fullmatch(bare.casefold()))
