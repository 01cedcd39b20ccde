"""My data: everything we keep about a person, to read, to take away, or to have erased."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.core import calendar, csvfile, reasons, words
from engine.flows import privacy
from engine.web import contexts, forms, pages, site
from engine.web.site import To

PARIS = "Europe/Paris"


def _learner(request: Request) -> int:
    return privacy.check_link(site.read(request, To.DATA), now=site.of(request).clock.now())


async def _export(request: Request) -> dict[str, Any]:
    async with site.of(request).db.reading() as session:
        return await privacy.export(session, _learner(request))


async def _render(request: Request, page: pages.Context, status: int = 200) -> Response:
    async with site.of(request).db.reading() as session:
        language = await privacy.language(session, _learner(request))
    return pages.render(request, page, language=language, status=status)


def _url(request: Request) -> str:
    return f"/d/{request.path_params['token']}"


async def show(request: Request) -> Response:
    found, language = await _groups(request)
    return pages.render(request, contexts.Data(found, _url(request)), language=language)


async def _groups(request: Request) -> tuple[list[contexts.Group], str]:
    """All of it as people read it, and the person's language."""
    house, learner = site.of(request), _learner(request)
    async with house.db.reading() as session:
        found = await privacy.export(session, learner)
        language = await privacy.language(session, learner)
        holidays = await privacy.holidays(session, learner, now=house.clock.now())
    return groups(found, Voice(pages.spoken_on(request, language), holidays)), language


async def as_json(request: Request) -> Response:
    body = json.dumps(await _export(request), ensure_ascii=False, indent=2)
    return Response(body, media_type="application/json", headers=_taken("json"))


async def as_page(request: Request) -> Response:
    found, language = await _groups(request)
    page = pages.render(request, contexts.DataFile(found), language=language)
    page.headers.update(_taken("html"))
    return page


async def as_table(request: Request) -> Response:
    """One line a value: the group, which record of it, what it is, the value."""
    found, _ = await _groups(request)
    rows = [
        (group.title, str(number), label, value)
        for group in found
        for number, record in enumerate(group.records, 1)
        for label, value in record
    ]
    return Response(csvfile.BOM + csvfile.written(rows), media_type="text/csv", headers=_taken("csv"))


def _taken(kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="parcours-mes-donnees.{kind}"'}


async def ask_erase(request: Request) -> Response:
    await _export(request)  # a link that is over, or a person who is gone, shows here
    return await _render(request, contexts.Erase(_url(request), missing=False))


async def erase(request: Request) -> Response:
    house = site.of(request)
    learner = _learner(request)
    if not (await forms.read(request)).get("sure"):
        return await _render(request, contexts.Erase(_url(request), missing=True), status=422)
    async with house.db.transaction() as session:
        await privacy.erase(session, learner, now=house.clock.now())
    house.wake()
    return await _render(request, contexts.Erased())


# What the export calls its states and kinds, for people.
MEANINGS = {
    "pending": "à confirmer",
    "waiting": "en attente du début",
    "active": "en cours",
    "paused": "en pause",
    "completed": "terminé",
    "stopped": "quitté",
    "planned": "prévu",
    "claimed": "prévu",
    "sending": "en cours d'envoi",
    "sent": "envoyé",
    "retry": "à renvoyer",
    "in_doubt": "peut-être envoyé",
    "held": "retenu",
    "cancelled": "annulé",
    "failed": "non remis",
    "confirm": "confirmation",
    "known": "rappel d'inscription",
    "address": "changement d'adresse",
    "data": "vos données",
    "welcome": "bienvenue",
    "lesson": "leçon",
    "again": "leçon renvoyée",
    "again_asked": "leçon redemandée",
    "reminder": "rappel",
    "missed": "rappel",
    "silent": "pause proposée",
    "sooner": "leçon avancée",
    "caught_up": "leçons rattrapées",
    "rescheduled": "la suite a changé de jour",
    "resumed": "reprise",
    "farewell": "fin du parcours",
    "confirmed": "confirmé",
    "handed_in": "action faite",
    "certificate": "attestation délivrée",
    "certificate_revoked": "attestation retirée",
    "slot": "jour ou heure changés",
    "pace": "rythme changé",
    "renamed": "prénom changé",
    "address_asked": "changement d'adresse demandé",
    "left": "à votre demande",
    "erased": "données effacées",
    "suppressed": "cette adresse ne reçoit plus rien",
    "overtaken": "remplacé par la suite",
    "too many": "trop de messages en une journée",
    "expired": "trop tard pour l'envoyer",
    "superseded": "remplacé par la suite",
    "handed in": "action faite",
    "invite": "invitation",
    "team": "page d'équipe",
    "seat_taken": "place acceptée",
    "company_opened": "équipe ouverte",
    "company_closed": "équipe fermée",
    "seat_withdrawn": "place retirée",
    "seat_moved": "place donnée à une autre personne",
    "team_paused": "équipe mise en pause",
    "team_resumed": "reprise de l'équipe",
    "seat": "place donnée à une autre personne",
    "declined": "refusée",
    "operator_enrolled": "inscription par l'équipe du parcours",
    "operator_paused": "mise en pause par l'équipe du parcours",
    "operator_resumed": "reprise par l'équipe du parcours",
    "operator_moved": "changement de place par l'équipe du parcours",
    "operator_resent": "leçon renvoyée par l'équipe du parcours",
    "operator_address": "changement d'adresse demandé par l'équipe du parcours",
    "operator_stopped": "arrêt par l'équipe du parcours",
    "operator_exported": "données exportées par l'équipe du parcours",
    "operator_erased": "données effacées par l'équipe du parcours",
    "import_undone": "inscription annulée par l'équipe du parcours",
    "undone": "inscription annulée par l'équipe du parcours",
    "withdrawn": "retirée",
    "moved": "donnée à une autre personne",
    "closed": "équipe fermée",
    "True": "oui",
    "False": "non",
    # What it says in French already.
    **{text: text for text in ("demandé", "donné", "retiré", "fin de la pause", "activité non rendue")},
}


@dataclass(frozen=True)
class Voice:
    """How a page speaks of the data."""

    language: str
    holidays: Mapping[str, str]
    """French names of holidays → English."""

    def say(self, text: str) -> str:
        return words.gettext(self.language)(text)


def groups(found: Mapping[str, Any], voice: Voice) -> list[contexts.Group]:
    """The export as a page shows it: one group for each list or record in it, values as text."""
    alone = {name: value for name, value in found.items() if not isinstance(value, (dict, list))}
    parts = {name: value for name, value in found.items() if name not in alone}
    shown = [contexts.Group("", [_rows(alone, voice)])] if alone else []
    return shown + [contexts.Group(voice.say(name), _records(value, voice)) for name, value in parts.items()]


def _records(value: Mapping[str, Any] | Sequence[Any], voice: Voice) -> list[list[tuple[str, str]]]:
    if isinstance(value, Mapping):
        return [_rows(value, voice)]
    return [_rows(item, voice) if isinstance(item, Mapping) else [("", _text(item, voice))] for item in value]


def _rows(record: Mapping[str, Any], voice: Voice, before: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in record.items():
        label = before + voice.say(name)
        if isinstance(value, Mapping):
            rows += _rows(value, voice, f"{label} · ")
        else:
            rows.append((label, _text(value, voice)))
    return rows


def _text(value: object, voice: Voice) -> str:
    """`value` for people; times are told on the clock of Paris, as the page says."""
    if isinstance(value, list):
        return ", ".join(_text(item, voice) for item in value)
    text = "" if value is None else str(value)
    if text in MEANINGS:
        return voice.say(MEANINGS[text])
    if _INSTANT.fullmatch(text):
        return words.moment(calendar.local(datetime.fromisoformat(text), PARIS), voice.language)
    return reasons.said(text, voice.language, voice.holidays)


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
