"""`course.yaml` and the front matter of a lesson."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from engine.core.course.grammar.base import Days, Key, Line, Model, Prose, Subject, WeekdayName


class Person(Model):
    name: Line
    email: Line


class Module(Model):
    key: Key
    title: Line
    summary: str = ""


class ClosingPeriod(Model):
    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    label: str = "fermeture"


class Letter(Model):
    subject: Subject
    text: Prose


class Area(Model):
    """A heading of the author's own that runs across modules: what a lesson serves."""

    key: Key
    title: Line
    summary: str = ""


class Certificate(Model):
    """Who may have the attestation: whoever completed the course and did what is listed."""

    title: Line
    text: Prose
    """What the course was about, in a sentence or two, as printed."""
    requires: tuple[Key, ...] = ()
    """Activities to be handed in; of a quiz, passed."""


class CourseFile(Model):
    """course.yaml"""

    title: Line
    language: Literal["fr", "en"] = "fr"
    summary: Line
    description: Prose
    sender: Line | None = None
    tutor: Person | None = None
    slot: Annotated[str, StringConstraints(pattern=r"^(mon|tue|wed|thu|fri|sat|sun) [0-2]\d:[0-5]\d$")]
    calendar: str = "FR"
    closed_days: Literal["next_day", "next_slot"] = "next_day"
    working_days: Annotated[tuple[WeekdayName, ...], Field(min_length=1)] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
    )
    closing_periods: tuple[ClosingPeriod, ...] = ()
    min_gap_days: Annotated[int, Field(ge=1, le=30)] = 3
    too_late_days: Annotated[int, Field(ge=1, le=60)] = 5
    pace: Literal[1, 2, 4] = 1
    cohorts: tuple[date, ...] = ()
    modules: Annotated[tuple[Module, ...], Field(min_length=1)]
    areas: tuple[Area, ...] = ()
    areas_note: str = ""
    """Where these headings come from."""
    team: Key | None = None
    """The slug of the course that a dirigeant may open for the team."""
    certificate: Certificate | None = None
    welcome: Letter
    farewell: Letter


class Source(Model):
    id: Key
    title: Line
    publisher: Line
    date: Annotated[str, BeforeValidator(str)]
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    reliability: Literal["H", "M", "L"] = "H"


class Requires(Model):
    """A gate: an activity to be handed in before the lesson leaves."""

    activity: Key
    reminders: Annotated[int, Field(ge=0, le=5)] = 1
    limit: Days = 21
    """Days after the slot at which the lesson would have left."""
    then: Literal["continue", "wait", "end"] = "continue"


class LessonFile(Model):
    """The front matter of lessons/NN-key.md"""

    key: Key | None = None
    subject: Subject
    module: Key
    area: Key | None = None
    minutes: Annotated[int, Field(ge=1, le=60)] = 5
    delay: Annotated[Days | None, BeforeValidator(lambda value: None if value == "next slot" else value)] = (
        None
    )
    when: Line | None = None
    requires: Requires | None = None
    sources: tuple[Source, ...] = ()
    review_by: date | None = None
    draft: bool = False
