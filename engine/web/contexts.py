"""One frozen dataclass for each page: exactly what its template shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import ClassVar

from engine.core import charter as written
from engine.core import retention, scoring, team, views
from engine.core.course import grammar
from engine.flows import seats
from engine.web import screens, site


@dataclass(frozen=True)
class Courses:
    template: ClassVar = "courses.html"
    offers: Sequence[views.Offer]


@dataclass(frozen=True)
class SignUp:
    """The form of one course, empty or as it came back."""

    template: ClassVar = "signup.html"
    offer: views.Offer
    form: views.SignUp
    stamp: str
    action: str
    embedded: bool
    times: Sequence[time]
    zones: Mapping[str, str]
    """Name of each zone the list offers."""
    regions: Mapping[str, str]
    sizes: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""
    """ "check": read it again and send; "wait": too many requests for now."""
    elsewhere: bool = False
    """It was filled in on another site, its box ticked there: our wording is shown, sending accepts it."""
    guess: bool = False
    """The browser may propose its own zone."""


@dataclass(frozen=True)
class Suggestion:
    """ "Did you mean …?" """

    template: ClassVar = "suggestion.html"
    offer: views.Offer
    form: views.SignUp
    stamp: str
    action: str
    embedded: bool
    suggestion: str


@dataclass(frozen=True)
class Sent:
    template: ClassVar = "sent.html"
    offer: views.Offer
    embedded: bool


@dataclass(frozen=True)
class Privacy:
    template: ClassVar = "privacy.html"
    terms: retention.Terms
    invitation_days: int = seats.INVITE_DAYS


@dataclass(frozen=True)
class Confirm:
    template: ClassVar = "confirm.html"
    pending: views.Pending
    again_url: str
    """Where an expired link is asked for anew."""
    my_url: str
    """For whoever confirmed long ago."""


@dataclass(frozen=True)
class Resent:
    template: ClassVar = "resent.html"
    pending: views.Pending


@dataclass(frozen=True)
class Confirmed:
    template: ClassVar = "confirmed.html"
    confirmed: views.Confirmed
    my_url: str


@dataclass(frozen=True)
class Lesson:
    template: ClassVar = "lesson.html"
    lesson: views.LessonPage
    hrefs: Mapping[str, str]
    """Where `lecon:KEY` and `activite:KEY` lead, for this learner."""
    sources: Mapping[str, grammar.Source]
    """Those of the lesson, by id."""
    my_url: str


@dataclass(frozen=True)
class Question:
    """One screen of an activity."""

    template: ClassVar = "question.html"
    played: views.Played
    screen: screens.Screen
    my_url: str
    again: bool = False
    """A question of a quiz that comes back."""
    problems: Mapping[str, str] = field(default_factory=dict)
    charter: written.Written | None = None
    """What the answers make so far."""


@dataclass(frozen=True)
class Overview:
    """An activity at a glance: before it begins, or all answers before they are handed in."""

    template: ClassVar = "overview.html"
    played: views.Played
    lines: Sequence[screens.Line]
    next_step: str | None
    """The first one without an answer."""
    my_url: str
    at_end: bool
    missing: Sequence[str]
    """What stands against handing in."""
    charter: written.Written | None


@dataclass(frozen=True)
class Diagnosis:
    template: ClassVar = "diagnosis.html"
    played: views.Played
    result: scoring.Diagnosis
    earlier: scoring.Diagnosis | None
    lines: Sequence[screens.Line]
    my_url: str


@dataclass(frozen=True)
class MarkedLine:
    question: grammar.QuizQuestion
    answer: str
    right_answer: str
    feedback: Sequence[str]
    right: bool


@dataclass(frozen=True)
class Marked:
    """A quiz that was handed in."""

    template: ClassVar = "marked.html"
    played: views.Played
    lines: Sequence[MarkedLine]
    percent: int
    my_url: str
    again: MarkedLine | None = None
    """The question that had come back, just answered once more."""


@dataclass(frozen=True)
class Thanks:
    """A check-in, a poll, a charter or an agreement that was handed in."""

    template: ClassVar = "thanks.html"
    played: views.Played
    my_url: str


@dataclass(frozen=True)
class Agreement:
    template: ClassVar = "agreement.html"
    played: views.Played
    my_url: str


@dataclass(frozen=True)
class Preview:
    """The charter alone, for the script that renews it while somebody writes."""

    template: ClassVar = "preview_charter.html"
    charter: written.Written


@dataclass(frozen=True)
class Personal:
    """Somebody's answers or documents, asked for by a browser that is not known to be his."""

    template: ClassVar = "personal.html"
    title: str
    slug: str
    language: str
    """Of the course."""
    entry_url: str
    """Where the link for this device is asked for."""
    documents: bool = False
    """What is asked for is "my documents", or a document among them."""
    asked: bool = False
    """The mail with the link has left."""


@dataclass(frozen=True)
class MyCourse:
    template: ClassVar = "my.html"
    page: views.CoursePage
    my_url: str
    leave_url: str
    documents_url: str
    lesson_urls: Mapping[str, str]
    activity_urls: Mapping[str, str]
    times: Sequence[time]
    zones: Mapping[str, str]
    said: str = ""
    """What was just done, in words."""
    moved: bool = False
    """That moved the next lesson: its date is told too."""
    problems: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    """What was typed where something was wrong."""
    team_url: str = ""
    """Where seats are opened; "" when the course has no team."""


@dataclass(frozen=True)
class Door:
    """To the team page: what everybody may see who holds a link to it."""

    template: ClassVar = "door.html"
    door: team.Door
    url: str
    my_url: str
    share_url: str
    """The link to share; "" while there is no open company."""
    late: bool
    """The link was one to the page itself, and is too old."""
    said: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """Of the company, as typed where something was wrong."""


@dataclass(frozen=True)
class Team:
    """The page of the dirigeant."""

    template: ClassVar = "team.html"
    page: team.Page
    url: str
    my_url: str
    share_url: str
    said: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    """The new address for a seat is the field `address-<seat>`."""
    typed: Mapping[str, str] = field(default_factory=dict)
    addresses: str = ""
    """Those that were not invited, one a line."""
    invited: team.Invited | None = None
    """What became of pasted addresses, when not all were invited."""


@dataclass(frozen=True)
class Invite:
    template: ClassVar = "invite.html"
    invitation: team.Invitation
    form: views.SignUp
    url: str
    times: Sequence[time]
    zones: Mapping[str, str]
    regions: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)
    guess: bool = False
    """The browser may propose its own zone."""


@dataclass(frozen=True)
class Join:
    """Behind the link to share."""

    template: ClassVar = "join.html"
    invitation: team.Invitation
    url: str
    stamp: str
    sent: bool = False
    address: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""
    """As in `SignUp`."""


@dataclass(frozen=True)
class Documents:
    template: ClassVar = "documents.html"
    page: views.Documents
    documents_url: str
    my_url: str
    activity_urls: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)
    typed: str = ""
    """The name, where something was wrong with it."""


@dataclass(frozen=True)
class Verification:
    """What anybody is told of a certificate."""

    template: ClassVar = "verification.html"
    code: str
    """As it was asked for; "" when none was yet."""
    found: views.Verified | None


@dataclass(frozen=True)
class Resume:
    """One button, for who comes from the mail that asked whether all is well."""

    template: ClassVar = "resume.html"
    page: views.CoursePage
    my_url: str


@dataclass(frozen=True)
class NewAddress:
    template: ClassVar = "address.html"
    new: views.NewAddress


@dataclass(frozen=True)
class Leave:
    template: ClassVar = "leave.html"
    leaving: views.Leaving


@dataclass(frozen=True)
class Left:
    template: ClassVar = "left.html"
    leaving: views.Leaving
    everything: bool


@dataclass(frozen=True)
class Group:
    """One part of a person's data: rows of label and value."""

    title: str
    records: Sequence[Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Data:
    template: ClassVar = "data.html"
    groups: Sequence[Group]
    url: str


@dataclass(frozen=True)
class DataFile:
    template: ClassVar = "data_file.html"
    groups: Sequence[Group]


@dataclass(frozen=True)
class Erase:
    template: ClassVar = "erase.html"
    url: str
    missing: bool
    """The box was not ticked."""


@dataclass(frozen=True)
class Erased:
    template: ClassVar = "erased.html"


@dataclass(frozen=True)
class Failure:
    template: ClassVar = "failure.html"
    status: int
    reason: str
    """The status again, "link" for one that is not ours, "taken" for an address that another learner has."""


@dataclass(frozen=True)
class DemoHome:
    template: ClassVar = "demo.html"
    offers: Sequence[views.Offer]
    mails: Sequence[site.Mail]
    now: datetime


@dataclass(frozen=True)
class DemoMail:
    template: ClassVar = "demo_mail.html"
    mail: site.Mail
    view: str
    """ "html", "text" or "source"."""
