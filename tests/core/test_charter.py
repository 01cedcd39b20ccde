"""The author's articles and the company's answers, written out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import answers as answering
from engine.core import charter
from engine.core.charter import Bullets, Paragraph, Table
from tests import every

OPEN = "[à compléter]"
FULL: dict[str, Any] = {
    "entreprise": "Atelier Aubert",
    "decideur": "Alice",
    "robot": False,
    "nom": None,
    "donnees": {"public/gratuit": "oui", "public/choisi": "oui", "client/choisi": "demander"},
    "outils": [["Dictée", "les comptes rendus"]],
    "mois": 12,
    "ton": "vous",
    "relus": ["pages"],
}


def write(answers: dict[str, Any], language: str = "fr", **learner: object) -> charter.Written:
    return charter.write(every.charter(), "regles", answers, learner, language=language)


def said(passage: charter.Passage) -> str:
    match passage:
        case Paragraph():
            return "".join(run.text for run in passage.line)
        case Bullets():
            return " | ".join("".join(run.text for run in item) for item in passage.items)
        case Table():
            return " | ".join("/".join(row) for row in (passage.head, *passage.rows))


def articles(written: charter.Written) -> list[tuple[int, str, list[str]]]:
    return [
        (each.number, each.key, [said(passage) for passage in each.passages]) for each in written.articles
    ]


def test_a_charter_is_written_from_its_answers() -> None:
    written = write(FULL)
    assert (written.title, written.company, written.note) == (
        "Charte de l’IA",
        "Atelier Aubert",
        "Modèle à adapter.",
    )
    assert articles(written) == [
        (1, "roles", ["Chez Atelier Aubert, Alice décide."]),
        (2, "donnees", [
            "/Gratuit/Choisi | Public/Permis/Permis | Client/Jamais/Demander",
            "Outil/Usage | Dictée/les comptes rendus",
        ]),
        (3, "relecture", [
            "On relit, tous les 12 mois, sur un ton «\u202fVous\u202f»\u00a0:",
            "Les pages",
        ]),
    ]  # fmt: skip


def test_words_in_bold_stay_bold_around_an_answer() -> None:
    line = write(FULL).articles[0].passages[0]
    assert isinstance(line, Paragraph)
    assert [run.text for run in line.line if run.strong] == ["Alice"]


def test_an_article_whose_condition_holds_takes_its_number() -> None:
    keys = [
        (number, key)
        for number, key, _ in articles(write(FULL | {"robot": True, "nom": "Hal", "signale": True}))
    ]
    assert keys == [(1, "roles"), (2, "robot"), (3, "donnees"), (4, "relecture")]
    (_, _, robot) = articles(write(FULL | {"robot": True, "nom": "Hal", "signale": False}))[1]
    assert robot == ["Il s’appelle Hal."], "a passage has a condition of its own"


def test_what_is_open_is_marked_in_its_place() -> None:
    assert articles(write({})) == [
        (1, "roles", [f"Chez L’entreprise, {OPEN} décide."]),
        (2, "donnees", [f"/Gratuit/Choisi | Public/{OPEN}/{OPEN} | Client/Jamais/{OPEN}", OPEN]),
        (3, "relecture", [f"On relit, tous les {OPEN} mois, sur un ton «\u202f{OPEN}\u202f»\u00a0:", OPEN]),
    ]
    empty: dict[str, Any] = {
        "decideur": None,
        "outils": [],
        "relus": [],
        "donnees": {},
        "mois": None,
        "ton": None,
    }
    assert articles(write(empty)) == articles(write({}))
    assert "[to be completed]" in articles(write({}, language="en"))[0][2][0]


def test_a_choice_that_is_no_more_is_open() -> None:
    gone = write(FULL | {"ton": "nous", "relus": ["tout"]})
    assert f"sur un ton «\u202f{OPEN}\u202f»" in articles(gone)[2][2][0]


def test_a_fixed_cell_stands_whatever_was_answered() -> None:
    question = next(each for each in every.charter().questions if each.key == "donnees")
    given = {"client/gratuit": "oui", "public/gratuit": "oui"}
    for robot, public in ((False, ("oui", False)), (True, ("demander", True))):
        found = charter.cells(question, given, charter.facts("regles", {"robot": robot}, {}))
        assert found["client", "gratuit"] == ("non", True)
        assert found["public", "gratuit"] == public
        assert found["public", "choisi"] == ("", False)


def test_what_the_author_proposes_stands_until_something_was_said() -> None:
    found = charter.proposed(every.charter(), {}, {"company": "Atelier Aubert"})
    assert found == {
        "entreprise": "Atelier Aubert",
        "mois": 6,
        "signale": True,
        "donnees": {
            "public/gratuit": "oui",
            "public/choisi": "oui",
            "client/gratuit": "non",
            "client/choisi": "demander",
        },
    }
    assert charter.proposed(every.charter(), {"mois": None, "entreprise": "Autre"}, {"company": "X"}) == (
        found | {"mois": None, "entreprise": "Autre"}
    )


def test_a_proposed_table_has_the_form_of_an_answer() -> None:
    files = every.changed("regles", "prompt: Quels outils ?", "prompt: x\n        default: [[Word, écrire]]")
    regles = every.charter(every.read(files))
    assert charter.proposed(regles, {}, {})["outils"] == [["Word", "écrire"]]


@given(
    name=st.text(min_size=1, max_size=30)
    | st.sampled_from(["**gras**", "{{ answers.mois }}", "# x", "[a](b)"])
)
def test_what_a_company_writes_is_never_read_as_markdown(name: str) -> None:
    kept = answering.clean(name)
    (_, _, lines) = articles(write(FULL | {"decideur": kept}))[0]
    assert lines == [f"Chez Atelier Aubert, {kept or OPEN} décide."]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_yes_and_no_in_words(language: str) -> None:
    regles = every.charter(every.read(every.changed("regles", "- answer: outils", "- answer: robot")))
    words = {True: {"fr": "Oui", "en": "Yes"}, False: {"fr": "Non", "en": "No"}}
    for robot, word in words.items():
        written = charter.write(regles, "regles", FULL | {"robot": robot}, {}, language=language)
        (data,) = [each for each in written.articles if each.key == "donnees"]
        assert said(data.passages[-1]) == word[language]
