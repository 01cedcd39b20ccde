"""A course that was read and checked: what the rest of the program works with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from engine.core import calendar
from engine.core.course import grammar, markup

Activity = grammar.Activity


@dataclass(frozen=True)
class Lesson:
    key: str
    """Its identity: never its number."""
    number: int
    """Its place in the course, from 1."""
    path: str
    subject: str
    module: grammar.Module
    area: grammar.Area | None
    minutes: int
    """Reading time."""
    delay: int | None
    """Days after the last lesson; None: the next slot."""
    when: str | None
    requires: grammar.Requires | None
    sources: tuple[grammar.Source, ...]
    review_by: date | None
    draft: bool
    body: str
    document: markup.Document

    @cached_property  # the planner asks for every learner
    def activities(self) -> tuple[str, ...]:
        """Keys of the activities that this lesson leads to, in order, each once."""
        found: dict[str, None] = {}
        for block in markup.walk(self.document.blocks):
            match block:
                case markup.Question():
                    found[block.activity] = None
                case markup.Button() if block.href.startswith("activite:"):
                    found[block.href.removeprefix("activite:")] = None
        return tuple(found)


@dataclass(frozen=True)
class Letter:
    """A mail of the course that is no lesson: welcome, farewell."""

    subject: str
    document: markup.Document


@dataclass(frozen=True, eq=False)  # a key for memos: one that was read is itself and no other
class Course:
    slug: str
    title: str
    language: str
    summary: str
    description: markup.Document
    sender: str | None
    tutor: grammar.Person | None
    slot: str
    """The default slot, without zone: `tue 08:30`."""
    rules: calendar.Rules
    cohorts: tuple[date, ...]
    modules: tuple[grammar.Module, ...]
    areas: tuple[grammar.Area, ...]
    areas_note: str
    team: str | None
    """The slug of the course that a dirigeant may open for the team."""
    certificate: grammar.Certificate | None
    welcome: Letter
    farewell: Letter
    lessons: tuple[Lesson, ...]
    activities: Mapping[str, Activity]
    images: Mapping[str, bytes]
    templates: Mapping[str, bytes]
    """The author's own Word templates, by the key of the charter that fills them."""

    @property
    def quizzes(self) -> list[tuple[str, grammar.Quiz]]:
        return [(key, each) for key, each in self.activities.items() if isinstance(each, grammar.Quiz)]

    def lesson(self, key: str) -> Lesson | None:
        return next((lesson for lesson in self.lessons if lesson.key == key), None)

    def rest(self, key: str, route: Sequence[str] = ()) -> tuple[Lesson, ...]:
        """The lessons still to come, `key` the first; none when there is no such lesson.

        Those of `route`, when it begins there, else all that follow in the order of the course.
        """
        start = self.lesson(key)
        if start is None:
            return ()
        if not route or route[0] != key:
            return self.lessons[start.number - 1 :]
        return tuple(lesson for each in route if (lesson := self.lesson(each)))

    def route(self, rest: Sequence[Lesson]) -> tuple[str, ...]:
        """How a row keeps `rest`: nothing where it is the order of the course, else every key."""
        if not rest or tuple(rest) == self.lessons[rest[0].number - 1 :]:
            return ()
        return tuple(lesson.key for lesson in rest)
