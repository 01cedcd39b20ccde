"""A company's team: what may be written there, and what the pages show of it.

Instants are aware UTC. What was answered is in none of these values, but for averages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from engine.core import views

SEATS = 250
"""Seats that one company may have open."""
INVITATIONS = 50
"""That one company may send in a day."""

# A mail program makes a link of any of these, and the reader would take it for ours.
_LINKLIKE = re.compile(r"http|www\.|[/\\@]|\w\.[^\W\d_]{2,}", re.IGNORECASE)
_PASTED = re.compile(r"[\n,;]")
_WITH_NAME = re.compile(r".*<([^<>]*@[^<>]*)>")


def looks_like_link(text: str) -> bool:
    return bool(_LINKLIKE.search(text))


def inviter(first_name: str, company: str) -> str:
    """Who invites, as it is told to others: the first name, and the company in brackets.

    A first name may be changed at any time: one that could pass for a link is left out.
    """
    return f"{first_name} ({company})" if first_name and not looks_like_link(first_name) else company


def pasted(text: str) -> tuple[str, ...]:
    """Addresses as people paste them, one a line or with commas between, some after a name; each once."""
    found: dict[str, None] = {}
    for entry in _PASTED.split(text):
        named = _WITH_NAME.fullmatch(entry.strip())
        found[(named[1] if named else entry).strip()] = None
    return tuple(entry for entry in found if entry)


class Standing(StrEnum):
    INVITED = "invited"  # no answer yet, or a silent no: the company is not told which
    JOINED = "joined"  # follows the course, at his own pace
    COMPLETED = "completed"
    LEFT = "left"


@dataclass(frozen=True)
class Person:
    """One line of the team page."""

    seat_id: int
    first_name: str
    """ "" before he joins."""
    address: str
    standing: Standing
    since: datetime
    """Invited, or joined."""
    ended_at: datetime | None
    """Completed, or left."""
    received: int
    """Lessons that came."""
    count: int


@dataclass(frozen=True)
class Average:
    """What a team answered to one activity."""

    title: str
    scale: int
    """The highest mark of a poll; 0: a score in per cent."""
    value: float
    people: int


@dataclass(frozen=True)
class Door:
    """What the link to the team page shows to whoever holds it, forwarded or not: nobody of the team."""

    slug: str
    course: str
    language: str
    offer: views.Offer
    """The course that the team follows."""
    company_id: int | None
    """None: no company, or one that is closed."""
    name: str
    """As it was, or as the dirigeant's enrolment calls it."""
    closed: bool


@dataclass(frozen=True)
class Page:
    """What the dirigeant sees."""

    door: Door
    people: tuple[Person, ...]
    """Those who joined first, in that order; then the invited."""
    averages: tuple[Average, ...]
    paused_until: date | None
    """When those whom the company's pause holds go on."""
    zone: str

    @property
    def joined(self) -> int:
        return self._count(Standing.JOINED, Standing.COMPLETED)

    @property
    def completed(self) -> int:
        return self._count(Standing.COMPLETED)

    @property
    def invited(self) -> int:
        return self._count(Standing.INVITED)

    def _count(self, *standings: Standing) -> int:
        return sum(person.standing in standings for person in self.people)


@dataclass(frozen=True)
class Problem:
    """One address that was not invited, and why."""

    entry: str
    cause: str


@dataclass(frozen=True)
class Invited:
    """What became of pasted addresses."""

    sent: int
    problems: Sequence[Problem]


@dataclass(frozen=True)
class Invitation:
    """What the page behind an invitation shows, or that behind the link to share."""

    inviter: str
    company: str
    offer: views.Offer
    """Its consent says what the company will see."""
    over: bool
    """Withdrawn, closed or too old."""
    joined: bool = False
    follows: bool = False
    """He follows this course already: joining changes nothing of it."""
    declined: bool = False
