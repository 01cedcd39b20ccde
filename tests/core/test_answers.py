"""What is typed is read by the rules of its question; whatever it is, it can do no more than be refused."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import answers, charter, errors
from engine.core.course import grammar
from engine.demo import answers as diligent
from tests import every

ACTIVITIES = every.COURSE.activities
STEPS = [(key, step) for key, activity in ACTIVITIES.items() for step in answers.steps(activity)]
HOSTILE = [
    *("", " ", "\x00", "-1", "1e9999", "NaN", "9" * 400, "٣", "é" * 5_001, "\ud800", "\u202eabc", "\ue000x"),
    *("<script>alert(1)</script>", "'; DROP TABLE submission; --", "{{ 7 * 7 }}", "../.."),
]


def read(key: str, step: str, typed: Mapping[str, Any], **before: Any) -> dict[str, Any]:
    """One screen of `key`, `before` being what was answered."""
    lists = {name: [value] if isinstance(value, str) else value for name, value in typed.items()}
    facts = charter.facts(key, before, {})
    return answers.read(ACTIVITIES[key], step, lists, language="fr", facts=facts)


def wrong(key: str, step: str, typed: Mapping[str, Any]) -> set[str]:
    """The fields that are named as wrong, each with something to say."""
    with pytest.raises(errors.Invalid) as refused:
        read(key, step, typed)
    assert all(refused.value.problems.values())
    return set(refused.value.problems)


@pytest.mark.parametrize(("key", "step"), STEPS)
def test_somebody_diligent_is_understood(key: str, step: str) -> None:
    found = read(key, step, diligent.fields(ACTIVITIES[key], step), robot=True)
    assert found
    assert None not in found.values()


def _names(key: str, step: str) -> set[str]:
    """The fields of a screen."""
    kinds = {f"{step}-{choice}" for choice in ("lire", "corriger", "envoyer")}
    return {step, "status", "minutes", "text", "value", *diligent.fields(ACTIVITIES[key], step), *kinds}


@st.composite
def forms(draw: st.DrawFn) -> tuple[str, str, dict[str, list[str]]]:
    """Any screen, and a form that nobody drew."""
    key, step = draw(st.sampled_from(STEPS))
    words = [value for field in diligent.fields(ACTIVITIES[key], step).values() for value in field]
    values = st.text(max_size=30) | st.sampled_from([*HOSTILE, *words, "1", "2", "true"])
    names = st.sampled_from(sorted(_names(key, step))) | st.text(max_size=8)
    step = draw(st.just(step) | st.just(step) | st.text(max_size=5))
    return key, step, draw(st.dictionaries(names, st.lists(values, max_size=3), max_size=8))


@given(form=forms())
def test_no_form_does_more_than_be_refused(form: tuple[str, str, dict[str, list[str]]]) -> None:
    key, step, typed = form
    try:
        found = read(key, step, typed)
    except (errors.Invalid, errors.NotFound) as refused:
        assert isinstance(refused, errors.Invalid) == ((key, step) in STEPS)  # noqa: PT017  # it may also pass
        return
    written = json.dumps(found, ensure_ascii=False, allow_nan=False)
    assert written.encode(), "the database takes no half of a pair"
    assert not {"\x00", "\ue000", "\ufffe"} & set(written)


@given(value=st.text(max_size=40) | st.sampled_from(HOSTILE))
@example(value="e\x00\u0301")
@example(value="\x00 a")
@example(value=" \u0301")
def test_a_text_that_was_kept_stays_as_it_is(value: str) -> None:
    kept = answers.clean(value)
    assert answers.clean(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert kept == kept.strip()


def test_a_text_keeps_everything_that_can_be_read() -> None:
    newer = "\U0001fae9"  # an emoji of 2024, younger than the tables of Python 3.11
    said = f"Été\r\n\tשלום \u202b«\u202f👩‍👩‍👧 {newer}\u202f» <b> &amp; {{{{ x }}}}"
    assert answers.clean(said) == said.replace("\r\n", "\n")
    assert answers.clean("a\x00\x1b\x85\ue000\ud800\uffffb") == "ab"


@pytest.mark.parametrize(("length", "kept"), [(5_000, True), (5_001, False)])
def test_a_text_has_a_length(length: int, kept: bool) -> None:
    typed = {"status": "done", "text": "é" * length}
    if kept:
        assert read("point", "", typed)["text"] == "é" * length
    else:
        assert wrong("point", "", typed) == {"text"}


@pytest.mark.parametrize(
    ("typed", "french", "english"),
    [
        ("12", 12, 12),
        ("2,5", 2.5, 2.5),
        ("2.5", 2.5, 2.5),
        (" 1 234,5 ", 1234.5, 1234.5),
        ("1\u202f234\u00a0567", 1234567, 1234567),
        ("1,234.5", 1234.5, 1234.5),
        ("1.234,5", 1234.5, 1234.5),
        ("1,234", 1.234, 1234),
        ("1.234", 1.234, 1.234),
        ("12,345,678", 12345678, 12345678),
        ("12.345.678", 12345678, 12345678),
        ("0,125", 0.125, 0.125),
        (",5", 0.5, 0.5),
        (".5", 0.5, 0.5),
        ("2,", 2, 2),
        ("-4", -4, -4),
        ("\u22124", -4, -4),
    ],
)
def test_numbers_as_keyboards_write_them(typed: str, french: float, english: float) -> None:
    assert answers.number("n", typed, "fr") == french
    assert answers.number("n", typed, "en") == english


@pytest.mark.parametrize(
    "typed",
    ["", "-", ",", "douze", "1e3", "1_000", "nan", "inf", "1,2,3", "0x1", "2,5 h", "9" * 13, "1.1234567"],
)
def test_what_is_no_number(typed: str) -> None:
    for language in ("fr", "en"):
        with pytest.raises(errors.Invalid):
            answers.number("n", typed, language)


@given(value=st.integers(-(10**12) + 1, 10**12 - 1), decimals=st.integers(0, 6))
def test_a_number_is_read_as_it_is_written(value: int, decimals: int) -> None:
    exact = value / 10**decimals
    grouped = f"{exact:,.{decimals}f}"
    french = grouped.replace(",", "\u202f").replace(".", ",")
    assert answers.number("n", french, "fr") == exact
    assert answers.number("n", grouped, "en") == exact


@pytest.mark.parametrize(
    ("typed", "found"), [("15", 15), ("15,0", 15), ("1 000", 1000), ("1,000", 1000), ("1.000", 1000)]
)
def test_a_whole_number(typed: str, found: int) -> None:
    assert read("point", "", {"status": "done", "minutes": typed})["minutes"] == found


@pytest.mark.parametrize("typed", ["1,5", "-1", "1441", "9" * 30, "un quart d'heure", "0,125"])
def test_minutes_are_a_whole_number_of_a_day(typed: str) -> None:
    assert wrong("point", "", {"status": "done", "minutes": typed}) == {"minutes"}


def _ranks(lire: str, corriger: str, envoyer: str = "") -> dict[str, str]:
    return {"ordre-lire": lire, "ordre-corriger": corriger, "ordre-envoyer": envoyer}


SUITE = {"mois": "souvent", "ton": "nous", "relus": "tout"}
# screen, what is typed, the fields that are wrong
REFUSED: dict[str, tuple[str, str, dict[str, Any], set[str]]] = {
    "no answer": ("bilan", "liste", {}, {"liste"}),
    "an answer of another question": ("bilan", "liste", {"liste": "chacun"}, {"liste"}),
    "unknown where it is not offered": ("bilan", "robot", {"robot": "unknown"}, {"robot"}),
    "a mark off the scale": ("humeur", "", {"value": "6"}, {"value"}),
    "a mark below it": ("humeur", "", {"value": "0"}, {"value"}),
    "a mark in between": ("humeur", "", {"value": "2.5"}, {"value"}),
    "no status": ("point", "", {"minutes": "5"}, {"status"}),
    "no box ticked": ("quiz", "plusieurs", {}, {"plusieurs"}),
    "a box of our own making": ("quiz", "plusieurs", {"plusieurs": ["devis", "tva"]}, {"plusieurs"}),
    "neither true nor false": ("quiz", "vrai", {"vrai": "True"}, {"vrai"}),
    "a rank twice": ("quiz", "ordre", _ranks("1", "1", "2"), {"ordre"}),
    "a rank missing": ("quiz", "ordre", _ranks("1", "2"), {"ordre"}),
    "a rank too high": ("quiz", "ordre", _ranks("1", "2", "4"), {"ordre"}),
    "all of a section": ("regles", "suite", SUITE, {"mois", "ton", "relus"}),
    "neither yes nor no": ("regles", "qui", {"robot": "peut-être"}, {"robot"}),
    "a cell off the list": ("regles", "quoi", {"donnees-public-gratuit": "parfois"}, {"donnees"}),
    "a cell too long": ("regles", "quoi", {"outils-0-nom": "é" * 301}, {"outils"}),
}


@pytest.mark.parametrize(("key", "step", "typed", "fields"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_out_of_range_is_named(key: str, step: str, typed: dict[str, Any], fields: set[str]) -> None:
    assert wrong(key, step, typed) == fields


@pytest.mark.parametrize(
    ("key", "step"), [("bilan", ""), ("bilan", "agreed"), ("point", "status"), ("regles", "robot")]
)
def test_a_screen_that_is_not_there(key: str, step: str) -> None:
    with pytest.raises(errors.NotFound):
        read(key, step, {})


def test_ranks_and_boxes_come_in_an_order_of_their_own() -> None:
    ranks = {"ordre-envoyer": "3", "ordre-lire": "2", "ordre-corriger": "1"}
    assert read("quiz", "ordre", ranks) == {"ordre": ["corriger", "lire", "envoyer"]}
    assert read("quiz", "plusieurs", {"plusieurs": ["dates", "devis"]}) == {"plusieurs": ["devis", "dates"]}


def test_a_check_in_that_waits_is_not_done() -> None:
    assert [read("point", "", {"status": status})["done"] for status in answers.DONE] == [True, False, False]


def test_a_table_keeps_the_rows_that_say_something() -> None:
    typed = {
        "outils-0-nom": "Word",
        "outils-2-usage": "écrire",
        "outils-29-nom": "fin",
        "outils-30-nom": "trop",
    }
    rows = read("regles", "quoi", typed)["outils"]
    assert rows == [["Word", ""], ["", "écrire"], ["fin", ""]]


def test_a_question_that_was_not_on_the_screen_keeps_its_answer() -> None:
    screen = diligent.fields(ACTIVITIES["regles"], "suite")
    assert "signale" not in read("regles", "suite", screen, robot=False)
    assert read("regles", "suite", screen, robot=True)["signale"] is True
    assert "nom" in read("regles", "qui", {"nom": "Hal"}, robot=False), "it depends on this very screen"


def test_half_a_form_empties_nothing() -> None:
    assert set(read("regles", "qui", {"decideur": "Bob"})) == {"decideur", "robot"}
    assert set(read("regles", "quoi", {"outils-0-nom": ""})) == {"outils"}
    assert read("regles", "qui", {"decideur": " "})["decideur"] is None, "emptied on purpose"


@given(form=forms())
def test_what_was_read_fits_its_question(form: tuple[str, str, dict[str, list[str]]]) -> None:
    key, step, typed = form
    try:
        found = read(key, step, typed)
    except (errors.Invalid, errors.NotFound):
        return
    assert answers.fitting(ACTIVITIES[key], found) == found


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("x", {"entreprise", "decideur", "nom"}),
        (3, {"somme", "mois"}),
        (2.5, {"somme", "mois"}),
        (True, {"vrai", "robot", "signale"}),
        ([["x"]], {"outils"}),
        (["x"], set()),
        ({"x": "y"}, {"donnees"}),
    ],
)
def test_what_no_longer_fits_is_left_out(given: Any, kept: set[str]) -> None:
    found: set[str] = set()
    for key in ("quiz", "regles"):
        names = grammar.question_keys(ACTIVITIES[key])
        found |= set(answers.fitting(ACTIVITIES[key], dict.fromkeys(names, given) | {"gone": given}))
        assert answers.fitting(ACTIVITIES[key], dict.fromkeys(names)) == dict.fromkeys(names), "left empty"
    assert found == kept
    assert answers.fitting(ACTIVITIES["bilan"], {"liste": given, "robot": given}) == {}


def _missing(key: str, given: dict[str, Any]) -> tuple[str, ...]:
    return answers.missing(ACTIVITIES[key], given, charter.facts(key, given, {}))


def test_what_is_missing_is_told_in_order() -> None:
    assert _missing("bilan", {"essai": "unknown"}) == ("liste", "relecture", "robot")
    assert _missing("quiz", {"seul": "cas", "vrai": False, "somme": 0.0, "plusieurs": ["devis"]}) == (
        "ordre",
    )
    assert _missing("humeur", {}) == ("value",)
    assert _missing("humeur", {"value": 1}) == ()
    assert _missing("regles", {}) == ("decideur", "relus")
    assert _missing("regles", {"decideur": "Bob", "relus": []}) == ("relus",)
    assert _missing("regles", {"decideur": "Bob", "relus": ["devis"]}) == ()


def test_only_what_is_asked_can_be_missing() -> None:
    course = every.changed(
        "regles",
        "when: answers.regles.robot}\n  - key: quoi",
        "when: answers.regles.robot, required: true}\n  - key: quoi",
    )
    activity = every.read(course).activities["regles"]
    given = {"decideur": "Bob", "relus": ["devis"]}
    for robot, missing in ((False, ()), (True, ("nom",))):
        told = given | {"robot": robot}
        assert answers.missing(activity, told, charter.facts("regles", told, {})) == missing
