"""What an operator does about one person. Each act has a reason, which stands in the person's history and in
the audit log; what the person could do himself goes through the same flows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, consent, errors, typed, views
from engine.core import intake as rules
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.intake import Verdict
from engine.core.progress import State
from engine.flows import accounts, enrolments, intake, learners, outbox, privacy
from engine.tables import Course, Delivery, Enrolment, Learner, Suppression

_RESEND_ONCE = timedelta(hours=1)
_LONGEST_PAUSE = timedelta(days=366)
_MAY_GET_AGAIN = (State.ACTIVE, State.PAUSED, State.COMPLETED)


@dataclass(frozen=True)
class By:
    """Who acts, and why."""

    account_id: int | None
    """None: the command line."""
    reason: str


def by(account_id: int | None, reason: str) -> By:
    """Raises `errors.Invalid` (field reason)."""
    missing = "Dites pourquoi : la raison reste dans l'historique."
    return By(account_id, typed.needed("reason", reason, missing))


def _note(
    session: AsyncSession,
    who: By,
    kind: str,
    learner_id: int,
    enrolment_id: int | None,
    now: datetime,
    *,
    lesson_key: str = "",
) -> None:
    session.add(
        outbox.event(
            learner_id=learner_id,
            enrolment_id=enrolment_id,
            kind=kind,
            now=now,
            lesson_key=lesson_key,
            text=who.reason,
        )
    )
    accounts.note(session, who.account_id, kind, f"learner:{learner_id}", who.reason, now=now)


@dataclass(frozen=True)
class Newcomer:
    """A form that enrols one person, as typed."""

    address: str
    slug: str
    source: str
    first_name: str = ""
    company: str = ""
    agreed: bool = False
    """He agreed already, and it can be proved: he is not asked again."""


async def enrol(
    session: AsyncSession,
    form: Newcomer,
    who: By,
    *,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> int:
    """Take one person into a course; the number of the learner.

    Raises `errors.Invalid` (fields address, first_name, company, source, agreed), `errors.NotFound` (course).
    """
    person, source = _checked(form)
    key = consent.address_key(person.address)
    terms = await intake.terms(session, form.slug, source, agreed=form.agreed)
    await intake.lock(session, [key])
    judged = (await intake.judge(session, terms.course_id, {key: fingerprint(key)}))[key]
    if judged.verdict == Verdict.LEFT and form.agreed:
        problem = "Cette personne a quitté ce parcours : demandez-lui de confirmer."
        raise errors.Invalid({"agreed": problem})
    if judged.verdict not in (*rules.TAKEN, Verdict.LEFT):
        raise errors.Invalid({"address": judged.problem})
    (taken,) = await intake.take(session, [(person, judged)], terms, fingerprint=fingerprint, now=now)
    _note(session, who, "operator_enrolled", taken.learner_id, taken.enrolment_id, now)
    return taken.learner_id


def _checked(form: Newcomer) -> tuple[rules.Person, str]:
    """Raises `errors.Invalid` with the problem of every field at once."""
    problems: dict[str, str] = {}
    first_name = typed.clean("first_name", form.first_name, 60, problems)
    company = typed.clean("company", form.company, 120, problems)
    address = source = ""
    try:
        address = consent.checked_address(form.address)
    except errors.Invalid as invalid:
        problems |= invalid.problems
    try:
        source = intake.checked_source(form.source)
    except errors.Invalid as invalid:
        problems |= invalid.problems
    if problems:
        raise errors.Invalid(problems)
    return rules.Person(address, first_name, company), source


async def pause(session: AsyncSession, enrolment_id: int, until: str, who: By, *, now: datetime) -> None:
    """Until a day (2027-03-30), or, when empty, until somebody resumes it; the person is told by mail.

    Raises `errors.Invalid` (field until), `errors.NotAllowed`, `errors.NotFound`.
    """
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    end = _day(until, calendar.local_day(now, enrolment.zone)) if until else None
    await enrolments.pause(session, enrolment_id, until=end, now=now)
    _note(session, who, "operator_paused", enrolment.learner_id, enrolment_id, now)


def _day(text: str, today: date) -> date:
    problem = "Choisissez un jour à venir, dans un an au plus."
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise errors.Invalid({"until": problem}) from None
    if not today < day <= today + _LONGEST_PAUSE:
        raise errors.Invalid({"until": problem})
    return day


async def resume(session: AsyncSession, enrolment_id: int, who: By, *, now: datetime) -> None:
    """Go on at the next slot. Raises `errors.NotAllowed`, `errors.NotFound`."""
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    if enrolment.state == State.ACTIVE:
        return
    await enrolments.resume(session, enrolment_id, now=now)
    _note(session, who, "operator_resumed", enrolment.learner_id, enrolment_id, now)


async def move(session: AsyncSession, enrolment_id: int, key: str, who: By, *, now: datetime) -> None:
    """Make `key` the next lesson, at the slot that the next one would have; a gate before it still holds.

    What is on its way already still leaves. Raises `errors.Invalid` (field lesson), `errors.NotAllowed`,
    `errors.NotFound`.
    """
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    learner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    if enrolment.state not in (State.ACTIVE, State.PAUSED) or enrolment.next_kind not in (
        "lesson",
        "farewell",
    ):
        raise errors.NotAllowed("Ce parcours n'est pas en cours : il n'y a pas de place à changer.")
    _check_place(course, key, await _owed(session, enrolment_id), enrolment.next_key)
    enrolment.next_kind, enrolment.next_key, enrolment.route = "lesson", key, ""
    enrolment.gate_since, enrolment.reminders = None, 0
    await outbox.cancel(session, enrolment_id, Kind.REMINDER, Kind.MISSED, reason="rescheduled", now=now)
    if enrolment.state == State.ACTIVE:
        own = enrolments.rules(course.rules, enrolment, learner.region)
        await enrolments.settle_anew(session, enrolment, course, own, now=now)
    _note(session, who, "operator_moved", learner.id, enrolment_id, now, lesson_key=key)


def _runs(row: Enrolment) -> bool:
    """Whether there is a next lesson that could be another one."""
    return row.state in (State.ACTIVE, State.PAUSED) and row.next_kind in ("lesson", "farewell")


async def _owed(session: AsyncSession, enrolment_id: int) -> dict[str, str]:
    """The lessons that stand in the ledger, with what became of them: none of them is owed twice."""
    found = await session.execute(
        select(Delivery.lesson_key, Delivery.state).where(
            Delivery.enrolment_id == enrolment_id, Delivery.kind == Kind.LESSON
        )
    )
    return {row[0]: row[1] for row in found}


def _check_place(course: model.Course, key: str, owed: dict[str, str], following: str) -> None:
    lesson = course.lesson(key)
    problem = ""
    if lesson is None:
        problem = "Choisissez une leçon de la liste."
    elif key == following:
        problem = "C'est déjà la prochaine leçon : choisissez-en une autre."
    elif key in owed:
        problem = "Cette leçon est déjà partie : renvoyez-la plutôt."
    elif any(later.key in owed for later in course.lessons[lesson.number :]):
        problem = (
            "Une leçon qui la suit est déjà partie : envoyez celle-ci à part, avec « Renvoyer une leçon »."
        )
    if problem:
        raise errors.Invalid({"lesson": problem})


async def resend(session: AsyncSession, enrolment_id: int, key: str, who: By, *, now: datetime) -> None:
    """Send a lesson that has had its turn, at once, whether or not it came; at most once an hour.

    Raises `errors.Invalid` (field again), `errors.NotAllowed`, `errors.NotFound`.
    """
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    learner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    if enrolment.state not in _MAY_GET_AGAIN:
        raise errors.NotAllowed("Ce parcours n'est pas en cours : aucune leçon ne peut partir.")
    lesson = course.lesson(key)
    if lesson is None or lesson.number > enrolments.lessons_came(course, enrolment):
        raise errors.Invalid({"again": "Choisissez une leçon dont le tour est passé."})
    sent = await outbox.owe_on_request(
        session,
        Kind.AGAIN,
        learner_id=learner.id,
        enrolment_id=enrolment_id,
        every=_RESEND_ONCE,
        now=now,
        lesson_key=key,
        mark=f"{key}.",
    )
    if not sent:
        raise errors.Invalid({"again": "Elle vient de partir. Réessayez dans une heure."})
    _note(session, who, "operator_resent", learner.id, enrolment_id, now, lesson_key=key)


async def change_address(
    session: AsyncSession,
    learner_id: int,
    address: str,
    who: By,
    *,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> None:
    """A link goes to the new address; it is the person's once he presses its button.

    Raises `errors.Invalid` (field address), `errors.NotAllowed`, `errors.NotFound`.
    """
    learner = await _learner(session, learner_id)
    address = consent.checked_address(address)
    key = consent.address_key(address)
    if await session.scalar(select(Learner.id).where(Learner.address_key == key)):
        raise errors.Invalid({"address": "Quelqu'un a déjà cette adresse : cherchez-la dans « Personnes »."})
    if await session.get(Suppression, fingerprint(key)):
        problem = "Cette adresse ne veut plus de nos messages, ou les refuse : demandez-en une autre."
        raise errors.Invalid({"address": problem})
    latest = await session.scalar(
        select(Enrolment.id).where(Enrolment.learner_id == learner.id).order_by(Enrolment.id.desc()).limit(1)
    )
    if latest is None:
        raise errors.NotAllowed("Cette personne ne suit aucun parcours.")
    await learners.ask_address(session, latest, address, origin=views.Origin("", "", ""), now=now)
    _note(session, who, "operator_address", learner.id, latest, now)


async def stop(
    session: AsyncSession,
    enrolment_id: int,
    scope: Literal["course", "all"] | str,
    who: By,
    *,
    now: datetime,
) -> None:
    """For good, as when the person leaves: this course, or everything. Raises `errors.NotFound`."""
    enrolment = await enrolments.get(session, enrolment_id)
    await enrolments.leave(session, enrolment_id, scope=scope, now=now)
    _note(session, who, "operator_stopped", enrolment.learner_id, enrolment_id, now)


async def export(session: AsyncSession, learner_id: int, who: By, *, now: datetime) -> dict[str, Any]:
    """Everything about the person, as he may have it himself. Raises `errors.NotFound`."""
    found = await privacy.export(session, learner_id)
    _note(session, who, "operator_exported", learner_id, None, now)
    return found


async def erase(session: AsyncSession, learner_id: int, who: By, *, now: datetime) -> None:
    """Forget the person. Raises `errors.NotFound`."""
    learner = await _learner(session, learner_id)
    await privacy.erase(session, learner.id, now=now)
    _note(session, who, "operator_erased", learner.id, None, now)


async def _learner(session: AsyncSession, learner_id: int) -> Learner:
    found = await session.get(Learner, learner_id)
    if found is None or found.erased_at:
        raise errors.NotFound("Ces données ont été effacées.")
    return found


# What the page of these acts shows


@dataclass(frozen=True)
class LessonLine:
    key: str
    number: int
    subject: str
    came: bool
    """Its turn has passed: it can be sent again, not made the next one."""
    movable: bool
    """It can be made the next one."""


@dataclass(frozen=True)
class CourseLine:
    """One course of a person, and what may be done about it."""

    enrolment_id: int
    slug: str
    title: str
    state: State
    zone: str
    paused_until: datetime | None
    due_at: datetime | None
    next_subject: str
    lessons: tuple[LessonLine, ...]

    @property
    def is_open(self) -> bool:
        return self.state in (State.PENDING, State.WAITING, State.ACTIVE, State.PAUSED)

    @property
    def may_get_again(self) -> bool:
        return self.state in _MAY_GET_AGAIN and any(lesson.came for lesson in self.lessons)

    @property
    def may_move(self) -> bool:
        return any(lesson.movable for lesson in self.lessons)


@dataclass(frozen=True)
class Person:
    id: int
    address: str
    new_address: str
    """Where he asked to move to, until it is confirmed."""
    first_name: str
    courses: tuple[CourseLine, ...]
    """The newest first."""
    others: tuple[tuple[str, str], ...]
    """Slug and title of the courses that he may be taken into."""


async def person(session: AsyncSession, learner_id: int) -> Person:
    """Raises `errors.NotFound`, also for somebody who was erased."""
    learner = await _learner(session, learner_id)
    rows = await session.scalars(
        select(Enrolment).where(Enrolment.learner_id == learner_id).order_by(Enrolment.id.desc())
    )
    lines = [await _line(session, row) for row in rows]
    taken = {line.slug for line in lines if line.state != State.STOPPED}
    others = [offered for offered in await offered_courses(session) if offered[0] not in taken]
    return Person(
        learner.id,
        learner.address,
        learner.new_address,
        learner.first_name,
        tuple(lines),
        tuple(others),
    )


async def offered_courses(session: AsyncSession) -> list[tuple[str, str]]:
    """Slug and title of each course that somebody may be taken into."""
    slugs = await session.scalars(
        select(Course.slug).where(Course.current_version_id.is_not(None)).order_by(Course.slug)
    )
    return [(slug, (await intake.terms(session, slug, "", agreed=False)).course.title) for slug in slugs]


async def _line(session: AsyncSession, row: Enrolment) -> CourseLine:
    course = (await enrolments.pinned(session, row)).course
    owed = await _owed(session, row.id)
    came = enrolments.lessons_came(course, row)
    runs = _runs(row)
    last = max((lesson.number for lesson in course.lessons if lesson.key in owed), default=0)
    following = course.lesson(row.next_key) if row.next_kind == "lesson" else None
    return CourseLine(
        enrolment_id=row.id,
        slug=course.slug,
        title=course.title,
        state=State(row.state),
        zone=row.zone,
        paused_until=row.paused_until,
        due_at=row.due_at,
        next_subject=following.subject if following else "",
        lessons=tuple(
            LessonLine(
                lesson.key,
                lesson.number,
                lesson.subject,
                lesson.number <= came,
                runs and lesson.number > last and lesson.key != row.next_key,
            )
            for lesson in course.lessons
        ),
    )
