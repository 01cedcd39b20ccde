"""French spaces and apostrophes, and nothing else is touched."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core import typography
from engine.core.typography import NARROW, WIDE, french


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("Par où commencer ?", f"Par où commencer{NARROW}?"),
        ("Vraiment?!", f"Vraiment{NARROW}?!"),
        ("Un ; deux ! trois", f"Un{NARROW}; deux{NARROW}! trois"),
        ("Deux mots : voici", f"Deux mots{WIDE}: voici"),
        ("« mot »", f"«{NARROW}mot{NARROW}»"),
        ("«mot»", f"«{NARROW}mot{NARROW}»"),
        ("« Vu ! »", f"«{NARROW}Vu{NARROW}!{NARROW}»"),
        ("26 % et 26%", f"26{WIDE}% et 26{WIDE}%"),
        ("{percent} % en {n} min", f"{{percent}}{WIDE}% en {{n}}{WIDE}min"),
        ("12 345 678 €", f"12{NARROW}345{NARROW}678{WIDE}€"),
        ("à 8 h", f"à 8{WIDE}h"),
        ("n° 3, art. 12", f"n°{WIDE}3, art.{WIDE}12"),
        ("l'IA d'aujourd'hui", "l’IA d’aujourd’hui"),
        ("{{ learner.first_name }} !", f"{{{{ learner.first_name }}}}{NARROW}!"),
        (" : après un mot en gras", f"{WIDE}: après un mot en gras"),
    ],
)
def test_what_is_typed_and_what_is_printed(typed: str, printed: str) -> None:
    assert french(typed) == printed


@pytest.mark.parametrize(
    "text",
    [
        "08:30",
        "rendez-vous à 08:30",
        "https://example.org/?a=1;b='x'!c",
        "mailto:o'brien@example.org",
        "alice+l@example.org",
        "o'brien@example.org",
        "{{ l'eau ! }}",
        "`a ! b ; 'c'`",
        "01 23 45 67 89",
        "a:b",
        "10 heures",
        "",
    ],
)
def test_what_stays_as_it_is(text: str) -> None:
    assert french(text) == text


ASIDE = [
    "https://x.fr/?q=1;a='b'&c=5%20!",
    "o'b+c@x-y.fr",
    "{{ learner.first_name }}",
    "`l'eau ! 5 %`",
    "08:30",
]
PIECE = (
    st.sampled_from(
        [*";:!?«»%'’ €\n()0123456789", "  ", NARROW, WIDE, " h ", "n° ", "12 345", "...", "mot", "É"]
    )
    | st.sampled_from(ASIDE)
    | st.text(max_size=3)
)
TEXT = st.lists(PIECE, max_size=15).map("".join)
_LOOSE = re.compile(rf"[ {NARROW}{WIDE}'’]")


@settings(max_examples=250, deadline=None)
@given(TEXT)
@example("«https://x.fr»")
@example("a@b.fr!")
@example("1 234 567%")
def test_twice_is_as_once(text: str) -> None:
    assert french(french(text)) == french(text)


@settings(max_examples=250, deadline=None)
@given(TEXT)
def test_only_spaces_and_apostrophes_change(text: str) -> None:
    assert _LOOSE.sub("", french(text)) == _LOOSE.sub("", text)
    assert french(text).count("\n") == text.count("\n")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(ASIDE) | st.sampled_from(["« ", " »", " !", "l'eau", "5 %", "(", ")"]), max_size=8
    )
)
def test_addresses_slots_and_code_stay(pieces: list[str]) -> None:
    """They stand alone between spaces, as a person writes them."""
    printed = french(" ".join(pieces))
    for aside in ASIDE:
        assert printed.count(aside) == pieces.count(aside)


def test_the_spaces_are_those_of_the_printers() -> None:
    assert (typography.NARROW, typography.WIDE) == ("\u202f", "\u00a0")
