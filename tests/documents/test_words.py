"""Every word that a document says has its English, and none is translated for nothing."""

from pathlib import Path

from babel.messages.extract import extract

from engine import documents, paths
from engine.core import words


def _said() -> set[str]:
    found: set[str] = set()
    for path in Path(documents.__file__).parent.glob("*.py"):
        with path.open("rb") as file:
            found |= {
                str(text) for _, text, _, _ in extract("python", file, {"say": None, "_say": None}, [], {})
            }
    return found


def test_documents_say_in_english_what_they_say_in_french() -> None:
    assert len(_said()) > 30
    assert _said() == set(words.read(paths.templates() / "locale" / "en" / "documents.po", "en"))
