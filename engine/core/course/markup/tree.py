"""The tree: its nodes, and walking through it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Text:
    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Strong:
    inline: "Inline"


@dataclass(frozen=True)
class Emphasis:
    inline: "Inline"


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Link:
    inline: "Inline"
    href: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Break:
    """A line break the author asked for."""


@dataclass(frozen=True)
class Slot:
    """A place that is filled for each person, such as `learner.first_name`."""

    name: str
    line: int = field(default=0, compare=False)


Inline = tuple[Text | Strong | Emphasis | Code | Link | Break | Slot, ...]


@dataclass(frozen=True)
class Heading:
    level: int
    inline: Inline
    line: int = 0


@dataclass(frozen=True)
class Paragraph:
    inline: Inline
    line: int = 0


@dataclass(frozen=True)
class ListBlock:
    ordered: bool
    items: tuple[tuple["Block", ...], ...]
    start: int = 1
    line: int = 0


@dataclass(frozen=True)
class Checklist:
    items: tuple[Inline, ...]
    line: int = 0


@dataclass(frozen=True)
class Quote:
    blocks: tuple["Block", ...]
    line: int = 0


@dataclass(frozen=True)
class Rule:
    line: int = 0


@dataclass(frozen=True)
class CodeBlock:
    text: str
    line: int = 0


@dataclass(frozen=True)
class Image:
    src: str
    alt: str
    title: str = ""
    line: int = 0


@dataclass(frozen=True)
class Callout:
    kind: Literal["encadre", "attention"]
    title: str
    blocks: tuple["Block", ...]
    line: int = 0


@dataclass(frozen=True)
class KeyFigure:
    value: str
    source: str
    """The `id` of one of the lesson's sources."""
    inline: Inline
    line: int = 0


@dataclass(frozen=True)
class Button:
    href: str
    label: Inline
    line: int = 0


@dataclass(frozen=True)
class Question:
    activity: str
    line: int = 0


@dataclass(frozen=True)
class If:
    """Blocks that only those see for whom `condition` holds."""

    condition: str
    blocks: tuple["Block", ...]
    line: int = 0


Block = (
    Heading
    | Paragraph
    | ListBlock
    | Checklist
    | Quote
    | Rule
    | CodeBlock
    | Image
    | Callout
    | KeyFigure
    | Button
    | Question
    | If
)


@dataclass(frozen=True)
class Oddity:
    """Something the grammar does not know, where it stands, and the cure."""

    line: int
    cause: str
    cure: str


@dataclass(frozen=True)
class Document:
    blocks: tuple[Block, ...]
    oddities: tuple[Oddity, ...] = ()


def walk(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """Every block, those inside others too, in the order of reading."""
    for block in blocks:
        yield block
        match block:
            case Quote() | Callout() | If():
                yield from walk(block.blocks)
            case ListBlock():
                for item in block.items:
                    yield from walk(item)


def inlines(block: Block) -> Inline:
    """The running text that a block holds itself (not that of the blocks inside it)."""
    match block:
        case Heading() | Paragraph() | KeyFigure():
            return block.inline
        case Button():
            return block.label
        case Checklist():
            return tuple(piece for item in block.items for piece in item)
    return ()


def flatten(inline: Inline) -> Iterator[Text | Code | Link | Break | Slot]:
    """The pieces of a running text, emphasis opened up; a link comes before its own text."""
    for piece in inline:
        match piece:
            case Strong() | Emphasis():
                yield from flatten(piece.inline)
            case Link():
                yield piece
                yield from flatten(piece.inline)
            case _:
                yield piece


def plain(inline: Inline) -> str:
    """The words alone; slots keep their braces."""
    words = []
    for piece in flatten(inline):
        match piece:
            case Text() | Code():
                words.append(piece.text)
            case Slot():
                words.append("{{ " + piece.name + " }}")
            case Break():
                words.append("\n")
    return "".join(words)


def words(document: Document) -> int:
    """How many words a reader reads."""
    return sum(len(plain(inlines(block)).split()) for block in walk(document.blocks))
