"""What the attestation asks for, the name it carries, its code."""

import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import certificates, errors, progress
from engine.core.course import grammar, model, reading
from tests import papers

FOUND = reading.read(papers.FILES, slug="essai")
assert FOUND.course, FOUND.problems
COURSE: model.Course = FOUND.course
KEYS = ("bilan", "quiz", "regles")
DONE = frozenset(KEYS)


def facts(handed_in: frozenset[str] = DONE, best: float | None = 100.0) -> progress.Facts:
    score = {} if best is None else {"quiz": {"total": best}}
    return progress.Facts(learner={}, answers={}, score=score, handed_in=handed_in)


def test_nothing_is_missing_when_all_is_done() -> None:
    assert certificates.missing(COURSE, "completed", facts()) == ()


@given(
    state=st.sampled_from(progress.State),
    handed_in=st.frozensets(st.sampled_from(KEYS)),
    best=st.none() | st.floats(0, 100),
)
def test_each_thing_that_is_not_done_is_named_once_and_no_other(
    state: progress.State, handed_in: frozenset[str], best: float | None
) -> None:
    told = [(each.kind, each.key) for each in certificates.missing(COURSE, state, facts(handed_in, best))]
    expected = [("course", "")] if state != "completed" else []
    expected += [("activity", "bilan")] if "bilan" not in handed_in else []
    expected += [("quiz", "quiz")] if best is None or best < 100 else []
    expected += [("activity", "regles")] if "regles" not in handed_in else []
    assert told == expected


@pytest.mark.parametrize(("best", "passed"), [(59.9, False), (60.0, True)])
def test_a_quiz_is_passed_at_its_mark(best: float, passed: bool) -> None:
    quiz = COURSE.activities["quiz"]
    assert isinstance(quiz, grammar.Quiz)
    course = replace(
        COURSE, activities={**COURSE.activities, "quiz": quiz.model_copy(update={"pass_mark": 60})}
    )
    missing = certificates.missing(course, "completed", facts(best=best))
    assert [each.pass_mark for each in missing] == ([] if passed else [60])


@pytest.mark.parametrize(
    "name",
    [
        "Alice Aubert",
        "Élodie d'Ørsted-Nuñez",
        "Jean‑François L’Hôte",
        "Ελένη Παπαδοπούλου",
        "Юлия Щёголева",
        "Li",
    ],
)
def test_names_print_as_people_write_them(name: str) -> None:
    assert certificates.checked_name(f"  {name.replace(' ', '   ')} ") == name
    assert certificates.checked_name(unicodedata.normalize("NFD", name)) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "Écrivez votre nom"),
        ("A", "Écrivez votre nom"),
        ("A" * 81, "80 caractères"),
        ("王小明", "en lettres latines"),
        ("أحمد", "en lettres latines"),
        ("Ахмед أحمد", "en lettres latines"),
        ("Alice 2", "avec des lettres"),
        ("alice@example.org", "avec des lettres"),
        ("<b>Alice</b>", "avec des lettres"),
        ("Alice 😀", "avec des lettres"),
        ("Ali\u202ece", "avec des lettres"),
    ],
)
def test_other_names_are_asked_for_again(name: str, said: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        certificates.checked_name(name)
    assert said in caught.value.problems["name"]


@given(st.text(max_size=90))
def test_a_name_that_is_taken_can_be_printed(typed: str) -> None:
    try:
        name = certificates.checked_name(typed)
    except errors.Invalid:
        return
    assert 2 <= len(name) <= 80
    assert certificates.checked_name(name) == name
    for each in filter(str.isalpha, name):
        script = unicodedata.name(each).split()[0]
        assert script in ("LATIN", "GREEK", "CYRILLIC", "MODIFIER", "FEMININE", "MASCULINE", "MICRO"), each


def test_codes_can_be_typed_and_do_not_repeat() -> None:
    codes = {certificates.new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(
        re.fullmatch(r"(?:[BCDFGHJKMNPRSTVWXZ]{4}-){3}[BCDFGHJKMNPRSTVWXZ]{4}", code) for code in codes
    )


def test_a_code_is_known_however_it_is_typed() -> None:
    code = certificates.new_code()
    for typed in (
        code.lower(),
        code.replace("-", ""),
        code.replace("-", " "),
        f" {code}\n",
        code.replace("-", "–"),
    ):
        assert certificates.read_code(typed) == code


@given(st.text())
def test_any_text_may_be_asked_for_as_a_code(typed: str) -> None:
    assert re.fullmatch(r"[A-Z-]*", certificates.read_code(typed))
