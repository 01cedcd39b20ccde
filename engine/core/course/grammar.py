"""What an author may write in `course.yaml`, a lesson's front matter and `activities/*.yaml`.

These models are the grammar: `course schema` prints them for editors, `reading` checks files with them.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

KEY = r"^[a-z0-9]+(-[a-z0-9]+)*$"
UNREAD = "0-unread"
"""In place of a module that could not be read, so that the rest is still checked."""
Key = Annotated[str, StringConstraints(pattern=KEY, max_length=40)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Prose = Annotated[str, StringConstraints(min_length=1)]
Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=70)]
WeekdayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _whole_days(value: object) -> object:
    """`10` and `10 days` alike."""
    if isinstance(value, str):
        return value.removesuffix("days").removesuffix("day").removesuffix("jours").strip()
    return None if value == "next slot" else value


Days = Annotated[int, BeforeValidator(_whole_days), Field(ge=1, le=365)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


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
    minutes: Annotated[int, Field(ge=1, le=60)] = 5
    delay: Annotated[Days | None, BeforeValidator(lambda value: None if value == "next slot" else value)] = (
        None
    )
    when: Line | None = None
    requires: Requires | None = None
    sources: tuple[Source, ...] = ()
    review_by: date | None = None
    draft: bool = False


class Checkin(Model):
    """One button: it was done."""

    kind: Literal["checkin"]
    title: Line
    prompt: Prose
    button: Line | None = None


class Choice(Model):
    key: Key
    label: Line
    points: Annotated[int, Field(ge=0, le=10)] = 0
    correct: bool = False
    feedback: str = ""
    alert: str = ""


class Axis(Model):
    key: Key
    title: Line


class DiagnosticQuestion(Model):
    key: Key
    axis: Key
    prompt: Prose
    choices: Annotated[tuple[Choice, ...], Field(min_length=2)]
    unknown: bool = True
    """Whether « je ne sais pas » is offered."""


class Diagnostic(Model):
    kind: Literal["diagnostic"]
    title: Line
    axes: Annotated[tuple[Axis, ...], Field(min_length=1)]
    questions: Annotated[tuple[DiagnosticQuestion, ...], Field(min_length=1)]


class QuizQuestion(Model):
    key: Key
    type: Literal["single", "multiple", "true_false", "order", "number"]
    prompt: Prose
    choices: tuple[Choice, ...] = ()
    answer: bool | float | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0
    feedback: str = ""


class Quiz(Model):
    kind: Literal["quiz"]
    title: Line
    pass_mark: Annotated[int, Field(ge=0, le=100)] = 70
    """Per cent of the questions."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    questions: Annotated[tuple[QuizQuestion, ...], Field(min_length=1)]


class Poll(Model):
    kind: Literal["poll"]
    title: Line
    prompt: Prose
    scale: Annotated[int, Field(ge=3, le=10)] = 5
    low: Line
    high: Line


class CharterQuestion(Model):
    key: Key
    prompt: Prose
    type: Literal["text", "people", "table", "choice", "choices", "yes_no", "number"]
    choices: tuple[Choice, ...] = ()
    when: Line | None = None


class CharterSection(Model):
    key: Key
    title: Line
    questions: Annotated[tuple[CharterQuestion, ...], Field(min_length=1)]


class Charter(Model):
    kind: Literal["charter"]
    title: Line
    sections: Annotated[tuple[CharterSection, ...], Field(min_length=1)]


ActivityFile = Annotated[Checkin | Diagnostic | Quiz | Poll | Charter, Field(discriminator="kind")]


def question_keys(activity: Checkin | Diagnostic | Quiz | Poll | Charter) -> frozenset[str]:
    """The questions of an activity, as conditions name them: `answers.<activity>.<question>`."""
    match activity:
        case Diagnostic() | Quiz():
            return frozenset(question.key for question in activity.questions)
        case Charter():
            return frozenset(question.key for section in activity.sections for question in section.questions)
        case Poll():
            return frozenset({"value"})
    return frozenset({"done"})


def axis_keys(activity: Checkin | Diagnostic | Quiz | Poll | Charter) -> frozenset[str]:
    """The scores of an activity, as conditions name them: `score.<activity>.<axis>`."""
    match activity:
        case Diagnostic():
            return frozenset({"total", *(axis.key for axis in activity.axes)})
        case Quiz():
            return frozenset({"total"})
    return frozenset()
