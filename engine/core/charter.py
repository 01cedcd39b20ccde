"""A company's charter: the author's articles and the company's answers, written out for every medium.

What comes out is plain paragraphs, lists and tables: the page, the PDF and the Word file draw the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core import answers as answering
from engine.core import words
from engine.core.course import grammar, markup

_WORDS = {
    "fr": {"yes": "Oui", "no": "Non", "open": "[à compléter]", "company": "L'entreprise"},
    "en": {"yes": "Yes", "no": "No", "open": "[to be completed]", "company": "The company"},
}


@dataclass(frozen=True)
class Run:
    """Words in one style."""

    text: str
    strong: bool = False
    emphasis: bool = False


Line = tuple[Run, ...]


@dataclass(frozen=True)
class Paragraph:
    line: Line


@dataclass(frozen=True)
class Bullets:
    items: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Passage = Paragraph | Bullets | Table


@dataclass(frozen=True)
class Article:
    number: int
    key: str
    title: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Signature:
    name: str
    at: datetime


@dataclass(frozen=True)
class Written:
    """A charter as it is printed."""

    title: str
    company: str
    language: str
    articles: tuple[Article, ...]
    note: str
    version: int = 0
    """From 1; 0: a draft that nobody has adopted."""
    adopted_at: datetime | None = None
    signatures: tuple[Signature, ...] = ()


def write(
    charter: grammar.Charter,
    key: str,
    answers: Mapping[str, Any],
    learner: Mapping[str, Any],
    *,
    language: str,
) -> Written:
    """The charter that `answers` make. What is not answered yet is marked as such in its place."""
    writer = _Writer(charter, key, answers, learner, language)
    return Written(
        title=writer.typeset(charter.document),
        company=writer.company,
        language=language,
        articles=tuple(writer.articles()),
        note=writer.typeset(charter.note),
    )


def facts(key: str, answers: Mapping[str, Any], learner: Mapping[str, Any]) -> dict[str, Any]:
    """What the conditions of a charter may ask."""
    return {"learner": learner, "answers": {key: dict(answers)}, "score": {}}


def cells(
    question: grammar.CharterQuestion, given: Mapping[str, str], facts: Mapping[str, Any]
) -> dict[tuple[str, str], tuple[str, bool]]:
    """By row and column of a matrix: the choice that counts ("" when open), and whether it is fixed."""
    fixed = {
        (each.row, each.column): each.choice for each in question.fixed if answering.asked(each.when, facts)
    }
    return {
        (row.key, column.key): (
            fixed.get((row.key, column.key), given.get(f"{row.key}/{column.key}", "")),
            (row.key, column.key) in fixed,
        )
        for row in question.rows
        for column in question.columns
    }


def proposed(
    charter: grammar.Charter, answers: Mapping[str, Any], learner: Mapping[str, Any]
) -> dict[str, Any]:
    """`answers`, with what the author proposes where nothing was said yet."""
    found = {
        question.key: _as_answer(question) for question in charter.questions if question.default is not None
    }
    if charter.company and learner.get("company"):
        found[charter.company] = learner["company"]
    return found | dict(answers)


def _as_answer(question: grammar.CharterQuestion) -> Any:
    """The author's default, in the form that answers have."""
    if question.type == "matrix" and isinstance(question.default, tuple):
        return {
            f"{row.key}/{column.key}": choice
            for row, choices in zip(question.rows, question.default, strict=False)
            for column, choice in zip(question.columns, choices, strict=False)
        }
    if isinstance(question.default, tuple):
        return [list(each) if isinstance(each, tuple) else each for each in question.default]
    return question.default


def passages(document: markup.Document, slot: Callable[[str], str]) -> Iterator[Passage]:
    """An author's Markdown as it is printed; `slot` tells what stands in a slot of that name."""
    for block in document.blocks:
        match block:
            case markup.ListBlock():
                yield Bullets(tuple(_item(item, slot) for item in block.items))
            case markup.Checklist():
                yield Bullets(tuple(tuple(_runs(item, slot)) for item in block.items))
            case _:
                if line := tuple(_runs(markup.inlines(block), slot)):
                    yield Paragraph(line)


def _item(blocks: tuple[markup.Block, ...], slot: Callable[[str], str]) -> Line:
    return tuple(run for block in blocks for run in _runs(markup.inlines(block), slot))


def _runs(
    inline: markup.Inline, slot: Callable[[str], str], *, strong: bool = False, emphasis: bool = False
) -> Iterator[Run]:
    for piece in inline:
        match piece:
            case markup.Text() | markup.Code():
                yield Run(piece.text, strong, emphasis)
            case markup.Strong():
                yield from _runs(piece.inline, slot, strong=True, emphasis=emphasis)
            case markup.Emphasis():
                yield from _runs(piece.inline, slot, strong=strong, emphasis=True)
            case markup.Link():
                yield from _runs(piece.inline, slot, strong=strong, emphasis=emphasis)
            case markup.Break():
                yield Run("\n", strong, emphasis)
            case markup.Slot():
                yield Run(slot(piece.name), strong, emphasis)


class _Writer:
    def __init__(
        self,
        charter: grammar.Charter,
        key: str,
        answers: Mapping[str, Any],
        learner: Mapping[str, Any],
        language: str,
    ) -> None:
        self._charter, self._answers, self._language = charter, answers, language
        self.company = str(answers.get(charter.company or "") or learner.get("company") or "")
        self._questions = {question.key: question for question in charter.questions}
        self._facts = facts(key, answers, learner)
        self._words = _WORDS[language]

    def typeset(self, text: str) -> str:
        return words.typeset(text, self._language)

    def articles(self) -> Iterator[Article]:
        number = 0
        for article in self._charter.articles:
            if not answering.asked(article.when, self._facts):
                continue
            passages = tuple(
                passage
                for part in article.parts
                if answering.asked(part.when, self._facts)
                for passage in self._part(part)
            )
            if passages:
                number += 1
                yield Article(number, article.key, self.typeset(article.title), passages)

    def _part(self, part: grammar.Part) -> Iterator[Passage]:
        if part.text is not None:
            yield from passages(markup.parse(part.text, language=self._language), self._slot)
        elif part.answer in self._questions:
            question = self._questions[part.answer]
            if answering.asked(question.when, self._facts):
                yield self._answer(question, self._answers.get(question.key))

    def _slot(self, name: str) -> str:
        if name == "learner.company":
            return self.company or self.typeset(self._words["company"])
        question = self._questions.get(name.removeprefix("answers."))
        return self._said(question, self._answers.get(question.key)) if question else self._words["open"]

    def _said(self, question: grammar.CharterQuestion, given: Any) -> str:
        """A text, number, yes or no, or choice, in words."""
        if given is None or given == "":
            return self._words["open"]
        if isinstance(given, bool):
            return self._words["yes" if given else "no"]
        if question.type == "choice":
            labels = {each.key: self.typeset(each.label) for each in question.choices}
            return labels.get(given, self._words["open"])
        return str(given)

    def _answer(self, question: grammar.CharterQuestion, given: Any) -> Passage:
        match question.type:
            case "choices" if given:
                return Bullets(
                    tuple((Run(self.typeset(each.label)),) for each in question.choices if each.key in given)
                )
            case "table" if given:
                head = tuple(self.typeset(column.label) for column in question.columns)
                # The author may have changed the columns since.
                return Table(head, tuple((*row, *[""] * len(head))[: len(head)] for row in given))
            case "matrix":
                return self._matrix(question, given or {})
        return Paragraph((Run(self._said(question, None if isinstance(given, list) else given)),))

    def _matrix(self, question: grammar.CharterQuestion, given: Mapping[str, str]) -> Table:
        labels = {choice.key: self.typeset(choice.label) for choice in question.choices}
        found = cells(question, given, self._facts)
        rows = tuple(
            (
                self.typeset(row.label),
                *(
                    labels.get(found[row.key, column.key][0], self._words["open"])
                    for column in question.columns
                ),
            )
            for row in question.rows
        )
        return Table(("", *(self.typeset(column.label) for column in question.columns)), rows)
