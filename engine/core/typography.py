"""French typography: the spaces that must not break (Imprimerie nationale, Lexique des règles)."""

import re

NARROW = "\u202f"  # before ; ! ? and inside « », between groups of digits
WIDE = "\u00a0"  # before : and before % and units

# What must stay as it is: addresses, URLs, slots, and anything between back-quotes.
_ASIDE = re.compile(r"(https?://\S+|[\w.+'-]+@[\w.-]+|\{\{.*?\}\}|`[^`]*`)")
# A place such as {percent} in our own texts will hold a number.
_RULES = (
    (re.compile(r"(?:(?<=\S)[ \u00a0\u202f]*|^[ \u00a0\u202f]+)([;!?]+)(?=[\s»)\]…\"'’]|$)"), NARROW + r"\1"),
    (re.compile(r"[ \u00a0]+:(?=\s|$)"), WIDE + ":"),
    (re.compile(r"«[ \u00a0\u202f]*"), "«" + NARROW),
    (re.compile(r"[ \u00a0\u202f]*»"), NARROW + "»"),
    (re.compile(r"(?<=\d)[ \u202f](?=\d{3}(?!\d))"), NARROW),
    (re.compile(r"(?<=[\d}])[ \u202f]?(?=%)"), WIDE),
    (re.compile(r"(?<=[\d}]) (?=(?:€|M€|Md€|k€|°C|h|min|km|kg)(?!\w))"), WIDE),
    (re.compile(r"\b(n°|art\.|p\.|[LRD]\.) (?=\d)"), r"\1" + WIDE),
    (re.compile(r"'"), "’"),
)


def french(text: str) -> str:
    """`text` with its French spaces and apostrophes; applying it twice changes nothing more."""
    parts = _ASIDE.split(text)
    return "".join(part if index % 2 else _plain(part) for index, part in enumerate(parts))


def _plain(text: str) -> str:
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
