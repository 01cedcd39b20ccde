"""What happened to a person, and why: for operators, from the rows that every decision leaves."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import consent, delivery, errors
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import enrolments, known
from engine.tables import Delivery, Enrolment, Event, Learner


async def find(session: AsyncSession, who: str) -> Learner:
    """A learner by number or address. Raises `errors.NotFound`."""
    number = who.isdecimal() and len(who) < 10
    by = Learner.id == int(who) if number else Learner.address_key == consent.address_key(who)
    learner = await session.scalar(select(Learner).where(by, Learner.erased_at.is_(None)))
    if learner is None:
        raise errors.NotFound(f"Nobody here is {who}.")
    return learner


@dataclass(frozen=True)
class Fact:
    """One line of an explanation."""

    at: datetime | None
    text: str


@dataclass(frozen=True)
class Why:
    """Why a lesson was sent, or was not."""

    course: str
    lesson: str
    answer: str
    """One sentence."""
    facts: tuple[Fact, ...]


async def why(session: AsyncSession, learner: Learner, lesson_key: str) -> list[Why]:
    """For each course of the person that has this lesson. Raises `errors.NotFound` when none has."""
    rows = await session.scalars(
        select(Enrolment).where(Enrolment.learner_id == learner.id).order_by(Enrolment.id)
    )
    found = []
    for row in rows:
        course = (await enrolments.pinned(session, row)).course
        if lesson := course.lesson(lesson_key):
            found.append(await _why(session, row, course, lesson))
    if not found:
        raise errors.NotFound(f"No course of this learner has a lesson “{lesson_key}”.")
    return found


async def _why(session: AsyncSession, row: Enrolment, course: model.Course, lesson: model.Lesson) -> Why:
    mails = list(
        await session.scalars(
            select(Delivery)
            .where(Delivery.enrolment_id == row.id, Delivery.lesson_key == lesson.key)
            .order_by(Delivery.id)
        )
    )
    sent = next((mail for mail in mails if mail.kind == Kind.LESSON), None)
    answer = _delivered(sent) if sent else await _not_planned(session, row, course, lesson)
    facts = [Fact(mail.due_at, _told(mail)) for mail in mails]
    events = await session.scalars(select(Event).where(Event.enrolment_id == row.id).order_by(Event.id))
    facts += [
        Fact(event.at, f"{event.kind} {event.text}".strip())
        for event in events
        if event.lesson_key in ("", lesson.key)
    ]
    return Why(course.slug, lesson.key, answer, tuple(sorted(facts, key=lambda fact: str(fact.at))))


def _told(mail: Delivery) -> str:
    words = [mail.kind, mail.state, f"tries {mail.tries}"]
    if mail.sent_at:
        words.append(f"sent {mail.sent_at:%Y-%m-%d %H:%M} UTC")
    return ", ".join(filter(None, [*words, mail.reason, mail.due_reason]))


def _delivered(mail: Delivery) -> str:
    because = f" ({mail.reason})" if mail.reason else ""
    match delivery.State(mail.state):
        case delivery.State.SENT:
            return f"Sent on {mail.sent_at:%Y-%m-%d at %H:%M} UTC: the mail server took it."
        case delivery.State.RETRY:
            return f"Not yet: refused for now{because}; next try {mail.try_at:%Y-%m-%d %H:%M} UTC."
        case delivery.State.IN_DOUBT:
            return f"In doubt{because}: it is sent again with the same Message-ID."
        case delivery.State.HELD | delivery.State.CANCELLED | delivery.State.FAILED:
            if mail.sent_at:
                return f"Sent on {mail.sent_at:%Y-%m-%d at %H:%M} UTC, and it came back{because}."
            return f"Not sent: {mail.state}{because}."
    return f"On its way since {mail.due_at:%Y-%m-%d %H:%M} UTC."


async def _not_planned(
    session: AsyncSession, row: Enrolment, course: model.Course, lesson: model.Lesson
) -> str:
    match State(row.state):
        case State.PENDING:
            return "Not sent: the address is not confirmed."
        case State.WAITING:
            return f"Not yet: the course begins on {row.starts_at:%Y-%m-%d %H:%M} UTC."
        case State.STOPPED:
            return f"Not sent: the enrolment stopped on {row.ended_at:%Y-%m-%d} ({row.end_reason})."
        case State.PAUSED:
            until = f" until {row.paused_until:%Y-%m-%d}" if row.paused_until else ""
            return f"Not yet: the course is paused{until}."
    current = course.lesson(row.next_key)
    owed = enrolments.to_come(course, row)
    if row.next_kind == "farewell" or not row.next_kind or (owed and lesson.key not in owed):
        facts = await known.of(session, row)
        if lesson.when and not facts.hold(lesson.when):
            return f"Not for this learner: “{lesson.when}” does not hold."
        return "Not sent: it came into the course behind this learner, and was not to be sent late."
    if current is None or lesson.key != current.key:
        before = current.key if current else "the welcome"
        return f"Not yet: “{before}” comes first."
    if row.gate_since and lesson.requires:
        return (
            f"Not yet: it waits for the activity “{lesson.requires.activity}” since "
            f"{row.gate_since:%Y-%m-%d}; {row.reminders} reminder(s) sent."
        )
    if row.due_at is None:
        return "Not yet: nothing is due until the learner acts."
    because = f" ({row.due_reason})" if row.due_reason else ""
    return f"Not yet: it leaves on {row.due_at:%Y-%m-%d at %H:%M} UTC{because}."
