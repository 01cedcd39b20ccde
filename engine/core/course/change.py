"""What a new version changes for those who are in the middle of the old one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.core.course import grammar
from engine.core.course.model import Course, Lesson


def keeps_structure(old: Course, new: Course) -> bool:
    """Whether keys, order, activities and conditions are the same: only words and dress differ.

    Such a change (a typo, a corrected figure) moves everyone by default.
    """
    return _bones(old) == _bones(new)


def _bones(course: Course) -> object:
    lessons = [
        (lesson.key, lesson.module.key, lesson.when, lesson.requires, lesson.delay, lesson.activities)
        for lesson in course.lessons
    ]
    activities = {
        key: (activity.kind, grammar.question_keys(activity), grammar.axis_keys(activity))
        for key, activity in course.activities.items()
    }
    return lessons, activities, course.rules


def added(old: Course, new: Course) -> tuple[str, ...]:
    """Keys of the lessons that `new` has and `old` has not, in their order."""
    known = {lesson.key for lesson in old.lessons}
    return tuple(lesson.key for lesson in new.lessons if lesson.key not in known)


@dataclass(frozen=True)
class Place:
    """What somebody is owed next."""

    kind: str
    """`welcome`, `lesson`, `farewell`, or empty when nothing is."""
    key: str = ""
    route: tuple[str, ...] = ()
    """Keys of all lessons to come, `key` the first, where that is not the order of the course."""


def moved(old: Course, new: Course, place: Place, *, send: bool, had: Collection[str] = frozenset()) -> Place:
    """Where somebody who stands at `place` in `old` goes on in `new`.

    Whatever he was still to receive and `new` still has, he receives, in the order of `new`. Of the lessons
    that were added, those that lie ahead of him come in their turn; those that lie behind him come first when
    `send`, else never. None comes that he `had` in a version of before.
    """
    if place.kind not in ("lesson", "farewell") or (place.key and old.lesson(place.key) is None):
        return place
    owed = {lesson.key for lesson in old.rest(place.key, place.route)}
    fresh = set(added(old, new)) - set(had)
    stands = _stands(old, new, place.key, owed)
    return _at(
        new,
        [
            lesson
            for lesson in new.lessons
            if lesson.key in owed or (lesson.key in fresh and (send or lesson.number > stands))
        ],
    )


def _stands(old: Course, new: Course, key: str, owed: Collection[str]) -> int:
    """The number in `new` behind which somebody has all that he received, or is about to.

    That of the first lesson still owed; when his very next one is gone, what took its place lies ahead.
    """
    first = next((lesson.number for lesson in new.lessons if lesson.key in owed), len(new.lessons) + 1)
    if new.lesson(key):
        return first
    behind = [each.number for each in new.lessons if old.lesson(each.key) and each.number < first]
    return max(behind, default=0)


def offered(old: Course, new: Course, *, had: Collection[str] = frozenset()) -> Place | None:
    """Where somebody who finished goes on when the lessons that were added are offered: they, and no other.

    None when he `had` them all in a version of before.
    """
    fresh = [lesson for lesson in new.lessons if old.lesson(lesson.key) is None and lesson.key not in had]
    return _at(new, fresh) if fresh else None


def _at(course: Course, rest: Sequence[Lesson]) -> Place:
    return Place("lesson", rest[0].key, course.route(rest)) if rest else Place("farewell")
