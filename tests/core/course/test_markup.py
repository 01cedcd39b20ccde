"""An author's Markdown becomes a small tree, and nothing of it is lost on the way."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.course import markup
from engine.core.course.markup import (
    Break,
    Button,
    Callout,
    Checklist,
    Code,
    CodeBlock,
    Emphasis,
    Heading,
    If,
    Image,
    KeyFigure,
    Link,
    ListBlock,
    Paragraph,
    Question,
    Quote,
    Rule,
    Slot,
    Strong,
    Text,
)

LESSON = """Bonjour *à* **tous**, voir `code` et [le site](https://example.org/).
Une ligne\\
coupée, {{ learner.first_name }} !

## Un titre

- un
- deux

3. trois
4. quatre

> cité

---

![Une image](images/x.png "Légende")

    code

:::encadre Un titre
Dedans.
:::

:::attention
Gare.
:::

:::chiffre 26 % | source-1
des gens.
:::

:::bouton activite:point
C'est fait
:::

:::question point
:::

:::si learner.size >= 50
:::encadre Plus grand
Dedans.
:::

Après.
:::
"""


def test_a_lesson_becomes_a_tree() -> None:
    document = markup.parse(LESSON, language="en")
    text = (Text("Dedans."),)
    assert document.oddities == ()
    assert document.blocks == (
        Paragraph(
            (
                *(
                    Text("Bonjour "),
                    Emphasis((Text("à"),)),
                    Text(" "),
                    Strong((Text("tous"),)),
                    Text(", voir "),
                ),
                *(Code("code"), Text(" et "), Link((Text("le site"),), "https://example.org/"), Text(".")),
                *(Text(" "), Text("Une ligne"), Break()),
                *(Text("coupée, "), Slot("learner.first_name"), Text(" !")),
            ),
            1,
        ),
        Heading(2, (Text("Un titre"),), 5),
        ListBlock(False, ((Paragraph((Text("un"),), 7),), (Paragraph((Text("deux"),), 8),)), 1, 7),
        ListBlock(True, ((Paragraph((Text("trois"),), 10),), (Paragraph((Text("quatre"),), 11),)), 3, 10),
        Quote((Paragraph((Text("cité"),), 13),), 13),
        Rule(15),
        Image("images/x.png", "Une image", "Légende", 17),
        CodeBlock("code", 19),
        Callout("encadre", "Un titre", (Paragraph(text, 22),), 21),
        Callout("attention", "", (Paragraph((Text("Gare."),), 26),), 25),
        KeyFigure("26 %", "source-1", (Text("des gens."),), 29),
        Button("activite:point", (Text("C'est fait"),), 33),
        Question("point", 37),
        If(
            "learner.size >= 50",
            (
                Callout("encadre", "Plus grand", (Paragraph(text, 42),), 41),
                Paragraph((Text("Après."),), 45),
            ),
            40,
        ),
    )


def test_a_checklist_is_a_list_of_boxes_only() -> None:
    (boxes,) = markup.parse("- [ ] à faire\n- [x] puis **cela**", language="en").blocks
    assert boxes == Checklist(((Text("à faire"),), (Text("puis "), Strong((Text("cela"),)))), 1)
    (mixed,) = markup.parse("- [ ] à faire\n- autre").blocks
    assert isinstance(mixed, ListBlock)
    assert "[ ] à faire" in markup.plain(markup.inlines(mixed.items[0][0]))


def test_pieces_know_their_line() -> None:
    text = "a **b\nc** [d\ne](https://x.fr)\n{{ learner.company }}  \nf {{ g.h }}"
    (block,) = markup.parse(text, language="en").blocks
    lines = {
        getattr(piece, "text", getattr(piece, "name", getattr(piece, "href", ""))).strip(): piece.line
        for piece in markup.flatten(markup.inlines(block))
        if not isinstance(piece, Break | Code)
    }
    lines.pop("", None)
    expected = {"a": 1, "b": 1, "c": 2, "https://x.fr": 2, "d": 2, "e": 3}
    assert lines == expected | {"learner.company": 4, "f": 5, "g.h": 5}


def test_typography_is_of_the_language() -> None:
    french, english = (
        markup.plain(markup.inlines(markup.parse("Vu ?", language=la).blocks[0])) for la in ("fr", "en")
    )
    assert french == "Vu\u202f?"
    assert english == "Vu ?"
    (callout,) = markup.parse(":::attention L'eau !\nx\n:::").blocks
    assert isinstance(callout, Callout)
    assert callout.title == "L’eau\u202f!"


def test_code_and_addresses_stay_as_they_are() -> None:
    block = markup.parse("`l'eau !` <https://x.fr/?a=l'eau;b> [l'eau](https://x.fr/l'eau)").blocks[0]
    pieces = list(markup.flatten(markup.inlines(block)))
    assert Code("l'eau !") in pieces
    assert [piece.href for piece in pieces if isinstance(piece, Link)] == [
        "https://x.fr/?a=l'eau;b",
        "https://x.fr/l'eau",
    ]


ODD = {
    "a\n\n:::encadre x\nb": (3, "jamais fermé"),
    "a\n\n:::": (3, "sans bloc ouvert"),
    "a\n\n:::cadre x\nb\n:::": (3, "bloc « cadre » inconnu"),
    ":::bouton\nb\n:::": (1, "bouton sans lien"),
    ":::question\n:::": (1, "question sans activité"),
    ":::question x\nb\n:::": (1, "texte dans une question"),
    ":::si\nb\n:::": (1, "sans condition"),
    ":::chiffre 3\nb\n:::": (1, "sans source"),
    ":::chiffre | s\nb\n:::": (1, "sans valeur"),
    ":::bouton x\na\n\nb\n:::": (1, "un seul paragraphe"),
    ":::encadre\n:::attention\nb\n:::\n:::": (2, "à l'intérieur d'un bloc"),
    ":::si a\n:::si b\nc\n:::\n:::": (2, "à l'intérieur d'un bloc"),
    "a\nb ![c](images/d.png)": (2, "image dans un paragraphe"),
    "a\n{{ b c }}": (2, "pas un emplacement"),
    "a\n{% if b %}": (2, "pas un emplacement"),
    "{{ learner.\nfirst_name }}": (1, "pas un emplacement"),
    "{{ learner": (1, "pas un emplacement"),
    "a\n[](https://x.fr)": (2, "lien sans texte"),
    "a [b](https://x.fr 'c')": (1, "titre de lien"),
    "a\n\n[Note]: lisez": (3, "ne se verra pas"),
}


@pytest.mark.parametrize("text", ODD)
def test_what_is_not_understood_is_told(text: str) -> None:
    line, cause = ODD[text]
    (oddity,) = markup.parse(text).oddities
    assert (oddity.line, cause in oddity.cause) == (line, True), oddity
    assert oddity.cure


def test_a_fence_in_code_is_no_block() -> None:
    assert markup.parse("```\n:::encadre\n```\n").blocks == (CodeBlock(":::encadre", 1),)
    assert not markup.parse("```\n:::encadre\n```\n").oddities


def test_a_reference_that_is_used_is_a_link() -> None:
    document = markup.parse("[le site][un]\n\n[un]: https://x.fr")
    assert not document.oddities
    assert next(markup.flatten(markup.inlines(document.blocks[0]))) == Link(
        (Text("le site"),), "https://x.fr"
    )


def test_words_are_those_a_reader_reads() -> None:
    assert markup.words(markup.parse("un **deux** [trois](https://x.fr)\n\n> quatre\n\n- [ ] cinq")) == 5
    assert markup.words(markup.parse("---\n\n![alt](images/x.png)")) == 0


def everything(document: markup.Document) -> str:
    """Each word of a tree, wherever it stands."""
    found: list[str] = []
    for block in markup.walk(document.blocks):
        inline = markup.inlines(block)
        found += [markup.plain(inline), *(p.href for p in markup.flatten(inline) if isinstance(p, Link))]
        for name in ("title", "value", "source", "href", "activity", "condition", "src", "alt", "text"):
            found.append(getattr(block, name, ""))
    return "\n".join(found)


MARKS = [
    *(
        "*",
        "**",
        "_",
        "`",
        "```",
        "~~~",
        "[",
        "]",
        "](",
        ")",
        "![",
        "<",
        ">",
        "# ",
        "## ",
        "- ",
        "* ",
        "1. ",
        "[ ] ",
    ),
    *(
        "> ",
        "    ",
        "  ",
        "\t",
        "\n",
        "\n\n",
        "\n---\n",
        "\n===\n",
        "\\",
        "&amp;",
        "|",
        ":::",
        "\n:::\n",
        "!",
        "»",
    ),
    *(
        "\n:::encadre ",
        "\n:::si ",
        "\n:::bouton ",
        "\n:::chiffre ",
        "\n:::question ",
        "\n:::attention ",
        "\n::: ",
    ),
    *(
        "{{",
        "}}",
        "{{ learner.first_name }}",
        "{% ",
        " | ",
        "]: ",
        '"',
        "'",
        "(",
        "https://x.fr/",
        "lecon:",
        "\r\n",
    ),
    *("<div>", "<!--", "-->", "<https://", "a@b.fr", "  \n", "\x00", "«", " :", " ;", "?", "%", "é"),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(MARKS) | st.just("word"), max_size=30))
@example(["\n:::question ", "word", "\n", "word", "\n:::\n"])
@example(["[", "word", "]: ", "word"])
def test_no_word_is_lost_in_silence(pieces: list[str]) -> None:
    """Each stands in the tree, or an oddity keeps the course from being published."""
    text = "".join(f" mot{n}x " if piece == "word" else piece for n, piece in enumerate(pieces))
    document = markup.parse(text)
    fences = re.findall(r"(?:```|~~~)[^\n]*", text)  # what stands behind them names a language
    words = set(re.findall(r"mot\d+x", text)) - set(re.findall(r"mot\d+x", " ".join(fences)))
    assert document.oddities or words <= set(re.findall(r"mot\d+x", everything(document)))


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=200) | st.lists(st.sampled_from(MARKS), max_size=40).map("".join),
    st.sampled_from(["fr", "en"]),
)
@example("> " * 3000 + "x", "fr")
@example("*" * 3000 + "a", "fr")
@example("[" * 3000, "fr")
@example(":::si a\n" * 300, "fr")
@example(":::si a\n" * 300 + ":::\n" * 300, "fr")
@example("\ud800", "fr")
def test_parsing_never_raises(text: str, language: str) -> None:
    document = markup.parse(text, language=language)
    lines = len(re.split(r"\r\n?|\n", text))
    assert all(1 <= oddity.line <= lines for oddity in document.oddities)
    assert all(1 <= block.line <= lines for block in markup.walk(document.blocks))
    assert markup.words(document) >= 0
