"""From rows of the ledger to all that is needed to write their mails, read in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import delivery, errors, links, progress, verp, views
from engine.core.delivery import Kind
from engine.flows import (
    accounts,
    activities,
    catalog,
    desk,
    enrolments,
    known,
    leases,
    seats,
    summaries,
)
from engine.mail import builds, dress
from engine.tables import Account, Consent, Delivery


@dataclass(frozen=True)
class House:
    """What all mails of this installation share."""

    links: links.Links
    dress: dress.Dress
    builds: builds.Builds
    host: str
    """The domain that Message-IDs end with."""
    returns: verp.Returns | None = None
    """Makes the addresses that mails return to; without it that is their sender's."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A mail that may leave, with all that is needed to write it."""

    mail: leases.Begun
    person: leases.Recipient
    pinned: catalog.Pinned
    facts: progress.Facts
    received: int
    """Lessons that came so far."""
    result: views.Handed | None = None
    """For the mail that tells it."""
    inviter: str = ""
    """Who invites, in an invitation."""
    source: str = ""
    """Where the address comes from, in a request to confirm that the person did not ask for."""


@dataclass(frozen=True)
class ToAccount:
    """A mail that may leave to somebody of the studio."""

    mail: leases.Begun
    account: Account
    draft: desk.Desk | None = None
    """The draft that a test is made from."""
    summary: summaries.Summary | None = None
    """For the mail that tells it."""


Pins = dict[tuple[int, int | None, str], catalog.Pinned | str]
"""The version that mails are made from, by course, version and lesson, or why there is none."""


async def gather(
    session: AsyncSession, begun: Sequence[leases.Begun], *, pins: Pins | None = None
) -> dict[int, Addressed | ToAccount | str]:
    """For each mail what is needed to write it, or the reason why it cannot be written.

    `pins`: what was looked up lately, for who gathers many times.
    """
    found: dict[int, Addressed | ToAccount | str] = {}
    learners = [mail for mail in begun if not mail.account_id]
    found |= await _to_learners(session, learners, {} if pins is None else pins)
    told: dict[str, summaries.Summary] = {}
    for mail in begun:
        if mail.kind == Kind.SUMMARY and mail.occasion not in told:
            told[mail.occasion] = await summaries.of_week(session, mail.occasion, now=mail.due_at)
        if mail.account_id:
            account = await accounts.get(session, mail.account_id)
            try:
                draft = await _tested(session, mail)
            except errors.NotFound as error:
                found[mail.id] = str(error)
            else:
                found[mail.id] = ToAccount(mail, account, draft, told.get(mail.occasion))
    return found


async def _tested(session: AsyncSession, mail: leases.Begun) -> desk.Desk | None:
    """The draft, as it is now, of the course whose mail somebody asked to see."""
    return await desk.look(session, mail.occasion.partition(".")[0]) if mail.kind == Kind.TEST else None


async def _to_learners(
    session: AsyncSession, begun: Sequence[leases.Begun], pins: Pins
) -> dict[int, Addressed | str]:
    if not begun:
        return {}
    facts = await known.of_recipients(session, [mail.person for mail in begun if mail.person])
    received = await _received(session, [mail for mail in begun if mail.kind == Kind.FAREWELL])
    inviters = await seats.inviters(session, [mail.occasion for mail in begun if mail.kind == Kind.INVITE])
    sources = await _sources(session, [mail for mail in begun if mail.kind == Kind.CONFIRM])
    found: dict[int, Addressed | str] = {}
    for mail in begun:
        to = mail.person
        if to is None:
            found[mail.id] = "no enrolment"
            continue
        which = (to.course_id, to.version_id, mail.lesson_key)
        if which not in pins:
            pins[which] = await _pinned(session, *which)
        pinned = pins[which]
        if isinstance(pinned, str):
            found[mail.id] = pinned
            continue
        place = to.enrolment_id
        result = (
            await activities.handed(session, place, pinned.course, mail.occasion)
            if mail.kind == Kind.RESULT
            else None
        )
        inviter, source = inviters.get(mail.occasion, ""), sources.get(place, "")
        found[mail.id] = Addressed(
            mail, to, pinned, facts[place], received.get(place, 0), result, inviter, source
        )
    return found


async def _pinned(
    session: AsyncSession, course_id: int, version_id: int | None, lesson_key: str
) -> catalog.Pinned | str:
    try:
        return await enrolments.holding(session, course_id, version_id, lesson_key)
    except errors.ParcoursError as error:
        return str(error)


async def _sources(session: AsyncSession, confirms: Sequence[leases.Begun]) -> dict[int, str]:
    """For those whom somebody else brought: where from. Who has asked by the form since knows it himself."""
    if not confirms:
        return {}
    asked = await session.execute(
        select(Consent.enrolment_id, Consent.wording, Consent.source)
        .where(Consent.enrolment_id.in_([mail.enrolment_id for mail in confirms]), Consent.event == "asked")
        .order_by(Consent.id)
    )
    return {place: "" if wording else source for place, wording, source in asked if place is not None}


async def _received(session: AsyncSession, farewells: Sequence[leases.Begun]) -> dict[int, int]:
    if not farewells:
        return {}
    counted = await session.execute(
        select(Delivery.enrolment_id, func.count())
        .where(
            Delivery.enrolment_id.in_([mail.enrolment_id for mail in farewells]),
            Delivery.kind == Kind.LESSON,
            Delivery.state == delivery.State.SENT,
        )
        .group_by(Delivery.enrolment_id)
    )
    return {row[0]: row[1] for row in counted if row[0] is not None}
