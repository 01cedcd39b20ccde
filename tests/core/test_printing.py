"""Which texts a PDF prints as they are, and what becomes of the others."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import printing


@pytest.mark.parametrize(
    "name",
    [
        "Alice Martin",
        "Zoë d’Aubigné-Œuvrard",
        "Jean-Marie O'Neill",
        "Nguyễn Thị Hồng",
        "Łukasz Żółć",
        "Σωκράτης Παπαδόπουλος",
        "Ἀριστοτέλης",
        "Ірина Ґалаґан",
        "Ђорђе",
        "Gal·la J. Puig",
        unicodedata.normalize("NFD", "Éléonore"),
        "A\u0306\u0301",
    ],
)
def test_names_in_latin_greek_and_cyrillic_print(name: str) -> None:
    assert printing.printable(name)
    assert printing.printed(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-",
        "محمد",
        "שרה",
        "გიორგი",
        "Հայկ",
        "王小明",
        "Bob 😀",
        "Bob\x00",
        "Bob\u202eecilA",
        "Bob <b>",
        "Bob\nAlice",
        "z" + "\u0301" * 9,
    ],
)
def test_other_names_do_not(name: str) -> None:
    assert not printing.printable(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Oui 👨\u200d👩\u200d👧 !", "Oui □ !"),
        ("日本語 et français", "□ et français"),
        ("שלום", "□"),
        ("a\x00b\u202ec\ud800\ufeffd", "abcd"),
        ("un\r\ndeux\rtrois\tquatre", "un\ndeux\ntrois quatre"),
        ("q" + "\u0338" * 50, "q" + "\u0338" * 3),
        ("\u200b\ufe0f", "□"),
        ("", ""),
        ("« ça » : 3\u202f000 € – n° 5…", "« ça » : 3\u202f000 € – n° 5…"),
    ],
)
def test_what_cannot_be_printed_becomes_a_square_or_nothing(text: str, shown: str) -> None:
    assert printing.printed(text) == shown


@given(st.text())
def test_printing_twice_changes_nothing_more(text: str) -> None:
    once = printing.printed(text)
    assert printing.printed(once) == once
    assert printing.visible(printing.visible(text)) == printing.visible(text)


def test_a_word_file_keeps_every_script_but_no_control_character() -> None:
    assert printing.visible("日本 😀 مرحبا a\x00\x0b\ud800\ufffe\u202eb") == "日本 😀 مرحبا ab"
