"""The screens of an activity, one question or one section each, as the fields that templates draw."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any

from engine.core import answers as answering
from engine.core import asking, charter, errors, scoring, views, words
from engine.core.course import grammar

SPARE_ROWS = 3
"""Empty rows offered beneath those of a table that are filled in."""


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Cell:
    name: str
    label: str
    """What a screen reader says of it: row and column."""
    value: str
    fixed: str = ""
    """The words that stand there when nobody may change it."""


@dataclass(frozen=True)
class Field:
    """One question. `type`: radio, check, number, line, text, order, table or matrix."""

    name: str
    type: str
    label: str
    hint: str = ""
    options: Sequence[Option] = ()
    value: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[tuple[str, Sequence[Cell]]] = ()
    problem: str = ""
    required: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Screen:
    step: str
    title: str
    """Of a charter's section; "" where the question itself is the title."""
    intro: str
    part: str
    """The axis that a question belongs to; "" when there is none."""
    number: int
    """From 1."""
    count: int
    fields: Sequence[Field]
    previous: str | None
    following: str | None


def screen(
    played: views.Played,
    step: str,
    *,
    chosen: str = "",
    typed: answering.Typed | None = None,
    problems: Mapping[str, str] | None = None,
) -> Screen:
    """One screen, filled in with what was answered; `chosen` is the answer that a link asked to preselect,
    `typed` what came back with `problems`. Raises `errors.NotFound`.
    """
    steps = answering.steps(played.activity)
    if step not in steps:
        raise errors.NotFound("Cette question n'existe pas dans ce questionnaire.")
    drawing = _Drawing(played, chosen, typed, problems or {})
    place = steps.index(step)
    title, intro, part, fields = drawing.screen(step)
    return Screen(
        step=step,
        title=title,
        intro=intro,
        part=part,
        number=place + 1,
        count=len(steps),
        fields=tuple(fields),
        previous=steps[place - 1] if place else None,
        following=steps[place + 1] if place + 1 < len(steps) else None,
    )


@dataclass(frozen=True)
class Line:
    """A step in the list of all: what was answered there."""

    step: str
    label: str
    answer: str
    """In words; "" when nothing was."""


def lines(played: views.Played) -> list[Line]:
    """Every question of a diagnostic or quiz, every section of a charter."""
    match played.activity:
        case grammar.Charter() as found:
            return [Line(each.key, words.typeset(each.title, played.language), "") for each in found.sections]
        case grammar.Diagnostic() | grammar.Quiz() as asked:
            return [
                Line(
                    each.key,
                    words.typeset(each.prompt, played.language),
                    asking.answer_words(each, played.answers.get(each.key), played.language),
                )
                for each in asked.questions
            ]
    return []


def right_words(question: grammar.QuizQuestion, language: str) -> str:
    """The right answer as a person reads it."""
    match question.type:
        case "single" | "multiple":
            right: Any = [choice.key for choice in question.choices if choice.correct]
        case "order":
            right = [choice.key for choice in question.choices]
        case _:
            right = question.answer
    return asking.answer_words(question, right, language)


def feedback(marked: scoring.Marked, language: str) -> list[str]:
    """What the author says of the answer given, then of the question."""
    given = marked.answer if isinstance(marked.answer, list) else [marked.answer]
    said = [choice.feedback for choice in marked.question.choices if choice.key in given]
    return [words.typeset(text, language) for text in (*said, marked.question.feedback) if text]


class _Drawing:
    """Fields of one activity for one learner."""

    def __init__(
        self,
        played: views.Played,
        chosen: str,
        typed: answering.Typed | None,
        problems: Mapping[str, str],
    ) -> None:
        self._played, self._typed, self._problems = played, typed, problems
        # A link names an answer to one question; a charter's screens have several.
        self._chosen = "" if isinstance(played.activity, grammar.Charter) else chosen
        self._answers, self._language = played.answers, played.language
        self._say = words.gettext(played.language)

    def _typeset(self, text: str) -> str:
        return words.typeset(text, self._language)

    def screen(self, step: str) -> tuple[str, str, str, list[Field]]:
        match self._played.activity:
            case grammar.Checkin() as checkin:
                return "", "", "", self._checkin(checkin)
            case grammar.Poll() as poll:
                return "", "", "", [self._poll(poll)]
            case grammar.Diagnostic() as diagnostic:
                question = next(each for each in diagnostic.questions if each.key == step)
                part = next((axis.title for axis in diagnostic.axes if axis.key == question.axis), "")
                return "", "", self._typeset(part), [self._described(question)]
            case grammar.Quiz() as quiz:
                return "", "", "", [self._quiz(next(each for each in quiz.questions if each.key == step))]
            case grammar.Charter() as found:
                section = next(each for each in found.sections if each.key == step)
                title, intro = self._typeset(section.title), self._typeset(section.intro)
                facts = charter.facts(self._played.key, self._answers, self._played.about)
                asked = answering.on_screen(section, facts)
                return title, intro, "", [self._charter(question) for question in asked]
        raise errors.NotFound("Cette activité n'a pas de questions.")

    def _field(self, name: str, type_: str, label: str, **more: Any) -> Field:
        return Field(name, type_, self._typeset(label), problem=self._problems.get(name, ""), **more)

    def _value(self, name: str, kept: str) -> str:
        """What was typed and came back; else what is kept."""
        return answering.clean(answering.first(self._typed, name)) if self._typed is not None else kept

    def _chosen_of(self, name: str, offered: Collection[str], kept: object) -> str:
        """The key that is chosen: by the form that came back, by the link, or kept."""
        if self._typed is not None:
            return answering.first(self._typed, name)
        return self._chosen if self._chosen in offered else str(kept)

    def _radio(
        self, name: str, label: str, pairs: Sequence[tuple[str, str]], kept: object, **more: Any
    ) -> Field:
        chosen = self._chosen_of(name, [key for key, _ in pairs], kept)
        options = [Option(key, text, key == chosen) for key, text in pairs]
        return self._field(name, "radio", label, options=options, **more)

    def _choices(self, choices: Sequence[grammar.Option]) -> list[tuple[str, str]]:
        return [(choice.key, self._typeset(choice.label)) for choice in choices]

    def _checkin(self, checkin: grammar.Checkin) -> list[Field]:
        asked = asking.ask(checkin, self._language)
        labels = [choice.label for choice in asked.choices]
        pairs = list(zip(answering.DONE, labels, strict=True))
        minutes = self._answers.get("minutes")
        return [
            self._radio("status", checkin.prompt, pairs, self._answers.get("status")),
            self._field(
                "minutes",
                "number",
                self._say("Combien de minutes y avez-vous passées ?"),
                value=self._value("minutes", "" if minutes is None else str(minutes)),
            ),
            self._field(
                "text",
                "text",
                self._say("Un mot sur ce que vous avez fait, ou sur ce qui a coincé"),
                value=self._value("text", self._answers.get("text", "")),
            ),
        ]

    def _poll(self, poll: grammar.Poll) -> Field:
        pairs = [(str(mark), asking.mark_words(poll, mark, self._language)) for mark in asking.scale(poll)]
        return self._radio("value", poll.prompt, pairs, self._answers.get("value"))

    def _described(self, question: grammar.DiagnosticQuestion) -> Field:
        pairs = self._choices(question.choices)
        if question.unknown:
            pairs.append((grammar.UNKNOWN, self._say("Je ne sais pas")))
        return self._radio(question.key, question.prompt, pairs, self._answers.get(question.key))

    def _quiz(self, question: grammar.QuizQuestion) -> Field:
        kept, pairs = self._answers.get(question.key), self._choices(question.choices)
        match question.type:
            case "single":
                return self._radio(question.key, question.prompt, pairs, kept)
            case "true_false":
                pairs = [("true", self._say("Vrai")), ("false", self._say("Faux"))]
                chosen = None if kept is None else str(kept).lower()
                return self._radio(question.key, question.prompt, pairs, chosen)
            case "multiple":
                hint = self._say("Plusieurs réponses possibles.")
                return self._check(question.key, question.prompt, pairs, kept, hint=hint)
            case "number":
                value = "" if kept is None else asking.number_words(kept, self._language)
                value = self._value(question.key, value)
                return self._field(question.key, "number", question.prompt, value=value, unit=question.unit)
            case "order":
                return self._order(question, kept)

    def _check(
        self, name: str, label: str, pairs: Sequence[tuple[str, str]], kept: Any, **more: Any
    ) -> Field:
        chosen = set(self._typed.get(name, ()) if self._typed is not None else kept or ())
        options = [Option(key, text, key in chosen) for key, text in pairs]
        return self._field(name, "check", label, options=options, **more)

    def _order(self, question: grammar.QuizQuestion, kept: Any) -> Field:
        """Each choice with its rank; shown in an order of its own that tells nothing."""
        ranks = {key: str(rank) for rank, key in enumerate(kept or (), 1)}
        shuffled = sorted(question.choices, key=lambda each: blake2s(each.key.encode()).digest())
        cells = [
            Cell(
                f"{question.key}-{each.key}",
                self._typeset(each.label),
                self._value(f"{question.key}-{each.key}", ranks.get(each.key, "")),
            )
            for each in shuffled
        ]
        hint = self._say("Donnez à chaque ligne son rang, 1 pour la première.")
        return self._field(question.key, "order", question.prompt, hint=hint, rows=[("", cells)])

    def _charter(self, question: grammar.CharterQuestion) -> Field:
        kept, hint = self._answers.get(question.key), self._typeset(question.help)
        more = {"hint": hint, "required": question.required}
        name, prompt = question.key, question.prompt
        match question.type:
            case "text":
                return self._field(name, "text", prompt, value=self._value(name, str(kept or "")), **more)
            case "number":
                value = self._value(name, "" if kept is None else str(kept))
                return self._field(name, "number", prompt, value=value, **more)
            case "yes_no":
                pairs = [("true", self._say("Oui")), ("false", self._say("Non"))]
                return self._radio(name, prompt, pairs, None if kept is None else str(kept).lower(), **more)
            case "choice":
                return self._radio(name, prompt, self._choices(question.choices), kept, **more)
            case "choices":
                return self._check(name, prompt, self._choices(question.choices), kept, **more)
            case "table":
                return self._table(question, kept or [], hint)
            case "matrix":
                return self._matrix(question, kept or {}, hint)

    def _table(self, question: grammar.CharterQuestion, kept: Sequence[Sequence[str]], hint: str) -> Field:
        labels = [self._typeset(column.label) for column in question.columns]
        rows = []
        for index in range(self._row_count(question, len(kept))):
            cells = []
            for place, column in enumerate(question.columns):
                name = f"{question.key}-{index}-{column.key}"
                value = kept[index][place] if index < len(kept) and place < len(kept[index]) else ""
                label = f"{labels[place]}, {self._say('ligne')} {index + 1}"
                cells.append(Cell(name, label, self._value(name, value)))
            rows.append((str(index + 1), cells))
        return self._field(question.key, "table", question.prompt, hint=hint, columns=labels, rows=rows)

    def _row_count(self, question: grammar.CharterQuestion, kept: int) -> int:
        """Some empty rows beneath what is kept, and every row that was typed."""
        typed = [
            index
            for index in range(answering.MOST_ROWS)
            if any(self._value(f"{question.key}-{index}-{column.key}", "") for column in question.columns)
        ]
        return min(max([kept + SPARE_ROWS, *(index + 1 for index in typed)]), answering.MOST_ROWS)

    def _matrix(self, question: grammar.CharterQuestion, kept: Mapping[str, str], hint: str) -> Field:
        facts = charter.facts(self._played.key, self._answers, self._played.about)
        found = charter.cells(question, kept, facts)
        said = dict(self._choices(question.choices))
        columns = [self._typeset(column.label) for column in question.columns]
        rows = []
        for row in question.rows:
            label, cells = self._typeset(row.label), []
            for column, heading in zip(question.columns, columns, strict=True):
                value, fixed = found[row.key, column.key]
                name = f"{question.key}-{row.key}-{column.key}"
                words_of = said.get(value, "") if fixed else ""
                cells.append(Cell(name, f"{label}, {heading}", self._value(name, value), words_of))
            rows.append((label, cells))
        options = [Option(key, text, False) for key, text in said.items()]
        return self._field(
            question.key, "matrix", question.prompt, hint=hint, columns=columns, rows=rows, options=options
        )
