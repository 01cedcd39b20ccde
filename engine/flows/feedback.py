"""What came back about a mail of ours, acted on: each report once, in one transaction, its raw form kept.

Only what is signed by us counts, for a report is easily forged: the address that the mail returns to, or, of
an answer, the Message-ID, which is drawn at random and known to its recipient alone.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine import observe
from engine.core import consent, delivery, progress, verp
from engine.core.delivery import Kind
from engine.core.feedback import Class, Patience, Recipient, Report, about, asks_to_stop, patience
from engine.core.feedback import Kind as Said
from engine.flows import enrolments, outbox
from engine.tables import Delivery, Enrolment, Event, Inbound, Learner, Version, dialect

log = observe.logger("feedback")

_RAW = 64 * 1024
_WORDS = 2000
OURS = (Class.POLICY, Class.SENDER_FAULT, Class.CONTENT)
"""Our own fault: the operator is told, and nobody is held to it."""
ASKED = "unreachable"
"""The line of history that says that a person was asked whether the mailbox works."""


class Done(StrEnum):
    """What a report led to."""

    IGNORED = "ignored"  # it is about no mail of ours
    KNOWN = "known"  # it was told before
    RECORDED = "recorded"
    SUPPRESSED = "suppressed"  # nothing is sent there any more
    ASKED = "asked"  # the courses pause, the person is asked
    OPERATOR = "operator"  # our own fault
    ANSWERED = "answered"  # a person wrote
    LEFT = "left"  # a person wrote « stop »


@dataclass(frozen=True)
class _Found:
    mail: Delivery
    learner: Learner
    elsewhere: bool
    """The mail went to another address than the one that the person has now."""


async def receive(
    session: AsyncSession, report: Report, raw: bytes, *, returns: verp.Returns, way: str, now: datetime
) -> Done:
    """Do what a report asks for. `way`: by what it came in. Twice is once."""
    number = next(filter(None, map(returns.read, report.traces.addresses)), None)
    mail = await _mail(session, number) if number else await _answered(session, report)
    learner = await _learner(session, mail)
    if mail is None or learner is None:
        digest = sha256(raw).hexdigest()
        await _keep(session, {"kind": Done.IGNORED, "digest": digest, "way": way, "raw": b""}, now)
        return Done.IGNORED
    said = about(report, learner.address_key)
    values = _values(report, said, mail) | {"way": way, "raw": raw[:_RAW]}
    if not await _keep(session, values, now):
        return Done.KNOWN
    return await _act(session, report, said, _Found(mail, learner, await _moved(session, mail)), now)


async def _mail(session: AsyncSession, number: int) -> Delivery | None:
    return await session.scalar(select(Delivery).where(Delivery.id == number).with_for_update())


async def _answered(session: AsyncSession, report: Report) -> Delivery | None:
    """The mail that a person, or his program, answers: those go to the sender, not to the return address."""
    if report.kind not in (Said.REPLY, Said.AUTO_REPLY):
        return None
    ids = [each.partition("@")[0] for each in report.traces.message_ids]
    return await session.scalar(
        select(Delivery)
        .join(Learner, Learner.id == Delivery.learner_id)
        .where(Learner.address_key == consent.address_key(report.author), Delivery.message_id.in_(ids))
        .limit(1)
        .with_for_update(of=Delivery)
    )


async def _learner(session: AsyncSession, mail: Delivery | None) -> Learner | None:
    """Who received it, if still here. Locked: two refusals at once are counted one after the other."""
    if mail is None or mail.learner_id is None:
        return None
    return await session.scalar(
        select(Learner).where(Learner.id == mail.learner_id, Learner.erased_at.is_(None)).with_for_update()
    )


def _values(report: Report, said: Recipient | None, mail: Delivery) -> dict[str, object]:
    class_ = str(said.class_) if said else ""
    told = [str(mail.id), str(report.kind), class_, report.author, report.words]
    return {
        "kind": report.kind,
        "digest": sha256("\0".join(told).encode()).hexdigest(),
        "delivery_id": mail.id,
        "learner_id": mail.learner_id,
        "class_": class_,
        "reason": _reason(said),
    }


def _reason(said: Recipient | None) -> str:
    return ": ".join(filter(None, [said.cause, said.said]))[:300] if said else ""


async def _keep(session: AsyncSession, values: dict[str, object], now: datetime) -> bool:
    """Whether it is new."""
    row = {"received_at": now, **values}
    made = dialect.insert_new(session, Inbound, [row], key="digest").returning(Inbound.id)
    return await session.scalar(made) is not None


async def _moved(session: AsyncSession, mail: Delivery) -> bool:
    """Whether it went to an address that the person wants to have, or no longer has."""
    if mail.kind == Kind.ADDRESS:
        return True
    changed = select(Event.id).where(
        Event.learner_id == mail.learner_id, Event.kind == "address", Event.at > (mail.sent_at or mail.due_at)
    )
    return await session.scalar(changed.limit(1)) is not None


async def _act(
    session: AsyncSession, report: Report, said: Recipient | None, found: _Found, now: datetime
) -> Done:
    match report.kind:
        case Said.REPLY:
            return await _reply(session, report.words, found, now)
        case Said.COMPLAINT:
            return await _complaint(session, found, now)
        case Said.BOUNCE if said:
            return await _bounce(session, said, found, now)
    return Done.RECORDED


async def _reply(session: AsyncSession, words: str, found: _Found, now: datetime) -> Done:
    _note(session, found, "replied", words[:_WORDS], now)
    if not asks_to_stop(words) or found.mail.enrolment_id is None:
        return Done.ANSWERED
    await enrolments.leave(session, found.mail.enrolment_id, scope="course", now=now)
    return Done.LEFT


async def _complaint(session: AsyncSession, found: _Found, now: datetime) -> Done:
    _note(session, found, "complained", "", now)
    if found.elsewhere:
        return Done.RECORDED
    await _end(session, found.learner, "complaint", now)
    return Done.SUPPRESSED


async def _bounce(session: AsyncSession, said: Recipient, found: _Found, now: datetime) -> Done:
    _came_back(found.mail, _reason(said), now)
    _note(session, found, "bounced", _reason(said), now)
    if said.class_ in OURS:
        return await _tell(session, said, found.mail)
    if found.elsewhere:
        return Done.RECORDED
    match said.class_:
        case Class.HARD:
            await _end(session, found.learner, "hard", now)
            return Done.SUPPRESSED
        case Class.SOFT_MAILBOX:
            return await _refused(session, found, now)
    return Done.RECORDED


def _came_back(mail: Delivery, reason: str, now: datetime) -> None:
    if (delivery.State(mail.state), "return") in delivery.TRANSITIONS:
        mail.state = delivery.advance(delivery.State(mail.state), "return")
        mail.reason, mail.settled_at = reason, mail.settled_at or now


def _note(session: AsyncSession, found: _Found, kind: str, text: str, now: datetime) -> None:
    session.add(
        outbox.event(
            learner_id=found.learner.id,
            enrolment_id=found.mail.enrolment_id,
            kind=kind,
            now=now,
            lesson_key=found.mail.lesson_key,
            text=text,
        )
    )


async def _end(session: AsyncSession, learner: Learner, reason: str, now: datetime) -> None:
    """Out of everything. A dead mailbox withdraws no consent; a complaint does."""
    await enrolments.suppress(session, learner.address_hash, reason, now=now)
    for row in await _places(session, learner, (*progress.OPEN, progress.State.COMPLETED)):
        await enrolments.stop(session, row, learner, reason=reason, now=now, withdrawn=reason == "complaint")


async def _places(
    session: AsyncSession, learner: Learner, states: tuple[progress.State, ...]
) -> list[Enrolment]:
    rows = await session.scalars(
        select(Enrolment)
        .where(Enrolment.learner_id == learner.id, Enrolment.state.in_(states))
        .order_by(Enrolment.id)
        .with_for_update()
    )
    return list(rows)


async def _refused(session: AsyncSession, found: _Found, now: datetime) -> Done:
    """The mailbox is full, or the like: once more. That the mail that asks comes back is not counted."""
    match await _patience(session, found.learner):
        case Patience.STOP:
            await _end(session, found.learner, "hard", now)
            return Done.SUPPRESSED
        case Patience.ASK:
            _note(session, found, ASKED, "", now)
            for row in await _places(session, found.learner, (progress.State.ACTIVE,)):
                await enrolments.pause(session, row.id, until=None, now=now)
            return Done.ASKED
    return Done.RECORDED


async def _patience(session: AsyncSession, learner: Learner) -> Patience:
    await session.flush()
    lessons = select(Delivery.sent_at).where(
        Delivery.learner_id == learner.id, Delivery.kind == Kind.LESSON, Delivery.sent_at.is_not(None)
    )
    refusals = select(Inbound.delivery_id).where(
        Inbound.learner_id == learner.id,
        Inbound.kind == Said.BOUNCE,
        Inbound.class_ == Class.SOFT_MAILBOX,
    )
    refused = await session.scalars(lessons.where(Delivery.id.in_(refusals)))
    arrived = await session.scalars(lessons.where(Delivery.state == delivery.State.SENT))
    asked = select(func.max(Event.at)).where(Event.learner_id == learner.id, Event.kind == ASKED)
    return patience(filter(None, refused), filter(None, arrived), await session.scalar(asked))


async def _tell(session: AsyncSession, said: Recipient, mail: Delivery) -> Done:
    """The log holds no address: a server's own words often do."""
    about_it: dict[str, object] = {"delivery": mail.id, "why": str(said.cause), "status": said.status}
    if said.class_ == Class.CONTENT:
        about_it |= {"lesson": mail.lesson_key, "version": await _version(session, mail)}
    log.error("a mail was refused through our own fault", fault=str(said.class_), **about_it)
    return Done.OPERATOR


async def _version(session: AsyncSession, mail: Delivery) -> str:
    followed = select(Enrolment.version_id).where(Enrolment.id == mail.enrolment_id).scalar_subquery()
    return await session.scalar(select(Version.hash).where(Version.id == followed)) or ""


@dataclass(frozen=True)
class Counts:
    """Of the reports of the last day."""

    ours: int
    """Mails refused through our own fault."""
    ignored: int
    """Reports that are about no mail of ours: forged, or strayed."""


async def counts(session: AsyncSession, *, since: datetime) -> Counts:
    lately = select(func.count()).select_from(Inbound).where(Inbound.received_at > since)
    ours = lately.where(Inbound.kind == Said.BOUNCE, Inbound.class_.in_(OURS))
    ignored = lately.where(Inbound.kind == Done.IGNORED)
    return Counts(await session.scalar(ours) or 0, await session.scalar(ignored) or 0)
