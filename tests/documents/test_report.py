"""The report of a diagnostic, read back."""

from dataclasses import replace
from datetime import date

import pytest

from engine.core import scoring
from engine.core.course import grammar
from engine.documents import report
from tests.documents import reading


def axes(**percents: int) -> tuple[scoring.AxisScore, ...]:
    titles = {"besoins": "Besoins", "equipes": "Équipes", "regles": "Règles du jeu"}
    return tuple(scoring.AxisScore(key, titles[key], percent) for key, percent in percents.items())


def priority(key: str, title: str, text: str) -> grammar.Priority:
    return grammar.Priority(key=key, title=title, text=text, gain=3, ease=2, risk=1)


NOW = scoring.Diagnosis(
    axes=axes(besoins=67, equipes=33, regles=0),
    total=33,
    level=grammar.Level(
        at=25, title="Des bases à relier", text="L'essentiel est là : il reste à **écrire**."
    ),
    unknown=("Qui relit les textes ?",),
    alerts=(
        grammar.Alert(
            key="gratuit", title="Un outil gratuit", text="Arrêtez :\n\n- ici ;\n- là.", when="true"
        ),
    ),
    priorities=(
        priority("a", "Dresser la liste", "Chez {{ learner.company }}, demandez à chacun."),
        priority("b", "Écrire trois règles", "Une page suffit."),
    ),
)
BEFORE = replace(NOW, axes=axes(besoins=40, equipes=20), total=30)
REPORT = report.Report(
    title="Votre diagnostic IA",
    course="L'IA dans la PME",
    first_name="Alice",
    company="Fournil du Port",
    on=date(2027, 3, 1),
    language="fr",
    diagnosis=NOW,
    note="Ce résultat n'est pas une certification.",
    answers=(
        report.Answer("Besoins", "Les tâches sont-elles connues ?", "Personne n'a de liste"),
        report.Answer("", "Un outil gratuit ?", "Oui"),
    ),
)


def test_it_tells_the_result_and_what_to_do() -> None:
    found = reading.pdf(report.pdf(REPORT))
    assert (found.pages, found.title, found.language, found.standard) == (1, "Votre diagnostic IA", "fr", "1")
    for said in (
        "L’IA dans la PME",
        "Alice · Fournil du Port · 1er mars 2027",
        "33 % Total",
        "Des bases à relier",
        "L’essentiel est là : il reste à écrire.",
        "Besoins 67 %",
        "Règles du jeu 0 %",
        "À voir tout de suite Un outil gratuit Arrêtez",
        "Vos priorités",
        "Chez Fournil du Port, demandez à chacun.",
        "À vérifier",
        "Qui relit les textes ?",
        "Personne n’a de liste",
        "Hors score",
        "Ce résultat n’est pas une certification.",
        "page 1 sur 1",
    ):
        assert said in found.text
    assert "votre total était" not in found.text


def test_an_earlier_result_stands_beside_and_what_it_did_not_ask_is_a_dash() -> None:
    found = reading.pdf(report.pdf(replace(REPORT, earlier=(date(2027, 1, 5), BEFORE))))
    assert "Le 5 janvier 2027, votre total était de 30 %." in found.text
    assert "Besoins 67 % 40 %" in found.text
    assert "Équipes 33 % 20 %" in found.text
    assert "Règles du jeu 0 % –" in found.text


def test_what_is_not_there_leaves_no_heading() -> None:
    bare = replace(NOW, alerts=(), priorities=(), unknown=())
    found = reading.pdf(report.pdf(replace(REPORT, diagnosis=bare, answers=(), note="", company="")))
    assert "Alice · 1er mars 2027" in found.text
    for heading in ("À voir tout de suite", "Vos priorités", "À vérifier", "Vos réponses"):
        assert heading not in found.text


def test_in_english() -> None:
    found = reading.pdf(report.pdf(replace(REPORT, language="en", earlier=(date(2027, 1, 5), BEFORE))))
    assert found.language == "en-GB"
    assert "On 5 January 2027 your total was 30%." in found.text
    assert "Your priorities" in found.text
    assert "page 1 of 1" in found.text


@pytest.mark.parametrize("text", reading.HOSTILE)
def test_hostile_words_neither_break_nor_act(text: str) -> None:
    odd = replace(
        NOW,
        level=grammar.Level.model_construct(at=0, title=text[:300] or "Niveau", text=text),
        unknown=(text,),
        axes=tuple(replace(axis, title=text[:300]) for axis in NOW.axes),
    )
    answers = (report.Answer(text[:300], text, text), report.Answer("", "Et ensuite ?", "La suite"))
    found = reading.pdf(
        report.pdf(replace(REPORT, first_name=text, company=text, diagnosis=odd, answers=answers, note=text))
    )
    assert "root:" not in found.text
    assert "Et ensuite" in found.text
    assert "La suite" in found.text
