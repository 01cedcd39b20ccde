"""From Markdown to the tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin

from engine.core import typography
from engine.core.course.markup.tree import (
    Block,
    Break,
    Button,
    Callout,
    Checklist,
    Code,
    CodeBlock,
    Document,
    Emphasis,
    Heading,
    If,
    Image,
    Inline,
    KeyFigure,
    Link,
    ListBlock,
    Oddity,
    Paragraph,
    Question,
    Quote,
    Rule,
    Slot,
    Strong,
    Text,
    plain,
)

BLOCKS = ("encadre", "attention", "chiffre", "bouton", "question", "si")


@dataclass
class _Reader:
    """The state of one parse: the language, where we are, and what was odd."""

    language: str
    line: int = 0
    """Of the running text that is being read."""
    oddities: list[Oddity] = field(default_factory=list)

    def odd(self, line: int, cause: str, cure: str) -> None:
        self.oddities.append(Oddity(line, cause, cure))

    def typeset(self, text: str) -> str:
        return typography.french(text) if self.language == "fr" else text


def _parser() -> MarkdownIt:
    # One container for all names: an unknown one is then an oddity of its own, not a lost paragraph.
    return MarkdownIt("commonmark", {"html": False}).use(
        container_plugin, "block", validate=lambda params, _: bool(params.strip())
    )


_PARSER = _parser()
_BLOCK_NAMES = f"les blocs sont {', '.join(BLOCKS)}, fermés chacun par « ::: »"
_SLOT = re.compile(r"\{\{\s*([a-z0-9_.-]+)\s*\}\}")
_ANY_SLOT = re.compile(r"\{\{.*?(?:\}\}|$)|\{%.*?(?:%\}|$)")  # one that is not closed, too
_TASK = re.compile(r"^\[[ xX]\]\s+")
_STRAY_FENCE = re.compile(r"^:::+")


def parse(text: str, *, language: str = "fr") -> Document:
    """Read an author's Markdown. Never raises: what is not understood is listed in `oddities`.

    Lines are counted from 1 at the beginning of `text`.
    """
    reader = _Reader(language)
    nested, unclosed = _nest(text)
    for line in unclosed:
        reader.odd(line, "bloc jamais fermé", "terminez-le par une ligne « ::: »")
    environment: dict[str, Any] = {}
    tokens = _PARSER.parse(nested, environment)
    for label, found in environment.get("references", {}).items():
        if text.casefold().count(f"[{label.casefold()}]") < 2:
            reader.odd(found["map"][0] + 1, f"« [{label}]: » ne se verra pas", "écrivez-le sans crochets")
    return Document(_blocks(_Cursor(tokens), reader), tuple(reader.oddities))


_FENCE = re.compile(r"^:::+[ \t]*(.*)$")
_CODE_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_DEEPEST = 8


def _nest(text: str) -> tuple[str, list[int]]:
    """Give outer blocks longer fences than those inside, as the container plugin needs them to nest.

    Also tells the lines of the blocks that are never closed.
    """
    lines, still_open, in_code = text.split("\n"), list[int](), False
    for number, line in enumerate(lines):
        in_code ^= bool(_CODE_FENCE.match(line))
        fence = None if in_code else _FENCE.match(line.rstrip())
        if fence is None:
            continue
        if fence[1]:
            still_open.append(number + 1)
        depth = len(still_open)
        if 0 < depth <= _DEEPEST:
            lines[number] = ":" * (3 + _DEEPEST - depth) + fence[1]
        if not fence[1] and still_open:
            still_open.pop()
    return "\n".join(lines), still_open


@dataclass
class _Cursor:
    """The tokens that are left."""

    tokens: list[Token]
    position: int = 0

    def take(self) -> Token | None:
        if self.position >= len(self.tokens):
            return None
        self.position += 1
        return self.tokens[self.position - 1]

    def inside(self, opening: Token) -> "_Cursor":
        """The tokens up to the one that closes `opening`; moves past it."""
        depth, start = 1, self.position
        closing = opening.type.removesuffix("_open") + "_close"
        while depth:
            token = self.tokens[self.position]
            depth += (token.type == opening.type) - (token.type == closing)
            self.position += 1
        return _Cursor(self.tokens[start : self.position - 1])


def _blocks(cursor: _Cursor, reader: _Reader) -> tuple[Block, ...]:
    found: list[Block] = []
    while (token := cursor.take()) is not None:
        block = _block(token, cursor, reader)
        if block is not None:
            found.append(block)
    return tuple(found)


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0


def _block(token: Token, cursor: _Cursor, reader: _Reader) -> Block | None:
    line = _line(token)
    match token.type:
        case "heading_open":
            return Heading(int(token.tag[1]), _inline_of(cursor.inside(token), reader), line)
        case "paragraph_open":
            return _paragraph(cursor.inside(token), line, reader)
        case "bullet_list_open" | "ordered_list_open":
            return _list(token, cursor.inside(token), reader)
        case "blockquote_open":
            return Quote(_blocks(cursor.inside(token), reader), line)
        case "hr":
            return Rule(line)
        case "fence" | "code_block":
            return CodeBlock(token.content.rstrip("\n"), line)
        case _ if token.type.startswith("container_"):
            return _container(token, cursor.inside(token), reader)
    reader.odd(line, f"« {token.type} » n'est pas compris ici", "écrivez-le en texte simple")
    return None


def _inline_of(cursor: _Cursor, reader: _Reader) -> Inline:
    token = cursor.take()
    if token is None:
        return ()
    return _inlines(token.children or [], _line(token), reader)


def _paragraph(cursor: _Cursor, line: int, reader: _Reader) -> Block | None:
    token = cursor.take()
    children = (token.children or []) if token else []
    if token and _STRAY_FENCE.match(token.content):
        reader.odd(line, "« ::: » sans bloc ouvert", _BLOCK_NAMES)
        return None
    if len(children) == 1 and children[0].type == "image":
        return _image(children[0], line)
    return Paragraph(_inlines(children, line, reader), line)


def _image(token: Token, line: int) -> Image:
    return Image(unquote(str(token.attrs["src"])), token.content, str(token.attrs.get("title", "")), line)


def _list(token: Token, cursor: _Cursor, reader: _Reader) -> Block:
    line = _line(token)
    items: list[tuple[Block, ...]] = []
    while (item := cursor.take()) is not None:
        items.append(_blocks(cursor.inside(item), reader))
    tasks = [_task(item) for item in items]
    if all(task is not None for task in tasks):
        return Checklist(tuple(task for task in tasks if task is not None), line)
    start = int(token.attrs.get("start", 1))
    return ListBlock(token.type == "ordered_list_open", tuple(items), start, line)


def _task(item: tuple[Block, ...]) -> Inline | None:
    if len(item) != 1 or not isinstance(item[0], Paragraph) or not item[0].inline:
        return None
    first, *rest = item[0].inline
    if not isinstance(first, Text) or not _TASK.match(first.text):
        return None
    return (Text(_TASK.sub("", first.text), first.line), *rest)


def _container(token: Token, cursor: _Cursor, reader: _Reader) -> Block | None:
    name, _, argument = token.info.strip().partition(" ")
    argument, line = argument.strip(), _line(token)
    blocks = _blocks(cursor, reader)
    match name:
        case "encadre" | "attention":
            _refuse_nesting(blocks, reader, allowed=False)
            return Callout(
                "attention" if name == "attention" else "encadre", reader.typeset(argument), blocks, line
            )
        case "chiffre":
            value, _, source = argument.partition("|")
            if not value.strip() or not source.strip():
                reader.odd(line, "chiffre sans valeur ou sans source", "écrivez « :::chiffre 26 % | source »")
            return KeyFigure(
                reader.typeset(value.strip()), source.strip(), _only(blocks, name, line, reader), line
            )
        case "bouton":
            if not argument:
                reader.odd(line, "bouton sans lien", "écrivez « :::bouton activite:cle » ou une adresse")
            return Button(argument, _only(blocks, name, line, reader), line)
        case "question":
            if not argument:
                reader.odd(line, "question sans activité", "écrivez « :::question cle-de-l-activite »")
            if blocks:
                reader.odd(line, "texte dans une question", "mettez-le avant « :::question »")
            return Question(argument, line)
        case "si":
            if not argument:
                reader.odd(line, "bloc « si » sans condition", "écrivez « :::si learner.size >= 50 »")
            _refuse_nesting(blocks, reader, allowed=True)
            return If(argument, blocks, line)
    reader.odd(line, f"bloc « {name} » inconnu", _BLOCK_NAMES)
    return None


def _refuse_nesting(blocks: tuple[Block, ...], reader: _Reader, *, allowed: bool) -> None:
    """Blocks hold no blocks; `si` holds all but another `si`."""
    refused = (If,) if allowed else (If, Callout, KeyFigure, Button, Question)
    for block in blocks:
        if isinstance(block, refused):
            reader.odd(block.line, "bloc à l'intérieur d'un bloc", "fermez le premier par « ::: » avant")


def _only(blocks: tuple[Block, ...], name: str, line: int, reader: _Reader) -> Inline:
    if len(blocks) == 1 and isinstance(blocks[0], Paragraph):
        return blocks[0].inline
    reader.odd(
        line, f"le bloc « {name} » attend un seul paragraphe", "gardez un paragraphe et fermez « ::: »"
    )
    return ()


def _inlines(tokens: list[Token], line: int, reader: _Reader) -> Inline:
    reader.line = line
    return tuple(_inline(_Cursor(tokens), reader))


def _inline(
    cursor: _Cursor, reader: _Reader
) -> Iterator[Text | Strong | Emphasis | Code | Link | Break | Slot]:
    while (token := cursor.take()) is not None:
        match token.type:
            case "text" | "text_special":
                yield from _text(token.content, reader)
            case "softbreak":
                yield Text(" ", reader.line)
                reader.line += 1
            case "hardbreak":
                yield Break()
                reader.line += 1
            case "code_inline":
                yield Code(token.content)
            case "strong_open":
                yield Strong(tuple(_inline(cursor.inside(token), reader)))
            case "em_open":
                yield Emphasis(tuple(_inline(cursor.inside(token), reader)))
            case "link_open":
                line = reader.line
                inside = tuple(_inline(cursor.inside(token), reader))
                if not plain(inside).strip():
                    reader.odd(line, "lien sans texte", "écrivez [ce que l'on y trouve](adresse)")
                if token.attrs.get("title"):
                    reader.odd(line, "titre de lien, que personne ne verra", "mettez-le dans le texte")
                yield Link(inside, str(token.attrs["href"]), line)
            case "image":
                reader.odd(
                    reader.line, "image dans un paragraphe", "mettez-la seule, entre deux lignes vides"
                )
            case _:
                reader.odd(
                    reader.line, f"« {token.type} » n'est pas compris ici", "écrivez-le en texte simple"
                )


def _text(text: str, reader: _Reader) -> Iterator[Text | Slot]:
    line, text = reader.line, reader.typeset(text)
    end = 0
    for found in _ANY_SLOT.finditer(text):
        if found.start() > end:
            yield Text(text[end : found.start()], line)
        end = found.end()
        slot = _SLOT.fullmatch(found[0])
        if slot:
            yield Slot(slot[1], line)
        else:
            reader.odd(
                line, f"« {found[0]} » n'est pas un emplacement", "écrivez « {{ learner.first_name }} »"
            )
    if end < len(text):
        yield Text(text[end:], line)
