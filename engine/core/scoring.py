"""What answers are worth: diagnostics by axis, quizzes by question, and which questions come back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from engine.core import answers as answering
from engine.core.course import conditions, grammar

Answers = Mapping[str, Any]
BEST = 3
"""How many priorities a report names."""
_NOISE = 1e-9
"""What floating point adds to a difference: 2.6 - 2.5 is a little more than 0.1."""


@dataclass(frozen=True)
class AxisScore:
    key: str
    title: str
    percent: int


@dataclass(frozen=True)
class Diagnosis:
    """The result of a diagnostic. Per cents are whole numbers, halves rounded up."""

    axes: tuple[AxisScore, ...]
    total: int
    """The plain mean of the axes, before each is rounded."""
    level: grammar.Level
    unknown: tuple[str, ...]
    """The questions answered « je ne sais pas », in order."""
    alerts: tuple[grammar.Alert, ...]
    priorities: tuple[grammar.Priority, ...]


def diagnose(
    key: str, diagnostic: grammar.Diagnostic, answers: Answers, learner: Mapping[str, Any]
) -> Diagnosis:
    """The result of `diagnostic`, whose key is `key`. What was not answered counts 0."""
    exact = _axes(diagnostic, answers)
    total = _total(exact)
    # Conditions name the diagnostic by its own key; one that repeats another speaks of the first.
    named = {diagnostic.repeats or key: dict(answers)}
    scored = {diagnostic.repeats or key: scores(diagnostic, answers)}
    facts = {"learner": learner, "answers": named, "score": scored}

    def holds(condition: str | None) -> bool:
        return condition is None or conditions.compile(condition)(facts)

    worth = [each for each in diagnostic.priorities if holds(each.when)]
    worth.sort(key=lambda each: -each.gain * each.ease * each.risk)  # stable: the author's order decides ties
    whole = _whole(total)
    return Diagnosis(
        axes=tuple(AxisScore(axis.key, axis.title, _whole(exact[axis.key])) for axis in diagnostic.axes),
        total=whole,
        level=next(level for level in reversed(diagnostic.levels) if level.at <= whole),
        unknown=tuple(
            question.prompt
            for question in diagnostic.questions
            if answers.get(question.key) == grammar.UNKNOWN
        ),
        alerts=tuple(alert for alert in diagnostic.alerts if holds(alert.when)),
        priorities=tuple(worth[:BEST]),
    )


def _axes(diagnostic: grammar.Diagnostic, answers: Answers) -> dict[str, Fraction]:
    # Fractions: a half is rounded up and a level begins at its mark, whatever the thirds and sevenths.
    got = {axis.key: 0 for axis in diagnostic.axes}
    most = dict(got)
    for question in diagnostic.questions:
        if question.axis is not None:
            points = {choice.key: choice.points for choice in question.choices}
            most[question.axis] += max(points.values())
            got[question.axis] += points.get(answers.get(question.key, ""), 0)
    return {axis: Fraction(100 * got[axis], most[axis]) for axis in got}


def _total(axes: Mapping[str, Fraction]) -> Fraction:
    return sum(axes.values(), Fraction()) / len(axes)


def _whole(percent: Fraction) -> int:
    return int(percent + Fraction(1, 2))


@dataclass(frozen=True)
class Marked:
    """One question of a quiz, and whether its answer was right."""

    question: grammar.QuizQuestion
    answer: Any
    """None: not answered."""
    right: bool


def mark(quiz: grammar.Quiz, answers: Answers) -> tuple[Marked, ...]:
    return tuple(
        Marked(question, answers.get(question.key), is_right(question, answers.get(question.key)))
        for question in quiz.questions
    )


def is_right(question: grammar.QuizQuestion, answer: Any) -> bool:
    if not answering.fits(question, answer):
        return False
    match question.type:
        case "single":
            return any(choice.correct and choice.key == answer for choice in question.choices)
        case "multiple":
            return set(answer) == {choice.key for choice in question.choices if choice.correct}
        case "order":
            return list(answer) == [choice.key for choice in question.choices]
        case "true_false":
            return bool(answer == question.answer)
        case "number":
            return abs(float(answer) - float(question.answer or 0)) <= question.tolerance + _NOISE
    raise TypeError(f"no way to mark a question of type {question.type}")


def percent_right(marked: Sequence[Marked]) -> int:
    return _whole(Fraction(100 * sum(each.right for each in marked), len(marked)))


def scores(activity: grammar.Activity, answers: Answers) -> dict[str, float]:
    """What conditions may ask by `score.<activity>.<axis>`."""
    match activity:
        case grammar.Diagnostic():
            exact = _axes(activity, answers)
            return {axis: float(percent) for axis, percent in {**exact, "total": _total(exact)}.items()}
        case grammar.Quiz():
            return {"total": float(percent_right(mark(activity, answers)))}
    return {}


@dataclass(frozen=True)
class Attempt:
    """Answers to a quiz that were handed in: all of it, or one question that came back."""

    answers: Answers
    lesson: int
    """The number of the lesson that had come last when it was handed in."""


def review(
    quizzes: Iterable[tuple[str, grammar.Quiz]],
    attempts: Mapping[str, Sequence[Attempt]],
    *,
    lessons: int,
) -> tuple[str, grammar.QuizQuestion] | None:
    """The one question that comes back with lesson number `lessons`, and the key of its quiz."""
    for key, quiz in quizzes:
        missed = comes_back(quiz, attempts.get(key, ()), lessons=lessons)
        if missed is not None:
            return key, next(question for question in quiz.questions if question.key == missed)
    return None


ATTEMPTS_WITHIN = timedelta(days=7)
"""In which a quiz may be tried as often as it says; then it opens again: nobody is shut out for good."""


def attempts_left(quiz: grammar.Quiz, tried: Sequence[datetime], *, now: datetime) -> int:
    """How often the quiz may be handed in now. `tried`: when it was, in order."""
    return max(0, quiz.attempts - sum(at > now - ATTEMPTS_WITHIN for at in tried))


def next_attempt(quiz: grammar.Quiz, tried: Sequence[datetime], *, now: datetime) -> datetime | None:
    """When a quiz that was tried too often lately opens again; None when it is open."""
    return None if attempts_left(quiz, tried, now=now) else tried[-quiz.attempts] + ATTEMPTS_WITHIN


def comes_back(quiz: grammar.Quiz, attempts: Iterable[Attempt], *, lessons: int) -> str | None:
    """The key of the missed question that is to be asked again now that lesson number `lessons` has come.

    A question is missed when its latest answer is wrong; it comes back once `comes_back` lessons later, at a
    fixed interval (Latimier, Peyre & Ramus 2021 find no clear gain in growing ones).
    """
    if quiz.comes_back == 0:
        return None
    latest: dict[str, Attempt] = {}
    for attempt in attempts:
        for key in attempt.answers:
            latest[key] = attempt
    for question in quiz.questions:
        last = latest.get(question.key)
        if last is None or is_right(question, last.answers.get(question.key)):
            continue
        if lessons >= last.lesson + quiz.comes_back:
            return question.key
    return None
