"""How people are found: the words of what is known about them, and the beginnings that are asked for."""

import unicodedata
from collections.abc import Iterable

LONGEST = 40
"""A word is cut there, where it is kept and where it is asked for."""

MOST = 8
"""Words of one question; the rest of it is passed over."""

#: What Unicode does not take apart.
_LETTERS = str.maketrans(
    {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
)
_COMPANY = "="


def folded(text: str) -> str:
    """Without case and accents: « Éloïse Bœuf » is `eloise boeuf`."""
    # Twice: folding the case brings marks back ("İ"), and taking apart brings capitals back ("℡").
    for _ in range(2):
        apart = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return text.translate(_LETTERS)


def words(text: str) -> tuple[str, ...]:
    """The words of a text in their order, folded: what stands between them is neither letter nor figure."""
    spaced = "".join(letter if unicodedata.category(letter)[0] in "LNM" else " " for letter in folded(text))
    return tuple(word[:LONGEST] for word in spaced.split())


def company(name: str) -> str:
    """The one word by which a company's whole name is found, from its beginning; "" when it has no words."""
    said = ".".join(words(name))
    return f"{_COMPANY}{said}"[: 2 * LONGEST] if said else ""


def known(first_name: str, address: str, companies: Iterable[str]) -> tuple[str, ...]:
    """All words that find a person, sorted, each once."""
    found = {*words(first_name), *words(address)}
    for name in companies:
        found |= {*words(name), company(name)}
    return tuple(sorted(found - {""}))


def kept(found: Iterable[str]) -> str:
    """`found` as one line, where a word that begins with x is found as " x"."""
    return f" {' '.join(found)} " if found else ""


def asked(text: str) -> tuple[str, ...]:
    """The beginnings of words that a question asks for; "a alice" asks for no more than "alice"."""
    found = dict.fromkeys(words(text)[:MOST])
    return tuple(word for word in found if sum(each.startswith(word) for each in found) == 1)
