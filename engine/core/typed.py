"""Lines that people type, or that a file holds in their place."""

import unicodedata

from engine.core import errors


def clean(field: str, value: str, longest: int, problems: dict[str, str]) -> str:
    """A line that a person typed, in NFC; what is wrong with it goes into `problems`."""
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > longest:
        problems[field] = "Ce texte est trop long : raccourcissez-le."
    elif any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Zl", "Zp") for c in text):
        problems[field] = "Ce champ contient un caractère que nous ne pouvons pas garder."
    return text


def needed(field: str, value: str, missing: str) -> str:
    """A line that must not be empty. Raises `errors.Invalid` (the field)."""
    problems: dict[str, str] = {}
    text = clean(field, " ".join(value.split()), 300, problems)
    if not text:
        problems[field] = missing
    if problems:
        raise errors.Invalid(problems)
    return text
