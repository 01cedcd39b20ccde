"""A build filled for one person: the whole message, ready for DATA, in some twenty microseconds."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from markupsafe import escape

from engine.core import errors
from engine.mail import encode, header, message, skeleton

_Flat = tuple[bytes | int, ...]
_Step = bytes | int | tuple[int, _Flat]
"""A piece as the hot path wants it: bytes, the number of a slot, or a condition's number and its pieces."""


_OUR_LINK = re.compile(r"https?://[!#%(-;?-~]{1,67}")
"""A link as we build them: nothing to escape in HTML or in quoted-printable, and short enough for a line."""


@dataclass(frozen=True)
class Parts:
    """A mail before it is encoded: subject, text and HTML, with marks (see `skeleton`)."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Build:
    """A compiled mail. Holds nothing of any person."""

    headers: bytes = field(repr=False)
    """The standing headers; the subject too, when it is the same for everybody."""
    subject: tuple[tuple[str, str], ...]
    """The subject's tokens when it differs from person to person, else nothing."""
    steps: tuple[_Step, ...] = field(repr=False)
    slots: tuple[tuple[str, Callable[[str], bytes]], ...] = field(repr=False)
    """For each slot its name and what encodes its value for the place where it stands."""
    names: tuple[str, ...]
    """The names of the slots, each once: a link stands in the text and in the HTML."""
    conditions: tuple[str, ...]
    sender: str
    """The address that it is from."""
    html_size: int
    """Bytes of the HTML part with every conditional block in it (Gmail clips at about 102 KB)."""


def build(parts: Parts, headers: bytes, *, sender: str) -> Build:
    """Encode what is the same for everybody; `headers` are those of `message.standing`.

    Raises errors.ParcoursError.
    """
    subject = tuple(skeleton.tokens(parts.subject))
    fixed = all(kind == "text" for kind, _ in subject)
    pieces = message.framed(
        skeleton.read(parts.text.rstrip() + "\n", escaped=False),
        skeleton.read(parts.html.rstrip() + "\n", escaped=True),
    )
    slots, conditions = _distinct(pieces)
    return Build(
        headers=headers + (message.subject(parts.subject) if fixed else b""),
        subject=() if fixed else subject,
        steps=_merged([_step(piece, slots, conditions) for piece in pieces]),
        slots=tuple((slot.name, _encoder(slot)) for slot in slots),
        conditions=tuple(conditions),
        names=tuple(dict.fromkeys(slot.name for slot in slots)),
        sender=sender,
        html_size=len(parts.html.encode()),
    )


def fill(
    build: Build, values: Mapping[str, str], holds: Callable[[str], bool], envelope: message.Envelope
) -> bytes:
    """The message for one person: CRLF, no line that begins with a dot, without the final dot.

    `values` gives every slot by name, `holds` tells whether a condition holds for this person.
    Raises errors.ParcoursError for a missing value or a link that is no web address, and
    header.Unsendable for a control character in a header.
    """
    try:
        ready = [encoder(values[name]) for name, encoder in build.slots]
        subject = "".join([text if kind == "text" else values[text] for kind, text in build.subject])
    except KeyError as missing:
        raise errors.ParcoursError(f"Rien ne remplit l'emplacement « {missing.args[0]} ».") from None
    held = [holds(condition) for condition in build.conditions]
    out = [message.personal(envelope), build.headers]
    if build.subject:
        out.append(message.subject(subject))
    for step in build.steps:
        if isinstance(step, bytes):
            out.append(step)
        elif isinstance(step, int):
            out.append(ready[step])
        elif held[step[0]]:
            out += [ready[inner] if isinstance(inner, int) else inner for inner in step[1]]
    return b"".join(out)


def _encoder(slot: skeleton.Slot) -> Callable[[str], bytes]:
    if slot.is_url:
        return _html_link if slot.escaped else _link
    return _html if slot.escaped else encode.value


def _html(value: str) -> bytes:
    return encode.value(str(escape(value)))


def _link(value: str) -> bytes:
    if _OUR_LINK.fullmatch(value):
        return value.encode("ascii") + encode.SOFT_BREAK
    return encode.value(_checked(value))


def _html_link(value: str) -> bytes:
    if _OUR_LINK.fullmatch(value):
        return value.encode("ascii") + encode.SOFT_BREAK
    return _html(_checked(value))


def _checked(value: str) -> str:
    if not header.is_url(value):
        raise errors.ParcoursError(f"Une adresse web est attendue, pas {value[:60]!r}.")
    return value


def _distinct(pieces: tuple[skeleton.Piece, ...]) -> tuple[list[skeleton.Slot], list[str]]:
    slots: dict[skeleton.Slot, None] = {}
    conditions: dict[str, None] = {}
    for piece in pieces:
        inner = piece.pieces if isinstance(piece, skeleton.Block) else (piece,)
        slots |= dict.fromkeys(each for each in inner if isinstance(each, skeleton.Slot))
        if isinstance(piece, skeleton.Block):
            conditions[piece.condition] = None
    return list(slots), list(conditions)


def _step(piece: skeleton.Piece, slots: list[skeleton.Slot], conditions: list[str]) -> _Step:
    if isinstance(piece, skeleton.Block):
        return conditions.index(piece.condition), tuple(_flat(each, slots) for each in piece.pieces)
    return _flat(piece, slots)


def _flat(piece: bytes | skeleton.Slot, slots: list[skeleton.Slot]) -> bytes | int:
    return piece if isinstance(piece, bytes) else slots.index(piece)


def _merged(steps: list[_Step]) -> tuple[_Step, ...]:
    """The same steps, neighbouring bytes joined."""
    merged: list[_Step] = []
    for step in steps:
        if isinstance(step, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += step
        else:
            merged.append(step)
    return tuple(merged)
