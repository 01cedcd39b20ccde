"""Activities: what learners answer, saved as they go, handed in once, and what that opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import answers as answering
from engine.core import charter, errors, progress, scoring, views
from engine.core.course import grammar, model
from engine.core.delivery import Kind
from engine.core.progress import State
from engine.core.webhooks import Event
from engine.flows import charters, enrolments, hooks, known, outbox
from engine.tables import Enrolment, Learner, Submission

ENTRY_DAYS = 1
_ENTRY_REST = timedelta(hours=1)
_OVER = "Ces réponses ont déjà été remises : elles ne changent plus."


@dataclass(frozen=True)
class Place:
    """One activity of one enrolment, as the database has it."""

    enrolment: Enrolment
    learner: Learner
    course: model.Course
    key: str
    activity: grammar.Activity
    rounds: list[Submission]
    """In order."""

    @property
    def draft(self) -> Submission | None:
        return next((each for each in self.rounds if each.handed_in_at is None), None)

    @property
    def whole(self) -> list[Submission]:
        """The rounds that were handed in, but for single questions that came back."""
        single = isinstance(self.activity, grammar.Quiz)
        return [each for each in self.rounds if each.handed_in_at and (each.score or not single)]

    @property
    def tried(self) -> list[datetime]:
        return [each.handed_in_at for each in self.whole if each.handed_in_at]

    @property
    def about(self) -> dict[str, Any]:
        return known.about(self.enrolment, self.learner)

    def read(self, step: str, typed: answering.Typed, before: Mapping[str, Any]) -> dict[str, Any]:
        """The answers that one screen gives; `before`: those that it was drawn with."""
        facts = charter.facts(self.key, before, self.about)
        return answering.read(self.activity, step, typed, language=self.course.language, facts=facts)


async def _place(
    session: AsyncSession, enrolment_id: int, key: str, *, now: datetime, lock: bool = False
) -> Place:
    """Raises `errors.NotFound`, `errors.ExpiredLink`."""
    enrolment = await enrolments.get(session, enrolment_id, lock=lock)
    enrolments.check_open(enrolment, now)
    learner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    activity = course.activities.get(key)
    if activity is None:
        raise errors.NotFound("Cette activité n'existe pas dans ce parcours.")
    return Place(enrolment, learner, course, key, activity, await _rounds(session, enrolment_id, key))


async def take(session: AsyncSession, enrolment_id: int, key: str, *, now: datetime) -> Place:
    """An activity to be changed in this transaction; who else wants to change it waits.

    Raises `errors.NotFound`, `errors.ExpiredLink`.
    """
    return await _place(session, enrolment_id, key, now=now, lock=True)


async def _rounds(session: AsyncSession, enrolment_id: int, key: str) -> list[Submission]:
    found = await session.scalars(
        select(Submission)
        .where(Submission.enrolment_id == enrolment_id, Submission.activity == key)
        .order_by(Submission.round)
    )
    return list(found)


async def open(session: AsyncSession, enrolment_id: int, key: str, *, now: datetime) -> views.Played:
    """An activity as its page shows it. Raises `errors.NotFound`, `errors.ExpiredLink`."""
    return await played(session, await _place(session, enrolment_id, key, now=now), now)


async def played(session: AsyncSession, place: Place, now: datetime) -> views.Played:
    """An activity as its page shows it, at this moment of the transaction."""
    return await _played(session, place, place.draft or next(iter(reversed(place.whole)), None), now)


async def result(session: AsyncSession, enrolment_id: int, key: str, *, now: datetime) -> views.Played:
    """An activity as it was handed in last, whatever is being written since.

    Raises `errors.NotFound`, also when nothing was handed in, `errors.ExpiredLink`.
    """
    place = await _place(session, enrolment_id, key, now=now)
    if not place.whole:
        raise errors.NotFound("Rien n'a encore été remis ici.")
    return await _played(session, place, place.whole[-1], now)


async def _played(
    session: AsyncSession, place: Place, last: Submission | None, now: datetime
) -> views.Played:
    enrolment = place.enrolment
    waiting = enrolment.state == State.ACTIVE and enrolment.next_kind == "lesson"
    found = await _charter(session, place, last)
    return views.Played(
        slug=place.course.slug,
        course=place.course.title,
        language=place.course.language,
        key=place.key,
        activity=place.activity,
        about=place.about,
        answers=_shown(place, last),
        touched=bool(place.rounds),
        round=last.round if last else 1,
        handed_in_at=last.handed_in_at if last else None,
        attempts_left=_attempts_left(place, now),
        next_attempt_at=_next_attempt(place, now),
        earlier=await _earlier(session, enrolment.id, place.activity),
        comes_back=_comes_back(place),
        again=_again(place, last),
        charter=found.written if found else None,
        agreed=bool(found and last and last.answers == found.agreement),
        next_at=enrolment.due_at if waiting and enrolment.gate_since is None else None,
        zone=enrolment.zone,
    )


async def _charter(session: AsyncSession, place: Place, last: Submission | None) -> charters.Adopted | None:
    """The charter that a page shows: the one that an agreement is about, or this one, once adopted."""
    match place.activity:
        case grammar.Agreement(charter=key):
            return await charters.in_force(session, place.enrolment, key)
        case grammar.Charter() if last and last.handed_in_at:
            return await charters.adopted(session, last)
    return None


def _shown(place: Place, last: Submission | None) -> dict[str, Any]:
    given = answering.fitting(place.activity, last.answers) if last else {}
    if isinstance(place.activity, grammar.Charter):
        return charter.proposed(place.activity, given, place.about)
    return given


def _again(place: Place, last: Submission | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in place.rounds:
        whole = each in place.whole
        if last and last.handed_in_at and each.handed_in_at and not whole and each.round > last.round:
            found |= answering.fitting(place.activity, each.answers)
    return found


def _attempts_left(place: Place, now: datetime) -> int:
    quiz = place.activity
    return scoring.attempts_left(quiz, place.tried, now=now) if isinstance(quiz, grammar.Quiz) else 0


def _next_attempt(place: Place, now: datetime) -> datetime | None:
    quiz = place.activity
    return scoring.next_attempt(quiz, place.tried, now=now) if isinstance(quiz, grammar.Quiz) else None


async def _earlier(
    session: AsyncSession, enrolment_id: int, activity: grammar.Activity
) -> views.Earlier | None:
    """The activity that this one repeats, when it was handed in."""
    match activity:
        case grammar.Diagnostic(repeats=str(key)) | grammar.Poll(compares=str(key)):
            rounds = await _rounds(session, enrolment_id, key)
            for each in reversed(rounds):
                if each.handed_in_at:
                    given = answering.fitting(activity, each.answers)
                    return views.Earlier(key, given, each.handed_in_at)
    return None


def _comes_back(place: Place) -> str | None:
    if not isinstance(place.activity, grammar.Quiz):
        return None
    # In the order of handing in: a question may come back while another attempt lies open.
    handed_in = sorted((each.handed_in_at, each.round, each) for each in place.rounds if each.handed_in_at)
    attempts = [scoring.Attempt(each.answers, each.lessons) for *_, each in handed_in]
    lessons = enrolments.lessons_came(place.course, place.enrolment)
    return scoring.comes_back(place.activity, attempts, lessons=lessons)


async def save(
    session: AsyncSession,
    place: Place,
    step: str,
    typed: answering.Typed,
    *,
    now: datetime,
    ready: bool = False,
) -> None:
    """Keep the answers of one screen. Two tabs each keep what was answered there.

    With `ready`, an activity of which this screen is all is handed in as well.
    Raises `errors.Invalid` by field, `errors.Conflict` when everything was handed in already.
    """
    draft = place.draft
    if draft is None and place.rounds:
        raise errors.Conflict(_OVER)
    before = dict(draft.answers) if draft else {}
    given = place.read(step, typed, _shown(place, draft))
    if draft is None:
        draft = _begin(session, place, {}, now)
    draft.answers, draft.updated_at = before | given, now
    place.enrolment.unanswered = 0
    if ready and _is_all(place.activity, given):
        await _hand_in(session, place, draft, now)


def _is_all(activity: grammar.Activity, given: Mapping[str, Any]) -> bool:
    """Whether one screen is all there is to it: a check-in that is done, a poll."""
    match activity:
        case grammar.Checkin():
            return bool(given["status"] != "later")
        case grammar.Poll():
            return True
    return False


def _begin(session: AsyncSession, place: Place, answers: dict[str, Any], now: datetime) -> Submission:
    """The next round."""
    row = Submission(
        enrolment_id=place.enrolment.id,
        activity=place.key,
        round=place.rounds[-1].round + 1 if place.rounds else 1,
        answers=answers,
        updated_at=now,
    )
    session.add(row)
    place.rounds.append(row)
    return row


async def again(session: AsyncSession, place: Place, *, now: datetime) -> None:
    """Begin another round: an attempt at a quiz, a new version of a charter. Twice is once.

    Raises `errors.NotAllowed`.
    """
    if place.draft:
        return
    if not place.rounds:
        raise errors.NotAllowed("Rien n'a encore été remis.")
    match place.activity:
        case grammar.Quiz() if _attempts_left(place, now) > 0:
            _begin(session, place, {}, now)
        case grammar.Charter():
            _begin(session, place, dict(place.rounds[-1].answers), now)
        case grammar.Quiz():
            raise errors.NotAllowed("Vous avez fait tous les essais de la semaine.")
        case _:
            raise errors.NotAllowed(_OVER)


async def hand_in(session: AsyncSession, place: Place, *, now: datetime) -> None:
    """What was answered counts from now on; twice is once. A gate that waited opens at the next slot.

    Raises `errors.Invalid`: for each question that is missing, by its key.
    """
    if isinstance(place.activity, grammar.Agreement):
        await _agree(session, place, now)
        return
    draft = place.draft
    if draft is None and place.rounds:
        return
    answers = _shown(place, draft)
    named = charter.facts(place.key, answers, place.about)
    if missing := answering.missing(place.activity, answers, named):
        raise errors.Invalid(dict.fromkeys(missing, "Choisissez une réponse."))
    if draft is None:
        draft = _begin(session, place, answers, now)
    draft.answers = answers
    await _hand_in(session, place, draft, now)


async def _agree(session: AsyncSession, place: Place, now: datetime) -> None:
    """Agree to the version in force; to a later one, once more."""
    last = place.rounds[-1] if place.rounds else None
    found = await _charter(session, place, last)
    if found is None:
        raise errors.Invalid({"": "La charte n'est pas encore adoptée : il n'y a rien à approuver."})
    if last and last.answers == found.agreement:
        return
    row = _begin(session, place, found.agreement, now)
    await _hand_in(session, place, row, now)


async def _hand_in(session: AsyncSession, place: Place, draft: Submission, now: datetime) -> None:
    draft.score = scoring.scores(place.activity, draft.answers)
    draft.handed_in_at = draft.updated_at = now
    draft.lessons = enrolments.lessons_came(place.course, place.enrolment)
    place.enrolment.unanswered = 0
    session.add(_event(place, "handed_in", now))
    fact = hooks.Fact(place.learner.id, place.enrolment.id, activity=place.key)
    await hooks.tell(session, Event.HANDED_IN, fact, now=now)
    if isinstance(place.activity, grammar.Diagnostic):
        await _owe_result(session, place, draft, now)
    await _open_gate(session, place, now)


def _event(place: Place, kind: str, now: datetime) -> Any:
    return outbox.event(
        learner_id=place.learner.id, enrolment_id=place.enrolment.id, kind=kind, now=now, text=place.key
    )


async def _owe_result(session: AsyncSession, place: Place, draft: Submission, now: datetime) -> None:
    row = outbox.row(
        kind=Kind.RESULT,
        learner_id=place.learner.id,
        enrolment_id=place.enrolment.id,
        now=now,
        occasion=f"{place.key}.{draft.round}",
    )
    await outbox.owe(session, [row])


async def _open_gate(session: AsyncSession, place: Place, now: datetime) -> None:
    enrolment, course = place.enrolment, place.course
    lesson = course.lesson(enrolment.next_key)
    gate = lesson.requires.activity if lesson and lesson.requires else ""
    if gate != place.key or enrolment.gate_since is None:
        return
    await outbox.cancel(session, enrolment.id, Kind.REMINDER, reason="handed in", now=now)
    if enrolment.state == State.ACTIVE:
        own = enrolments.rules(course.rules, enrolment, place.learner.region)
        slot, position = enrolments.slot(enrolment), enrolments.position(enrolment)
        enrolments.settle(enrolment, progress.next_chance(course, position, slot, own, now=now))
    enrolment.gate_since = None  # after the reckoning: it tells that the gate's own day is past


async def answer_again(
    session: AsyncSession,
    place: Place,
    question: str,
    typed: answering.Typed,
    *,
    now: datetime,
) -> None:
    """Keep the answer to a question that came back; it changes no score.

    Raises `errors.Invalid`, `errors.Conflict` when no question waits.
    """
    if _comes_back(place) != question:
        raise errors.Conflict("Cette question a déjà reçu sa réponse.")
    given = place.read(question, typed, {})
    row = _begin(session, place, given, now)
    row.handed_in_at, row.lessons = now, enrolments.lessons_came(place.course, place.enrolment)
    place.enrolment.unanswered = 0
    session.add(_event(place, "answered_again", now))


async def handed(
    session: AsyncSession, enrolment_id: int, course: model.Course, occasion: str
) -> views.Handed | None:
    """The round that a mail about a result tells of: its occasion is `<activity>.<round>`."""
    key, _, number = occasion.rpartition(".")
    activity = course.activities.get(key)
    for each in await _rounds(session, enrolment_id, key):
        if activity and each.handed_in_at and str(each.round) == number:
            earlier = await _earlier(session, enrolment_id, activity)
            given = answering.fitting(activity, each.answers)
            return views.Handed(key, given, each.handed_in_at, earlier)
    return None


async def ask_entry(session: AsyncSession, enrolment_id: int, key: str, *, now: datetime) -> None:
    """Mail the learner a link that opens his answers (`key` "": his documents) on another device.

    At most one an hour. Raises `errors.NotFound`, `errors.ExpiredLink`.
    """
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    enrolments.check_open(enrolment, now)
    learner = await enrolments.learner_of(session, enrolment)
    await outbox.owe_on_request(
        session,
        Kind.ENTRY,
        learner_id=learner.id,
        enrolment_id=enrolment_id,
        every=_ENTRY_REST,
        now=now,
        about=f".{key}",
    )


def check_entry(asked_at: datetime, *, now: datetime) -> None:
    """Raises `errors.ExpiredLink` when the link of such a mail is too old."""
    if now > asked_at + timedelta(days=ENTRY_DAYS):
        raise errors.ExpiredLink("Ce lien n'est plus valable.")
