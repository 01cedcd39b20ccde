"""A charter as PDF and as Word, read back; and the Word templates of authors, good and bad."""

import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import charter as charters
from engine.core import errors, printing
from engine.core.course import grammar
from engine.documents import charter
from tests.documents import reading
from tests.documents.templates import ARTICLES, lines, template

NOW = datetime(2027, 4, 2, 9, tzinfo=UTC)
LATE = datetime(2027, 3, 30, 22, 30, tzinfo=UTC)  # already the 31st in Paris
WRITTEN = charters.Written(
    title="Charte d’usage de l’IA",
    company="Fournil du Port",
    language="fr",
    articles=(
        charters.Article(
            1,
            "principe",
            "Pourquoi",
            (
                charters.Paragraph((charters.Run("Pour "), charters.Run("gagner du temps", strong=True))),
                charters.Bullets(((charters.Run("relire"),), (charters.Run("dire"),))),
            ),
        ),
        charters.Article(
            2,
            "outils",
            "Les outils",
            (charters.Table(("Outil", "Compte"), (("Le Chat", "Oui"), ("DeepL", "[à compléter]"))),),
        ),
    ),
    note="Modèle à adapter.",
    version=2,
    adopted_at=LATE,
    signatures=(charters.Signature("Alice", LATE), charters.Signature("Σωκράτης", NOW)),
)
DRAFT = replace(WRITTEN, version=0, adopted_at=None, signatures=())


def pdf(written: charters.Written) -> reading.Pdf:
    return reading.pdf(charter.pdf(written, now=NOW, zone="Europe/Paris"))


def word(written: charters.Written, template: bytes | None = None) -> Any:
    return reading.word(charter.word(written, template, now=NOW, zone="Europe/Paris"))


def test_the_pdf_names_the_company_the_version_and_who_agreed() -> None:
    found = pdf(WRITTEN)
    assert (found.pages, found.title, found.language, found.standard) == (1, WRITTEN.title, "fr", "1")
    for said in (
        "Fournil du Port Charte d’usage de l’IA Version 2, adoptée le 31 mars 2027",
        "Article 1. Pourquoi Pour gagner du temps • relire • dire",
        "Article 2. Les outils Outil Compte Le Chat Oui DeepL [à compléter]",
        "Lu et approuvé Nom Date Alice 31 mars 2027 Σωκράτης 2 avril 2027",
        "Modèle à adapter. page 1 sur 1",
    ):
        assert said in found.text


def test_the_note_stands_at_the_foot_of_each_page_however_long() -> None:
    long = replace(WRITTEN, note="Une note longue. " * 60, articles=WRITTEN.articles * 20)
    found = pdf(long)
    assert found.pages > 2
    assert found.text.count("Une note longue. " * 59) == found.pages
    assert found.lowest > 30


def test_a_draft_says_that_nobody_adopted_it() -> None:
    assert "Projet du 2 avril 2027, pas encore adopté" in pdf(DRAFT).text
    assert "Lu et approuvé" not in pdf(DRAFT).text
    assert "Draft of 2 April 2027, not adopted yet" in pdf(replace(DRAFT, language="en")).text


def test_the_word_file_has_real_headings_lists_and_tables() -> None:
    document = word(WRITTEN)
    assert [each for each in reading.paragraphs(document) if each[1]] == [
        ("Subtitle", "Fournil du Port"),
        ("Title", "Charte d’usage de l’IA"),
        ("Edition", "Version 2, adoptée le 31\u00a0mars 2027"),
        ("Heading 1", "Article 1. Pourquoi"),
        ("Normal", "Pour gagner du temps"),
        ("List Bullet", "relire"),
        ("List Bullet", "dire"),
        ("Heading 1", "Article 2. Les outils"),
        ("Heading 1", "Lu et approuvé"),
    ]
    assert reading.tables(document) == [
        [["Outil", "Compte"], ["Le Chat", "Oui"], ["DeepL", "[à compléter]"]],
        [["Nom", "Date"], ["Alice", "31\u00a0mars 2027"], ["Σωκράτης", "2\u00a0avril 2027"]],
    ]
    (bold,) = [run.text for each in document.paragraphs for run in each.runs if run.bold]
    assert bold == "gagner du temps"
    assert "Modèle à adapter." in document.sections[0].footer.paragraphs[0].text
    assert document.core_properties.title == "Charte d’usage de l’IA"
    assert document.core_properties.author == "Fournil du Port"
    assert document.core_properties.created == NOW


def test_the_word_file_of_an_english_draft() -> None:
    document = word(replace(DRAFT, language="en", company=""))
    assert reading.paragraphs(document)[1] == ("Edition", "Draft of 2\u00a0April 2027, not adopted yet")
    assert "Read and agreed" not in [text for _, text in reading.paragraphs(document)]
    assert 'w:val="en-GB"' in document.styles.element.xml


def test_our_own_template_names_only_what_there_is() -> None:
    assert charter.slots(charter._ours()) == set()


def test_an_authors_template_wears_its_own_styles() -> None:
    document = word(WRITTEN, lines("{{ company }} : {{ title }} ({{ version }})", *ARTICLES))
    texts = [text for _, text in reading.paragraphs(document)]
    assert texts[:3] == ["Fournil du Port : Charte d’usage de l’IA (2)", "Pourquoi", "Pour gagner du temps"]


def test_a_template_without_lists_and_grids_gets_bullets_and_borders() -> None:
    def bare(document: Any) -> None:
        for name in ("List Bullet", "Table Grid"):
            document.styles[name].delete()
        for line in ARTICLES:
            document.add_paragraph(line)

    document = word(WRITTEN, template(bare))
    assert ("Normal", "•\u00a0relire") in reading.paragraphs(document)
    assert "w:tblBorders" in document.tables[0]._tbl.xml


@pytest.mark.parametrize(
    ("written", "unknown"),
    [
        (("{{ company }} {{ entreprise }}",), {"entreprise"}),
        (
            ("{%p for a in articles %}", "{{ a.titel }} {{ a.number }} {{ loop.index }}", "{%p endfor %}"),
            {"a.titel"},
        ),
        (("{{ company.name }}",), {"company.name"}),
        (("{{ range(9) }}",), {"range"}),
        (("{{ title }} {{ edition }} {{ adopted }} {{ language }} {{ note }}", *ARTICLES), set()),
    ],
)
def test_unknown_slots_are_named(written: tuple[str, ...], unknown: set[str]) -> None:
    assert charter.slots(lines(*written)) == unknown


def test_slots_in_the_foot_of_the_page_count_too() -> None:
    def foot(document: Any) -> None:
        document.sections[0].footer.paragraphs[0].text = "{{ pied }}"

    assert charter.slots(template(foot)) == {"pied"}


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "n'est pas un document Word"),
        (b"%PDF-1.7", "n'est pas un document Word"),
        (zipped(a=b"b"), "n'est pas un document Word"),
        (zipped(a=b"\0" * 60_000_000), "trop gros"),
        (lines("{{ company"), "près de « {{ company »"),
        (lines("Bonjour", "{% for x in %}"), "près de « {% for x in %} »"),
        (lines("{%p for article in articles %}", "{{ article.title }}"), "mal écrite"),
        (lines("{{ company|majuscules }}"), "près de « {{ company|majuscules }} »"),
        (lines("{{ 1 / 0 }}"), "ne se laisse pas remplir"),
        (lines("{% include 'autre.docx' %}"), "ne se laisse pas remplir"),
        (lines("{{ company.__class__.__mro__ }}"), None),
        (lines("{{ ''.__class__.__mro__[1].__subclasses__() }}"), "ne se laisse pas remplir"),
        (
            lines("{%p for article in articles %}", "Ici : {{ article.body }}", "{%p endfor %}"),
            "seul dans son",
        ),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_in_words(data: bytes, told: str | None) -> None:
    if told is None:
        assert charter.slots(data) == {"company.__class__"}
        return
    with pytest.raises(errors.Invalid, match=told):
        charter.slots(data)


@pytest.mark.parametrize("text", reading.HOSTILE)
def test_hostile_words_neither_break_nor_act(text: str) -> None:
    run = charters.Run(text, strong=True)
    odd = replace(
        WRITTEN,
        company=text,
        note=text[:1500],
        articles=(
            charters.Article(
                1,
                "a",
                text,
                (
                    charters.Paragraph((run,)),
                    charters.Bullets(((run,), ())),
                    charters.Table(("", text[:300]), ((text[:300], ""),) * 2),
                ),
            ),
        ),
        signatures=(charters.Signature(text, NOW),),
    )
    found = pdf(odd)
    assert "root:" not in found.text
    assert "2 avril 2027" in found.text
    document = word(odd)
    assert ("Normal", printing.visible(text)) in reading.paragraphs(document)
    assert reading.tables(document)[1][1] == [printing.visible(text), "2\u00a0avril 2027"]
    assert document.core_properties.author == printing.visible(text)[:255]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200))
def test_any_text_comes_back_from_the_word_file(text: str) -> None:
    article = charters.Article(1, "a", "A", (charters.Paragraph((charters.Run(text),)),))
    document = word(replace(DRAFT, articles=(article,), company=text))
    assert document.paragraphs[-1].text == printing.visible(text)


def test_rows_written_before_the_author_changed_the_columns_still_print() -> None:
    question = grammar.CharterQuestion(
        key="outils",
        type="table",
        prompt="Quels outils ?",
        columns=(grammar.Option(key="outil", label="Outil"), grammar.Option(key="offre", label="Offre")),
    )
    section = grammar.CharterSection(key="s", title="S", questions=(question,))
    article = grammar.Article(key="a", title="Outils", parts=(grammar.Part(answer="outils"),))
    asked = grammar.Charter(
        kind="charter", title="Charte", document="Charte", sections=(section,), articles=(article,)
    )
    answers = {"outils": [["Le Chat"], ["DeepL", "Pro", "de trop"]]}
    written = charters.write(asked, "charte", answers, {}, language="fr")
    assert reading.tables(word(written)) == [[["Outil", "Offre"], ["Le Chat", ""], ["DeepL", "Pro"]]]
    assert "Le Chat DeepL Pro" in pdf(written).text
