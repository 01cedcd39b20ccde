"""What a person typed or ticked on an activity's page, read by the rules of its questions.

`typed` is a posted form: the values of each field, in order. Nothing here is recorded; what cannot be used
raises `errors.Invalid` by field, in French (the pages translate it).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from engine.core import errors
from engine.core.course import conditions, grammar

Typed = Mapping[str, Sequence[str]]
LONGEST_LINE, LONGEST_TEXT = 300, 5000
MOST_ROWS = 30
_KEPT_CONTROLS = "\n\t"
DONE = ("done", "later", "no")
"""The answers to a check-in: done, later, not for us."""


def steps(activity: grammar.Activity) -> tuple[str, ...]:
    """The screens of an activity: a question each, a section of a charter each; else one, "".

    An agreement has none: it is given or not.
    """
    match activity:
        case grammar.Diagnostic() | grammar.Quiz():
            return tuple(question.key for question in activity.questions)
        case grammar.Charter():
            return tuple(section.key for section in activity.sections)
        case grammar.Agreement():
            return ()
    return ("",)


def read(activity: grammar.Activity, step: str, typed: Typed, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers that one screen gives. `answers`: those given before.

    Raises `errors.Invalid` by field, `errors.NotFound` for a screen that is not there.
    """
    if step not in steps(activity):
        raise errors.NotFound("Cette question n'existe pas dans ce questionnaire.")
    match activity:
        case grammar.Checkin():
            return _checkin(typed)
        case grammar.Poll():
            return {"value": _scale(activity, typed)}
        case grammar.Diagnostic():
            question = next(each for each in activity.questions if each.key == step)
            keys = [choice.key for choice in question.choices]
            return {step: _one_of([*keys, grammar.UNKNOWN] if question.unknown else keys, step, typed)}
        case grammar.Quiz():
            return {step: _quiz(next(each for each in activity.questions if each.key == step), typed)}
        case grammar.Charter():
            section = next(each for each in activity.sections if each.key == step)
            return _section(section, typed)
    raise errors.NotFound("Cette activité n'a pas de questions.")


def first(typed: Typed, name: str) -> str:
    """The first value of a field, trimmed; "" when there is none."""
    return next(iter(typed.get(name, ())), "").strip()


def text(field: str, value: str, longest: int) -> str:
    """What a person wrote, in NFC and without control characters. Raises `errors.Invalid`."""
    kept = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    kept = "".join(
        each
        for each in kept
        if each in _KEPT_CONTROLS or unicodedata.category(each) not in ("Cc", "Cs", "Co", "Cn")
    )
    if len(kept) > longest:
        raise errors.Invalid({field: "Ce texte est trop long : raccourcissez-le."})
    return kept


def number(field: str, value: str) -> float:
    """A number as a French or an English keyboard writes it. Raises `errors.Invalid`."""
    plain = re.sub(r"[\s\u00a0\u202f]", "", value).replace(",", ".")
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,6})?", plain):
        raise errors.Invalid({field: "Écrivez un nombre, par exemple 12 ou 2,5."})
    return float(plain)


def _whole(field: str, value: str, most: int) -> int:
    found = number(field, value)
    if found != int(found) or not 0 <= found <= most:
        raise errors.Invalid({field: "Écrivez un nombre entier, par exemple 15."})
    return int(found)


def _one_of(keys: Sequence[str], field: str, typed: Typed) -> str:
    given = first(typed, field)
    if given not in keys:
        raise errors.Invalid({field: "Choisissez une réponse."})
    return given


def _some_of(keys: Sequence[str], field: str, typed: Typed) -> list[str]:
    given = set(typed.get(field, ()))
    if not given <= set(keys):
        raise errors.Invalid({field: "Choisissez parmi les réponses proposées."})
    return [key for key in keys if key in given]


def _checkin(typed: Typed) -> dict[str, Any]:
    status = _one_of(DONE, "status", typed)
    minutes = first(typed, "minutes")
    return {
        "done": status == "done",
        "status": status,
        "minutes": _whole("minutes", minutes, 1440) if minutes else None,
        "text": text("text", first(typed, "text"), LONGEST_TEXT),
    }


def _scale(poll: grammar.Poll, typed: Typed) -> int:
    return int(_one_of([str(mark) for mark in range(1, poll.scale + 1)], "value", typed))


def _quiz(question: grammar.QuizQuestion, typed: Typed) -> Any:
    keys, field = [choice.key for choice in question.choices], question.key
    match question.type:
        case "single":
            return _one_of(keys, field, typed)
        case "true_false":
            return _one_of(("true", "false"), field, typed) == "true"
        case "multiple":
            chosen = _some_of(keys, field, typed)
            if not chosen:
                raise errors.Invalid({field: "Cochez au moins une réponse."})
            return chosen
        case "number":
            return number(field, first(typed, field))
        case "order":
            return _order(keys, field, typed)


def _order(keys: Sequence[str], field: str, typed: Typed) -> list[str]:
    """Each choice has a field of its own that holds its rank."""
    ranks = {key: first(typed, f"{field}-{key}") for key in keys}
    if sorted(ranks.values()) != sorted(str(rank) for rank in range(1, len(keys) + 1)):
        raise errors.Invalid({field: "Donnez à chaque ligne un rang différent."})
    return sorted(keys, key=lambda key: int(ranks[key]))


def _section(section: grammar.CharterSection, typed: Typed) -> dict[str, Any]:
    """Every question of a charter's section; the problems of all of them at once."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for question in section.questions:
        try:
            found[question.key] = _charter(question, typed)
        except errors.Invalid as invalid:
            problems |= invalid.problems
    if problems:
        raise errors.Invalid(problems)
    return found


def _charter(question: grammar.CharterQuestion, typed: Typed) -> Any:
    """The answer to one question; None when it was left empty."""
    field, keys = question.key, [choice.key for choice in question.choices]
    given = first(typed, field)
    match question.type:
        case "text":
            return text(field, given, LONGEST_TEXT) or None
        case "number":
            return _whole(field, given, 1_000_000) if given else None
        case "yes_no":
            return {"true": True, "false": False}.get(given)
        case "choice":
            return _one_of(keys, field, typed) if given else None
        case "choices":
            return _some_of(keys, field, typed)
        case "table":
            return _table(question, typed)
        case "matrix":
            return {
                f"{row.key}/{column.key}": value
                for row in question.rows
                for column in question.columns
                if (value := first(typed, f"{field}-{row.key}-{column.key}")) in keys
            }


def _table(question: grammar.CharterQuestion, typed: Typed) -> list[list[str]]:
    """The rows that hold something; a cell is a field `<question>-<row>-<column>`."""
    rows = []
    for index in range(MOST_ROWS):
        fields = [f"{question.key}-{index}-{column.key}" for column in question.columns]
        cells = [text(field, first(typed, field), LONGEST_LINE) for field in fields]
        if any(cells):
            rows.append(cells)
    return rows


def missing(
    activity: grammar.Activity, answers: Mapping[str, Any], facts: Mapping[str, Any]
) -> tuple[str, ...]:
    """The questions that must be answered before handing in, in order. `facts`: see `conditions.compile`."""
    match activity:
        case grammar.Diagnostic() | grammar.Quiz():
            return tuple(question.key for question in activity.questions if answers.get(question.key) is None)
        case grammar.Charter():
            return tuple(
                question.key
                for question in activity.questions
                if question.required and asked(question.when, facts) and answers.get(question.key) is None
            )
        case grammar.Poll():
            return () if "value" in answers else ("value",)
    return ()


def asked(condition: str | None, facts: Mapping[str, Any]) -> bool:
    """Whether a question or a passage with this `when` is for this person."""
    return condition is None or conditions.compile(condition)(facts)
