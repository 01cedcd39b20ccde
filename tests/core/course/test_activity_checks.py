"""What an author is told about an activity that could not be played: where, why, and the cure."""

import pytest

from engine.core.course import grammar, reading
from engine.core.course.yamlfile import Problem
from tests.core.course.files import SLUG, mini

DIAGNOSTIC = """\
kind: diagnostic
title: Où en êtes-vous ?
axes: [{key: temps, title: Le temps}]
questions:
  - key: matin
    axis: temps
    prompt: Le matin ?
    choices: [{key: court, label: Trop court}, {key: long, label: Bien, points: 3}]
  - key: robot
    prompt: Un robot ?
    choices: [{key: oui, label: Oui}, {key: non, label: Non}]
levels:
  - {at: 0, title: Au départ, text: Tout est devant vous.}
  - {at: 50, title: En route, text: Continuez.}
alerts:
  - {key: robot, title: Un robot, text: Dites-le., when: answers.essai.robot == "oui"}
priorities:
  - {key: agenda, title: Un agenda, text: Écrivez., gain: 3, ease: 2, risk: 1, lesson: tenir}
"""
QUIZ = """\
kind: quiz
title: Trois questions
questions:
  - {key: seul, type: single, prompt: A, choices: [{key: a, label: A, correct: true}, {key: b, label: B}]}
  - {key: deux, type: multiple, prompt: B, choices: [{key: a, label: A, correct: true}, {key: b, label: B}]}
  - {key: vrai, type: true_false, prompt: C, answer: true}
  - {key: rang, type: order, prompt: D, choices: [{key: a, label: A}, {key: b, label: B}, {key: c, label: C}]}
  - {key: nombre, type: number, prompt: E, answer: 72, unit: heures}
"""
CHARTER = """\
kind: charter
title: Vos règles
document: Charte
sections:
  - key: qui
    title: Qui
    questions:
      - {key: nom, type: text, prompt: Qui décide}
      - {key: robot, type: yes_no, prompt: Un robot}
      - {key: outils, type: table, prompt: Vos outils, columns: [{key: nom, label: Outil}]}
      - key: cases
        type: matrix
        prompt: Vos données
        rows: [{key: secret, label: Secret}]
        columns: [{key: gratuit, label: Gratuit}]
        choices: [{key: oui, label: Oui}, {key: non, label: Non}]
        fixed: [{row: secret, column: gratuit, choice: non}]
articles:
  - key: roles
    title: Les rôles
    parts:
      - text: "{{ answers.nom }} décide."
      - {answer: outils}
      - {text: Le robot se présente., when: answers.essai.robot}
"""


def told(activity: str) -> list[Problem]:
    files = mini() | {"activities/essai.yaml": activity.encode()}
    return [problem for problem in reading.read(files, slug=SLUG).problems if "essai" in problem.path]


@pytest.mark.parametrize("activity", [DIAGNOSTIC, QUIZ, CHARTER])
def test_a_sound_activity_says_nothing(activity: str) -> None:
    assert not told(activity)


# activity, what is replaced, by what, the text on whose line the problem stands, words of the cause
MISTAKES = {
    "axis unknown": (DIAGNOSTIC, "axis: temps", "axis: argent", "axis: argent", "« argent » inconnu"),
    "axis without question": (DIAGNOSTIC, "    axis: temps\n", "", "axes:", "sans question"),
    "axis called total": (DIAGNOSTIC, "key: temps,", "key: total,", "axes:", "axe « total », le"),
    "no points": (DIAGNOSTIC, ", points: 3", "", "key: court", "aucun point"),
    "answer called unknown": (DIAGNOSTIC, "key: court", "key: unknown", "key: unknown", "« unknown »"),
    "levels out of order": (DIAGNOSTIC, "at: 50", "at: 0", "levels:", "désordre"),
    "no level at 0": (DIAGNOSTIC, "at: 0", "at: 10", "levels:", "désordre"),
    "alert about nothing": (DIAGNOSTIC, "essai.robot", "essai.chat", "when: answers", "essai.chat"),
    "alert about another activity": (DIAGNOSTIC, "essai.robot ==", "point.done ==", "when: answers",
                                     "d'une autre activité"),
    "question called step": (DIAGNOSTIC, "key: matin", "key: step", "key: step", "nom réservé"),
    "quiz question called go": (QUIZ, "key: vrai", "key: go", "key: go", "nom réservé"),
    "charter question called go": (CHARTER, "key: outils", "key: go", "key: go", "nom réservé"),
    "charter about another activity": (CHARTER, "answers.essai.robot", "answers.point.done", "point.done",
                                       "d'une autre activité"),
    "mark out of range": (DIAGNOSTIC, "gain: 3", "gain: 4", "gain: 4", "trop grand"),
    "lesson unknown": (DIAGNOSTIC, "lesson: tenir", "lesson: nuit", "lesson: nuit", "« nuit » inconnue"),
    "no levels": (DIAGNOSTIC, DIAGNOSTIC[DIAGNOSTIC.index("levels") :], "", "kind:", "« repeats »"),
    "two right of one": (QUIZ, "label: B}]}\n  - {key: deux", "label: B, correct: true}]}\n  - {key: deux",
                         "key: seul", "sans bonne réponse"),
    "none right": (QUIZ, "multiple, prompt: B, choices: [{key: a, label: A, correct: true}",
                   "multiple, prompt: B, choices: [{key: a, label: A}", "key: deux", "sans bonne réponse"),
    "true or false of a number": (QUIZ, "answer: true", "answer: 3", "key: vrai", "sans bonne réponse"),
    "order of two": (QUIZ, ", {key: c, label: C}", "", "key: rang", "sans bonne réponse"),
    "no number": (QUIZ, "answer: 72, ", "", "key: nombre", "sans bonne réponse"),
    "question twice": (QUIZ, "key: vrai", "key: rang", "key: rang, type: order", "deux fois"),
    "choice twice": (QUIZ, "{key: c, label: C}", "{key: a, label: C}", "key: rang", "deux fois"),
    "slot unknown": (CHARTER, "answers.nom }}", "answers.nez }}", "answers.nez", "answers.nez"),
    "slot of a table": (CHARTER, "answers.nom }}", "answers.outils }}", "answers.outils", "answers.outils"),
    "answer unknown": (CHARTER, "answer: outils", "answer: outil", "answer: outil", "« outil »"),
    "text lost in print": (CHARTER, '"{{ answers.nom }} décide."', '"> Cité."', '"> Cité."', "en entier"),
    "text and answer": (CHARTER, "{answer: outils}", "{answer: outils, text: x}", "text: x", "l'un des deux"),
    "no columns": (CHARTER, ", columns: [{key: nom, label: Outil}]", "", "key: outils", "« columns »"),
    "fixed cell unknown": (CHARTER, "column: gratuit", "column: payant", "column: payant", "« payant »"),
    "charter's question twice": (CHARTER, "key: outils", "key: nom", "key: nom, type: table", "deux fois"),
}  # fmt: skip


@pytest.mark.parametrize(("activity", "old", "new", "place", "cause"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_named_at_its_line(activity: str, old: str, new: str, place: str, cause: str) -> None:
    wrong = activity.replace(old, new, 1)
    assert wrong != activity
    problems = told(wrong)
    line = wrong[: wrong.index(place)].count("\n") + 1
    assert [problem.line for problem in problems if cause in problem.cause] == [line], problems


def test_a_diagnostic_taken_again_has_the_first_ones_questions() -> None:
    files = mini() | {
        "activities/essai.yaml": DIAGNOSTIC.encode(),
        "activities/encore.yaml": b"kind: diagnostic\ntitle: Encore\nrepeats: essai\n",
    }
    course = reading.read(files, slug=SLUG).course
    assert course
    first, again = course.activities["essai"], course.activities["encore"]
    assert isinstance(again, grammar.Diagnostic)
    assert isinstance(first, grammar.Diagnostic)
    assert (again.questions, again.title, again.repeats) == (first.questions, "Encore", "essai")


def test_what_is_repeated_must_be_a_diagnostic() -> None:
    problems = told("kind: diagnostic\ntitle: Encore\nrepeats: ailleurs\n")
    assert [(problem.line, problem.cause) for problem in problems] == [(3, "diagnostic « ailleurs » inconnu")]


@pytest.mark.parametrize("named", ["encore", "essai"])
def test_what_repeats_another_is_not_repeated_again(named: str) -> None:
    """It would have no questions: the lesson that asks for it could not be made."""
    files = mini() | {
        "activities/depart.yaml": DIAGNOSTIC.replace("answers.essai", "answers.depart").encode(),
        "activities/encore.yaml": b"kind: diagnostic\ntitle: Encore\nrepeats: depart\n",
        "activities/essai.yaml": f"kind: diagnostic\ntitle: Trois\nrepeats: {named}\n".encode(),
    }
    (problem,) = reading.read(files, slug=SLUG).problems
    assert (problem.path, problem.line) == ("activities/essai.yaml", 3)
    assert "en répète déjà un autre" in problem.cause
