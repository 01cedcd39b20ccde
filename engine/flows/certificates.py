"""Certificates: issued to who followed a course, verified by anybody with the code, revoked by operators."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, certificates, errors, progress, views
from engine.core.course import grammar, model
from engine.flows import charters, enrolments, known, outbox
from engine.tables import Certificate, Enrolment


async def standing(
    session: AsyncSession,
    enrolment: Enrolment,
    course: model.Course,
    facts: progress.Facts,
    *,
    now: datetime,
) -> views.Attestation | None:
    """What the attestation still needs, or what was issued; None when the course gives none."""
    if course.certificate is None:
        return None
    row = await _of(session, enrolment.id)
    return views.Attestation(
        title=course.certificate.title,
        missing=certificates.missing(
            course, enrolment.state, facts, waived=await _waived(session, enrolment, course)
        ),
        issued=_issued(row, now) if row else None,
    )


async def _waived(session: AsyncSession, enrolment: Enrolment, course: model.Course) -> set[str]:
    """Agreements to a charter that nobody has adopted: who works alone is not kept from the attestation."""
    return {
        key
        for key, activity in course.activities.items()
        if isinstance(activity, grammar.Agreement)
        and await charters.in_force(session, enrolment, activity.charter) is None
    }


async def _of(session: AsyncSession, enrolment_id: int) -> Certificate | None:
    found: Certificate | None = await session.scalar(
        select(Certificate).where(Certificate.enrolment_id == enrolment_id)
    )
    return found


def _issued(row: Certificate, now: datetime) -> views.Issued:
    until = row.issued_at + certificates.CORRECTED_WITHIN
    open_ = row.revoked_at is None and now <= until
    return views.Issued(
        row.code, row.name, row.issued_at, row.revoked_at is not None, until if open_ else None
    )


async def issue(session: AsyncSession, enrolment_id: int, name: str, *, now: datetime) -> None:
    """Issue the attestation in that name. Issuing again changes only the name, and for a week.

    Raises `errors.Invalid` (field `name`), `errors.NotAllowed` when something is missing or it was revoked.
    """
    enrolment = await enrolments.get(session, enrolment_id, lock=True)
    enrolments.check_open(enrolment, now)
    learner = await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    found = await standing(session, enrolment, course, await known.of(session, enrolment), now=now)
    if found is None or not found.ready:
        raise errors.NotAllowed("Cette attestation ne peut pas être délivrée.")
    checked = certificates.checked_name(name)
    row = await _of(session, enrolment_id)
    if row is None:
        session.add(
            Certificate(code=certificates.new_code(), enrolment_id=enrolment_id, name=checked, issued_at=now)
        )
        session.add(
            outbox.event(learner_id=learner.id, enrolment_id=enrolment_id, kind="certificate", now=now)
        )
    elif row.name != checked:
        if now > row.issued_at + certificates.CORRECTED_WITHIN:
            raise errors.Invalid({"name": "Ce nom ne change plus : l'attestation a plus d'une semaine."})
        row.name = checked


async def verify(session: AsyncSession, code: str) -> views.Verified:
    """What everybody may know of an attestation. Raises `errors.NotFound`."""
    row = await find(session, code)
    enrolment = await enrolments.get(session, row.enrolment_id)
    course = (await enrolments.pinned(session, enrolment)).course
    return views.Verified(
        code=row.code,
        course=course.title,
        language=course.language,
        name=row.name,
        issued_on=calendar.local_day(row.issued_at, enrolment.zone),
        revoked=row.revoked_at is not None,
    )


async def find(session: AsyncSession, code: str) -> Certificate:
    """Raises `errors.NotFound`."""
    found: Certificate | None = await session.scalar(
        select(Certificate).where(Certificate.code == certificates.read_code(code))
    )
    if found is None:
        raise errors.NotFound(f"Aucune attestation ne porte le code « {code} ».")
    return found


async def revoke(session: AsyncSession, code: str, *, reason: str, now: datetime) -> None:
    """Take an attestation back for good; the first reason stays. Raises `errors.NotFound`."""
    row = await find(session, code)
    if row.revoked_at is not None:
        return
    row.revoked_at, row.revoked_reason = now, reason
    enrolment = await enrolments.get(session, row.enrolment_id)
    session.add(
        outbox.event(
            learner_id=enrolment.learner_id,
            enrolment_id=enrolment.id,
            kind="certificate_revoked",
            now=now,
            text=reason,
        )
    )
