"""What a page shows of an answer, sent back as it stands, is that answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import answers, asking, charter, errors, views, words
from engine.core.course import grammar
from engine.demo import answers as diligent
from engine.web import pages, screens
from tests import every
from tests.web.playing import fields

ACTIVITIES = every.COURSE.activities
STEPS = [
    (key, step)
    for key, activity in ACTIVITIES.items()
    for step in answers.steps(activity)
    if not isinstance(activity, grammar.Agreement)
]


def played(key: str, given: dict[str, Any], language: str = "fr") -> views.Played:
    return views.Played(
        slug=every.SLUG,
        course="",
        language=language,
        key=key,
        activity=ACTIVITIES[key],
        about={},
        answers=given,
        touched=True,
        round=1,
        handed_in_at=None,
        attempts_left=0,
        next_attempt_at=None,
        earlier=None,
        comes_back=None,
        again={},
        charter=None,
        agreed=False,
        next_at=None,
        zone="Europe/Paris",
    )


def drawn(screen: screens.Screen) -> str:
    template = pages.environment().get_template("_answers.html")
    module: Any = template.make_module({"_": words.gettext("fr")})
    return "".join(module.draw(field) for field in screen.fields)


def read(key: str, step: str, typed: answers.Typed, before: dict[str, Any], language: str) -> dict[str, Any]:
    facts = charter.facts(key, before, {})
    return answers.read(ACTIVITIES[key], step, typed, language=language, facts=facts)


hostile = st.sampled_from(
    [
        "<b>\"'&amp;</textarea>",
        "\n\nx",
        "{{ 7 * 7 }}",
        "\u202eabc",
        "\x00",
        "1 234,5",
        "0,000001",
        "-0",
        "1,234",
    ]
)
values = st.text(max_size=20) | hostile | st.sampled_from(["1", "2", "3", "true", "false"])


@st.composite
def typed(draw: st.DrawFn) -> tuple[str, str, dict[str, list[str]]]:
    """Forms of ours, some of whose fields hold something else."""
    key, step = draw(st.sampled_from(STEPS))
    form = {
        name: [value] if isinstance(value, str) else list(value)
        for name, value in diligent.fields(ACTIVITIES[key], step).items()
    }
    for name in draw(st.sets(st.sampled_from(sorted(form)))):
        form[name] = draw(st.lists(values, max_size=1))
    return key, step, form


@given(form=typed(), language=st.sampled_from(["fr", "en"]), robot=st.booleans())
def test_an_answer_survives_its_page(
    form: tuple[str, str, dict[str, list[str]]], language: str, robot: bool
) -> None:
    key, step, sent = form
    before = {"robot": robot} if key == "regles" else {}
    for fixed in ("donnees-client-gratuit", "donnees-public-gratuit")[: 1 + robot]:
        sent.pop(fixed, None)  # the page has no field for it
    try:
        kept = read(key, step, sent, before, language)
    except errors.Invalid:
        return
    shown = before | kept
    page = drawn(screens.screen(played(key, shown, language), step))
    assert read(key, step, fields(page), shown, language) == kept


@given(form=typed())
def test_a_form_that_comes_back_holds_what_was_typed(form: tuple[str, str, dict[str, list[str]]]) -> None:
    key, step, sent = form
    screen = screens.screen(played(key, {}), step, typed=sent, problems={"x": "y"})
    back = fields(drawn(screen))
    for field in screen.fields:
        value = answers.first(sent, field.name)
        if field.type in ("number", "text"):
            assert back[field.name] == [answers.clean(value)]
        elif field.type in ("radio", "check") and value in {option.value for option in field.options}:
            assert value in back[field.name]
        elif field.type == "table":
            cells = [name for name in sent if name.startswith(field.name)]
            assert all(back[name] == [answers.clean(answers.first(sent, name))] for name in cells)


@pytest.mark.parametrize("key", ["bilan", "quiz", "humeur", "point"])
def test_a_link_chooses_nothing_that_is_not_offered(key: str) -> None:
    step = answers.steps(ACTIVITIES[key])[0]
    name = {"bilan": "liste", "quiz": "seul", "humeur": "value", "point": "status"}[key]
    (first, second, *_) = [option.value for option in screens.screen(played(key, {}), step).fields[0].options]

    def chosen(asked: str, kept: str = "") -> list[str]:
        given: dict[str, Any] = {name: int(kept) if kept.isdigit() else kept} if kept else {}
        return fields(drawn(screens.screen(played(key, given), step, chosen=asked))).get(name, [])

    assert chosen(second) == [second]
    assert chosen(second, kept=first) == [second]
    assert chosen("", kept=first) == [first]
    assert chosen("<script>", kept=first) == [first], "what was answered stays chosen"
    assert chosen("<script>") == []


def test_a_link_chooses_nothing_in_a_charter() -> None:
    page = fields(drawn(screens.screen(played("regles", {"robot": False}), "qui", chosen="true")))
    assert page["robot"] == ["false"]


def test_a_table_that_comes_back_has_every_row_that_was_typed() -> None:
    sent = {"outils-7-nom": ["loin"]}
    back = fields(drawn(screens.screen(played("regles", {}), "quoi", typed=sent, problems={"outils": "!"})))
    assert back["outils-7-nom"] == ["loin"]


def test_a_table_has_no_more_rows_than_are_read() -> None:
    rows = [[f"{number}", ""] for number in range(answers.MOST_ROWS)]
    page = fields(drawn(screens.screen(played("regles", {"outils": rows}), "quoi")))
    assert f"outils-{answers.MOST_ROWS - 1}-nom" in page
    assert f"outils-{answers.MOST_ROWS}-nom" not in page


@pytest.mark.parametrize(
    ("value", "french"),
    [(12.0, "12"), (2.5, "2,5"), (0.000001, "0,000001"), (-0.5, "-0,5"), (1e12, "1" + "0" * 12)],
)
def test_a_number_is_shown_as_it_is_typed(value: float, french: str) -> None:
    assert asking.number_words(value, "fr") == french
    assert asking.number_words(value, "en") == french.replace(",", ".")


def test_an_order_is_not_shown_in_the_right_one() -> None:
    labels = [cell.label for cell in screens.screen(played("quiz", {}), "ordre").fields[0].rows[0][1]]
    assert sorted(labels) == ["Corriger", "Envoyer", "Lire"]
    assert labels != ["Lire", "Corriger", "Envoyer"]
