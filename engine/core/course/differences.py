"""What changed between two contents of a course, lesson by lesson, for a person to read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from typing import Literal

from engine.core.course import editing
from engine.core.course.model import Course

Files = Mapping[str, bytes]
What = Literal["added", "removed", "moved", "edited"]


@dataclass(frozen=True)
class Change:
    """One lesson, activity or other file that is not what it was."""

    noun: Literal["lesson", "activity", "file"]
    key: str
    """Of the lesson or activity; a file's path."""
    title: str
    what: tuple[What, ...]
    """A lesson may be moved and edited."""
    diff: str
    """Unified; empty when only its place changed, or when it is no text."""


def changes(old: Course | None, new: Course, before: Files, after: Files) -> list[Change]:
    """Lessons in the order of `new`, those that are gone after them; then activities and other files.

    `old` is None for a first version, or one that does not read any more: then there are only files.
    """
    if old is None:
        paths = sorted({*before, *after})
        return [_file(path, before, after) for path in paths if _differs(path, before, after)]
    lessons = list(_lessons(old, new, before, after))
    activities = list(_activities(old, new, before, after))
    others = [
        _file(path, before, after)
        for path in sorted({*before, *after})
        if not editing.lesson_key(path) and not editing.activity_key(path) and _differs(path, before, after)
    ]
    return [*lessons, *activities, *others]


def _differs(path: str, before: Files, after: Files) -> bool:
    return before.get(path) != after.get(path)


def _lessons(old: Course, new: Course, before: Files, after: Files) -> Iterator[Change]:
    moved = _moved([each.key for each in old.lessons], [each.key for each in new.lessons])
    for lesson in new.lessons:
        was = old.lesson(lesson.key)
        if was is None:
            yield Change("lesson", lesson.key, lesson.subject, ("added",), diff("", lesson.path, {}, after))
            continue
        what: list[What] = ["moved"] * (lesson.key in moved)
        what += ["edited"] * (before[was.path] != after[lesson.path])
        if what:
            text = diff(was.path, lesson.path, before, after)
            yield Change("lesson", lesson.key, lesson.subject, tuple(what), text)
    for lesson in old.lessons:
        if new.lesson(lesson.key) is None:
            text = diff(lesson.path, "", before, {})
            yield Change("lesson", lesson.key, lesson.subject, ("removed",), text)


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The keys that changed places among those that both have: as few as tell the new order."""
    both = set(old) & set(new)
    stayed = SequenceMatcher(
        None, [key for key in old if key in both], [key for key in new if key in both], autojunk=False
    )
    blocks = stayed.get_matching_blocks()
    kept = [key for key in old if key in both]
    return both - {key for block in blocks for key in kept[block.a : block.a + block.size]}


def _activities(old: Course, new: Course, before: Files, after: Files) -> Iterator[Change]:
    for path in sorted({*before, *after}):
        key = editing.activity_key(path)
        if key and _differs(path, before, after):
            activity = new.activities.get(key) or old.activities[key]
            what = (_what(path, before, after),)
            yield Change("activity", key, activity.title, what, diff(path, path, before, after))


def _file(path: str, before: Files, after: Files) -> Change:
    return Change("file", path, path, (_what(path, before, after),), diff(path, path, before, after))


def _what(path: str, before: Files, after: Files) -> What:
    if path not in before:
        return "added"
    return "edited" if path in after else "removed"


def diff(was: str, path: str, before: Files, after: Files) -> str:
    """A unified diff of one file; empty for what is no text. A path that is not there counts as empty."""
    try:
        old, new = (
            files.get(name, b"").decode().splitlines() for files, name in ((before, was), (after, path))
        )
    except UnicodeDecodeError:
        return ""
    return "\n".join(unified_diff(old, new, was or path, path or was, lineterm=""))
