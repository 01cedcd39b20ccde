"""A company's charter: the version in force, and who agreed to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import answers as answering
from engine.core import charter
from engine.core.course import grammar
from engine.flows import enrolments, known
from engine.tables import Company, Enrolment, Learner, Seat, Submission


@dataclass(frozen=True)
class Adopted:
    """A version of a charter that was adopted."""

    enrolment_id: int
    """Of whoever adopted it."""
    written: charter.Written

    @property
    def agreement(self) -> dict[str, object]:
        """The answers of somebody who agreed to it."""
        return _agreement(self.enrolment_id, self.written.version)


def _agreement(enrolment_id: int, version: int) -> dict[str, object]:
    return {"agreed": True, "charter": enrolment_id, "version": version}


def is_agreement(answers: Mapping[str, object], enrolment_id: int) -> bool:
    """Whether these are answers to a version, whichever, of the charter that `enrolment_id` adopted."""
    return bool(answers.get("agreed")) and answers.get("charter") == enrolment_id


async def in_force(session: AsyncSession, enrolment: Enrolment, key: str) -> Adopted | None:
    """The charter `key` adopted last by this learner, or by a company whose seat the learner took."""
    found = await session.scalar(
        select(Submission)
        .where(
            Submission.enrolment_id.in_([enrolment.id, *await _heads(session, enrolment.id)]),
            Submission.activity == key,
            Submission.handed_in_at.is_not(None),
        )
        .order_by(Submission.handed_in_at.desc(), Submission.round.desc())
        .limit(1)
    )
    return await adopted(session, found) if found else None


async def _heads(session: AsyncSession, enrolment_id: int) -> Sequence[int]:
    """The enrolments of those whose companies gave this one a seat."""
    found = await session.scalars(
        select(Enrolment.id)
        .join(Company, Company.owner_id == Enrolment.learner_id)
        .join(Seat, Seat.company_id == Company.id)
        .where(
            Seat.enrolment_id == enrolment_id,
            Seat.joined_at.is_not(None),
            Seat.released_at.is_(None),
            Company.closed_at.is_(None),
        )
    )
    return found.all()


async def adopted(session: AsyncSession, round_: Submission) -> Adopted | None:
    """A round of a charter that was handed in; None when its course has it no more."""
    enrolment = await enrolments.get(session, round_.enrolment_id)
    course = (await enrolments.pinned(session, enrolment)).course
    activity = course.activities.get(round_.activity)
    if not isinstance(activity, grammar.Charter):
        return None
    learner = await enrolments.learner_of(session, enrolment)
    about = known.about(enrolment, learner)
    answers = answering.fitting(activity, round_.answers)  # its author may have changed it since
    written = charter.write(activity, round_.activity, answers, about, language=course.language)
    signatures = await _signatures(session, enrolment, round_.round)
    written = replace(written, version=round_.round, adopted_at=round_.handed_in_at, signatures=signatures)
    return Adopted(enrolment.id, written)


async def _signatures(
    session: AsyncSession, enrolment: Enrolment, version: int
) -> tuple[charter.Signature, ...]:
    """Who agreed to that version, in order: its author, and the people of his company."""
    team = await session.execute(
        select(Seat.enrolment_id, Seat.address)
        .join(Company, Company.id == Seat.company_id)
        .where(
            Company.owner_id == enrolment.learner_id, Seat.joined_at.is_not(None), Seat.released_at.is_(None)
        )
    )
    addresses = {row.enrolment_id: row.address for row in team}
    found = await session.execute(
        select(Submission, Learner.first_name)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(Learner, Learner.id == Enrolment.learner_id)
        .where(
            Submission.enrolment_id.in_([enrolment.id, *addresses]),
            Submission.handed_in_at.is_not(None),
            Learner.erased_at.is_(None),
        )
        .order_by(Submission.handed_in_at, Submission.id)
    )
    agreed = _agreement(enrolment.id, version)
    return tuple(
        charter.Signature(_name(first_name, addresses.get(row.enrolment_id, "")), row.handed_in_at)
        for row, first_name in found
        if row.handed_in_at and row.answers == agreed
    )


def _name(first_name: str, address: str) -> str:
    """Two people of one first name are told apart by the address the company knows."""
    return f"{first_name} ({address})" if address else first_name
