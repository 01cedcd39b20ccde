"""What a person typed or ticked on an activity's page, read by the rules of its questions.

`typed` is a posted form: the values of each field, in order. Nothing here is recorded; what cannot be used
raises `errors.Invalid` by field, in French (the pages translate it).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.core import errors
from engine.core.course import conditions, grammar

Typed = Mapping[str, Sequence[str]]
LONGEST_LINE, LONGEST_TEXT = 300, 5000
MOST_ROWS = 30
# Controls, halves of pairs, private use (the marks in our mails are of these), and what XML cannot hold.
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\uf8ff\ufffe\uffff\U000f0000-\U0010ffff]")
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


def read(
    activity: grammar.Activity, step: str, typed: Typed, *, language: str, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The answers that one screen gives. `language`: the course's; `facts`: see `conditions.compile`.

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
            asked = next(each for each in activity.questions if each.key == step)
            return {step: _quiz(asked, typed, language)}
        case grammar.Charter():
            section = next(each for each in activity.sections if each.key == step)
            return _section(section, typed, facts)
    raise errors.NotFound("Cette activité n'a pas de questions.")


def first(typed: Typed, name: str) -> str:
    """The first value of a field, trimmed; "" when there is none."""
    return next(iter(typed.get(name, ())), "").strip()


def clean(value: str) -> str:
    """What a person wrote, in NFC and without what no page, mail or document can show."""
    plain = value.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _UNSHOWN.sub("", plain)).strip()


def text(field: str, value: str, longest: int) -> str:
    """What a person wrote, see `clean`. Raises `errors.Invalid`."""
    kept = clean(value)
    if len(kept) > longest:
        raise errors.Invalid({field: "Ce texte est trop long : raccourcissez-le."})
    return kept


_ENGLISH_GROUPS = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_FRENCH_GROUPS = re.compile(r"-?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")


def number(field: str, value: str, language: str) -> float:
    """A number as a French or an English keyboard writes it: 2,5 or 2.5, 1 234,5 or 1,234.5.

    "1,234" is a thousand and some in English, a little more than one in French. Raises `errors.Invalid`.
    """
    plain = re.sub(r"\s", "", value).replace("\u2212", "-")
    signs = plain.count(",") + plain.count(".")
    if _ENGLISH_GROUPS.fullmatch(plain) and (signs > 1 or language == "en"):
        plain = plain.replace(",", "")
    elif _FRENCH_GROUPS.fullmatch(plain) and signs > 1:
        plain = plain.replace(".", "")
    plain = plain.replace(",", ".")
    if not re.fullmatch(r"-?(\d{1,12}(\.\d{0,6})?|\.\d{1,6})", plain):
        raise errors.Invalid({field: "Écrivez un nombre, par exemple 12 ou 2,5."})
    return float(plain)


def _whole(field: str, value: str, most: int) -> int:
    plain = re.sub(r"\s", "", value)
    if re.fullmatch(r"[1-9]\d{0,2}([.,]\d{3})+", plain):
        plain = re.sub(r"[.,]", "", plain)  # a whole number has no decimals: these are thousands
    found = re.fullmatch(r"(\d{1,20})([.,]0*)?", plain)
    if found is None:
        raise errors.Invalid({field: "Écrivez un nombre entier, par exemple 15."})
    if int(found[1]) > most:
        raise errors.Invalid({field: "Ce nombre est trop grand : vérifiez-le."})
    return int(found[1])


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


def _quiz(question: grammar.QuizQuestion, typed: Typed, language: str) -> Any:
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
            return number(field, first(typed, field), language)
        case "order":
            return _order(keys, field, typed)


def _order(keys: Sequence[str], field: str, typed: Typed) -> list[str]:
    """Each choice has a field of its own that holds its rank."""
    ranks = {key: first(typed, f"{field}-{key}") for key in keys}
    if sorted(ranks.values()) != sorted(str(rank) for rank in range(1, len(keys) + 1)):
        raise errors.Invalid({field: "Donnez à chaque ligne un rang différent."})
    return sorted(keys, key=lambda key: int(ranks[key]))


def on_screen(section: grammar.CharterSection, facts: Mapping[str, Any]) -> Iterator[grammar.CharterQuestion]:
    """The questions of a section that this person is asked.

    What depends on an answer of this very screen is always among them: the answer may change here.
    """
    own = {f"answers.{key}.{question.key}" for key in facts["answers"] for question in section.questions}
    for question in section.questions:
        names = conditions.names(question.when) if question.when else frozenset()
        if own & names or asked(question.when, facts):
            yield question


def _section(section: grammar.CharterSection, typed: Typed, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The questions of a charter's section that were on the screen; the problems of all of them at once."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for question in on_screen(section, facts):
        if not _sent(question, typed):
            continue
        try:
            found[question.key] = _charter(question, typed)
        except errors.Invalid as invalid:
            problems |= invalid.problems
    if problems:
        raise errors.Invalid(problems)
    return found


def _sent(question: grammar.CharterQuestion, typed: Typed) -> bool:
    """Whether the form held this question; of boxes, a browser sends only those that are ticked."""
    if question.type in ("yes_no", "choice", "choices"):
        return True
    return any(name == question.key or name.startswith(f"{question.key}-") for name in typed)


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
            return _one_of(("true", "false"), field, typed) == "true" if given else None
        case "choice":
            return _one_of(keys, field, typed) if given else None
        case "choices":
            return _some_of(keys, field, typed)
        case "table":
            return _table(question, typed)
        case "matrix":
            return _matrix(question, keys, typed)


def _matrix(question: grammar.CharterQuestion, keys: Sequence[str], typed: Typed) -> dict[str, str]:
    """By `<row>/<column>`; a cell is a field `<question>-<row>-<column>`."""
    found = {
        f"{row.key}/{column.key}": first(typed, f"{question.key}-{row.key}-{column.key}")
        for row in question.rows
        for column in question.columns
    }
    if not {*found.values()} <= {"", *keys}:
        raise errors.Invalid({question.key: "Choisissez parmi les réponses proposées."})
    return {cell: choice for cell, choice in found.items() if choice}


def _table(question: grammar.CharterQuestion, typed: Typed) -> list[list[str]]:
    """The rows that hold something; a cell is a field `<question>-<row>-<column>`."""
    rows = []
    for index in range(MOST_ROWS):
        fields = [f"{question.key}-{index}-{column.key}" for column in question.columns]
        cells = [text(question.key, first(typed, field), LONGEST_LINE) for field in fields]
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
                if question.required and asked(question.when, facts) and _empty(answers.get(question.key))
            )
        case grammar.Checkin():
            return () if answers.get("status") in ("done", "no") else ("status",)
        case grammar.Poll():
            return () if "value" in answers else ("value",)
    return ()


def _empty(answer: Any) -> bool:
    """Whether nothing was said; "no" and 0 are something."""
    return answer is None or answer in ("", [], {})


def fitting(activity: grammar.Activity, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Of answers that were given under an earlier version of the activity, those that it can still have."""
    match activity:
        case grammar.Diagnostic() | grammar.Quiz() | grammar.Charter():
            questions = {question.key: question for question in activity.questions}
            return {
                key: given
                for key, given in answers.items()
                if key in questions and (given is None or fits(questions[key], given))
            }
    return dict(answers)


def fits(
    question: grammar.DiagnosticQuestion | grammar.QuizQuestion | grammar.CharterQuestion, given: Any
) -> bool:
    """Whether a question can have this answer."""
    keys = {choice.key for choice in question.choices}
    if isinstance(question, grammar.DiagnosticQuestion):
        return isinstance(given, str) and given in keys | {grammar.UNKNOWN}
    match question.type:
        case "text":
            return isinstance(given, str)
        case "number":
            return isinstance(given, int | float) and not isinstance(given, bool)
        case "true_false" | "yes_no":
            return isinstance(given, bool)
        case "single" | "choice":
            return isinstance(given, str) and given in keys
        case "order":
            return isinstance(given, list) and len(given) == len(keys) and all(key in given for key in keys)
        case "multiple" | "choices":
            return isinstance(given, list) and all(isinstance(key, str) and key in keys for key in given)
        case "table":
            return isinstance(given, list) and all(isinstance(row, list) for row in given)
        case "matrix":
            return isinstance(given, dict)


def asked(condition: str | None, facts: Mapping[str, Any]) -> bool:
    """Whether a question or a passage with this `when` is for this person."""
    return condition is None or conditions.compile(condition)(facts)
