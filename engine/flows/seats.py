"""A seat as the person it is for meets it: proposed, asked for by the link to share, taken or declined.

Nothing here tells anybody whether an address is known, nor one company what another one proposed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import consent, errors, links, team, views
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import catalog, enrolments, outbox, searching, signup
from engine.tables import Company, Course, Enrolment, Learner, Seat, dialect

INVITE_DAYS = 30
DECLINED = "declined"
MOVED = "seat"
"""Why an enrolment ends whose seat went to somebody else."""
_ONCE = timedelta(days=1)
_ENDED = (State.COMPLETED, State.STOPPED)
VISIBLE = or_(Seat.invited_at.is_not(None), Seat.joined_at.is_not(None))
"""What the company knows of: not an address that somebody typed behind the link to share."""


async def taken(session: AsyncSession, company_id: int) -> int:
    """How many seats of a company are open."""
    found = await session.scalar(
        select(func.count())
        .select_from(Seat)
        .join(Enrolment)
        .where(
            Seat.company_id == company_id,
            Seat.released_at.is_(None),
            VISIBLE,
            Enrolment.state != State.STOPPED,
        )
    )
    return int(found or 0)


async def propose(
    session: AsyncSession,
    company: Company,
    slug: str,
    address: str,
    *,
    invited: bool,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> Seat:
    """The seat of a company in a course for the person at `address`; the one that he has, when he has one.

    `invited`: by the company; then `errors.Invalid` (field address) tells that he is in the team already.
    """
    await dialect.lock(session, f"signup:{consent.address_key(address)}")
    learner = await signup.learner_at(session, address, fingerprint=fingerprint, now=now)
    course = await session.scalar(select(Course).where(Course.slug == slug))
    assert course is not None  # the caller read its current version
    before = (
        await session.execute(
            select(Seat, Enrolment.state)
            .join(Enrolment)
            .where(
                Seat.company_id == company.id,
                Enrolment.learner_id == learner.id,
                Enrolment.course_id == course.id,
            )
        )
    ).all()
    for seat, state in before:
        if seat.released_at is None:
            if seat.joined_at and state == State.STOPPED:
                await release(session, seat, reason="left", now=now)
                continue
            return _again(seat, invited=invited, now=now)
    enrolment = await _enrolment(session, learner.id, course, now)
    declined = invited and any(seat.reason == DECLINED for seat, _ in before)
    seat = Seat(
        company_id=company.id,
        enrolment_id=enrolment.id,
        address=address,
        invited_at=now if invited else None,
        reason=DECLINED if declined else "",
    )
    session.add(seat)
    await session.flush()
    return seat


def _again(seat: Seat, *, invited: bool, now: datetime) -> Seat:
    """A seat that is proposed once more."""
    if invited and (seat.invited_at or seat.joined_at):
        raise errors.Invalid({"address": "Cette personne est déjà dans votre équipe."})
    if invited:
        seat.invited_at = now
    elif seat.joined_at is None:
        seat.reason = ""  # who declined, and now asks by himself, changed his mind
    return seat


async def _enrolment(session: AsyncSession, learner_id: int, course: Course, now: datetime) -> Enrolment:
    """The open enrolment of a learner in a course, or a new one that waits for his consent."""
    found = await signup.open_enrolment(session, learner_id, course.id)
    if found is None:
        current = (await catalog.current(session, course.slug)).course
        found = Enrolment(
            learner_id=learner_id,
            course_id=course.id,
            state=State.PENDING,
            slot=current.slot,
            zone=signup.ZONE,
            pace=current.rules.pace,
            created_at=now,
        )
        session.add(found)
        await session.flush()
    return found


async def send(session: AsyncSession, seat: Seat, *, now: datetime) -> None:
    """Owe the invitation, at most once a day; nothing to somebody who declined."""
    if seat.reason == DECLINED:
        return
    enrolment = await enrolments.get(session, seat.enrolment_id)
    await outbox.owe_on_request(
        session,
        Kind.INVITE,
        learner_id=enrolment.learner_id,
        enrolment_id=enrolment.id,
        every=_ONCE,
        now=now,
        mark=_occasion(seat),
    )


def _occasion(seat: Seat) -> str:
    return f"{seat.id}-"


def link_parts(occasion: str) -> tuple[str, str]:
    """What the link of an invitation carries: the seat, and when it was sent."""
    seat_id, _, stamp = occasion.partition("-")
    return seat_id, stamp


async def inviters(session: AsyncSession, occasions: Collection[str]) -> dict[str, str]:
    """Who invites, in the words of `core.team.inviter`, for each occasion of a mail."""
    if not occasions:
        return {}
    ids = {occasion: int(link_parts(occasion)[0]) for occasion in occasions}
    found = await session.execute(
        select(Seat.id, Learner.first_name, Company.name)
        .join(Company, Company.id == Seat.company_id)
        .join(Learner, Learner.id == Company.owner_id)
        .where(Seat.id.in_(ids.values()))
    )
    told = {row[0]: team.inviter(row[1], row[2]) for row in found}
    return {occasion: told[seat_id] for occasion, seat_id in ids.items() if seat_id in told}


async def seen_by(session: AsyncSession, enrolment_id: int) -> tuple[str, ...]:
    """The companies that see how far this enrolment is."""
    found = await session.scalars(
        select(Company.name)
        .join(Seat)
        .where(Seat.enrolment_id == enrolment_id, Seat.joined_at.is_not(None), Seat.released_at.is_(None))
    )
    return tuple(found)


async def release(session: AsyncSession, seat: Seat, *, reason: str, now: datetime) -> None:
    """From now on the company sees nothing more of the person, whose enrolment stays as it is."""
    seat.released_at, seat.reason = now, seat.reason or reason
    await _unsend(session, seat, reason="withdrawn", now=now)


async def _unsend(session: AsyncSession, seat: Seat, *, reason: str, now: datetime) -> None:
    """Cancel the invitations of this seat, and of no other company's, that have not left."""
    occasion = _occasion(seat)
    await outbox.cancel(session, seat.enrolment_id, Kind.INVITE, reason=reason, now=now, occasion=occasion)


@dataclass(frozen=True)
class _Offered:
    """A seat behind the link of an invitation."""

    seat: Seat
    company: Company
    owner: Learner
    enrolment: Enrolment
    learner: Learner
    slug: str
    over: bool


async def _read(session: AsyncSession, parts: Sequence[str], *, now: datetime) -> _Offered:
    """Raises `errors.BadLink`, `errors.NotFound`."""
    if len(parts) != 2:
        raise errors.BadLink("Ce lien n'est pas complet ou a été modifié.")
    seat = await session.scalar(select(Seat).where(Seat.id == int(parts[0])).with_for_update())
    if seat is None:
        raise errors.NotFound("Cette invitation n'existe plus.")
    enrolment = await enrolments.get(session, seat.enrolment_id, lock=True)
    company = await session.get_one(Company, seat.company_id)
    too_old = now > links.moment(parts[1]) + timedelta(days=INVITE_DAYS)
    return _Offered(
        seat=seat,
        company=company,
        owner=await session.get_one(Learner, company.owner_id),
        enrolment=enrolment,
        learner=await enrolments.learner_of(session, enrolment),
        slug=(await session.get_one(Course, enrolment.course_id)).slug,
        over=bool(seat.released_at or company.closed_at or (too_old and not seat.joined_at)),
    )


async def invitation(session: AsyncSession, parts: Sequence[str], *, now: datetime) -> team.Invitation:
    """What the page behind an invitation shows. Raises `errors.BadLink`, `errors.NotFound`."""
    offered = await _read(session, parts, now=now)
    joined = offered.seat.joined_at is not None
    return team.Invitation(
        inviter=team.inviter(offered.owner.first_name, offered.company.name),
        company=offered.company.name,
        offer=await _offer(session, offered.slug),
        over=offered.over,
        joined=joined,
        follows=not joined and offered.enrolment.state not in (State.PENDING, *_ENDED),
        declined=offered.seat.reason == DECLINED,
    )


async def _offer(session: AsyncSession, slug: str) -> views.Offer:
    """The course, with the words that somebody agrees to who follows it with a team."""
    offer = await signup.offer(session, slug)
    text = consent.wording(offer.title, offer.language, seat=True)
    return replace(offer, consent=views.Consent(text, consent.WORDING_VERSION))


async def accept(
    session: AsyncSession, parts: Sequence[str], form: views.SignUp, *, origin: views.Origin, now: datetime
) -> views.Confirmed:
    """Take the seat; the link proves the address. Twice is once.

    Raises `errors.Invalid` (by field), `errors.ExpiredLink`, `errors.BadLink`, `errors.NotFound`.
    """
    offered = await _read(session, parts, now=now)
    if offered.over:
        raise errors.ExpiredLink("Cette invitation n'est plus valable.")
    if offered.seat.joined_at is None:
        await _join(session, offered, form, origin, now)
    again = [str(offered.seat.enrolment_id), links.stamp_of(now)]
    return await signup.confirm(session, again, origin=origin, now=now, seat=True)


async def _join(
    session: AsyncSession, offered: _Offered, form: views.SignUp, origin: views.Origin, now: datetime
) -> None:
    seat, learner, row = offered.seat, offered.learner, offered.enrolment
    await _unsend(session, seat, reason="joined", now=now)
    if row.state in _ENDED:
        course_row = await session.get_one(Course, row.course_id)
        row = await _enrolment(session, learner.id, course_row, now)
        seat.enrolment_id = row.id
    course = (await enrolments.pinned(session, row)).course
    if row.state == State.PENDING:
        asked = signup.checked(replace(form, address=learner.address), course)
        learner.first_name, learner.language = asked.first_name, course.language
        learner.region = asked.region or learner.region
        row.slot, row.zone, row.pace = asked.slot, asked.zone, course.rules.pace
        row.company, seat.began = offered.company.name, True
        await searching.note(session, [learner.id])
    elif not form.consent:
        raise errors.Invalid({"consent": "Cochez cette case pour rejoindre l'équipe."})
    else:
        wording = consent.wording(course.title, course.language, seat=True)
        signup.record(session, learner, row, course, "given", wording, origin=origin, now=now)
    seat.joined_at, seat.reason = now, ""
    session.add(outbox.event(learner_id=learner.id, enrolment_id=row.id, kind="seat_taken", now=now))


async def decline(session: AsyncSession, parts: Sequence[str], *, now: datetime) -> None:
    """No, and no more invitations from this company, which is not told."""
    offered = await _read(session, parts, now=now)
    if not offered.over and offered.seat.joined_at is None:
        offered.seat.reason = DECLINED
        await _unsend(session, offered.seat, reason=DECLINED, now=now)


async def _shared(session: AsyncSession, parts: Sequence[str]) -> tuple[Company, Learner, str]:
    """The company, its owner and the course behind the link to share. Raises `errors.BadLink`."""
    company = await session.get(Company, int(parts[0])) if len(parts) == 2 else None
    if company is None:
        raise errors.BadLink("Ce lien n'est pas complet ou a été modifié.")
    return company, await session.get_one(Learner, company.owner_id), parts[1]


async def shared(session: AsyncSession, parts: Sequence[str]) -> team.Invitation:
    """What the page behind the link to share shows. Raises `errors.BadLink`, `errors.NotFound`."""
    company, owner, slug = await _shared(session, parts)
    return team.Invitation(
        inviter=team.inviter(owner.first_name, company.name),
        company=company.name,
        offer=await _offer(session, slug),
        over=company.closed_at is not None,
    )


async def ask(
    session: AsyncSession,
    parts: Sequence[str],
    address: str,
    *,
    origin: views.Origin,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> None:
    """Somebody typed an address behind the link to share: the invitation goes there, and proves it.

    Raises `errors.Invalid` (field address), `errors.TooMany`, `errors.ExpiredLink` when it is closed.
    """
    company, _, slug = await _shared(session, parts)
    if company.closed_at:
        raise errors.ExpiredLink("Cette équipe n'accueille plus personne.")
    address = consent.checked_address(address)
    await signup.limits(session, consent.address_key(address), origin, now=now)
    if await taken(session, company.id) >= team.SEATS:
        raise errors.Invalid({"address": "Toutes les places de cette équipe sont prises."})
    seat = await propose(session, company, slug, address, invited=False, fingerprint=fingerprint, now=now)
    enrolment = await enrolments.get(session, seat.enrolment_id)
    learner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    # Nothing is agreed to yet: the line says where the wish came from.
    signup.record(session, learner, enrolment, course, "asked", "", origin=origin, now=now)
    if seat.joined_at:
        await signup.remind_known(session, enrolment, now=now)
    else:
        await send(session, seat, now=now)
