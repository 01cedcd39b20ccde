"""The calendar of a course: who receives what on which day, or what one learner would live through."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from engine.core import calendar, errors
from engine.core.accounts import Right
from engine.core.numbers import ZONE, today
from engine.flows import drafts, timetable
from engine.flows.accounts import Here
from engine.web import forms, site
from engine.web.studio import access, drawing

_JOINS = "09:00"
"""When the fictitious learner confirms, on his own clock."""
_DAY, _HOUR = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_WEEKDAYS = {str(day.value): day.name.lower() for day in calendar.Weekday}

# French source texts: how a fictitious learner behaves.
SAID = {
    "0": "fait chaque activité le jour même",
    "3": "fait chaque activité trois jours après",
    "never": "ne fait aucune activité",
}


@dataclass(frozen=True)
class Everybody:
    template: ClassVar = "studio/timetable.html"
    slug: str
    found: timetable.Timetable
    shades: Mapping[date, int]
    """How strongly each day is tinted."""
    tints: Sequence[Sequence[int]]
    """The same for each cell of the rows."""
    zone: str


@dataclass(frozen=True)
class Alone:
    template: ClassVar = "studio/timetable_alone.html"
    slug: str
    found: timetable.Alone
    typed: Mapping[str, str]
    problems: Mapping[str, str]
    behaviours: Mapping[str, str]
    times: Sequence[time]
    zones: Mapping[str, str]
    regions: Mapping[str, str]


async def everybody(request: Request, me: Here) -> Response:
    house, slug = site.of(request), request.path_params["slug"]
    async with house.db.reading() as session:
        found = await timetable.of_course(session, slug, now=house.clock.now())
    days = [day for _, week in found.weeks for day in week]
    most = max((day.people for day in days), default=0)
    shades = {day.day: drawing.shade(day.people, most) for day in days}
    busiest = max((n for _, weeks in found.rows for n in weeks), default=0)
    tints = [[drawing.shade(n, busiest) for n in weeks] for _, weeks in found.rows]
    return access.render(request, me, Everybody(slug, found, shades, tints, ZONE))


async def alone(request: Request, me: Here) -> Response:
    """Nothing is kept: what is asked stands in the address."""
    house, slug = site.of(request), request.path_params["slug"]
    day = today(house.clock.now())
    typed = {"start": day.isoformat(), "zone": ZONE, "region": "", "does": "0"}
    typed |= forms.shown_all(request.query_params)
    problems: Mapping[str, str] = {}
    async with house.db.reading() as session:
        try:
            found = await timetable.of_one(session, slug, _plan(typed))
        except errors.Invalid as invalid:
            problems = invalid.problems
            usual = drafts.Plan(f"{day}T{_JOINS}", slot="", zone=ZONE)
            found = replace(await timetable.of_one(session, slug, usual), mails=())
    typed = {"weekday": str(found.slot.weekday), "time": f"{found.slot.time:%H:%M}"} | typed
    page = Alone(slug, found, typed, problems, SAID, forms.TIMES, forms.ZONES, forms.REGIONS)
    return access.render(request, me, page, status=422 if problems else 200)


def _plan(typed: Mapping[str, str]) -> drafts.Plan:
    """Raises `errors.Invalid` by field."""
    problems: dict[str, str] = {}
    start, weekday, hour = typed["start"], typed.get("weekday", ""), typed.get("time", "")
    if not _DAY.fullmatch(start) or not _is_day(start):
        problems["start"] = "Écrivez une date, entre 1990 et 2100."
    if weekday and weekday not in _WEEKDAYS:
        problems["weekday"] = "Choisissez un jour de la liste."
    if hour and not _HOUR.fullmatch(hour):
        problems["time"] = "Choisissez une heure de la liste."
    if typed["zone"] not in calendar.zones():
        problems["zone"] = "Choisissez un fuseau de la liste."
    if typed["region"] and typed["region"] not in forms.REGIONS:
        problems["region"] = "Choisissez une région de la liste."
    if typed["does"] not in SAID:
        problems["does"] = "Choisissez dans la liste."
    if problems:
        raise errors.Invalid(problems)
    return drafts.Plan(
        start=f"{start}T{_JOINS}",
        slot=f"{_WEEKDAYS[weekday]} {hour}" if weekday and hour else "",
        zone=typed["zone"],
        calendar=typed["region"],
        silent=typed["does"] == "never",
        days_after=int(typed["does"]) if typed["does"].isdecimal() else 0,
    )


def _is_day(text: str) -> bool:
    try:
        return 1990 <= date.fromisoformat(text).year <= 2100
    except ValueError:
        return False


PAGES = (
    access.Page("/studio/courses/{slug}/calendar", everybody, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/calendar/one", alone, Right.READ_COURSES),
)
