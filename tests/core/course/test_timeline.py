"""In which week each lesson comes."""

from dataclasses import replace

from engine.core.course import timeline
from tests.core import courses


def test_lessons_come_week_by_week_and_a_delay_counts_in_whole_weeks() -> None:
    lessons = [courses.lesson(1, delay=30), courses.lesson(2), courses.lesson(3, delay=10)]
    lessons += [courses.lesson(4, delay=7), courses.lesson(5, delay=3), courses.lesson(6)]
    assert timeline.weeks(courses.course(*lessons)) == [1, 2, 4, 5, 6, 7]


def test_a_slower_pace_leaves_weeks_empty() -> None:
    course = courses.course(*map(courses.lesson, (1, 2, 3)))
    assert timeline.weeks(replace(course, rules=replace(course.rules, pace=2))) == [1, 3, 5]
