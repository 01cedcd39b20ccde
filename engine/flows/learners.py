"""What a learner may change: slot, pace, name, address; pauses and gestures."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, consent, delivery, errors, links, progress, views
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.flows import enrolments, known, outbox, searching, signup
from engine.tables import Delivery, Enrolment, Learner

ADDRESS_DAYS = 1
_ONCE = timedelta(hours=1)


async def _changing(session: AsyncSession, enrolment_id: int) -> tuple[Enrolment, Learner, model.Course]:
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    learner = await enrolments.learner_of(session, enrolment)
    return enrolment, learner, (await enrolments.pinned(session, enrolment)).course


async def _anew(
    session: AsyncSession,
    enrolment: Enrolment,
    learner: Learner,
    course: model.Course,
    kind: str,
    now: datetime,
) -> None:
    """Reckon the next due time by what the learner just chose, and write it down."""
    rules = enrolments.rules(course.rules, enrolment, learner.region)
    if enrolment.state == State.ACTIVE:
        await enrolments.settle_anew(session, enrolment, course, rules, now=now)
    elif enrolment.state == State.PAUSED and enrolment.paused_until:
        day = calendar.local_day(enrolment.paused_until, enrolment.zone)
        slot, position = enrolments.slot(enrolment), enrolments.position(enrolment)
        enrolments.settle(enrolment, progress.resumption(day, position, slot, rules))
    session.add(outbox.event(learner_id=learner.id, enrolment_id=enrolment.id, kind=kind, now=now))


async def change_slot(
    session: AsyncSession, enrolment_id: int, *, weekday: str, time: str, zone: str, now: datetime
) -> None:
    """Raises `errors.Invalid` (fields weekday, time, zone)."""
    enrolment, learner, course = await _changing(session, enrolment_id)
    slot = signup.checked_slot(weekday, time, zone, course.rules.working_days)
    enrolment.slot, enrolment.zone = str(slot), slot.zone
    await _anew(session, enrolment, learner, course, "slot", now)


async def change_pace(session: AsyncSession, enrolment_id: int, *, pace: int, now: datetime) -> None:
    """Every n-th slot. Raises `errors.Invalid`."""
    enrolment, learner, course = await _changing(session, enrolment_id)
    enrolment.pace = enrolments.pace(pace)
    await _anew(session, enrolment, learner, course, "pace", now)


async def send_again(session: AsyncSession, enrolment_id: int, *, now: datetime) -> None:
    """The last lesson once more, at once; at most one an hour. Raises `errors.Invalid` (field gestures)."""
    enrolment, learner, course = await _changing(session, enrolment_id)
    last = await session.scalar(
        select(Delivery.lesson_key)
        .where(
            Delivery.enrolment_id == enrolment.id,
            Delivery.kind == Kind.LESSON,
            Delivery.state == delivery.State.SENT,
        )
        .order_by(Delivery.sent_at.desc(), Delivery.id.desc())
        .limit(1)
    )
    if last is None or course.lesson(last) is None:
        raise errors.Invalid({"gestures": "Aucune leçon n'est encore partie."})
    if enrolment.state == State.STOPPED:
        raise errors.NotAllowed("Vous avez quitté ce parcours.")
    sent = await outbox.owe_on_request(
        session,
        Kind.AGAIN,
        learner_id=learner.id,
        enrolment_id=enrolment.id,
        every=_ONCE,
        now=now,
        lesson_key=last,
    )
    if not sent:
        raise errors.Invalid({"gestures": "Elle vient de partir. Réessayez dans une heure."})
    enrolment.unanswered = 0
    session.add(
        outbox.event(
            learner_id=learner.id, enrolment_id=enrolment.id, kind="again_asked", now=now, lesson_key=last
        )
    )


async def hasten(session: AsyncSession, enrolment_id: int, *, catch_up: bool = False, now: datetime) -> None:
    """The next lesson leaves on the next open day, at the learner's hour; pressed twice it is once.

    With `catch_up` those that would have come by now follow it, one an open day. Raises `errors.Invalid`
    (field gestures) when no lesson can be hastened.
    """
    enrolment, learner, course = await _changing(session, enrolment_id)
    lesson = course.lesson(enrolment.next_key)
    if enrolment.state != State.ACTIVE or enrolment.next_kind != "lesson" or lesson is None:
        raise errors.Invalid({"gestures": "Aucune leçon ne peut partir plus tôt pour l'instant."})
    if enrolment.gate_since or await _waits(session, enrolment, lesson):
        raise errors.Invalid({"gestures": "La suite attend d'abord votre réponse à l'activité précédente."})
    own = enrolments.rules(course.rules, enrolment, learner.region)
    slot, position = enrolments.slot(enrolment), enrolments.position(enrolment)
    following = progress.missed(course, position, slot, own, now=now) - 1 if catch_up else 0
    due = progress.hastened(position, slot, own, now=now)
    if position.due and due.at == position.due.at and following <= enrolment.catching_up:
        return
    await enrolments.choose(session, enrolment, now=now)
    enrolments.settle(enrolment, due)
    enrolment.catching_up = max(following, 0)
    kind = "caught_up" if catch_up else "sooner"
    session.add(outbox.event(learner_id=learner.id, enrolment_id=enrolment.id, kind=kind, now=now))


async def _waits(session: AsyncSession, enrolment: Enrolment, lesson: model.Lesson) -> bool:
    """Whether a gate stands before `lesson`."""
    if lesson.requires is None:
        return False
    return lesson.requires.activity not in (await known.of(session, enrolment)).handed_in


async def rename(session: AsyncSession, enrolment_id: int, *, first_name: str, now: datetime) -> None:
    """Raises `errors.Invalid` (field first_name)."""
    _, learner, _ = await _changing(session, enrolment_id)
    problems: dict[str, str] = {}
    name = signup.clean("first_name", first_name, 60, problems)
    if not name:
        problems["first_name"] = "Écrivez votre prénom."
    if problems:
        raise errors.Invalid(problems)
    learner.first_name = name
    await searching.note(session, [learner.id])
    session.add(outbox.event(learner_id=learner.id, enrolment_id=enrolment_id, kind="renamed", now=now))


async def pause(session: AsyncSession, enrolment_id: int, *, weeks: int | None, now: datetime) -> None:
    """For some weeks, or (None) until the learner comes back."""
    enrolment = await enrolments.get(session, enrolment_id)
    until = calendar.local_day(now, enrolment.zone) + timedelta(weeks=weeks) if weeks else None
    await enrolments.pause(session, enrolment_id, until=until, now=now)


async def ask_address(
    session: AsyncSession, enrolment_id: int, address: str, *, origin: views.Origin, now: datetime
) -> None:
    """Send a link to the address a learner wants to move to. At most one an hour; the answer is the same.

    Raises `errors.Invalid` (field address). Whether another learner has that address is not told.
    """
    enrolment, learner, _ = await _changing(session, enrolment_id)
    learner.new_address = consent.checked_address(address)
    sent = await outbox.owe_on_request(
        session, Kind.ADDRESS, learner_id=learner.id, enrolment_id=enrolment.id, every=_ONCE, now=now
    )
    if not sent:
        raise errors.Invalid({"address": "Un message vient de partir. Réessayez dans une heure."})
    told = outbox.event(
        learner_id=learner.id,
        enrolment_id=enrolment_id,
        kind="address_asked",
        now=now,
        text=origin.network_address,
    )
    session.add(told)


async def _read_address(session: AsyncSession, parts: Sequence[str]) -> tuple[Learner, str, datetime]:
    """The learner, the address his link was made for, and when."""
    if len(parts) != 3:
        raise errors.BadLink("Ce lien n'est pas complet ou a été modifié.")
    learner = await session.get(Learner, int(parts[0]))
    if learner is None or learner.erased_at:
        raise errors.NotFound("Ces données ont été effacées.")
    return learner, parts[2], links.moment(parts[1])


def address_mark(address: str) -> str:
    """What a link to confirm a new address carries of it: enough to tell it from another one."""
    return consent.fingerprint(b"address")(consent.address_key(address))[:12]


async def address_page(session: AsyncSession, parts: Sequence[str], *, now: datetime) -> views.NewAddress:
    """Raises `errors.BadLink`, `errors.NotFound`."""
    learner, mark, asked_at = await _read_address(session, parts)
    confirmed = address_mark(learner.address) == mark
    asked = bool(learner.new_address) and address_mark(learner.new_address) == mark
    expired = not confirmed and (not asked or now > asked_at + timedelta(days=ADDRESS_DAYS))
    shown = learner.address if confirmed else learner.new_address
    return views.NewAddress("" if expired else shown, learner.language, expired, confirmed)


async def confirm_address(
    session: AsyncSession,
    parts: Sequence[str],
    *,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> None:
    """Move to the new address. Twice is once. Raises `errors.ExpiredLink`, `errors.Conflict`."""
    page = await address_page(session, parts, now=now)
    if page.confirmed:
        return
    if page.expired:
        raise errors.ExpiredLink("Ce lien n'est plus valable.")
    learner, _, _ = await _read_address(session, parts)
    key = consent.address_key(learner.new_address)
    taken = await session.scalar(
        select(Learner.id).where(Learner.address_key == key, Learner.id != learner.id)
    )
    if taken:
        raise errors.Conflict("Cette adresse suit déjà un parcours ici.")
    learner.address, learner.address_key = learner.new_address, key
    learner.address_hash, learner.new_address = fingerprint(key), ""
    await searching.note(session, [learner.id])
    session.add(outbox.event(learner_id=learner.id, enrolment_id=None, kind="address", now=now))
