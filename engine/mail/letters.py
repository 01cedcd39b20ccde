"""What each mail says: one frozen context a mail, with exactly the fields its templates use.

The name of a class is the folder of its templates in `templates/email`. Nothing here was typed by a
learner: what is (`learner.first_name`, `company.inviter`, `consent.source`) stands in the templates as a slot
and is filled in afterwards, so that no stranger's text passes through Jinja or MJML. Links are whole web
addresses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core import scoring
from engine.core.course import grammar, markup, model

REVIEW = "review.due"
"""The condition under which a lesson asks a missed question again."""


@dataclass(frozen=True)
class Lesson:
    course: str
    """The title of the course."""
    subject: str
    module: str
    number: int
    """From 1."""
    count: int
    minutes: int
    document: markup.Document
    web: str
    """The lesson on the web."""
    my: str
    """My course."""
    leave: str
    review_prompt: str = ""
    """The question of a quiz that comes back; "" in a course without quizzes."""
    review: str = ""
    """Its page."""
    sources: tuple[grammar.Source, ...] = ()
    activities: Mapping[str, model.Activity] = field(default_factory=dict)


@dataclass(frozen=True)
class Confirm:
    """Holds nothing that the person typed: it may go to somebody else's address."""

    course: str
    link: str
    days: int
    """How long the link works."""
    listed: bool = False
    """Somebody else brought the address; the slot `consent.source` tells from where (RGPD, 14)."""


@dataclass(frozen=True)
class Known:
    """To somebody enrolled who filled in the form again."""

    course: str
    my: str


@dataclass(frozen=True)
class Welcome:
    course: str
    subject: str
    document: markup.Document
    first_lesson: str
    """Day and hour in words; "" when not known yet."""
    my: str
    leave: str


@dataclass(frozen=True)
class Reminder:
    course: str
    lesson: str
    """The subject of the lesson that asked for it."""
    activity: model.Activity
    link: str
    my: str
    leave: str


@dataclass(frozen=True)
class Missed:
    """An activity of the last lesson is not done; nothing waits for it."""

    course: str
    lesson: str
    """The subject of the lesson that asked for it."""
    activity: model.Activity
    link: str
    my: str
    leave: str


@dataclass(frozen=True)
class Silent:
    """Three lessons without an answer: the course paused itself."""

    course: str
    lesson: str
    """The subject of the one that waits."""
    resume: str
    """A page of one button."""
    my: str
    leave: str


@dataclass(frozen=True)
class Result:
    """What a diagnostic says, when it was just handed in."""

    course: str
    title: str
    diagnosis: scoring.Diagnosis
    earlier: scoring.Diagnosis | None
    note: str
    link: str
    """The result on the web."""
    my: str


@dataclass(frozen=True)
class Entry:
    """To open one's answers on another device."""

    course: str
    activity: str
    link: str


@dataclass(frozen=True)
class Paused:
    course: str
    until: str
    """The day in words; "" for as long as the learner wishes."""
    my: str
    leave: str


@dataclass(frozen=True)
class Resumed:
    course: str
    next_lesson: str
    """Day and hour in words; "" when not known yet."""
    my: str
    leave: str


@dataclass(frozen=True)
class Farewell:
    course: str
    subject: str
    document: markup.Document
    count: int
    """How many lessons came."""
    my: str
    leave: str


@dataclass(frozen=True)
class Address:
    """To the new address of a learner; holds nothing that the person typed."""

    course: str
    link: str
    days: int


@dataclass(frozen=True)
class Data:
    course: str
    link: str


@dataclass(frozen=True)
class Invite:
    """A company proposes the course; who invites is the slot `company.inviter`."""

    course: str
    count: int
    """Lessons of the course."""
    minutes: int
    link: str
    days: int


@dataclass(frozen=True)
class Team:
    """To the dirigeant: the link to the page of the team."""

    course: str
    link: str
    days: int


@dataclass(frozen=True)
class Account:
    """To somebody of the studio, who may choose a password."""

    link: str
    days: int
    new: bool
    """He has never had one."""
    course: str = "Parcours"
    """What stands above all our mails."""


@dataclass(frozen=True)
class Week:
    """One course in a weekly summary: numbers in words."""

    title: str
    began: str
    lessons: str
    completed: str
    left: str


@dataclass(frozen=True)
class Summary:
    """The week, to somebody of the studio who asked for it."""

    first: str
    """Its first and last day in words."""
    last: str
    weeks: tuple[Week, ...]
    failed: str
    """Numbers in words; "" for none."""
    held: str
    expected: str
    numbers: str
    """The page of numbers, and that of one's account."""
    account: str
    course: str = "Parcours"


Letter = (
    Lesson
    | Confirm
    | Known
    | Welcome
    | Reminder
    | Missed
    | Silent
    | Paused
    | Resumed
    | Farewell
    | Address
    | Data
    | Result
    | Entry
    | Invite
    | Team
    | Account
    | Summary
)
