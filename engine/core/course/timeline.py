"""When the lessons of a course come, counted in weeks: what an author sees of its rhythm."""

from engine.core.course import model

_WEEK = 7


def weeks(course: model.Course) -> list[int]:
    """The week of each lesson, the first being 1, for somebody for whom every lesson holds and no gate waits.

    Holidays are left out: they differ from year to year (`course simulate` knows them).
    """
    week, found = 1, list[int]()
    for lesson in course.lessons:
        if found:
            pace = course.rules.pace
            week += pace if lesson.delay is None else max(1, -(-lesson.delay // _WEEK))
        found.append(week)
    return found
