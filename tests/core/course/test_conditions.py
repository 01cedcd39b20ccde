"""Conditions compare facts, and can do nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core import errors
from engine.core.course import conditions

FACTS = {
    "learner": {"size": 50, "first_name": "Alice", "company": "", "region": "FR-974"},
    "answers": {"point-1": {"done": True}, "diagnostic": {"backup": "no", "tools": ["a", "b"]}},
    "score": {"diagnostic": {"total": 12.5}},
}


def holds(condition: str, facts: Mapping[str, Any] = FACTS) -> bool:
    return conditions.compile(condition)(facts)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("learner.size >= 50", True),
        ("learner.size > 50", False),
        ("10 <= learner.size < 250", True),
        ("learner.size == 50 and learner.company == ''", True),
        ("learner.size < 50 or learner.region in ('FR-974', 'FR-973')", True),
        ("learner.region not in ['FR-974']", False),
        ("not learner.company", True),
        ("answers.point-1.done", True),
        ("answers.point-1.done == true and not answers.point-1.done == false", True),
        ("answers.diagnostic.backup != 'yes'", True),
        ("'b' in answers.diagnostic.tools", True),
        ("score.diagnostic.total > 12", True),
        ("score.diagnostic.total > -1", True),
        ("(learner.size < 10 or learner.size >= 50) and not (learner.first_name == 'Bob')", True),
        ("learner.size >= 50\n", True),
    ],
)
def test_what_holds(condition: str, expected: bool) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize("sign", ["==", "!=", "<", "<=", ">", ">=", "in"])
@pytest.mark.parametrize("other", ["3", "'a'", "true", "none", "answers.x.z", "(1, 2)", "learner.size"])
def test_what_was_not_answered_makes_a_comparison_false(sign: str, other: str) -> None:
    assert not holds(f"answers.x.y {sign} {other}")
    assert not holds(f"answers.x.y {sign} {other}", {})
    if other != "(1, 2)":
        assert not holds(f"{other} {sign} answers.x.y")


def test_what_was_not_answered_does_not_hold_itself() -> None:
    assert not holds("answers.x.y")
    assert holds("not answers.x.y")
    assert not holds("-answers.x.y")
    assert not holds("answers.x.y < 3 or answers.x.y >= 3")


def test_an_answer_of_another_kind_does_not_hold() -> None:
    assert not holds("learner.first_name > 3")
    assert not holds("3 in learner.size")


def test_the_names_a_condition_looks_at() -> None:
    asked = conditions.names("learner.size > 3 and (answers.point-1.done or 'x' in score.my-quiz.total)")
    assert asked == {"learner.size", "answers.point-1.done", "score.my-quiz.total"}
    assert conditions.names("1 == 1") == set()


ESCAPES = [
    "learner.size.__class__.__mro__[1].__subclasses__()",
    "''.__class__",
    "(1).real",
    "[].append(3)",
    "learner['size'] == 3",
    "learner.get('size')",
    "range(9)",
    "lipsum()",
    "cycler.__init__.__globals__.os.system('x')",
    "learner|attr('x')",
    "learner.size|length",
    "learner.size is defined",
    "1 if learner.size else 2",
    "1 + 1",
    "9 ** 9",
    "'a' * 999999",
    "'a' ~ 'b'",
    "{'a': 1}",
    "learner.size := 3",
    "learner.size = 3",
    "learner.size, learner.region",
    "(learner.size, 1)",
    "[learner.size]",
    "learner.size > 1 }}{{ 3",
    "learner.size > 1 }}{% include 'x' %}{{ 1",
    "1 }}{# #}",
    "{% set x = 1 %}",
    "self.x()",
    "lambda: 3",
    "",
    " ",
    "learner.",
    "learner.size >",
    "'unclosed",
    "(" * 140 + "1" + ")" * 140,
    "[" * 280,
    "{" * 280,
    "-" * 280 + "1",
    "not " * 74 + "1",
    "learner.size == '" + "x" * 300 + "'",
]


@pytest.mark.parametrize("condition", ESCAPES)
def test_nothing_but_comparisons_gets_through(condition: str) -> None:
    with pytest.raises(errors.Invalid):
        conditions.names(condition)
    with pytest.raises(errors.Invalid):
        conditions.compile(condition)


@pytest.mark.parametrize("name", ["__class__", "keys", "items.im_func", "__init__.__globals__"])
@pytest.mark.parametrize(
    "root", ["learner", "answers", "answers.point-1", "learner.size", "learner.first_name"]
)
def test_an_attribute_of_python_is_no_fact(root: str, name: str) -> None:
    assert not holds(f"{root}.{name}")


@pytest.mark.parametrize("name", ["range", "dict", "lipsum", "cycler", "joiner", "namespace", "self", "loop"])
def test_what_jinja_brings_along_is_no_fact(name: str) -> None:
    with pytest.raises(errors.Invalid, match="inconnu"):
        holds(f"{name} == 3")


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FACT = st.sampled_from(
    ["learner.size", "answers.a-1.b", "score.a-1.b", "answers.a-1", "learner", "answers.x.y.z"]
)
ATOM = FACT | st.sampled_from(["3", "-2.5", "'x'", "true", "none", "(1, 'x')", "[]"])
SIGN = st.sampled_from(["==", "!=", "<", ">=", "in", "not in"])
COMPARISON = st.builds(lambda a, sign, b: f"{a} {sign} {b}", ATOM, SIGN, ATOM) | FACT
CONDITION = st.recursive(
    COMPARISON,
    lambda inner: st.builds(
        lambda a, word, b: f"({a}) {word} not ({b})", inner, st.sampled_from(["and", "or"]), inner
    ),
    max_leaves=4,
)


@settings(deadline=None)
@given(CONDITION, VALUE, VALUE, VALUE)
def test_evaluation_never_raises(condition: str, size: object, answer: object, score: object) -> None:
    facts = {
        "learner": {"size": size},
        "answers": {"a-1": {"b": answer}, "x": answer},
        "score": {"a-1": {"b": score}} if score else score,
    }
    assert holds(condition, facts) in (True, False)


@settings(deadline=None)
@given(
    st.text(st.sampled_from("learnsizaw.()[]{}<>=!-+*%|~,:'\"# 0123\n\x00é") | st.characters(), max_size=80)
)
@example("a" + ".a" * 149)
@example("1<" * 149 + "1")
@example("1 or " * 59 + "1")
@example("'\\" * 70)
@example("\ud800")
def test_any_text_is_a_condition_or_invalid(text: str) -> None:
    try:
        compiled = conditions.compile(text)
    except errors.Invalid:
        return
    assert compiled(FACTS) in (True, False)
    assert compiled({}) in (True, False)
    assert conditions.names(text) is not None
