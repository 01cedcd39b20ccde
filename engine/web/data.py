"""My data: everything we keep about a person, to read, to take away, or to have erased."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.core import calendar, words
from engine.flows import privacy
from engine.web import contexts, forms, pages, site
from engine.web.site import To

PARIS = "Europe/Paris"


def _learner(request: Request) -> int:
    return privacy.check_link(site.read(request, To.DATA), now=site.of(request).clock.now())


async def _export(request: Request) -> dict[str, Any]:
    async with site.of(request).db.reading() as session:
        return await privacy.export(session, _learner(request))


def _url(request: Request) -> str:
    return f"/d/{request.path_params['token']}"


async def show(request: Request) -> Response:
    return pages.render(request, contexts.Data(groups(await _export(request)), _url(request)))


async def download(request: Request) -> Response:
    body = json.dumps(await _export(request), ensure_ascii=False, indent=2)
    kept = {"Content-Disposition": 'attachment; filename="parcours-mes-donnees.json"'}
    return Response(body, media_type="application/json", headers=kept)


async def ask_erase(request: Request) -> Response:
    await _export(request)  # a link that is over, or a person who is gone, shows here
    return pages.render(request, contexts.Erase(_url(request), missing=False))


async def erase(request: Request) -> Response:
    house = site.of(request)
    learner = _learner(request)
    if not (await forms.read(request)).get("sure"):
        return pages.render(request, contexts.Erase(_url(request), missing=True), status=422)
    async with house.db.transaction() as session:
        await privacy.erase(session, learner, now=house.clock.now())
    house.wake()
    return pages.render(request, contexts.Erased())


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
    "reminder": "rappel",
    "resumed": "reprise",
    "farewell": "fin du parcours",
    "confirmed": "confirmé",
    "handed_in": "action faite",
    "slot": "jour ou heure changés",
    "pace": "rythme changé",
    "renamed": "prénom changé",
    "address_asked": "changement d'adresse demandé",
    "left": "à votre demande",
    "erased": "données effacées",
    "suppressed": "cette adresse ne reçoit plus rien",
    "overtaken": "remplacé par la suite",
    "expired": "trop tard pour l'envoyer",
    "True": "oui",
    "False": "non",
}


def groups(found: Mapping[str, Any]) -> list[contexts.Group]:
    """The export as a page shows it: one group for each list or record in it, values as text."""
    alone = {name: value for name, value in found.items() if not isinstance(value, (dict, list))}
    parts = {name: value for name, value in found.items() if name not in alone}
    shown = [contexts.Group("", [_rows(alone)])] if alone else []
    return shown + [contexts.Group(name, _records(value)) for name, value in parts.items()]


def _records(value: Mapping[str, Any] | Sequence[Any]) -> list[list[tuple[str, str]]]:
    if isinstance(value, Mapping):
        return [_rows(value)]
    return [_rows(item) if isinstance(item, Mapping) else [("", _text(item))] for item in value]


def _rows(record: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in record.items():
        if isinstance(value, Mapping):
            rows += _rows(value, f"{before}{name} · ")
        else:
            rows.append((before + name, _text(value)))
    return rows


def _text(value: object) -> str:
    """`value` for people; times are told on the clock of Paris, as the page says."""
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    text = "" if value is None else str(value)
    return MEANINGS.get(text) or _moment(text) or text


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


def _moment(text: str) -> str:
    if not _INSTANT.fullmatch(text):
        return ""
    return words.moment(calendar.local(datetime.fromisoformat(text), PARIS), "fr")
