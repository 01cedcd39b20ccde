"""What our PDFs can print: Latin, Greek and Cyrillic, and the signs that go with them.

The font that comes with typst has no others in all of regular, italic, semi-bold and bold; and typst may
stop the program on a text that runs from right to left (0.15 panics where it breaks such a line).
"""

import re
import unicodedata

INSTEAD = "□"
"""Stands for a stretch of what cannot be printed."""
_LETTERS = (
    "A-Za-zªµºÀ-ÖØ-öø-\u023f\u0250-\u02af\u1e00-\u1e9bẞ\u1ea0-\u1ef9"
    "\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03ce"  # Greek, and below that with many accents
    "\u1f00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d"
    "\u1f80-\u1fb4\u1fb6-\u1fbc\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec"
    "\u1ff2-\u1ff4\u1ff6-\u1ffc"
    "\u0400-\u045f\u0462\u0463\u0470-\u0477\u0490-\u04c4\u04c7-\u04cc\u04d0-\u04f9"  # Cyrillic
)
_MARKS = "\u0300-\u0331\u0338"
_SIGNS = (
    "\n -~\u00a0-\u00ac\u00ae-¿×÷ʻʼ\u2002-\u200a\u2010-\u2016\u2018-\u2022\u2026\u202f\u2030"
    "\u2032\u2033\u2039\u203a\u2044\u2070\u2074-\u208e\u20ac№™\u2153-\u215e\u2190-\u2193−∞≈≠≤≥□■●○▲▼▶◀★"
)
_UNSEEN = ("Cc", "Cs", "Co", "Cn")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would let a name read backwards
_VARIANTS = re.compile("[\ufe00-\ufe0f]")
_FOREIGN = re.compile(f"[^{_LETTERS}{_MARKS}{_SIGNS}]+")
_PILE = re.compile(f"([{_MARKS}]{{3}})[{_MARKS}]+")
_NAME = re.compile(rf"(?=.*[{_LETTERS}])[{_LETTERS}{_MARKS}\u00a0\u202f '’ʼ.·‐‑-]+")


def printable(name: str) -> bool:
    """Whether a person's name prints as it is written: letters of the three scripts, their accents, spaces,
    hyphens, apostrophes, full stops and middle dots.

    Other scripts (Arabic, Hebrew, Georgian, Armenian, Chinese…) are not covered.
    """
    return _NAME.fullmatch(printed(name)) is not None and printed(name) == unicodedata.normalize("NFC", name)


def printed(text: str) -> str:
    """`text` as a PDF prints it: what has no shape is left out, a stretch in another script becomes □.

    What was not empty is not empty afterwards.
    """
    shaped = "".join(each for each in visible(text) if unicodedata.category(each) != "Cf")
    shown = _PILE.sub(r"\1", _FOREIGN.sub(INSTEAD, _VARIANTS.sub("", shaped)))
    return INSTEAD if text.strip() and not shown.strip() else shown


def visible(text: str) -> str:
    """`text` in NFC, every script kept, without control characters; its lines end in \\n."""
    plain = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    return "".join(
        each for each in _TURNS.sub("", plain) if each == "\n" or unicodedata.category(each) not in _UNSEEN
    )
