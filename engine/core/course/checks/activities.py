"""What can be wrong in an activity: keys written twice, no right answer, names that lead nowhere."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from engine.core.course import conditions, grammar, markup
from engine.core.course.checks.written import Written, condition, known
from engine.core.course.model import Activity
from engine.core.course.yamlfile import Problem

_At = tuple[str | int, ...]
_OWN = "demandez-le aussi dans cette activité, ou mettez la condition dans une leçon"
RESERVED = ("step", "go")
"""Fields that every form of an activity has beside its questions."""


class _File:
    """One activity's file: turns places in it into problems."""

    def __init__(self, key: str, activities: Mapping[str, Activity], written: Written) -> None:
        path = f"activities/{key}.yaml"
        self.path = path if path in written.files else f"activities/{key}.yml"
        self.key, self.activities, self.written = key, activities, written

    def problem(self, at: _At, cause: str, cure: str) -> Problem:
        return Problem(self.path, self.written.line(self.path, *at), cause, cure)

    def condition(self, text: str | None, *at: str | int) -> Iterator[Problem]:
        """One that asks the learner and this activity; the answers to others are not at hand here."""
        if not text:
            return
        line = self.written.line(self.path, *at)
        found = list(condition(text, self.activities, self.written, self.path, line))
        yield from found
        for name in () if found else sorted(conditions.names(text)):
            if not name.startswith(("learner.", f"answers.{self.key}.", f"score.{self.key}.")):
                yield self.problem(at, f"la condition nomme « {name} », d'une autre activité", _OWN)

    def other(self, key: str | None, kind: type[Activity], what: str, *at: str | int) -> Iterator[Problem]:
        """`key` must name an activity of that kind."""
        if key is None or isinstance(self.activities.get(key), kind):
            return
        if key in self.written.keys("activities/") and key not in self.activities:
            return  # it has problems of its own
        names = [each for each, activity in self.activities.items() if isinstance(activity, kind)]
        yield self.problem(at, f"{what} « {key} » inconnu", known(f"{what}s", names))

    def questions(self, keys: Sequence[str]) -> Iterator[Problem]:
        """The keys of questions, which are fields of a page's form."""
        yield from self.once("question", keys, "questions")
        for index, key in enumerate(keys):
            if key in RESERVED:
                yield self.reserved(key, "questions", index)

    def reserved(self, key: str, *at: str | int) -> Problem:
        return self.problem((*at, "key"), f"question « {key} », un nom réservé", "donnez-lui une autre clé")

    def once(self, what: str, keys: Iterable[str], *at: str | int) -> Iterator[Problem]:
        seen = set[str]()
        for index, key in enumerate(keys):
            if key in seen:
                yield self.problem(
                    (*at, index, "key"), f"{what} « {key} » écrite deux fois", "donnez-lui une autre clé"
                )
            seen.add(key)


def problems(
    key: str, activity: Activity, activities: Mapping[str, Activity], written: Written
) -> Iterator[Problem]:
    file = _File(key, activities, written)
    match activity:
        case grammar.Diagnostic() if activity.repeats is None:
            yield from _diagnostic(activity, file)
        case grammar.Diagnostic():
            yield from file.other(activity.repeats, grammar.Diagnostic, "diagnostic", "repeats")
            first = activities.get(activity.repeats or "")
            if isinstance(first, grammar.Diagnostic) and first.repeats is not None:
                cause = f"« {activity.repeats} » en répète déjà un autre"
                yield file.problem(("repeats",), cause, "nommez le diagnostic qui a les questions")
        case grammar.Quiz():
            yield from _quiz(activity, file)
        case grammar.Poll():
            yield from file.other(activity.compares, grammar.Poll, "sondage", "compares")
        case grammar.Charter():
            yield from _charter(activity, file)


def _diagnostic(activity: grammar.Diagnostic, file: _File) -> Iterator[Problem]:
    axes = [axis.key for axis in activity.axes]
    yield from file.once("axe", axes, "axes")
    if "total" in axes:
        cause = "axe « total », le nom du score entier"
        yield file.problem(("axes", axes.index("total")), cause, "donnez-lui un autre nom")
    yield from file.questions([each.key for each in activity.questions])
    for index, question in enumerate(activity.questions):
        at = ("questions", index)
        keys = [choice.key for choice in question.choices]
        yield from file.once("réponse", keys, *at, "choices")
        if grammar.UNKNOWN in keys:
            cause = f"réponse « {grammar.UNKNOWN} »"
            yield file.problem((*at, "choices"), cause, "ce nom est celui de « je ne sais pas »")
        if question.axis is not None and question.axis not in axes:
            cause = f"axe « {question.axis} » inconnu"
            yield file.problem((*at, "axis"), cause, known("axes", sorted(axes)))
        if question.axis is not None and not any(choice.points for choice in question.choices):
            cause = f"« {question.key} » ne rapporte aucun point"
            yield file.problem((*at, "choices"), cause, "donnez des « points », ou retirez « axis »")
    scored = {question.axis for question in activity.questions}
    for index, axis in enumerate(axes):
        if axis not in scored:
            yield file.problem(("axes", index), f"axe « {axis} » sans question", "ajoutez-en une")
    starts = [level.at for level in activity.levels]
    if starts != sorted(set(starts)) or starts[:1] != [0]:
        yield file.problem(("levels",), "niveaux en désordre", "le premier commence à 0, les autres montent")
    for index, alert in enumerate(activity.alerts):
        yield from file.condition(alert.when, "alerts", index, "when")
    yield from file.once("alerte", (each.key for each in activity.alerts), "alerts")
    for index, priority in enumerate(activity.priorities):
        yield from file.condition(priority.when, "priorities", index, "when")
        lessons = file.written.keys("lessons/")
        if priority.lesson and priority.lesson not in lessons:
            where = ("priorities", index, "lesson")
            yield file.problem(
                where, f"leçon « {priority.lesson} » inconnue", known("leçons", sorted(lessons))
            )
    yield from file.once("priorité", (each.key for each in activity.priorities), "priorities")


def _quiz(activity: grammar.Quiz, file: _File) -> Iterator[Problem]:
    yield from file.questions([each.key for each in activity.questions])
    for index, question in enumerate(activity.questions):
        yield from file.once(
            "réponse", (each.key for each in question.choices), "questions", index, "choices"
        )
        if cure := _unanswerable(question):
            cause = f"question « {question.key} » sans bonne réponse possible"
            yield file.problem(("questions", index), cause, cure)


def _unanswerable(question: grammar.QuizQuestion) -> str:
    """What a question lacks to have a right answer; "" when it has one."""
    right = sum(choice.correct for choice in question.choices)
    match question.type:
        case "single" if right != 1 or len(question.choices) < 2:
            return "marquez « correct: true » sur un choix et un seul, parmi deux au moins"
        case "multiple" if right == 0 or len(question.choices) < 2:
            return "marquez « correct: true » sur un choix au moins, parmi deux au moins"
        case "order" if len(question.choices) < 3:
            return "écrivez trois choix au moins, dans le bon ordre"
        case "true_false" if not isinstance(question.answer, bool):
            return "écrivez « answer: true » ou « answer: false »"
        case "number" if question.answer is None or isinstance(question.answer, bool):
            return "écrivez la réponse : « answer: 72 »"
    return ""


_NEEDS: Mapping[str, Sequence[str]] = {
    "choice": ("choices",),
    "choices": ("choices",),
    "table": ("columns",),
    "matrix": ("rows", "columns", "choices"),
}
_SLOT = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_WRITABLE = ("text", "number", "choice")


def _charter(activity: grammar.Charter, file: _File) -> Iterator[Problem]:
    yield from file.once("partie", (each.key for each in activity.sections), "sections")
    seen = set[str]()
    for number, section in enumerate(activity.sections):
        for index, question in enumerate(section.questions):
            at = ("sections", number, "questions", index)
            if question.key in seen:
                cause = f"question « {question.key} » écrite deux fois"
                yield file.problem((*at, "key"), cause, "donnez-lui une autre clé")
            if question.key in RESERVED:
                yield file.reserved(question.key, *at)
            seen.add(question.key)
            yield from file.condition(question.when, *at, "when")
            yield from _charter_question(question, file, at)
    questions = {question.key: question for question in activity.questions}
    if activity.company is not None and activity.company not in questions:
        cause = f"question « {activity.company} » inconnue"
        yield file.problem(("company",), cause, known("questions", questions))
    yield from file.once("article", (each.key for each in activity.articles), "articles")
    for number, article in enumerate(activity.articles):
        yield from file.condition(article.when, "articles", number, "when")
        for index, part in enumerate(article.parts):
            at = ("articles", number, "parts", index)
            yield from file.condition(part.when, *at, "when")
            if part.answer is not None and part.answer not in questions:
                cause = f"question « {part.answer} » inconnue"
                yield file.problem((*at, "answer"), cause, known("questions", questions))
            for slot in _SLOT.findall(part.text or ""):
                yield from _charter_slot(slot, questions, file, at)
            if not _printable(markup.parse(part.text or "").blocks):
                cause = f"un passage de « {article.key} » ne s'imprimerait pas en entier"
                cure = "écrivez des paragraphes et des listes simples, sans titre ni encadré"
                yield file.problem((*at, "text"), cause, cure)


def _charter_question(question: grammar.CharterQuestion, file: _File, at: _At) -> Iterator[Problem]:
    for name in _NEEDS.get(question.type, ()):
        options: Sequence[grammar.Option] = getattr(question, name)
        if not options:
            yield file.problem(at, f"question « {question.key} » sans « {name} »", "ajoutez-les")
        yield from file.once("réponse", (each.key for each in options), *at, name)
    if not _fits(question):
        cause = f"« default » de « {question.key} » ne convient pas à « {question.type} »"
        yield file.problem((*at, "default"), cause, _DEFAULTS[question.type])
    for index, fixed in enumerate(question.fixed):
        for name, key in (("rows", fixed.row), ("columns", fixed.column), ("choices", fixed.choice)):
            keys = [option.key for option in getattr(question, name)]
            if key not in keys:
                yield file.problem((*at, "fixed", index), f"« {key} » inconnu", known(name, keys))
        yield from file.condition(fixed.when, *at, "fixed", index, "when")


def _printable(blocks: Sequence[markup.Block]) -> bool:
    """Whether a charter can hold these blocks: paragraphs and lists of single lines."""
    for block in blocks:
        match block:
            case markup.Paragraph() | markup.Checklist():
                continue
            case markup.ListBlock(items=items):
                if all(len(item) == 1 and isinstance(item[0], markup.Paragraph) for item in items):
                    continue
        return False
    return True


_DEFAULTS: Mapping[str, str] = {
    "text": "écrivez un texte",
    "number": "écrivez un nombre entier",
    "yes_no": "écrivez true ou false",
    "choice": "écrivez la clé d'un choix",
    "choices": "écrivez une liste de clés de choix",
    "table": "écrivez une liste de lignes, une case par colonne",
    "matrix": "écrivez une ligne de clés de choix par rangée, une clé par colonne",
}


def _fits(question: grammar.CharterQuestion) -> bool:
    """Whether the proposed answer is one that this type of question can have."""
    found, keys = question.default, {choice.key for choice in question.choices}
    rows = found if isinstance(found, tuple) else ()
    match question.type:
        case _ if found is None:
            return True
        case "text":
            return isinstance(found, str)
        case "number":
            return isinstance(found, int) and not isinstance(found, bool)
        case "yes_no":
            return isinstance(found, bool)
        case "choice":
            return found in keys
        case "choices":
            return isinstance(found, tuple) and set(rows) <= keys
        case "table":
            fits = all(isinstance(row, tuple) and len(row) == len(question.columns) for row in rows)
            return isinstance(found, tuple) and fits
        case "matrix":
            return len(rows) == len(question.rows) and all(
                isinstance(row, tuple) and len(row) == len(question.columns) and set(row) <= keys
                for row in rows
            )


def _charter_slot(
    slot: str, questions: Mapping[str, grammar.CharterQuestion], file: _File, at: _At
) -> Iterator[Problem]:
    names = [f"answers.{key}" for key, question in questions.items() if question.type in _WRITABLE]
    if slot not in ("learner.company", *names):
        cause = f"emplacement « {slot} » inconnu"
        yield file.problem((*at, "text"), cause, known("emplacements", ("learner.company", *names)))
