"""What the journey's learner answers: somebody diligent, who read the lessons."""

from collections.abc import Mapping
from typing import Any

from engine.core.course import grammar

Fields = dict[str, str | list[str]]


def fields(activity: grammar.Activity, step: str) -> Fields:
    """The fields of one screen, as a browser would post them."""
    match activity:
        case grammar.Checkin():
            return {"status": "done", "minutes": "15", "text": "Fait en équipe, un mardi matin."}
        case grammar.Poll():
            return {"value": str(activity.scale - 1)}
        case grammar.Diagnostic():
            question = next(each for each in activity.questions if each.key == step)
            return {step: _observed(activity, question)}
        case grammar.Quiz():
            return _right(next(each for each in activity.questions if each.key == step))
        case grammar.Charter():
            section = next(each for each in activity.sections if each.key == step)
            return {name: value for each in section.questions for name, value in _told(each).items()}
    return {}


def _observed(diagnostic: grammar.Diagnostic, question: grammar.DiagnosticQuestion) -> str:
    """The first time a beginner's answers, with one « je ne sais pas »; the second time better ones."""
    if diagnostic.repeats is not None:
        return question.choices[-1].key
    first = next(each for each in diagnostic.questions if each.unknown)
    return grammar.UNKNOWN if question.key == first.key else question.choices[0].key


def _right(question: grammar.QuizQuestion) -> Fields:
    right = [choice.key for choice in question.choices if choice.correct]
    match question.type:
        case "single":
            return {question.key: right[0]}
        case "multiple":
            return {question.key: right}
        case "order":
            return {f"{question.key}-{each.key}": str(rank) for rank, each in enumerate(question.choices, 1)}
        case "true_false":
            return {question.key: "true" if question.answer else "false"}
        case "number":
            return {question.key: str(question.answer)}


def _told(question: grammar.CharterQuestion) -> Mapping[str, Any]:
    key = question.key
    match question.type:
        case "text":
            return {key: "Camille"}
        case "number":
            return {key: "12"}
        case "yes_no":
            return {key: "true"}
        case "choice":
            return {key: question.choices[0].key}
        case "choices":
            return {key: [choice.key for choice in question.choices]}
        case "table":
            return {f"{key}-0-{column.key}": f"{column.label} 1" for column in question.columns}
        case "matrix":
            return {
                f"{key}-{row.key}-{column.key}": question.choices[-1].key
                for row in question.rows
                for column in question.columns
            }
