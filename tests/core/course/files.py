"""The small course of the tests, and the same with something changed."""

from pathlib import Path

from engine.core.course import model, reading

_FOLDER = Path(__file__).parents[2] / "courses" / "mini"
SLUG = "mini"
COURSE = "course.yaml"
FIRST, SECOND, LAST = "lessons/01-regarder.md", "lessons/02-equipe.md", "lessons/03-tenir.md"
POINT = "activities/point.yaml"
IMAGE = "images/boite.png"


def mini() -> dict[str, bytes]:
    paths = (path for path in _FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(_FOLDER).as_posix(): path.read_bytes() for path in paths}


def changed(path: str, old: str, new: str) -> dict[str, bytes]:
    """The course with `old`, which stands in the file once, replaced."""
    files = mini()
    text = files[path].decode()
    assert text.count(old) == 1, (path, old, text.count(old))
    return files | {path: text.replace(old, new).encode()}


def without(path: str) -> dict[str, bytes]:
    return {name: data for name, data in mini().items() if name != path}


def course(files: dict[str, bytes] | None = None) -> model.Course:
    found = reading.read(files or mini(), slug=SLUG)
    assert found.course, found.problems
    return found.course


def line_of(files: dict[str, bytes], path: str, text: str) -> int:
    """The line on which `text` first stands, counted as an editor does."""
    lines = files[path].split(b"\n")
    return next(number for number, line in enumerate(lines, 1) if text.encode() in line)
