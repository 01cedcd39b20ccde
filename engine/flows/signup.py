"""From the form to a confirmed enrolment. Nothing here tells whether an address is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, consent, errors, intake, links, progress, typed, views
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.core.webhooks import Event
from engine.flows import catalog, enrolments, hooks, outbox, searching
from engine.tables import Consent, Course, Enrolment, Learner, Suppression, dialect

CONFIRM_DAYS = 7
_ONCE = timedelta(days=1)
_HARD_REST = timedelta(days=30)
_HOUR = timedelta(hours=1)
# A training room behind one address fits; a robot does not. Large providers are no company to protect.
_PER_NETWORK_ADDRESS, _PER_DOMAIN = 60, 100
_SIZES = ("", "1", "10", "50", "250")

suggestion = consent.suggestion
clean = typed.clean


async def courses(session: AsyncSession) -> list[views.Offer]:
    return [await offer(session, slug) for slug in await catalog.slugs(session)]


async def offer(session: AsyncSession, slug: str) -> views.Offer:
    """Raises `errors.NotFound`."""
    course = (await catalog.current(session, slug)).course
    minutes = sorted(lesson.minutes for lesson in course.lessons)
    return views.Offer(
        slug=slug,
        title=course.title,
        summary=course.summary,
        description=course.description,
        language=course.language,
        lessons=len(course.lessons),
        minutes=minutes[-1],
        modules=tuple(views.Module(module.title, module.summary) for module in course.modules),
        slot=calendar.Slot.parse(course.slot, ZONE),
        working_days=course.rules.working_days,
        pace=course.rules.pace,
        consent=views.Consent(consent.wording(course.title, course.language), consent.WORDING_VERSION),
    )


ZONE = "Europe/Paris"


async def request(
    session: AsyncSession,
    slug: str,
    form: views.SignUp,
    *,
    origin: views.Origin,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> None:
    """Take a sign-up: learner, consent asked, enrolment, and the mail that asks for the confirmation.

    Raises `errors.NotFound` (course), `errors.Invalid` (by field), `errors.TooMany`.
    """
    pinned = await catalog.current(session, slug)
    asked = checked(form, pinned.course)
    key = consent.address_key(asked.address)
    await limits(session, key, origin, now=now)
    if await _refuses(session, fingerprint(key), now):
        return
    # Two clicks on the button are two requests at once.
    await dialect.lock(session, f"signup:{key}")
    course = await session.scalar(select(Course).where(Course.slug == slug))
    assert course is not None  # catalog.current found its version
    learner = await learner_at(session, asked.address, fingerprint=fingerprint, now=now)
    await _introduce(session, learner, asked, pinned.course.language)
    enrolment = await open_enrolment(session, learner.id, course.id)
    if enrolment is not None and enrolment.state != State.PENDING:
        await remind_known(session, enrolment, now=now)
        return
    if enrolment is None:
        enrolment = Enrolment(learner_id=learner.id, course_id=course.id, created_at=now)
        session.add(enrolment)
    enrolment.state = State.PENDING
    enrolment.slot, enrolment.zone = asked.slot, asked.zone
    enrolment.company, enrolment.size = asked.company, asked.size
    enrolment.pace = pinned.course.rules.pace
    await session.flush()
    await searching.note(session, [learner.id])
    wording = consent.wording(pinned.course.title, pinned.course.language)
    record(session, learner, enrolment, pinned.course, "asked", wording, origin=origin, now=now)
    await _ask(session, enrolment, now)


@dataclass(frozen=True)
class Asked:
    """A form whose every field was checked."""

    first_name: str
    address: str
    company: str
    size: int
    slot: str
    zone: str
    region: str


def checked(form: views.SignUp, course: model.Course) -> Asked:
    """Raises `errors.Invalid` with the problem of every field at once."""
    problems: dict[str, str] = {}
    first_name = clean("first_name", form.first_name, 60, problems)
    company = clean("company", form.company, 120, problems)
    if not first_name:
        problems["first_name"] = "Écrivez votre prénom."
    address = ""
    try:
        address = consent.checked_address(form.address)
    except errors.Invalid as invalid:
        problems |= invalid.problems
    if form.size not in _SIZES:
        problems["size"] = "Choisissez une réponse de la liste."
    slot, zone = _slot(form, course, problems)
    if form.region and form.region not in calendar.calendars():
        problems["region"] = "Choisissez une région de la liste."
    if not form.consent:
        problems["consent"] = "Cochez cette case pour recevoir les leçons."
    if problems:
        raise errors.Invalid(problems)
    return Asked(first_name, address, company, int(form.size or 0), slot, zone, form.region)


def _slot(form: views.SignUp, course: model.Course, problems: dict[str, str]) -> tuple[str, str]:
    try:
        slot = checked_slot(form.weekday, form.time, form.zone, course.rules.working_days)
    except errors.Invalid as invalid:
        problems |= invalid.problems
        return "", ""
    return str(slot), slot.zone


def checked_slot(weekday: str, time: str, zone: str, working_days: frozenset[int]) -> calendar.Slot:
    """The slot that a form names; raises `errors.Invalid` (fields weekday, time, zone)."""
    problems = {}
    if weekday not in {str(day) for day in working_days}:
        problems["weekday"] = "Choisissez un jour de la liste."
    if len(time) != 5 or not calendar.SLOT.fullmatch(f"mon {time}"):
        problems["time"] = "Choisissez une heure de la liste."
    if zone not in calendar.zones():
        problems["zone"] = "Choisissez un fuseau horaire de la liste."
    if problems:
        raise errors.Invalid(problems)
    return calendar.Slot.parse(f"{calendar.Weekday(int(weekday)).name.lower()} {time}", zone)


async def limits(session: AsyncSession, key: str, origin: views.Origin, *, now: datetime) -> None:
    """Raises `errors.TooMany`: the confirmation mail must not become a weapon against third parties.

    `key`: that of the address.
    """
    domain = key.rpartition("@")[2]
    asked = (
        select(func.count()).select_from(Consent).where(Consent.event == "asked", Consent.at > now - _HOUR)
    )
    from_there = 0
    if origin.network_address:
        from_there = await session.scalar(asked.where(Consent.network_address == origin.network_address)) or 0
    to_there = await session.scalar(asked.where(Consent.domain == domain)) or 0
    if from_there >= _PER_NETWORK_ADDRESS or (to_there >= _PER_DOMAIN and domain not in consent.PROVIDERS):
        raise errors.TooMany("Trop d'inscriptions en peu de temps. Réessayez dans une heure.")


async def _refuses(session: AsyncSession, address_hash: str, now: datetime) -> bool:
    """A complaint stops everything; an address that bounced may be tried again after a month."""
    found = await session.get(Suppression, address_hash)
    if found is None or found.reason == "left":
        return False
    return found.reason == "complaint" or found.at > now - _HARD_REST


async def learner_at(
    session: AsyncSession, address: str, *, fingerprint: consent.Fingerprint, now: datetime
) -> Learner:
    """The person with this address, new when nobody has it. The caller holds the lock of the address."""
    key = consent.address_key(address)
    learner = await session.scalar(select(Learner).where(Learner.address_key == key))
    if learner is None:
        learner = Learner(address=address, address_key=key, address_hash=fingerprint(key), created_at=now)
        session.add(learner)
        await session.flush()
        await searching.note(session, [learner.id])
    return learner


async def _introduce(session: AsyncSession, learner: Learner, asked: Asked, language: str) -> None:
    """What the form says of the person. What a stranger types never changes somebody who is confirmed."""
    confirmed = select(Enrolment.id).where(
        Enrolment.learner_id == learner.id, Enrolment.state != State.PENDING
    )
    if not await session.scalar(confirmed):
        learner.first_name, learner.region, learner.language = asked.first_name, asked.region, language


async def open_enrolment(session: AsyncSession, learner_id: int, course_id: int) -> Enrolment | None:
    return await session.scalar(
        select(Enrolment).where(
            Enrolment.learner_id == learner_id,
            Enrolment.course_id == course_id,
            Enrolment.state.in_(progress.OPEN),
        )
    )


async def remind_known(session: AsyncSession, enrolment: Enrolment, *, now: datetime) -> None:
    """Somebody enrolled filled in the form again: a mail with the way in, at most once a day."""
    await _mail(session, Kind.KNOWN, enrolment, now)


async def _ask(session: AsyncSession, enrolment: Enrolment, now: datetime) -> None:
    """The mail that asks for the confirmation, at most once a day."""
    await _mail(session, Kind.CONFIRM, enrolment, now)


async def _mail(session: AsyncSession, kind: Kind, enrolment: Enrolment, now: datetime) -> None:
    await outbox.owe_on_request(
        session, kind, learner_id=enrolment.learner_id, enrolment_id=enrolment.id, every=_ONCE, now=now
    )


def record(
    session: AsyncSession,
    learner: Learner,
    enrolment: Enrolment,
    course: model.Course,
    event: str,
    wording: str,
    *,
    origin: views.Origin,
    now: datetime,
) -> None:
    """One line of consent: exact wording, when, from where."""
    session.add(
        Consent(
            learner_id=learner.id,
            enrolment_id=enrolment.id,
            event=event,
            purpose=consent.purpose(course.slug),
            wording=wording,
            wording_version=consent.WORDING_VERSION,
            at=now,
            address=learner.address,
            domain=learner.address_key.rpartition("@")[2],
            address_hash=learner.address_hash,
            network_address=origin.network_address[:64],
            agent=origin.agent[:300],
            source=origin.source[:200],
        )
    )


async def pending(session: AsyncSession, parts: Sequence[str], *, now: datetime) -> views.Pending:
    """What the page behind a confirmation link shows.

    Raises `errors.BadLink`, `errors.NotFound`, and `errors.ExpiredLink` when the course is long over.
    """
    enrolment, asked_at = await _read(session, parts)
    enrolments.check_open(enrolment, now)
    course = (await enrolments.pinned(session, enrolment)).course
    confirmed = enrolment.state != State.PENDING
    return views.Pending(
        slug=course.slug,
        course=course.title,
        language=course.language,
        enrolment_id=enrolment.id,
        confirmed=confirmed,
        begun=_begun(enrolment),
        expired=not confirmed and _expired(asked_at, now),
    )


def _begun(enrolment: Enrolment) -> str:
    if enrolment.end_reason == intake.UNDONE:
        return intake.UNDONE
    return "" if enrolment.state == State.PENDING or _first_is_ahead(enrolment) else enrolment.state


def _first_is_ahead(enrolment: Enrolment) -> bool:
    """Whether the first lesson is still to come, on a day that is known."""
    if enrolment.state == State.WAITING:
        return True
    came_or_waits = enrolment.last_day or enrolment.gate_since or not enrolment.due_at
    return enrolment.state == State.ACTIVE and not came_or_waits


async def _read(session: AsyncSession, parts: Sequence[str]) -> tuple[Enrolment, datetime]:
    if len(parts) != 2:
        raise errors.BadLink("Ce lien n'est pas complet ou a été modifié.")
    enrolment = await enrolments.get(session, int(parts[0]), lock=True)
    await enrolments.learner_of(session, enrolment)
    return enrolment, links.moment(parts[1])


def _expired(asked_at: datetime, now: datetime) -> bool:
    return now > asked_at + timedelta(days=CONFIRM_DAYS)


async def confirm(
    session: AsyncSession,
    parts: Sequence[str],
    *,
    origin: views.Origin,
    now: datetime,
    seat: bool = False,
) -> views.Confirmed:
    """The person pressed the button: the enrolment waits for its start. Twice is once.

    `seat`: what was agreed to is to follow the course with a company's team.
    Raises `errors.ExpiredLink` after 7 days, `errors.BadLink`, `errors.NotFound`.
    """
    enrolment, asked_at = await _read(session, parts)
    learner = await session.get_one(Learner, enrolment.learner_id)
    course = (await enrolments.pinned(session, enrolment)).course
    if enrolment.state == State.PENDING:
        if _expired(asked_at, now):
            raise errors.ExpiredLink("Ce lien n'est plus valable.")
        enrolment.state = progress.advance(enrolment.state, "confirm")
        enrolment.starts_at = enrolments.cohort_start(course.cohorts, enrolment.zone, now)
        wording = consent.wording(course.title, course.language, seat=seat)
        record(session, learner, enrolment, course, "given", wording, origin=origin, now=now)
        lifted = await session.get(Suppression, learner.address_hash)
        if lifted is not None and lifted.reason != "complaint":
            await session.delete(lifted)
        session.add(outbox.event(learner_id=learner.id, enrolment_id=enrolment.id, kind="confirmed", now=now))
        await hooks.tell(session, Event.CONFIRMED, hooks.Fact(learner.id, enrolment.id), now=now)
    rules = enrolments.rules(course.rules, enrolment, learner.region)
    first = _first_lesson(enrolment, rules, now)
    return views.Confirmed(
        slug=course.slug,
        course=course.title,
        language=course.language,
        enrolment_id=enrolment.id,
        first_lesson_at=first.at + enrolments.spread(enrolment.id) if first else None,
        zone=enrolment.zone,
        reason=first.reason if first else "",
        holidays=rules.calendar,
    )


def _first_lesson(enrolment: Enrolment, rules: calendar.Rules, now: datetime) -> calendar.Due | None:
    if not _first_is_ahead(enrolment):
        return None
    if enrolment.next_kind == "lesson":
        return enrolments.position(enrolment).due
    return calendar.first_slot(max(enrolment.starts_at or now, now), enrolments.slot(enrolment), rules)


async def resend(session: AsyncSession, parts: Sequence[str], *, now: datetime) -> None:
    """Ask again, at most once a day; the answer is the same in any case."""
    enrolment, _ = await _read(session, parts)
    if enrolment.state == State.PENDING:
        learner = await session.get_one(Learner, enrolment.learner_id)
        if not await _refuses(session, learner.address_hash, now):
            await _ask(session, enrolment, now)
