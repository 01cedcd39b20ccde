"""A text with holes: encoded once, filled for each person by joining bytes.

Templates write *marks* where something differs from person to person; `read` turns the finished text
into pieces. Marks are made of two characters from Unicode's private use area, so that neither MJML
nor Jinja touches them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.core import errors
from engine.mail import encode

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")
_IF, _END = "if ", "end"


@dataclass(frozen=True)
class Slot:
    """A place for one value."""

    name: str
    escaped: bool
    """True in HTML, in text between tags as in an attribute; False in plain text."""

    @property
    def is_url(self) -> bool:
        return self.name.startswith("link.")


@dataclass(frozen=True)
class Block:
    """Pieces for those for whom `condition` holds; blocks hold slots, not blocks."""

    condition: str
    pieces: tuple[bytes | Slot, ...]


Piece = bytes | Slot | Block


def slot(name: str) -> str:
    """The mark of a slot."""
    return f"{_OPEN}{name}{_CLOSE}"


def opening(condition: str) -> str:
    """The mark where a conditional block begins. In hexadecimal: a condition holds quotes and signs."""
    return f"{_OPEN}{_IF}{condition.encode().hex()}{_CLOSE}"


def closing() -> str:
    return f"{_OPEN}{_END}{_CLOSE}"


def tokens(marked: str) -> Iterator[tuple[str, str]]:
    """The parts of a marked text: ("text", …), ("slot", name), ("if", condition), ("end", "").

    Raises ParcoursError when a mark is broken: an author's text may not hold the two characters.
    """
    for index, part in enumerate(_MARK.split(marked)):
        if index % 2 == 0:
            if _OPEN in part or _CLOSE in part:
                raise errors.ParcoursError("Le texte contient un caractère réservé (U+E000 ou U+E001).")
            if part:
                yield "text", part
        elif part == _END:
            yield "end", ""
        elif part.startswith(_IF):
            yield "if", _condition(part)
        else:
            yield "slot", part


def _condition(part: str) -> str:
    try:
        return bytes.fromhex(part.removeprefix(_IF)).decode()
    except ValueError:
        raise errors.ParcoursError("Une condition est illisible.") from None


def read(marked: str, *, escaped: bool) -> tuple[Piece, ...]:
    """The pieces of a marked text, its literal parts encoded. Raises ParcoursError."""
    pieces: list[Piece] = []
    inside: list[bytes | Slot] = []
    condition: str | None = None
    for kind, content in tokens(marked):
        if (kind == "if" and condition is not None) or (kind == "end" and condition is None):
            raise errors.ParcoursError("Un bloc « si » ne peut pas en contenir un autre.")
        if kind == "if":
            inside, condition = [], content
        elif kind == "end":
            pieces.append(Block(condition or "", tuple(inside)))
            condition = None
        else:
            piece = Slot(content, escaped) if kind == "slot" else encode.text(content)
            (pieces if condition is None else inside).append(piece)
    if condition is not None:
        raise errors.ParcoursError("Un bloc « si » n'est pas fermé.")
    return tuple(pieces)
