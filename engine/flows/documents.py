"""Documents: what a learner takes away from a course, as values that `engine.documents` draws."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import asking, calendar, delivery, errors, scoring, views
from engine.core import charter as chartering
from engine.core.course import grammar
from engine.core.delivery import Kind
from engine.documents.certificate import Certificate
from engine.documents.report import Answer, Report
from engine.flows import activities, certificates, charters, enrolments, known
from engine.mail import dress
from engine.tables import Delivery, Submission


async def page(session: AsyncSession, enrolment_id: int, *, now: datetime) -> views.Documents:
    """ "My documents". Raises `errors.NotFound`, `errors.ExpiredLink`."""
    enrolment = await enrolments.get(session, enrolment_id)
    enrolments.check_open(enrolment, now)
    await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    facts = await known.of(session, enrolment)
    handed = await session.scalars(
        select(Submission)
        .where(Submission.enrolment_id == enrolment_id, Submission.handed_in_at.is_not(None))
        .order_by(Submission.round)
    )
    last = {each.activity: each for each in handed}
    papers = [
        paper
        for key, activity in course.activities.items()
        if key in last and (paper := _paper(activity, last[key]))
    ]
    return views.Documents(
        slug=course.slug,
        course=course.title,
        language=course.language,
        papers=tuple(sorted(papers, key=lambda each: each.at)),
        attestation=await certificates.standing(session, enrolment, course, facts, now=now),
        closes_at=enrolment.ended_at + enrolments.OPEN_AFTER if enrolment.ended_at else None,
        zone=enrolment.zone,
    )


def _paper(activity: grammar.Activity, row: Submission) -> views.Paper | None:
    assert row.handed_in_at is not None  # only those are read
    match activity:
        case grammar.Diagnostic():
            return views.Paper(row.activity, "report", activity.title, row.handed_in_at, row.round)
        case grammar.Charter():
            return views.Paper(row.activity, "charter", activity.document, row.handed_in_at, row.round)
    return None


async def report(session: AsyncSession, enrolment_id: int, key: str, *, now: datetime) -> Report:
    """The result of a diagnostic. Raises `errors.NotFound` when there is none, `errors.ExpiredLink`."""
    played = await activities.result(session, enrolment_id, key, now=now)
    if not isinstance(played.activity, grammar.Diagnostic):
        raise errors.NotFound("Cette activité n'a pas de rapport.")
    diagnostic, earlier = played.activity, played.earlier
    before = None
    if earlier:
        first = scoring.diagnose(earlier.key, diagnostic, earlier.answers, played.about)
        before = calendar.local_day(earlier.at, played.zone), first
    assert played.handed_in_at is not None  # it has a result
    return Report(
        title=diagnostic.title,
        course=played.course,
        first_name=played.about["first_name"],
        company=played.about["company"],
        on=calendar.local_day(played.handed_in_at, played.zone),
        language=played.language,
        diagnosis=scoring.diagnose(key, diagnostic, played.answers, played.about),
        note=diagnostic.note,
        answers=tuple(_answers(diagnostic, played)),
        earlier=before,
    )


def _answers(diagnostic: grammar.Diagnostic, played: views.Played) -> Iterator[Answer]:
    """By axis, those that no score counts last."""
    titles = {axis.key: axis.title for axis in diagnostic.axes}
    places = [*titles, None]
    for question in sorted(diagnostic.questions, key=lambda each: places.index(each.axis)):
        said = asking.answer_words(question, played.answers.get(question.key), played.language)
        yield Answer(titles.get(question.axis or "", ""), question.prompt, said)


@dataclass(frozen=True)
class Charter:
    """A charter as it was adopted last."""

    written: chartering.Written
    zone: str
    """On whose clock its days are told."""
    template: bytes | None
    """The author's Word file, where the course has one."""


async def charter(session: AsyncSession, enrolment_id: int, key: str, *, now: datetime) -> Charter:
    """Raises `errors.NotFound` when none was adopted, `errors.ExpiredLink`."""
    enrolment = await enrolments.get(session, enrolment_id)
    enrolments.check_open(enrolment, now)
    round_ = await session.scalar(
        select(Submission)
        .where(
            Submission.enrolment_id == enrolment_id,
            Submission.activity == key,
            Submission.handed_in_at.is_not(None),
        )
        .order_by(Submission.round.desc())
        .limit(1)
    )
    found = await charters.adopted(session, round_) if round_ else None
    if found is None:
        raise errors.NotFound("Cette charte n'a pas encore été adoptée.")
    course = (await enrolments.pinned(session, enrolment)).course
    return Charter(found.written, enrolment.zone, course.templates.get(key))


async def certificate(
    session: AsyncSession, enrolment_id: int, *, house: dress.Dress, now: datetime
) -> Certificate:
    """The attestation as it was issued.

    Raises `errors.NotFound` when it was not or is revoked, `errors.ExpiredLink`.
    """
    enrolment = await enrolments.get(session, enrolment_id)
    enrolments.check_open(enrolment, now)
    await enrolments.learner_of(session, enrolment)
    course = (await enrolments.pinned(session, enrolment)).course
    facts = await known.of(session, enrolment)
    found = await certificates.standing(session, enrolment, course, facts, now=now)
    if course.certificate is None or found is None or found.issued is None or found.issued.revoked:
        raise errors.NotFound("Cette attestation n'existe pas.")
    lessons, first, last = (
        await session.execute(
            select(func.count(), func.min(Delivery.sent_at), func.max(Delivery.sent_at)).where(
                Delivery.enrolment_id == enrolment_id,
                Delivery.kind == Kind.LESSON,
                Delivery.state == delivery.State.SENT,
            )
        )
    ).one()
    assert first is not None  # nobody completes a course without a lesson
    assert last is not None
    zone = enrolment.zone
    return Certificate(
        title=course.certificate.title,
        text=course.certificate.text,
        name=found.issued.name,
        course=course.title,
        lessons=lessons,
        began=calendar.local_day(first, zone),
        completed=calendar.local_day(last, zone),
        issued=calendar.local_day(found.issued.at, zone),
        code=found.issued.code,
        verify_url=f"{house.base_url}/v/{found.issued.code}",
        controller=house.controller,
        language=course.language,
    )
