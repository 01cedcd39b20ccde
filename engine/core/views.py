"""What the learners' pages show: values that the flows fill from the database and the templates draw.

Instants are aware UTC; `zone` is the IANA zone on whose clock the page tells them.
`slug`, `course` and `language` are those of the course. Keys are the author's; links are built by the web.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

from engine.core import asking, calendar, certificates, charter
from engine.core.course import grammar, markup


@dataclass(frozen=True)
class Module:
    """A stage of the course, as the form presents it."""

    title: str
    summary: str


@dataclass(frozen=True)
class Consent:
    """What the person agrees to, word for word."""

    text: str
    version: str


@dataclass(frozen=True)
class Offer:
    """A course as it is offered to somebody who does not have it yet."""

    slug: str
    title: str
    summary: str
    description: markup.Document
    language: str
    lessons: int
    minutes: int
    """The reading time of the longest lesson."""
    modules: tuple[Module, ...]
    slot: calendar.Slot
    """The one that the form proposes."""
    working_days: frozenset[int]
    pace: int
    """Every n-th slot: 1, 2 or 4."""
    consent: Consent
    """In the course's own language, whatever that of the page."""


@dataclass(frozen=True)
class SignUp:
    """A filled-in form, as typed: nothing in it is checked yet."""

    first_name: str = ""
    address: str = ""
    company: str = ""
    size: str = ""
    """Lower bound of the bracket: "", "1", "10", "50" or "250"."""
    weekday: str = ""
    """ "0" (Monday) to "6"."""
    time: str = ""
    """ "08:30"."""
    zone: str = ""
    region: str = ""
    """The calendar of public holidays, "" for the course's own: "FR-57", "FR-974"…"""
    consent: bool = False


@dataclass(frozen=True)
class Origin:
    """Where a request came from: kept beside a consent as its proof."""

    network_address: str
    agent: str
    source: str
    """The page the form stood on."""


@dataclass(frozen=True)
class Pending:
    """A sign-up that waits for its confirmation (the page behind the mail's link, before the button)."""

    slug: str
    course: str
    language: str
    enrolment_id: int
    confirmed: bool
    """Already done, by this link: pressing again changes nothing."""
    begun: str
    """Once the first lesson left: `core.progress.State`; "" while it is still ahead.

    `undone`: somebody brought the person by mistake, and took it back.
    """
    expired: bool


@dataclass(frozen=True)
class Confirmed:
    slug: str
    course: str
    language: str
    enrolment_id: int
    first_lesson_at: datetime | None
    """None once it left, or when it waits: then `Pending.begun` tells what to say."""
    zone: str
    reason: str
    """Why the first lesson does not leave on the slot's own day; "" when it does. In French."""
    holidays: str
    """The calendar that `reason` speaks of."""


class Progress(StrEnum):
    """Where one lesson stands for one learner."""

    SENT = "sent"  # it came
    NEXT = "next"  # it is the one that leaves next
    LATER = "later"  # it comes after that
    SKIPPED = "skipped"  # not for this learner: its condition does not hold, or it was cancelled


@dataclass(frozen=True)
class ActivityLine:
    """An activity as lists and lessons point to it."""

    key: str
    ask: asking.Ask
    done: bool


@dataclass(frozen=True)
class LessonLine:
    key: str
    number: int
    """From 1."""
    subject: str
    minutes: int
    progress: Progress
    at: datetime | None
    """When it was sent, or will be; None when that is not known yet."""
    activities: tuple[ActivityLine, ...]
    """What it leads to, in order."""


@dataclass(frozen=True)
class ModuleLine:
    title: str
    lessons: tuple[LessonLine, ...]


@dataclass(frozen=True)
class AreaLine:
    """A heading that runs across modules, and how far the learner came along it."""

    title: str
    summary: str
    sent: int
    count: int
    """Lessons that serve it."""


@dataclass(frozen=True)
class Next:
    """The next lesson, and exactly when it leaves (the spread of 0–9 minutes included)."""

    number: int
    subject: str
    at: datetime
    reason: str
    """Why it is not on the slot's own day; "" when it is. In French."""
    waits_for: ActivityLine | None
    """The gate is shut and its day is past: this activity opens it; `at` is the reminder or the limit."""
    needs: ActivityLine | None = None
    """The gate is still ahead: unless this is handed in before `at`, a reminder leaves in its place."""
    anyway_at: datetime | None = None
    """When it leaves although that activity is not done; None when it never does so."""
    holidays: str = "FR"
    """The calendar that `reason` speaks of."""


@dataclass(frozen=True)
class Choices:
    """What the learner can change, as it stands now."""

    first_name: str
    address: str
    slot: calendar.Slot
    pace: int
    """Every n-th slot: 1, 2 or 4."""
    working_days: frozenset[int]


@dataclass(frozen=True)
class Issued:
    """An attestation that was issued."""

    code: str
    name: str
    at: datetime
    revoked: bool
    correct_until: datetime | None
    """Until when the name may be corrected; None when that is over."""


@dataclass(frozen=True)
class Attestation:
    """Where a learner stands with the attestation of the course."""

    title: str
    missing: tuple[certificates.Missing, ...]
    issued: Issued | None

    @property
    def ready(self) -> bool:
        """It can be had now, or was issued and holds."""
        return not self.issued.revoked if self.issued else not self.missing


@dataclass(frozen=True)
class Paper:
    """A document that the learner's answers made."""

    key: str
    """The activity's."""
    kind: Literal["report", "charter"]
    title: str
    at: datetime
    """When it was handed in last."""
    version: int
    """Of a charter, from 1."""


@dataclass(frozen=True)
class Documents:
    """ "My documents"."""

    slug: str
    course: str
    language: str
    papers: tuple[Paper, ...]
    attestation: Attestation | None
    """None: the course gives none."""
    closes_at: datetime | None
    """When this page closes; None while the course goes on."""
    zone: str


@dataclass(frozen=True)
class Verified:
    """What anybody who has its code may know of an attestation."""

    code: str
    course: str
    language: str
    name: str
    """"" when the person had everything erased."""
    issued_on: date
    """On the learner's calendar."""
    revoked: bool


@dataclass(frozen=True)
class Gestures:
    """What one press of a button does now; what is empty is not offered."""

    again: str = ""
    """The subject of the lesson that may be sent once more."""
    sooner: datetime | None = None
    """When the next lesson would leave for who does not want to wait."""
    missed: int = 0
    """Lessons that would have come by now, had nothing held them; from two on they may be caught up with."""
    slower: int | None = None
    """The next pace, every n-th slot."""
    faster: int | None = None


@dataclass(frozen=True)
class CoursePage:
    """ "My course"."""

    slug: str
    course: str
    language: str
    state: str
    """`core.progress.State`: waiting, active, paused, completed or stopped."""
    starts_at: datetime | None
    """While waiting for a cohort: when the course begins."""
    paused_until: date | None
    """None while paused: until the learner comes back."""
    modules: tuple[ModuleLine, ...]
    areas: tuple[AreaLine, ...]
    areas_note: str
    sent: int
    done: int
    """Activities handed in."""
    activities: int
    count: int
    """Lessons in the course."""
    next: Next | None
    gestures: Gestures
    choices: Choices
    zone: str
    tutor: str
    """The tutor's address, for questions; "" when there is none."""
    attestation: Attestation | None
    """None: the course gives none."""
    has_team: bool = False
    """A team may be opened for it."""
    seen_by: tuple[str, ...] = ()
    """Companies that see how far the learner is, for he took a seat of theirs."""
    seat_moved: bool = False
    """It stopped because a company gave the seat to somebody else."""


@dataclass(frozen=True)
class LessonPage:
    """A lesson on the web, for one learner."""

    slug: str
    course: str
    language: str
    key: str
    subject: str
    """With its slots filled."""
    module: str
    number: int
    count: int
    minutes: int
    document: markup.Document
    values: Mapping[str, str]
    """The text of each slot: `learner.first_name`, `learner.company`…"""
    holds: frozenset[str]
    """The conditions of `:::si` blocks that hold for this learner."""
    activities: Mapping[str, ActivityLine]
    """Every activity the lesson points to, by key."""
    lessons: frozenset[str]
    """Keys of the lessons this learner may open."""
    area: str
    """The heading across modules that it serves; "" when there is none."""
    sources: tuple[grammar.Source, ...]
    previous: LessonLine | None
    following: LessonLine | None
    """The lesson after this one, when it has come already."""


@dataclass(frozen=True)
class Earlier:
    """What was handed in the first time, of an activity that is taken again."""

    key: str
    answers: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Handed:
    """One round of an activity that was handed in."""

    key: str
    answers: Mapping[str, Any]
    at: datetime
    earlier: Earlier | None


@dataclass(frozen=True)
class Played:
    """An activity and what this learner answered so far."""

    slug: str
    course: str
    language: str
    key: str
    activity: grammar.Activity
    about: Mapping[str, Any]
    """`learner.<field>`, for conditions."""
    answers: Mapping[str, Any]
    """Of the round that is open; else of the one handed in last."""
    touched: bool
    """Something was answered: from here on the page is personal."""
    round: int
    handed_in_at: datetime | None
    attempts_left: int
    """Of a quiz: how often it may still be handed in."""
    next_attempt_at: datetime | None
    """When a quiz without attempts left opens again."""
    earlier: Earlier | None
    comes_back: str | None
    """The question of a quiz that is asked once more now."""
    charter: charter.Written | None
    """As it was adopted: that of a charter's own page, or the one in force that an agreement is about."""
    agreed: bool
    """Of an agreement: that version was agreed to."""
    again: Mapping[str, Any]
    """What was answered since to questions that came back."""
    next_at: datetime | None
    """When the next lesson comes; None when there is none or when it is not known."""
    zone: str


@dataclass(frozen=True)
class Leaving:
    """The page of the link that leaves a course; the link never expires, so the course may be over."""

    slug: str
    course: str
    language: str
    left: bool
    """Already left: nothing is sent any more."""
    others: int
    """Other courses this person still receives."""


@dataclass(frozen=True)
class NewAddress:
    """The page behind the link mailed to the address a learner wants to move to."""

    address: str
    language: str
    expired: bool
    confirmed: bool
