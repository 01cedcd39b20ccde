"""What we keep about a person: to read, to take away, to have erased."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import calendar, consent, delivery, errors, links, words
from engine.core.delivery import Kind
from engine.core.webhooks import Event as WebhookEvent
from engine.flows import companies, counting, enrolments, hooks, outbox, searching
from engine.tables import (
    Certificate,
    Consent,
    Course,
    Delivery,
    Enrolment,
    Event,
    ImportRow,
    Inbound,
    Learner,
    Submission,
    Suppression,
    db,
)

DATA_DAYS = 1
_ONCE = timedelta(hours=1)


async def ask_data(session: AsyncSession, enrolment_id: int, *, now: datetime) -> None:
    """Send the person a link to all of it, valid for a day; at most one an hour, the answer is the same."""
    enrolment = await enrolments.get(session, enrolment_id)
    learner = await enrolments.learner_of(session, enrolment)
    await outbox.owe_on_request(
        session, Kind.DATA, learner_id=learner.id, enrolment_id=enrolment.id, every=_ONCE, now=now
    )


def check_link(parts: tuple[str, ...], *, now: datetime) -> int:
    """The learner a data link is for. Raises `errors.BadLink`, `errors.ExpiredLink` after a day."""
    if len(parts) != 2:
        raise errors.BadLink("Ce lien n'est pas complet ou a été modifié.")
    if now > links.moment(parts[1]) + timedelta(days=DATA_DAYS):
        raise errors.ExpiredLink("Ce lien n'est plus valable : demandez-en un autre depuis « Mon parcours ».")
    return int(parts[0])


async def export(session: AsyncSession, learner_id: int) -> dict[str, Any]:
    """Everything about one person (RGPD, articles 15 and 20). Raises `errors.NotFound`."""
    learner = await session.get(Learner, learner_id)
    if learner is None or learner.erased_at:
        raise errors.NotFound("Ces données ont été effacées.")
    return {
        "Vous": {
            "Prénom": learner.first_name,
            "Adresse": learner.address,
            "Nouvelle adresse, à confirmer": learner.new_address,
            "Langue": learner.language,
            "Région": learner.region,
            "Depuis": _iso(learner.created_at),
        },
        "Parcours": await _enrolments(session, learner_id),
        "Équipe": await _company(session, learner_id),
        "Places": await _seats(session, learner_id),
        "Accords": await _consents(session, learner_id),
        "Réponses": await _submissions(session, learner_id),
        "Attestations": await _certificates(session, learner_id),
        "Messages": await _deliveries(session, learner_id),
        "Historique": await _events(session, learner_id),
    }


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""


async def _enrolments(session: AsyncSession, learner_id: int) -> list[dict[str, Any]]:
    found = await session.execute(
        select(Enrolment, Course.slug)
        .join(Course)
        .where(Enrolment.learner_id == learner_id)
        .order_by(Enrolment.id)
    )
    return [
        {
            "Parcours": slug,
            "État": row.state,
            "Entreprise": row.company,
            "Effectif": row.size or "",
            "Créneau": f"{row.slot} {row.zone}",
            "Rythme": row.pace,
            "Inscription": _iso(row.created_at),
            "Fin": _iso(row.ended_at),
        }
        for row, slug in found
    ]


async def _company(session: AsyncSession, learner_id: int) -> list[dict[str, Any]]:
    company = await companies.of_learner(session, learner_id)
    if company is None:
        return []
    return [
        {"Entreprise": company.name, "Ouverte": _iso(company.created_at), "Fermée": _iso(company.closed_at)}
    ]


async def _seats(session: AsyncSession, learner_id: int) -> list[dict[str, Any]]:
    return [
        {
            "Entreprise": name,
            "Adresse": seat.address,
            "Invitation": _iso(seat.invited_at),
            "Acceptée": _iso(seat.joined_at),
            "Fin": _iso(seat.released_at),
            "Raison": seat.reason,
        }
        for seat, name in await companies.seats_of(session, learner_id)
    ]


async def _consents(session: AsyncSession, learner_id: int) -> list[dict[str, Any]]:
    found = await session.scalars(
        select(Consent).where(Consent.learner_id == learner_id).order_by(Consent.id)
    )
    return [_consent(row) for row in found]


_SAID = {"asked": "demandé", "given": "donné", "withdrawn": "retiré"}


def _consent(row: Consent) -> dict[str, Any]:
    return {
        "Quand": _iso(row.at),
        "Accord": _SAID.get(row.event, row.event),
        "Objet": row.purpose,
        "Texte": row.wording,
        "Version du texte": row.wording_version,
        "Adresse": row.address,
        "Adresse réseau": row.network_address,
        "Navigateur": row.agent,
        "Page": row.source,
    }


async def dossier(
    session: AsyncSession, address: str, *, fingerprint: consent.Fingerprint, now: datetime
) -> dict[str, Any]:
    """What proves, or does not, that the person of an address agreed (RGPD, article 7.1).

    It is found after an erasure too, by the fingerprint of the address. Raises `errors.NotFound`.
    """
    mark = fingerprint(consent.address_key(address))
    rows = (
        await session.scalars(select(Consent).where(Consent.address_hash == mark).order_by(Consent.id))
    ).all()
    stands = await session.get(Suppression, mark)
    if not rows and not stands:
        raise errors.NotFound("Nothing is known about this address: it never asked for anything here.")
    return {
        "Adresse": address,
        "Empreinte de l'adresse": mark,
        "Établi": _iso(now),
        "Accords": [_consent(row) for row in rows],
        "Ne plus écrire": {"Depuis": _iso(stands.at), "Raison": stands.reason} if stands else None,
    }


async def _submissions(session: AsyncSession, learner_id: int) -> list[dict[str, Any]]:
    found = await session.scalars(
        select(Submission).join(Enrolment).where(Enrolment.learner_id == learner_id).order_by(Submission.id)
    )
    return [
        {
            "Activité": row.activity,
            "Fois": row.round,
            "Rendue": _iso(row.handed_in_at),
            "Réponses": row.answers,
            "Score": row.score,
        }
        for row in found
    ]


async def _certificates(session: AsyncSession, learner_id: int) -> list[dict[str, Any]]:
    found = await session.scalars(
        select(Certificate).join(Enrolment).where(Enrolment.learner_id == learner_id).order_by(Certificate.id)
    )
    return [
        {
            "Nom": row.name,
            "Code": row.code,
            "Délivrée": _iso(row.issued_at),
            "Retirée": _iso(row.revoked_at),
            "Raison": row.revoked_reason,
        }
        for row in found
    ]


async def _deliveries(session: AsyncSession, learner_id: int) -> list[dict[str, Any]]:
    found = await session.scalars(
        select(Delivery).where(Delivery.learner_id == learner_id).order_by(Delivery.id)
    )
    return [
        {
            "Message": row.kind,
            "Leçon": row.lesson_key,
            "État": row.state,
            "Prévu": _iso(row.due_at),
            "Envoyé": _iso(row.sent_at),
            "Raison": row.reason or row.due_reason,
        }
        for row in found
    ]


async def _events(session: AsyncSession, learner_id: int) -> list[dict[str, Any]]:
    found = await session.scalars(
        select(Event).where(Event.learner_id == learner_id).order_by(Event.at, Event.id)
    )
    return [
        {"Quand": _iso(row.at), "Quoi": row.kind, "Leçon": row.lesson_key, "Détail": row.text}
        for row in found
    ]


async def language(session: AsyncSession, learner_id: int) -> str:
    """The one the person signed up in; after erasing, too."""
    return await session.scalar(select(Learner.language).where(Learner.id == learner_id)) or words.SOURCE


async def holidays(session: AsyncSession, learner_id: int, *, now: datetime) -> dict[str, str]:
    """The holidays that may have moved a lesson of this person: French name → English."""
    learner = await session.get_one(Learner, learner_id)
    rows = await session.scalars(select(Enrolment).where(Enrolment.learner_id == learner_id))
    calendars = set[str]()
    for row in rows:
        with suppress(errors.ParcoursError):  # a version that is read no more keeps nobody from their data
            course = (await enrolments.pinned(session, row)).course
            calendars.add(course.rules.with_region(learner.region).calendar)
    years = range(learner.created_at.year, now.year + 2)
    named = (calendar.holidays_in_english(name, year) for name in sorted(calendars) for year in years)
    return {french: english for names in named for french, english in names.items()}


async def erase(session: AsyncSession, learner_id: int, *, now: datetime) -> None:
    """Forget a person (RGPD, article 17). Twice is once.

    Consents keep times, wording and keyed hash, as the proof we owe; suppressions are only hashes and stay.
    """
    learner = await session.get(Learner, learner_id)
    if learner is None or learner.erased_at:
        return
    await counting.forget(session, learner_id)
    rows = await session.scalars(
        select(Enrolment).where(Enrolment.learner_id == learner_id).with_for_update()
    )
    for row in rows:
        await enrolments.stop(session, row, learner, reason="erased", now=now)
        row.company, row.size = "", 0
        await session.execute(
            update(Submission).where(Submission.enrolment_id == row.id).values(answers={}, score={})
        )
        await session.execute(
            update(Certificate)
            .where(Certificate.enrolment_id == row.id)
            .values(
                name="",
                revoked_at=func.coalesce(Certificate.revoked_at, now),
                revoked_reason="erased",
            )
        )
    await companies.forget(session, learner_id, now=now)
    await session.flush()
    await session.execute(
        update(Delivery)
        .where(Delivery.learner_id == learner_id, Delivery.state.in_((*delivery.READY, delivery.State.HELD)))
        .values(state=delivery.State.CANCELLED, settled_at=now)
    )
    # What a server said of a mail often names the address.
    await session.execute(
        update(Delivery).where(Delivery.learner_id == learner_id).values(reason="erased", due_reason="")
    )
    await session.execute(
        update(Consent)
        .where(Consent.learner_id == learner_id)
        .values(address="", domain="", network_address="", agent="", source="")
    )
    await session.execute(update(Event).where(Event.learner_id == learner_id).values(text=""))
    await session.execute(delete(Inbound).where(Inbound.learner_id == learner_id))
    listed = or_(ImportRow.address_key == learner.address_key, ImportRow.learner_id == learner_id)
    await session.execute(delete(ImportRow).where(listed))
    learner.address, learner.address_key = "", f"erased:{learner_id}"
    learner.new_address, learner.first_name, learner.region = "", "", ""
    learner.erased_at = now
    await searching.note(session, [learner_id])
    db.forgets(session)
    await hooks.tell(session, WebhookEvent.ERASED, hooks.Fact(learner_id), now=now)
