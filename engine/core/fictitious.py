"""Learners who do not exist, for whom an author looks at a mail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core import progress, scoring
from engine.core.course import grammar, model


@dataclass(frozen=True)
class Learner:
    key: str
    first_name: str
    company: str
    size: int
    """People in the company; 0: not told."""
    diligent: bool
    """Did every activity, and as well as can be; else none."""


LEARNERS = (
    Learner("camille", "Camille", "Boulangerie du Marché", 6, diligent=True),
    Learner("nour", "Nour", "Ateliers Vauban", 120, diligent=True),
    Learner("sacha", "Sacha", "", 0, diligent=False),
)


def learner(key: str) -> Learner:
    """The one of that key, else the first."""
    return next((each for each in LEARNERS if each.key == key), LEARNERS[0])


def facts(of: Learner, course: model.Course) -> progress.Facts:
    """What conditions find when they ask about this learner."""
    about = {"first_name": of.first_name, "company": of.company, "size": of.size, "region": ""}
    done = course.activities if of.diligent else {}
    answers = {key: _best(activity) for key, activity in done.items()}
    return progress.Facts(
        learner=about,
        answers=answers,
        score={key: _scores(done[key], given) for key, given in answers.items()},
        handed_in=frozenset(answers),
    )


def _scores(activity: grammar.Activity, given: Mapping[str, Any]) -> Mapping[str, float]:
    try:
        return scoring.scores(activity, given)
    except (ArithmeticError, KeyError):  # a draft's: an axis without questions, a question without its axis
        return {}


def _best(activity: grammar.Activity) -> Mapping[str, Any]:
    match activity:
        case grammar.Checkin():
            return {"done": True, "status": "done", "minutes": 15, "text": ""}
        case grammar.Poll():
            return {"value": activity.scale}
        case grammar.Diagnostic():
            return {
                each.key: max(each.choices, key=lambda choice: choice.points).key
                for each in activity.questions
            }
        case grammar.Quiz():
            return {each.key: _right(each) for each in activity.questions}
        case grammar.Charter():
            return {each.key: each.default for each in activity.questions if each.default is not None}
    return {"agreed": True}


def _right(question: grammar.QuizQuestion) -> Any:
    right = [choice.key for choice in question.choices if choice.correct]
    match question.type:
        case "single":
            return right[0] if right else None  # in a draft
        case "multiple":
            return right
        case "order":
            return [choice.key for choice in question.choices]
    return question.answer
