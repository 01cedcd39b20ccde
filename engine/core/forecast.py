"""What would leave in the weeks to come, for many learners at once.

An estimate: whoever has no gate before him is taken to do all that is asked, to receive every lesson, and to
change nothing. The steps are those of the planner.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from heapq import heapify, heappop, heappush
from typing import Literal

from engine.core import calendar, progress
from engine.core.course import markup, model

WEEKS = 12
_HOUR, _ZONE = time(8, 30), "Europe/Paris"  # the day that a step leads to depends on neither


@dataclass(frozen=True, order=True)
class Stand:
    """Where people stand to whom the same will happen."""

    day: date
    """Their own, on which the next mail leaves."""
    kind: str
    key: str
    weekday: int
    pace: Literal[1, 2, 4]
    region: str
    """Calendar of holidays; "": the course's."""
    catching_up: int = 0


@dataclass(frozen=True)
class Mail:
    day: date
    kind: str
    key: str


def run(course: model.Course, people: Mapping[Stand, int], *, until: date) -> Counter[Mail]:
    """How many of each mail leave before `until`. Who stands at a lesson that is gone is not counted."""
    course = replace(course, lessons=tuple(map(_plain, course.lessons)))
    waiting = Counter[Stand]()  # equal futures are walked once: those of all who come to the same place
    for stand, count in people.items():
        waiting[_open(course, stand)] += count
    queue = list(waiting)
    heapify(queue)
    found = Counter[Mail]()
    while queue and queue[0].day < until:
        stand = heappop(queue)
        count = waiting.pop(stand)
        if stand.kind == "lesson" and course.lesson(stand.key) is None:
            continue
        found[Mail(stand.day, stand.kind, stand.key)] += count
        after = _after(course, stand)
        if after is None:
            continue
        if after not in waiting:
            heappush(queue, after)
        waiting[after] += count
    return found


def _plain(lesson: model.Lesson) -> model.Lesson:
    """Without conditions, and without the activities that reminders are about."""
    return replace(lesson, when=None, requires=None, document=markup.Document(()))


def _open(course: model.Course, stand: Stand) -> Stand:
    """Where the planner puts off what is due on a day that is closed, such as the end of a pause."""
    slot, rules = _own(course, stand)
    if stand.kind == "welcome" or not calendar.closed(stand.day, rules):
        return stand
    return replace(stand, day=calendar.after_delay(stand.day - timedelta(days=1), 1, slot, rules).day)


def _own(course: model.Course, stand: Stand) -> tuple[calendar.Slot, calendar.Rules]:
    rules = replace(course.rules.with_region(stand.region), pace=stand.pace)
    return calendar.Slot(stand.weekday, _HOUR, _ZONE), rules


def _after(course: model.Course, stand: Stand) -> Stand | None:
    slot, rules = _own(course, stand)
    # A welcome counts from the day's first minute: a cohort begins at midnight.
    hour = time() if stand.kind == "welcome" else _HOUR
    due = calendar.Due(calendar.to_utc(stand.day, hour, _ZONE), stand.day)
    position = progress.Position(stand.kind, stand.key, due, catching_up=stand.catching_up)
    after = progress.step(course, position, progress.Facts(), slot, rules).position
    if not after.kind or after.due is None:
        return None
    return replace(stand, day=after.due.day, kind=after.kind, key=after.key, catching_up=after.catching_up)
