"""Taking people into a course on somebody else's word: by hand, or thousands from a list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import consent, intake, links, progress, typed
from engine.core.course import model
from engine.core.delivery import Kind
from engine.core.intake import Verdict
from engine.core.progress import State
from engine.flows import catalog, enrolments, outbox, searching
from engine.tables import Consent, Course, Enrolment, Learner, Suppression, dialect


@dataclass(frozen=True)
class Judged:
    """What may become of an address in a course."""

    verdict: Verdict
    learner_id: int | None = None
    region: str = ""
    """The learner's."""
    problem: str = ""


@dataclass(frozen=True)
class Terms:
    """Into which course people are taken, and on what ground."""

    course_id: int
    course: model.Course
    source: str
    """Where and when they agreed, in the words of whoever brings them."""
    agreed: bool
    """It can be proved: nobody is asked again. Otherwise each confirms for himself."""
    bulk: bool = False


@dataclass(frozen=True)
class Taken:
    learner_id: int
    enrolment_id: int
    made: bool
    """The learner is new."""


async def terms(session: AsyncSession, slug: str, source: str, *, agreed: bool, bulk: bool = False) -> Terms:
    """Raises `errors.NotFound` (course)."""
    course = (await catalog.current(session, slug)).course
    course_id = await session.scalar(select(Course.id).where(Course.slug == slug))
    assert course_id is not None  # its current version was found
    return Terms(course_id, course, source, agreed, bulk)


async def lock(session: AsyncSession, keys: Iterable[str]) -> None:
    """Nobody signs up with these addresses meanwhile: `judge` stays true until the end."""
    await dialect.lock_all(session, (f"signup:{key}" for key in keys))


async def judge(session: AsyncSession, course_id: int, hashes: Mapping[str, str]) -> dict[str, Judged]:
    """A verdict for each address key; `hashes` tells its fingerprint."""
    found = await session.execute(
        select(Learner.address_key, Learner.id, Learner.region).where(
            dialect.among(session, Learner.address_key, hashes)
        )
    )
    people = {key: (learner_id, region) for key, learner_id, region in found}
    refused = await _refused(session, hashes.values())
    before = await _before(session, course_id, [learner_id for learner_id, _ in people.values()])

    def one(key: str) -> Judged:
        learner_id, region = people.get(key, (None, ""))
        reason = refused.get(hashes[key], "")
        # Who had everything erased and came back by himself is here again.
        if reason and not (reason == "erased" and learner_id):
            return Judged(Verdict.SUPPRESSED, learner_id, region, intake.PROBLEMS[reason])
        if learner_id is None:
            return Judged(Verdict.NEW)
        if learner_id not in before:
            return Judged(Verdict.KNOWN, learner_id, region)
        verdict, problem = before[learner_id]
        return Judged(verdict, learner_id, region, problem)

    return {key: one(key) for key in hashes}


async def _refused(session: AsyncSession, hashes: Iterable[str]) -> dict[str, str]:
    """Why nobody may write to an address, by its fingerprint."""
    known = list(hashes)
    erased = await session.scalars(
        select(Learner.address_hash).where(
            dialect.among(session, Learner.address_hash, known), Learner.erased_at.is_not(None)
        )
    )
    suppressed = await session.execute(
        select(Suppression.address_hash, Suppression.reason).where(
            dialect.among(session, Suppression.address_hash, known)
        )
    )
    return dict.fromkeys(erased, "erased") | {row[0]: row[1] for row in suppressed}


async def _before(
    session: AsyncSession, course_id: int, learners: Sequence[int]
) -> dict[int, tuple[Verdict, str]]:
    """Why a learner is not taken into this course (again)."""
    rows = await session.execute(
        select(Enrolment.learner_id, Enrolment.state)
        .where(
            dialect.among(session, Enrolment.learner_id, learners),
            Enrolment.course_id == course_id,
            Enrolment.end_reason != intake.UNDONE,
        )
        .order_by(Enrolment.id)
    )
    found: dict[int, tuple[Verdict, str]] = {}
    for learner_id, state in rows:
        verdict = Verdict.LEFT if state == State.STOPPED else Verdict.ENROLLED
        name = state if state in (State.PENDING, State.COMPLETED, State.STOPPED) else "enrolled"
        found[learner_id] = (verdict, intake.PROBLEMS[name])
    return found


async def take(
    session: AsyncSession,
    people: Sequence[tuple[intake.Person, Judged]],
    terms: Terms,
    *,
    fingerprint: consent.Fingerprint,
    now: datetime,
) -> list[Taken]:
    """Learners, enrolments, consents and the mails that ask for the confirmation, each in one statement.

    The caller holds the `lock` of all the addresses, and nobody is in the course yet.
    """
    if not people:
        return []
    keys = [consent.address_key(person.address) for person, _ in people]
    hashes = [fingerprint(key) for key in keys]
    strangers = [
        _learner(person, key, hashed, terms, now)
        for (person, judged), key, hashed in zip(people, keys, hashes, strict=True)
        if judged.learner_id is None
    ]
    fresh = await _learners(session, strangers)
    ids = [judged.learner_id or fresh[key] for key, (_, judged) in zip(keys, people, strict=True)]
    rows = [
        _enrolment(learner_id, person, judged, terms, now)
        for learner_id, (person, judged) in zip(ids, people, strict=True)
    ]
    by_learner = await _enrolments(session, rows, terms)
    places = [by_learner[learner_id] for learner_id in ids]
    consents = [
        _consent(learner_id, enrolment_id, person.address, hashed, terms, now)
        for learner_id, enrolment_id, (person, _), hashed in zip(ids, places, people, hashes, strict=True)
    ]
    await dialect.insert_all(session, Consent, consents)
    await searching.note(session, ids)
    if not terms.agreed:
        await _ask(session, list(zip(ids, places, strict=True)), terms, now)
    return [
        Taken(learner_id, enrolment_id, judged.learner_id is None)
        for learner_id, enrolment_id, (_, judged) in zip(ids, places, people, strict=True)
    ]


async def _learners(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The only place where learners are written in bulk: an index of people's words is kept right here.

    Their numbers by address key.
    """
    if not rows:
        return {}
    await dialect.insert_all(session, Learner, rows)
    keys = [row["address_key"] for row in rows]
    found = await session.execute(
        select(Learner.address_key, Learner.id).where(dialect.among(session, Learner.address_key, keys))
    )
    return {row[0]: row[1] for row in found}


async def _enrolments(
    session: AsyncSession, rows: Sequence[Mapping[str, Any]], terms: Terms
) -> dict[int, int]:
    """Their numbers by that of the learner."""
    await dialect.insert_all(session, Enrolment, rows)
    learners = [row["learner_id"] for row in rows]
    found = await session.execute(
        select(Enrolment.learner_id, Enrolment.id).where(
            dialect.among(session, Enrolment.learner_id, learners),
            Enrolment.course_id == terms.course_id,
            Enrolment.state.in_(progress.OPEN),
        )
    )
    return {row[0]: row[1] for row in found}


def _learner(person: intake.Person, key: str, hashed: str, terms: Terms, now: datetime) -> dict[str, Any]:
    return {
        "address": person.address,
        "address_key": key,
        "address_hash": hashed,
        "first_name": person.first_name,
        "language": terms.course.language,
        "region": person.region,
        "created_at": now,
    }


def _enrolment(
    learner_id: int, person: intake.Person, judged: Judged, terms: Terms, now: datetime
) -> dict[str, Any]:
    course = terms.course
    zone = intake.zone(judged.region) if judged.learner_id else person.zone
    row = {
        "learner_id": learner_id,
        "course_id": terms.course_id,
        "state": State.PENDING,
        "company": person.company,
        "size": person.size,
        "slot": course.slot,
        "zone": zone,
        "pace": course.rules.pace,
        "starts_at": None,
        "created_at": now,
    }
    if terms.agreed:
        row["state"] = progress.advance(State.PENDING, "confirm")
        row["starts_at"] = enrolments.cohort_start(course.cohorts, zone, now)
    return row


def _consent(
    learner_id: int, enrolment_id: int, address: str, hashed: str, terms: Terms, now: datetime
) -> dict[str, Any]:
    """No domain: the limits of the form count it, and a list of colleagues must not shut them out."""
    return {
        "learner_id": learner_id,
        "enrolment_id": enrolment_id,
        "event": "given" if terms.agreed else "asked",
        "purpose": consent.purpose(terms.course.slug),
        "at": now,
        "address": address,
        "address_hash": hashed,
        "source": terms.source,
    }


async def _ask(session: AsyncSession, places: Sequence[tuple[int, int]], terms: Terms, now: datetime) -> None:
    """Owe each the mail whose button is the consent."""
    stamp = links.stamp_of(now)
    await outbox.owe(
        session,
        [
            outbox.row(
                kind=Kind.CONFIRM,
                learner_id=learner_id,
                enrolment_id=enrolment_id,
                now=now,
                occasion=stamp,
                bulk=terms.bulk,
            )
            for learner_id, enrolment_id in places
        ],
    )


def checked_source(source: str) -> str:
    """Raises `errors.Invalid` (field source)."""
    return typed.needed("source", source, "Dites où et quand ces personnes ont donné leur accord.")
