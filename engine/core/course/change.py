"""What a new version changes for those who are in the middle of the old one."""

from engine.core.course import grammar
from engine.core.course.model import Course


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


def successor(old: Course, new: Course, key: str) -> str:
    """Where somebody whose next lesson is `key` stands in `new`; empty when nothing is left for him.

    The lesson of that key; where it is gone, the first of those that followed it which is still there.
    """
    start = old.lesson(key)
    following = old.lessons[start.number - 1 :] if start else ()
    return next((lesson.key for lesson in following if new.lesson(lesson.key)), "")
