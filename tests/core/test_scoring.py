"""What answers are worth: always between 0 and 100, never less for a better answer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import scoring
from engine.core.course import grammar
from engine.core.scoring import Attempt
from tests import every

BEST = {"liste": "ecrite", "essai": "oui", "relecture": "chacun", "robot": "non"}
WORST = {"liste": "aucune", "essai": "non", "relecture": "personne", "robot": "oui"}
RIGHT = {
    "seul": "cas",
    "vrai": True,
    "plusieurs": ["devis", "dates"],
    "somme": 2.5,
    "ordre": ["lire", "corriger", "envoyer"],
}


def diagnose(answers: dict[str, str], key: str = "bilan", **learner: Any) -> scoring.Diagnosis:
    return scoring.diagnose(key, every.diagnostic(key), answers, learner)


def percents(found: scoring.Diagnosis) -> list[int]:
    return [*(axis.percent for axis in found.axes), found.total]


def test_a_diagnosis_by_axis() -> None:
    found = diagnose({"liste": "orale", "essai": "oui", "relecture": "personne", "robot": "non"})
    assert [(axis.key, axis.title, axis.percent) for axis in found.axes] == [
        ("temps", "Le temps", 60),
        ("soin", "Le soin", 0),
    ]
    assert (found.total, found.level.title) == (30, "Au départ")


@pytest.mark.parametrize(("answers", "percent"), [(BEST, 100), (WORST, 0), ({}, 0), ({"liste": "zzz"}, 0)])
def test_the_ends_of_the_scale(answers: dict[str, str], percent: int) -> None:
    assert percents(diagnose(answers)) == [percent] * 3


def test_a_level_begins_at_its_mark() -> None:
    at_50 = {"liste": "aucune", "essai": "non", "relecture": "chacun", "robot": "non"}
    assert (diagnose(at_50).total, diagnose(at_50).level.title) == (50, "En route")


def test_what_is_not_known_counts_nothing_and_is_listed() -> None:
    found = diagnose(BEST | {"relecture": "unknown", "essai": "unknown"})
    assert [axis.percent for axis in found.axes] == [60, 0]
    assert found.unknown == ("Avez-vous essayé ?", "Qui relit ?")
    assert diagnose(BEST).unknown == ()


def test_an_alert_stands_whatever_the_score() -> None:
    assert [alert.key for alert in diagnose(BEST | {"robot": "oui"}).alerts] == ["robot"]
    assert diagnose(WORST | {"robot": "non"}).alerts == ()


def test_priorities_are_the_three_that_matter_most_to_this_person() -> None:
    def keys(answers: dict[str, str], **learner: Any) -> list[str]:
        return [each.key for each in diagnose(answers, **learner).priorities]

    assert keys(WORST, size=50) == ["relire", "lister", "essayer"], "gain, ease and risk; ties as written"
    assert keys(BEST, size=50) == ["parler"]
    assert keys(BEST) == []
    assert keys(BEST | {"essai": "unknown"}) == ["essayer"]


def test_a_diagnostic_taken_again_speaks_of_the_first_in_its_conditions() -> None:
    first, again = diagnose(WORST, size=50), diagnose(WORST, key="bilan-final", size=50)
    assert again == first
    assert diagnose(BEST, key="bilan-final").alerts == ()


@st.composite
def diagnostics(draw: st.DrawFn) -> grammar.Diagnostic:
    """Any diagnostic that an author may write."""
    axes = draw(st.integers(1, 4))
    points = st.lists(st.integers(0, 10), min_size=2, max_size=4).filter(any)
    questions = [
        grammar.DiagnosticQuestion(
            key=f"q{number}",
            axis=f"a{number % axes}",
            prompt="?",
            choices=tuple(
                grammar.Described(key=f"c{place}", label="x", points=worth)
                for place, worth in enumerate(draw(points))
            ),
        )
        for number in range(draw(st.integers(axes, axes * 3)))
    ]
    return grammar.Diagnostic(
        kind="diagnostic",
        title="x",
        axes=tuple(grammar.Axis(key=f"a{number}", title="x") for number in range(axes)),
        questions=tuple(questions),
        levels=tuple(grammar.Level(at=at, title="x", text="x") for at in (0, 25, 50, 75)),
    )


@st.composite
def answered(draw: st.DrawFn) -> tuple[grammar.Diagnostic, dict[str, str]]:
    diagnostic = draw(diagnostics())
    answers = {
        question.key: draw(st.sampled_from([grammar.UNKNOWN, *(choice.key for choice in question.choices)]))
        for question in diagnostic.questions
        if draw(st.integers(0, 5))
    }
    return diagnostic, answers


def _by_hand(diagnostic: grammar.Diagnostic, answers: dict[str, str]) -> dict[str, Fraction]:
    """The same in exact fractions, straight from the definition."""
    found = {}
    for axis in diagnostic.axes:
        mine = [question for question in diagnostic.questions if question.axis == axis.key]
        worth = {(each.key, choice.key): choice.points for each in mine for choice in each.choices}
        most = sum(max(choice.points for choice in each.choices) for each in mine)
        got = sum(worth.get((each.key, answers.get(each.key, "")), 0) for each in mine)
        found[axis.key] = Fraction(100 * got, most)
    return found


def _rounded(exact: Fraction) -> int:
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


@given(case=answered())
def test_every_score_is_the_exact_one(case: tuple[grammar.Diagnostic, dict[str, str]]) -> None:
    diagnostic, answers = case
    exact = _by_hand(diagnostic, answers)
    total = sum(exact.values(), Fraction()) / len(exact)
    found = scoring.diagnose("x", diagnostic, answers, {})
    assert percents(found) == [*map(_rounded, exact.values()), _rounded(total)]
    assert all(0 <= percent <= 100 for percent in percents(found))
    assert found.level.at == max(at for at in (0, 25, 50, 75) if at <= found.total)
    told = scoring.scores(diagnostic, answers)
    assert told == {**{axis: float(value) for axis, value in exact.items()}, "total": float(total)}
    assert told["total"] <= 100


@given(case=answered(), data=st.data())
def test_a_better_answer_never_lowers_a_score(
    case: tuple[grammar.Diagnostic, dict[str, str]], data: st.DataObject
) -> None:
    diagnostic, answers = case
    question = data.draw(st.sampled_from(diagnostic.questions))
    worth = {choice.key: choice.points for choice in question.choices}
    before = worth.get(answers.get(question.key, ""), 0)
    better = data.draw(st.sampled_from([key for key, points in worth.items() if points >= before] or [""]))
    was = percents(scoring.diagnose("x", diagnostic, answers, {}))
    now = percents(scoring.diagnose("x", diagnostic, answers | {question.key: better}, {}))
    assert all(old <= new for old, new in zip(was, now, strict=True))


def _question(key: str, **changes: Any) -> grammar.QuizQuestion:
    found = next(each for each in every.quiz().questions if each.key == key)
    return found.model_copy(update=changes)


@pytest.mark.parametrize(
    ("key", "answer", "right"),
    [
        ("seul", "cas", True),
        ("seul", "tout", False),
        ("vrai", True, True),
        ("vrai", False, False),
        ("plusieurs", ["dates", "devis"], True),
        ("plusieurs", ["devis"], False),
        ("plusieurs", ["devis", "dates", "rien"], False),
        ("ordre", ["lire", "corriger", "envoyer"], True),
        ("ordre", ["corriger", "lire", "envoyer"], False),
        ("somme", 2.5, True),
        ("somme", 2.6, True),  # 2.6 - 2.5 is a little more than 0.1 in floating point
        ("somme", 2.4, True),
        ("somme", 2.61, False),
        ("somme", -2.5, False),
    ],
)
def test_what_is_right(key: str, answer: Any, right: bool) -> None:
    assert scoring.is_right(_question(key), answer) is right


@pytest.mark.parametrize("key", list(RIGHT))
@pytest.mark.parametrize("answer", [None, "", "x", 3, 2.5j, True, [], ["x"], [["x"]], {"x": "y"}])
def test_an_answer_of_another_kind_is_wrong_and_no_crash(key: str, answer: Any) -> None:
    """The author may have changed the question since."""
    assert scoring.is_right(_question(key), answer) is (key == "vrai" and answer is True)


@pytest.mark.parametrize("key", list(RIGHT))
def test_no_answer_is_never_right(key: str) -> None:
    assert not scoring.is_right(_question(key), None)
    (marked,) = [each for each in scoring.mark(every.quiz(), {}) if each.question.key == key]
    assert (marked.answer, marked.right) == (None, False)


@given(
    answer=st.decimals(-1000, 1000, places=3),
    tolerance=st.decimals(0, 10, places=3),
    off=st.decimals(-20, 20, places=3),
)
@example(answer=0, tolerance=0, off=0)
def test_a_number_is_right_within_its_tolerance(answer: Any, tolerance: Any, off: Any) -> None:
    question = _question("somme", answer=float(answer), tolerance=float(tolerance))
    assert scoring.is_right(question, float(answer + off)) is (abs(off) <= tolerance)


@given(right=st.sets(st.sampled_from(list(RIGHT))))
def test_the_per_cent_of_a_quiz(right: set[str]) -> None:
    given = {key: RIGHT[key] for key in right}
    percent = scoring.percent_right(scoring.mark(every.quiz(), given))
    assert percent == 20 * len(right)
    assert scoring.scores(every.quiz(), given) == {"total": float(percent)}


def test_what_has_no_score() -> None:
    for key in ("point", "humeur", "regles", "accord"):
        assert scoring.scores(every.COURSE.activities[key], {"value": 3}) == {}


def back(attempts: list[Attempt], lessons: int, quiz: grammar.Quiz | None = None) -> str | None:
    return scoring.comes_back(quiz or every.quiz(), attempts, lessons=lessons)


def test_a_missed_question_comes_back_after_two_lessons() -> None:
    missed = [Attempt(RIGHT | {"vrai": False, "somme": 1.0}, 3)]
    assert [back(missed, lessons) for lessons in (3, 4, 5, 6, 12)] == [None, None, "vrai", "vrai", "vrai"]


def test_one_question_at_a_time_and_each_goes_away_once_right() -> None:
    attempts = [Attempt(RIGHT | {"vrai": False, "somme": 1.0}, 3)]
    attempts.append(Attempt({"vrai": True}, 5))
    assert back(attempts, 5) == "somme"
    attempts.append(Attempt({"somme": 2.5}, 5))
    assert [back(attempts, lessons) for lessons in (5, 7, 99)] == [None, None, None]


def test_missed_again_it_comes_back_at_the_same_interval() -> None:
    attempts = [Attempt(RIGHT | {"vrai": False}, 1), Attempt({"vrai": False}, 3)]
    assert [back(attempts, lessons) for lessons in (3, 4, 5)] == [None, None, "vrai"]


def test_another_attempt_at_the_whole_quiz_counts_too() -> None:
    assert back([Attempt(RIGHT | {"vrai": False}, 1), Attempt(RIGHT, 2)], 9) is None
    assert back([Attempt(RIGHT, 1), Attempt(RIGHT | {"vrai": False}, 2)], 4) == "vrai"


def test_where_nothing_comes_back() -> None:
    missed = [Attempt({"vrai": False}, 1)]
    never = every.quiz().model_copy(update={"comes_back": 0})
    assert back(missed, 99, never) is None
    assert back([], 99) is None, "a quiz that was never taken"
    assert back([Attempt({}, 1)], 99) is None
    assert back([replace(missed[0], answers={"gone": False})], 99) is None, "a question that is no more"


NOW = datetime(2027, 3, 22, 9, tzinfo=UTC)


@given(hours=st.lists(st.integers(0, 1000), max_size=12), attempts=st.integers(1, 5))
def test_who_used_all_attempts_may_try_again_within_a_week(hours: list[int], attempts: int) -> None:
    """Tried as soon as it is open, a quiz is never handed in more often in a week than it says."""
    quiz = with_attempts(attempts)
    tried: list[datetime] = []
    now = NOW
    for wait in hours:
        now += timedelta(hours=wait)
        left, opens = scoring.attempts_left(quiz, tried, now=now), scoring.next_attempt(quiz, tried, now=now)
        assert (left == 0) == (opens is not None)
        if opens is not None:
            assert now < opens <= now + scoring.ATTEMPTS_WITHIN
            assert scoring.attempts_left(quiz, tried, now=opens) > 0
            now = opens
        tried.append(now)
    for at in tried:
        assert sum(at <= each < at + scoring.ATTEMPTS_WITHIN for each in tried) <= attempts


def with_attempts(attempts: int) -> grammar.Quiz:
    return every.quiz().model_copy(update={"attempts": attempts})
