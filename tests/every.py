"""The course of the tests that has an activity of every kind, as an author would write it."""

from pathlib import Path

from engine.core.course import grammar, model, reading

SLUG = "every"
_FOLDER = Path(__file__).parent / "courses" / SLUG
FILES = {
    path.relative_to(_FOLDER).as_posix(): path.read_bytes() for path in _FOLDER.rglob("*") if path.is_file()
}


def read(files: dict[str, bytes]) -> model.Course:
    found = reading.read(files, slug=SLUG)
    assert found.course, found.problems
    return found.course


COURSE = read(FILES)


def quiz(key: str = "quiz") -> grammar.Quiz:
    found = COURSE.activities[key]
    assert isinstance(found, grammar.Quiz)
    return found


def diagnostic(key: str = "bilan") -> grammar.Diagnostic:
    found = COURSE.activities[key]
    assert isinstance(found, grammar.Diagnostic)
    return found


def charter(course: model.Course = COURSE) -> grammar.Charter:
    found = course.activities["regles"]
    assert isinstance(found, grammar.Charter)
    return found


def changed(key: str, old: str, new: str) -> dict[str, bytes]:
    """The files with `old`, which stands once in that activity's file, replaced."""
    path = f"activities/{key}.yaml"
    text = FILES[path].decode()
    assert text.count(old) == 1, (path, old, text.count(old))
    return FILES | {path: text.replace(old, new).encode()}
