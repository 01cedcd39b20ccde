"""A company as its dirigeant meets it: opening seats, inviting, following, pausing, closing.

What he sees of a person ends with the seat, and never was what the person answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, consent, errors, links, team
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import catalog, enrolments, outbox, searching, seats, signup
from engine.tables import Company, Course, Enrolment, Learner, Seat, dialect

PAGE_DAYS = 30
ERASED = "erased"
_DAY = timedelta(days=1)
_ONCE = timedelta(hours=1)
_LONGEST_PAUSE = timedelta(days=366)


@dataclass(frozen=True)
class Place:
    """A dirigeant before the team of his course."""

    enrolment: Enrolment
    owner: Learner
    course: model.Course
    followed: model.Course
    """By the team."""
    company: Company | None
    """Also one that is closed."""


async def place_of(session: AsyncSession, enrolment_id: int, *, now: datetime) -> Place:
    """Raises `errors.NotFound` where there is no team to open, `errors.ExpiredLink`."""
    enrolment = await enrolments.get(session, enrolment_id)
    enrolments.check_open(enrolment, now)
    owner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    if course.team is None or enrolment.state == State.PENDING:
        raise errors.NotFound("Ce parcours n'a pas d'équipe.")
    followed = (await catalog.current(session, course.team)).course
    company = await session.scalar(select(Company).where(Company.owner_id == owner.id).with_for_update())
    return Place(enrolment, owner, course, followed, company)


async def open_place(session: AsyncSession, enrolment_id: int, *, now: datetime) -> tuple[Place, Company]:
    """Raises `errors.NotAllowed` while there is no open company, and what `place_of` raises."""
    place = await place_of(session, enrolment_id, now=now)
    if place.company is None or place.company.closed_at:
        raise errors.NotAllowed("Cette équipe n'est pas ouverte.")
    return place, place.company


async def open(session: AsyncSession, enrolment_id: int, name: str, *, now: datetime) -> None:
    """Open seats for the team, or open them again, and mail the link to the page. Twice is once.

    Raises `errors.Invalid` (field name).
    """
    place = await place_of(session, enrolment_id, now=now)
    problems: dict[str, str] = {}
    name = signup.clean("name", name, 80, problems)
    if not name:
        problems["name"] = "Écrivez le nom de votre entreprise."
    elif team.looks_like_link(name):
        problems["name"] = "Écrivez ce nom sans adresse web ni adresse e-mail."
    if problems:
        raise errors.Invalid(problems)
    await dialect.lock(session, f"company:{place.owner.id}")
    company = await session.scalar(select(Company).where(Company.owner_id == place.owner.id))
    if company is None:
        company = Company(owner_id=place.owner.id, name=name, created_at=now)
        session.add(company)
    elif company.closed_at is None:
        return
    company.name, company.closed_at = name, None
    _note(session, place, "company_opened", now)
    await session.flush()
    await searching.note(session, [place.owner.id])
    await ask_page(session, enrolment_id, now=now)


def _note(session: AsyncSession, place: Place, kind: str, now: datetime) -> None:
    """A line of the dirigeant's own history; it names nobody of the team."""
    session.add(outbox.event(learner_id=place.owner.id, enrolment_id=place.enrolment.id, kind=kind, now=now))


async def ask_page(session: AsyncSession, enrolment_id: int, *, now: datetime) -> None:
    """Mail the dirigeant the link to his team page; at most one an hour, the answer is the same."""
    place, _ = await open_place(session, enrolment_id, now=now)
    await outbox.owe_on_request(
        session, Kind.TEAM, learner_id=place.owner.id, enrolment_id=enrolment_id, every=_ONCE, now=now
    )


def check_page(parts: Sequence[str], *, now: datetime) -> int:
    """The enrolment that a link to the team page is for.

    Raises `errors.ExpiredLink` for one that does not come from our mail of the last 30 days.
    """
    if len(parts) != 2 or now > links.moment(parts[1]) + timedelta(days=PAGE_DAYS):
        raise errors.ExpiredLink("Demandez un nouveau lien vers votre page d'équipe.")
    return int(parts[0])


# Inviting


async def invite(
    session: AsyncSession,
    enrolment_id: int,
    text: str,
    *,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> team.Invited:
    """Invite the addresses in `text`, each that can be; the others are told with their reason.

    Raises `errors.Invalid` (field addresses) when there is none, or too many to read.
    """
    place, company = await open_place(session, enrolment_id, now=now)
    entries = team.pasted(text)
    if not entries:
        raise errors.Invalid({"addresses": "Écrivez au moins une adresse."})
    if len(entries) > team.SEATS:
        raise errors.Invalid({"addresses": "Collez 250 adresses au plus à la fois."})
    problems: dict[str, str] = {}
    addresses: dict[str, str] = {}
    for entry in entries:
        try:
            addresses[entry] = consent.checked_address(entry)
        except errors.Invalid as invalid:
            problems[entry] = invalid.problems["address"]
    # Two companies that invite the same people lock their addresses in the same order.
    for entry, address in sorted(addresses.items(), key=lambda each: consent.address_key(each[1])):
        try:
            await _invite(session, place, company, address, fingerprint=fingerprint, now=now)
        except errors.Invalid as invalid:
            problems[entry] = invalid.problems["address"]
    told = tuple(team.Problem(entry, problems[entry]) for entry in entries if entry in problems)
    return team.Invited(len(entries) - len(told), told)


async def _invite(
    session: AsyncSession,
    place: Place,
    company: Company,
    address: str,
    *,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> None:
    """Raises `errors.Invalid` (field address)."""
    lately = await session.scalar(
        select(func.count())
        .select_from(Seat)
        .where(Seat.company_id == company.id, Seat.invited_at > now - _DAY)
    )
    if int(lately or 0) >= team.INVITATIONS:
        raise errors.Invalid({"address": "Les 50 invitations du jour sont parties : invitez-la demain."})
    if await seats.taken(session, company.id) >= team.SEATS:
        raise errors.Invalid({"address": "Les 250 places sont prises : retirez-en une d'abord."})
    seat = await seats.propose(
        session, company, place.followed.slug, address, invited=True, fingerprint=fingerprint, now=now
    )
    await seats.send(session, seat, now=now)
    await session.flush()


async def _seat(
    session: AsyncSession, place: Place, company: Company, seat_id: str
) -> tuple[Seat, Enrolment]:
    """A seat of this company and no other. Raises `errors.NotFound`."""
    found = (
        await session.execute(
            select(Seat, Enrolment)
            .join(Enrolment)
            .join(Course)
            .where(
                Seat.id == (int(seat_id) if seat_id.isdecimal() and len(seat_id) < 10 else 0),
                Seat.company_id == company.id,
                Seat.released_at.is_(None),
                seats.VISIBLE,
                Course.slug == place.followed.slug,
            )
            .with_for_update(of=[Seat, Enrolment])
        )
    ).one_or_none()
    if found is None:
        raise errors.NotFound("Cette place n'existe plus.")
    return found[0], found[1]


async def remind(session: AsyncSession, enrolment_id: int, seat_id: str, *, now: datetime) -> None:
    """Send an invitation again, at most once a day; the answer is the same. Raises `errors.NotFound`."""
    place, company = await open_place(session, enrolment_id, now=now)
    seat, _ = await _seat(session, place, company, seat_id)
    if seat.joined_at is None:
        await seats.send(session, seat, now=now)


async def withdraw(session: AsyncSession, enrolment_id: int, seat_id: str, *, now: datetime) -> None:
    """Take a seat back: who has not joined can no more, who has goes on by himself, seen by nobody.

    Raises `errors.NotFound`.
    """
    place, company = await open_place(session, enrolment_id, now=now)
    seat, _ = await _seat(session, place, company, seat_id)
    await seats.release(session, seat, reason="withdrawn", now=now)
    _note(session, place, "seat_withdrawn", now)


async def move(
    session: AsyncSession,
    enrolment_id: int,
    seat_id: str,
    address: str,
    *,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> None:
    """Give a seat to somebody else, who is invited; the course that began by it ends for the first person.

    Raises `errors.Invalid` (field address), `errors.NotFound`.
    """
    place, company = await open_place(session, enrolment_id, now=now)
    seat, enrolment = await _seat(session, place, company, seat_id)
    checked = consent.checked_address(address)
    await _invite(session, place, company, checked, fingerprint=fingerprint, now=now)
    await seats.release(session, seat, reason="moved", now=now)
    if seat.began:
        learner = await enrolments.learner_of(session, enrolment)
        await enrolments.stop(session, enrolment, learner, reason=seats.MOVED, now=now)
    _note(session, place, "seat_moved", now)


# The whole company


async def joined(session: AsyncSession, place: Place, company: Company) -> list[tuple[Seat, Enrolment]]:
    """Those who receive the course, or will."""
    found = await session.execute(
        select(Seat, Enrolment)
        .join(Enrolment)
        .join(Course)
        .where(
            Seat.company_id == company.id,
            Seat.released_at.is_(None),
            Seat.joined_at.is_not(None),
            Course.slug == place.followed.slug,
            Enrolment.state.in_((State.WAITING, State.ACTIVE, State.PAUSED)),
        )
        .order_by(Enrolment.id)
        .with_for_update(of=[Seat, Enrolment])
    )
    return [(row[0], row[1]) for row in found]


def held(seat: Seat, row: Enrolment) -> bool:
    """Whether it is the company's pause, and no longer one of his own, that holds a person."""
    end = row.starts_at if row.state == State.WAITING else row.paused_until
    return seat.paused_until is not None and seat.paused_until == end


async def pause(session: AsyncSession, enrolment_id: int, until: str, *, now: datetime) -> None:
    """Hold the course for the whole team until a day. Who paused longer by himself keeps his own pause.

    Raises `errors.Invalid` (field until).
    """
    place, company = await open_place(session, enrolment_id, now=now)
    day = _day(until, calendar.local_day(now, place.enrolment.zone))
    for seat, row in await joined(session, place, company):
        if row.state == State.WAITING:
            _put_off(seat, row, calendar.to_utc(day, time.min, row.zone))
        elif row.state == State.ACTIVE or held(seat, row) or _ends_before(row, day):
            await enrolments.pause(session, row.id, until=day, now=now)
            seat.paused_until = row.paused_until
    _note(session, place, "team_paused", now)


def _put_off(seat: Seat, row: Enrolment, start: datetime) -> None:
    """Who has not begun yet begins after the pause."""
    if row.starts_at is None or row.starts_at < start:
        row.starts_at = seat.paused_until = start


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    if not today < day <= today + _LONGEST_PAUSE:
        raise errors.Invalid({"until": "Choisissez un jour à venir, dans l'année."})
    return day


def _ends_before(row: Enrolment, day: date) -> bool:
    return row.paused_until is not None and calendar.local_day(row.paused_until, row.zone) < day


async def resume(session: AsyncSession, enrolment_id: int, *, now: datetime) -> None:
    """End the company's pause; a pause that somebody took by himself stays."""
    place, company = await open_place(session, enrolment_id, now=now)
    for seat, row in await joined(session, place, company):
        if not held(seat, row):
            continue
        if row.state == State.WAITING:
            row.starts_at = enrolments.cohort_start(place.followed.cohorts, row.zone, now)
        else:
            await enrolments.resume(session, row.id, now=now)
        seat.paused_until = None
    _note(session, place, "team_resumed", now)


async def close(session: AsyncSession, enrolment_id: int, *, now: datetime) -> None:
    """Nobody is invited any more, nothing is seen any more; who joined goes on by himself. Twice is once."""
    place = await place_of(session, enrolment_id, now=now)
    if place.company and not place.company.closed_at:
        await _close(session, place.company, now)
        _note(session, place, "company_closed", now)


async def _close(session: AsyncSession, company: Company, now: datetime) -> None:
    company.closed_at = now
    open_seats = await session.scalars(
        select(Seat).where(Seat.company_id == company.id, Seat.released_at.is_(None))
    )
    for seat in open_seats:
        await seats.release(session, seat, reason="closed", now=now)


# What a person may know and have erased


async def of_learner(session: AsyncSession, learner_id: int) -> Company | None:
    """The company that a person opened."""
    return await session.scalar(select(Company).where(Company.owner_id == learner_id))


async def seats_of(session: AsyncSession, learner_id: int) -> list[tuple[Seat, str]]:
    """The seats that were proposed to a person, with the name of the company."""
    found = await session.execute(
        select(Seat, Company.name)
        .join(Company, Company.id == Seat.company_id)
        .join(Enrolment, Enrolment.id == Seat.enrolment_id)
        .where(Enrolment.learner_id == learner_id)
        .order_by(Seat.id)
    )
    return [(row[0], row[1]) for row in found]


async def forget(session: AsyncSession, learner_id: int, *, now: datetime) -> None:
    """Take a person out of the seats he has, and close the company he opened, which loses its name."""
    for seat, _ in await seats_of(session, learner_id):
        seat.address, seat.reason, seat.released_at = "", ERASED, seat.released_at or now
    company = await of_learner(session, learner_id)
    if company is None:
        return
    if not company.closed_at:
        await _close(session, company, now)
    colleagues = await session.scalars(
        update(Enrolment)
        .where(
            Enrolment.id.in_(select(Seat.enrolment_id).where(Seat.company_id == company.id)),
            Enrolment.company == company.name,
        )
        .values(company="")
        .returning(Enrolment.learner_id)
    )
    company.name = ""
    await searching.note(session, [learner_id, *colleagues])
