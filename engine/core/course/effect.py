"""What publishing a version does to the people of a course, in counts, before anything happens."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.core.course import change
from engine.core.course.model import Course


@dataclass(frozen=True)
class Choices:
    """What becomes of people; the author says."""

    others: Literal["move", "stay"] | None = None
    """Those in the middle of the version that is replaced. None: not said."""
    inserted: Literal["skip", "send"] = "skip"
    """Those who move, and lessons that were added behind them."""
    finished: Literal["leave", "offer"] = "leave"
    """Those who finished, and all lessons that were added: to offer is to open their course again."""


@dataclass(frozen=True)
class Group:
    """Enrolments that stand at the same place."""

    finished: bool
    place: change.Place
    had: frozenset[str]
    """Which of the lessons that are added came already, in a version of before."""
    gated: bool
    """They wait before the next lesson, for an activity."""
    count: int


@dataclass(frozen=True)
class Going:
    """What publishing does to each enrolment of a group."""

    group: Group
    place: change.Place
    freed: bool
    """The gate that they waited at is gone, or is another one: what stands at it is forgotten."""

    @property
    def anew(self) -> bool:
        """Whether the next lesson gets a new due time: the first slot, as after a gate that opened."""
        return self.freed or (self.group.finished and self.group.place.kind != "farewell")


def going(old: Course, new: Course, groups: Iterable[Group], choices: Choices) -> list[Going]:
    """Where each group goes that follows the new version; the others are not in the list."""
    found = []
    for group in groups:
        if group.finished:
            place = change.offered(old, new, had=group.had) if choices.finished == "offer" else None
        elif choices.others == "move":
            place = change.moved(old, new, group.place, send=choices.inserted == "send", had=group.had)
        else:
            place = None
        if place is not None:
            found.append(Going(group, place, group.gated and _freed(old, new, group.place, place)))
    return found


def _freed(old: Course, new: Course, before: change.Place, after: change.Place) -> bool:
    here, there = old.lesson(before.key), new.lesson(after.key)
    return before.key != after.key or (here and here.requires) != (there and there.requires)


@dataclass(frozen=True)
class Effect:
    """Enrolments, counted. Nobody is sent a lesson again that he received."""

    moved: int = 0
    """In the middle of the course, and go on with the new version."""
    stay: int = 0
    """In the middle of it, and finish with the version they have."""
    inserted: Mapping[str, int] = field(default_factory=dict)
    """Of those who move: who receives next a lesson that was added, by its key."""
    forward: Mapping[str, int] = field(default_factory=dict)
    """Of those who move: who receives next a lesson of before that was to come later, by its key."""
    farewell: int = 0
    """Of those who move: for whom no lesson is left."""
    skipping: int = 0
    """Of those who move: who never receives some lesson that was added."""
    freed: int = 0
    """Of those who move: who no longer waits at the same gate."""
    reopened: int = 0
    """Who finished, and receives lessons that were added."""
    finished: int = 0
    """Who finished, and keeps what he has."""
    older: int = 0
    """In the middle of a version from before, and finish with that."""
    waiting: int = 0
    """Who has not begun, and will with the new version."""


def effect(
    old: Course,
    new: Course,
    groups: Iterable[Group],
    choices: Choices,
    *,
    finished: int,
    older: int,
    waiting: int,
) -> Effect:
    """What these choices do. `finished`: all who finished, whether or not they may be offered something."""
    groups = list(groups)
    goes = going(old, new, groups, choices)
    movers = [each for each in goes if not each.group.finished]
    moved = sum(each.group.count for each in movers)
    reopened = sum(each.group.count for each in goes if each.group.finished)
    lessons = [each for each in movers if each.place.kind == "lesson"]
    other = [each for each in lessons if each.place.key != each.group.place.key]
    fresh = set(change.added(old, new))
    return Effect(
        moved=moved,
        stay=sum(group.count for group in groups if not group.finished) - moved,
        inserted=_by_lesson(new, [each for each in other if each.place.key in fresh]),
        forward=_by_lesson(new, [each for each in other if each.place.key not in fresh]),
        farewell=sum(
            each.group.count
            for each in movers
            if each.place.kind == "farewell" and each.group.place.kind == "lesson"
        ),
        skipping=sum(each.group.count for each in movers if _skips(new, fresh, each)),
        freed=sum(each.group.count for each in movers if each.freed),
        reopened=reopened,
        finished=finished - reopened,
        older=older,
        waiting=waiting,
    )


def _by_lesson(course: Course, goes: Iterable[Going]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in goes:
        counts[each.place.key] += each.group.count
    return {lesson.key: counts[lesson.key] for lesson in course.lessons if counts[lesson.key]}


def _skips(course: Course, fresh: set[str], each: Going) -> bool:
    if each.place.kind not in ("lesson", "farewell"):
        return False
    to_come = {lesson.key for lesson in course.rest(each.place.key, each.place.route)}
    return bool(fresh - to_come - each.group.had)
