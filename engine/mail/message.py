"""The one place that sets the headers of our mails, for lessons and letters alike.

`standing` writes the headers that are the same for everybody (once per build), `personal` those of
one mail; `framed` puts a body between the boundaries of multipart/alternative (RFC 2046 §5.1.4).
"""

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

from engine.core import delivery
from engine.mail import dress as dresses
from engine.mail import header, skeleton

_BOUNDARY = "=_parcours"  # `=_` never occurs in quoted-printable
_SENDER_ID = "parcours"  # the fourth field of Feedback-ID, stable for years
_HEAD = (
    "--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)


@dataclass(frozen=True)
class Envelope:
    """What the headers of one mail say."""

    name: str
    address: str
    message_id: str
    """With or without its angle brackets; the same when the mail is sent again."""
    date: datetime
    """Aware."""
    leave: str = ""
    """The https address that leaves the course by one POST (RFC 8058); "" when transactional."""


def standing(kind: delivery.Kind, dress: dresses.Dress, *, lesson: str = "") -> bytes:
    """The headers that do not differ from person to person. Raises header.Unsendable."""
    fields = [
        header.mailbox("From", *header.split(dress.sender)),
        header.mailbox("Reply-To", dress.tutor_name, dress.tutor_email) if dress.tutor_email else b"",
        b"" if delivery.transactional(kind) else _list_fields(dress),
        # Automatic mail must not be answered by machines: RFC 3834 §5, and Exchange's own word for it.
        header.tokens("Auto-Submitted", "auto-generated"),
        header.tokens("X-Auto-Response-Suppress", "OOF, AutoReply"),
        # Gmail counts complaints by these; nothing in them points to a person.
        header.tokens("Feedback-ID", ":".join(filter(None, (lesson, dress.slug, kind, _SENDER_ID)))),
        header.tokens("Content-Language", dress.language),
        header.tokens("MIME-Version", "1.0"),
        header.tokens("Content-Type", f'multipart/alternative; boundary="{_BOUNDARY}"'),
    ]
    return b"".join(fields)


def sender(dress: dresses.Dress) -> str:
    """The address that mails travel from. Raises header.Unsendable."""
    return header.ascii_address(header.split(dress.sender)[1])


def _list_fields(dress: dresses.Dress) -> bytes:
    host = header.ascii_domain(urlsplit(dress.base_url).hostname or "localhost")
    return header.tokens("List-Id", f"<{dress.slug}.lists.{host}>") + header.tokens("Precedence", "list")


def subject(text: str) -> bytes:
    return header.text("Subject", text)


def personal(envelope: Envelope) -> bytes:
    """The headers of one mail. Raises header.Unsendable."""
    identity = envelope.message_id.strip("<>")
    fields = (
        _date(int(envelope.date.timestamp())),
        header.mailbox("To", envelope.name, envelope.address),
        header.tokens("Message-ID", f"<{identity}>"),
    )
    return b"".join(fields) + (_leaving(envelope.leave) if envelope.leave else b"")


def _leaving(leave: str) -> bytes:
    return header.url("List-Unsubscribe", leave) + b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


@functools.lru_cache(maxsize=64)
def _date(second: int) -> bytes:
    return header.tokens("Date", format_datetime(datetime.fromtimestamp(second, UTC)))


def framed(text: tuple[skeleton.Piece, ...], html: tuple[skeleton.Piece, ...]) -> tuple[skeleton.Piece, ...]:
    """Both parts as one body, plain text first, as the pieces of one skeleton."""
    return (
        b"\r\n" + _part_head("plain"),
        *text,
        b"\r\n" + _part_head("html"),
        *html,
        f"\r\n--{_BOUNDARY}--\r\n".encode("ascii"),
    )


def _part_head(subtype: str) -> bytes:
    return _HEAD.format(boundary=_BOUNDARY, subtype=subtype).encode("ascii")
