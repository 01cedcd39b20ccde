"""Lines that people type, or that a file holds in their place."""

import unicodedata


def clean(field: str, value: str, longest: int, problems: dict[str, str]) -> str:
    """A line that a person typed, in NFC; what is wrong with it goes into `problems`."""
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > longest:
        problems[field] = "Ce texte est trop long : raccourcissez-le."
    elif any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Zl", "Zp") for c in text):
        problems[field] = "Ce champ contient un caractère que nous ne pouvons pas garder."
    return text
