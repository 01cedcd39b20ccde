"""An author's blocks as plain text: the same words and the same links, read without effort.

No hard wrapping. A link stands on a line of its own below the words it belongs to.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from engine.core import asking, errors
from engine.core.course import grammar, markup, model
from engine.mail import dress, skeleton


@dataclass(frozen=True)
class Drawing:
    """What the blocks need to be drawn for one mail."""

    say: Callable[[str], str]
    """gettext in the language of the mail."""
    slot: Callable[[str], str]
    href: Callable[[str], str]
    image: Callable[[str], str]
    language: str
    sources: tuple[grammar.Source, ...] = ()
    activities: Mapping[str, model.Activity] | None = None


def document(blocks: tuple[markup.Block, ...], draw: Drawing) -> str:
    """The blocks, each followed by an empty line."""
    return "".join(_block(block, draw) for block in blocks)


def _block(block: markup.Block, draw: Drawing) -> str:
    if isinstance(block, markup.If):
        inner = document(block.blocks, draw)
        return skeleton.opening(block.condition) + inner + skeleton.closing()
    return "\n".join(_lines(block, draw)) + "\n\n"


def _lines(block: markup.Block, draw: Drawing) -> list[str]:
    match block:
        case markup.Paragraph():
            return _prose(block.inline, draw)
        case markup.Heading():
            return _heading(block, draw)
        case markup.ListBlock():
            return _list(block, draw)
        case markup.Checklist():
            return [line for item in block.items for line in _item("[ ] ", _prose(item, draw))]
        case markup.Quote():
            return [f"> {line}" for line in _nested(block.blocks, draw)]
        case markup.Callout():
            title = block.title or (draw.say("Attention") if block.kind == "attention" else "")
            return [*([f"■ {title}", ""] if title else []), *_nested(block.blocks, draw)]
        case markup.KeyFigure():
            return _figure(block, draw)
        case markup.Button():
            return [_words(block.label, draw), f"→ {draw.href(block.href)}"]
        case markup.Question():
            return _question(block, draw)
        case markup.Image():
            return [block.alt, f"→ {draw.image(block.src)}"]
        case markup.CodeBlock():
            return block.text.split("\n")
        case markup.Rule():
            return ["* * *"]
    raise TypeError(f"no text for {block!r}")


def _nested(blocks: tuple[markup.Block, ...], draw: Drawing) -> list[str]:
    return document(blocks, draw).rstrip("\n").split("\n")


def _item(sign: str, lines: list[str]) -> list[str]:
    """A list's item: its first line after the sign, the others below it."""
    first, *others = lines
    return [sign + first, *(" " * len(sign) + line for line in others)]


def _heading(block: markup.Heading, draw: Drawing) -> list[str]:
    """In capitals where a page shows it large."""
    first, *others = _prose(block.inline, draw)
    return [_capitals(first) if block.level <= 2 else first, *others]


def _capitals(line: str) -> str:
    """The line in capitals, but for the marks in it."""
    return "".join(
        skeleton.slot(part) if kind == "slot" else part.upper() for kind, part in skeleton.tokens(line)
    )


def _list(block: markup.ListBlock, draw: Drawing) -> list[str]:
    signs = (f"{block.start + index}. " if block.ordered else "• " for index in range(len(block.items)))
    return [
        line
        for sign, item in zip(signs, block.items, strict=True)
        for line in _item(sign, [line for line in _nested(item, draw) if line])
    ]


def _figure(block: markup.KeyFigure, draw: Drawing) -> list[str]:
    lines = [f"■ {block.value}", *_prose(block.inline, draw)]
    for source in draw.sources:
        if source.id == block.source:
            cited = dress.cited(source, draw.language)
            lines += [f"{draw.say('Source :')} {cited}", f"→ {source.url}"]
    return lines


def _question(block: markup.Question, draw: Drawing) -> list[str]:
    activity = (draw.activities or {}).get(block.activity)
    if activity is None:
        raise errors.ParcoursError(f"L'activité « {block.activity} » n'existe pas.")
    return question(activity, draw.href(f"activite:{block.activity}"), draw.language)


def question(activity: model.Activity, where: str, language: str) -> list[str]:
    """An activity, each of its answers with the link that chooses it."""
    found = asking.ask(activity, language)
    lines = [f"■ {found.title}", found.prompt, ""]
    if not found.choices:
        return [*lines, found.button, f"→ {where}"]
    for choice in found.choices:
        lines += [f"○ {choice.label}", f"→ {where}?{choice.query}"]
    return lines


def _prose(inline: markup.Inline, draw: Drawing) -> list[str]:
    """The words on one line (or more, where the author broke it), then the links they hold."""
    return [*_words(inline, draw).split("\n"), *_links(inline, draw)]


def _words(inline: markup.Inline, draw: Drawing) -> str:
    return "".join(_said(markup.flatten(inline), draw))


def _said(
    pieces: Iterator[markup.Text | markup.Code | markup.Link | markup.Break | markup.Slot], draw: Drawing
) -> Iterator[str]:
    for piece in pieces:
        match piece:
            case markup.Text() | markup.Code():
                yield piece.text
            case markup.Slot():
                yield draw.slot(piece.name)
            case markup.Break():
                yield "\n"


def _links(inline: markup.Inline, draw: Drawing) -> Iterator[str]:
    links = [piece for piece in markup.flatten(inline) if isinstance(piece, markup.Link)]
    for piece in links:
        label = _words(piece.inline, draw)
        yield f"→ {draw.href(piece.href)}" if len(links) == 1 else f"→ {label} : {draw.href(piece.href)}"
