"""Numbers: where learners stand, what they answer, what leaves and what does not. No opens, no clicks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from engine.core.accounts import Right
from engine.core.numbers import ZONE
from engine.flows import numbers
from engine.flows.accounts import Here
from engine.web import site
from engine.web.studio import access, drawing
from engine.web.studio.drawing import Bar, Columns

# French source texts: causes and states, as `core.numbers` and `core.delivery` name them.
SAID = {
    "address": "adresse inconnue du serveur",
    "mailbox": "boîte pleine",
    "policy": "refusé pour son contenu ou son expéditeur",
    "server": "refusé par le serveur",
    "expired": "pas parti à temps",
    "doubt": "connexion perdue : parti ou non, on ne peut pas le savoir",
    "left": "la personne a quitté le parcours",
    "suppressed": "adresse à laquelle on n'écrit plus",
    "overtaken": "dépassé par ce que la personne a fait",
    "paused": "la personne est en pause",
    "erased": "données effacées",
    "other": "autre raison",
    "held": "Retenu : quelqu'un doit regarder",
    "retry": "Refusé pour l'instant : un nouvel essai est prévu",
    "in_doubt": "Envoi incertain : il sera refait",
    # Why an address is not written to.
    "suppressed-left": "la personne a tout quitté",
    "suppressed-hard": "l'adresse n'existe plus",
    "suppressed-complaint": "un message a été signalé comme indésirable",
}


@dataclass(frozen=True)
class Overview:
    template: ClassVar = "studio/numbers.html"
    found: numbers.Overview
    bars: Sequence[Sequence[Bar]]
    """Of each course: at the end, going on, paused, stopped."""
    days: Columns
    weeks: Columns
    words: dict[str, str]
    zone: str


@dataclass(frozen=True)
class OfCourse:
    template: ClassVar = "studio/numbers_course.html"
    found: numbers.OfCourse
    bars: Sequence[Sequence[Bar]]
    """Of each place: going on, at a gate, paused, stopped."""
    cohorts: Columns
    days: Columns
    weeks: Columns
    words: dict[str, str]
    zone: str


async def overview(request: Request, me: Here) -> Response:
    house = site.of(request)
    async with house.db.reading() as session:
        found = await numbers.overview(session, now=house.clock.now())
    bars = [
        drawing.row((p.completed, p.waiting + p.active, p.paused, p.stopped), p.waiting + p.begun)
        for p in (line.people for line in found.courses)
    ]
    page = Overview(found, bars, _days(found.mails), _weeks(found.mails), SAID, ZONE)
    return access.render(request, me, page)


async def of_course(request: Request, me: Here) -> Response:
    house = site.of(request)
    async with house.db.reading() as session:
        found = await numbers.of_course(session, request.path_params["slug"], now=house.clock.now())
    most = max(place.here for place in found.places)
    bars = [
        drawing.row((p.active, p.gate, p.paused + p.silent, p.left + p.ended), most) for p in found.places
    ]
    cohorts = drawing.columns(
        [
            (p.completed, p.waiting + p.active + p.paused, p.stopped)
            for p in (cohort.people for cohort in found.cohorts)
        ]
    )
    page = OfCourse(found, bars, cohorts, _days(found.mails), _weeks(found.mails), SAID, ZONE)
    return access.render(request, me, page)


def _days(mails: numbers.Mails) -> Columns:
    return drawing.columns([(day.sent, day.failed) for day in mails.days])


def _weeks(mails: numbers.Mails) -> Columns:
    return drawing.columns([(week.lessons, week.others) for week in mails.weeks])


PAGES = (
    access.Page("/studio/numbers", overview, Right.READ_NUMBERS),
    access.Page("/studio/numbers/{slug}", of_course, Right.READ_NUMBERS),
)
