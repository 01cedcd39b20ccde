"""One person's whole line of time, for those who look after learners.

What somebody answered is not in it: people were told that their answers are theirs. That an activity was
handed in is, and what it scored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors
from engine.flows import people
from engine.tables import (
    Certificate,
    Company,
    Consent,
    Course,
    Delivery,
    Enrolment,
    Event,
    Learner,
    Seat,
    Submission,
    Suppression,
)

MOST = 500
"""Lines of each group, the newest."""


_Query = Select[*tuple[Any, ...]]


class Group(StrEnum):
    CONSENT = "consent"
    MAIL = "mail"
    ACTIVITY = "activity"
    EVENT = "event"
    CERTIFICATE = "certificate"
    SEAT = "seat"


@dataclass(frozen=True)
class Line:
    """One thing that happened, or is to happen."""

    at: datetime
    group: Group
    kind: str
    """Of a consent, event or mail; an activity's key; what became of a certificate or a seat."""
    course: str = ""
    lesson: str = ""
    state: str = ""
    """Of a mail: `core.delivery.State`."""
    text: str = ""
    """Why, or what was said: a reason, a wording, a company's name, a code."""
    again_at: datetime | None = None
    """When a mail that waits is tried next."""
    score: float | None = None
    """In per cent."""
    origin: str = ""
    """From where somebody agreed."""


@dataclass(frozen=True)
class Story:
    person: people.Person
    language: str
    region: str
    suppressed: str
    """Why this address is not written to: `left`, `hard`, `complaint`; "" when it is."""
    lines: tuple[Line, ...]
    """The newest first."""
    cut: bool
    """There are older lines."""


async def one(session: AsyncSession, learner_id: int, group: str = "") -> Story:
    """Everything that happened to a person; `group`: only such lines. Raises `errors.NotFound`."""
    learner = await session.get(Learner, learner_id)
    if learner is None or learner.erased_at:
        raise errors.NotFound("Cette personne n'est pas ici, ou tout a été effacé à sa demande.")
    wanted = [each for each in Group if group in ("", each)]
    found = [await _lines(session, each, learner_id) for each in wanted]
    lines = sorted((line for some in found for line in some), key=lambda line: line.at, reverse=True)
    standings = await people.standings_of(session, [learner_id])
    person = people.Person(
        learner.id,
        learner.first_name,
        learner.address,
        learner.created_at,
        tuple(standings.get(learner_id, ())),
    )
    suppression = await session.get(Suppression, learner.address_hash)
    return Story(
        person=person,
        language=learner.language,
        region=learner.region,
        suppressed=suppression.reason if suppression else "",
        lines=tuple(lines),
        cut=any(len(some) == MOST for some in found),
    )


async def _lines(session: AsyncSession, group: Group, learner_id: int) -> list[Line]:
    rows = await session.execute(_QUERIES[group](learner_id).limit(MOST))
    return [Line(group=group, **_values(dict(row._mapping))) for row in rows]


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(row)
    if "score" in values:
        values["score"] = (values["score"] or {}).get("total")
    return {name: value for name, value in values.items() if value is not None}


def _consents(learner_id: int) -> _Query:
    return (
        select(
            Consent.at,
            Consent.event.label("kind"),
            Consent.wording.label("text"),
            Consent.source.label("origin"),
            Course.slug.label("course"),
        )
        .outerjoin(Enrolment, Enrolment.id == Consent.enrolment_id)
        .outerjoin(Course, Course.id == Enrolment.course_id)
        .where(Consent.learner_id == learner_id)
        .order_by(Consent.id.desc())
    )


def _mails(learner_id: int) -> _Query:
    return (
        select(
            Delivery.due_at.label("at"),
            Delivery.kind,
            Delivery.lesson_key.label("lesson"),
            Delivery.state,
            (Delivery.reason).label("text"),
            Delivery.try_at.label("again_at"),
            Course.slug.label("course"),
        )
        .outerjoin(Enrolment, Enrolment.id == Delivery.enrolment_id)
        .outerjoin(Course, Course.id == Enrolment.course_id)
        .where(Delivery.learner_id == learner_id)
        .order_by(Delivery.id.desc())
    )


def _activities(learner_id: int) -> _Query:
    return (
        select(
            Submission.handed_in_at.label("at"),
            Submission.activity.label("kind"),
            Submission.score,
            Course.slug.label("course"),
        )
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(Course, Course.id == Enrolment.course_id)
        .where(Enrolment.learner_id == learner_id, Submission.handed_in_at.is_not(None))
        .order_by(Submission.id.desc())
    )


def _events(learner_id: int) -> _Query:
    return (
        select(
            Event.at, Event.kind, Event.lesson_key.label("lesson"), Event.text, Course.slug.label("course")
        )
        .outerjoin(Enrolment, Enrolment.id == Event.enrolment_id)
        .outerjoin(Course, Course.id == Enrolment.course_id)
        .where(Event.learner_id == learner_id, Event.kind.not_in(_TOLD_OTHERWISE))
        .order_by(Event.id.desc())
    )


_TOLD_OTHERWISE = ("handed_in", "certificate")
"""Events beside which a row of its own tells more."""


def _certificates(learner_id: int) -> _Query:
    return (
        select(Certificate.issued_at.label("at"), Certificate.code.label("text"), Course.slug.label("course"))
        .add_columns(Certificate.revoked_reason.label("kind"))
        .join(Enrolment, Enrolment.id == Certificate.enrolment_id)
        .join(Course, Course.id == Enrolment.course_id)
        .where(Enrolment.learner_id == learner_id)
        .order_by(Certificate.id.desc())
    )


def _seats(learner_id: int) -> _Query:
    return (
        select(Seat.invited_at.label("at"), Company.name.label("text"), Seat.reason.label("kind"))
        .add_columns(Course.slug.label("course"))
        .join(Company, Company.id == Seat.company_id)
        .join(Enrolment, Enrolment.id == Seat.enrolment_id)
        .join(Course, Course.id == Enrolment.course_id)
        .where(Enrolment.learner_id == learner_id, Seat.invited_at.is_not(None))
        .order_by(Seat.id.desc())
    )


_QUERIES = {
    Group.CONSENT: _consents,
    Group.MAIL: _mails,
    Group.ACTIVITY: _activities,
    Group.EVENT: _events,
    Group.CERTIFICATE: _certificates,
    Group.SEAT: _seats,
}
