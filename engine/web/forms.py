"""What people type: reading it, keeping it, and the lists they choose from."""

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from starlette.requests import Request

from engine.core import errors, links, views

TIMES = tuple(time(hour, minute) for hour in range(6, 21) for minute in (0, 30) if (hour, minute) <= (20, 0))
PACES = (1, 2, 4)
PAUSES = (1, 2, 4)
HONEYPOT = "website"
YOUNGEST, OLDEST = timedelta(seconds=2), timedelta(hours=24)
SHOWN = 300
"""Characters of a field that come back to the page; no honest answer is longer."""

# French source texts: the pages put them through gettext.
ZONES = {
    "Europe/Paris": "France métropolitaine",
    "America/Guadeloupe": "Guadeloupe",
    "America/Martinique": "Martinique",
    "America/Cayenne": "Guyane",
    "Indian/Reunion": "La Réunion",
    "Indian/Mayotte": "Mayotte",
    "America/Miquelon": "Saint-Pierre-et-Miquelon",
    "America/St_Barthelemy": "Saint-Barthélemy",
    "America/Marigot": "Saint-Martin",
    "Pacific/Noumea": "Nouvelle-Calédonie",
    "Pacific/Tahiti": "Polynésie française (Tahiti)",
    "Pacific/Wallis": "Wallis-et-Futuna",
    "Europe/Brussels": "Belgique",
    "Europe/Luxembourg": "Luxembourg",
    "Europe/Zurich": "Suisse",
    "Europe/Monaco": "Monaco",
    "America/Toronto": "Québec",
}
REGIONS = {
    "FR-6AE": "Alsace (Bas-Rhin, Haut-Rhin)",
    "FR-57": "Moselle",
    "FR-971": "Guadeloupe",
    "FR-972": "Martinique",
    "FR-973": "Guyane",
    "FR-974": "La Réunion",
    "FR-976": "Mayotte",
    "FR-BL": "Saint-Barthélemy",
    "FR-MF": "Saint-Martin",
    "FR-PM": "Saint-Pierre-et-Miquelon",
    "FR-NC": "Nouvelle-Calédonie",
    "FR-PF": "Polynésie française",
    "FR-WF": "Wallis-et-Futuna",
}
SIZES = {"1": "1 à 9 personnes", "10": "10 à 49", "50": "50 à 249", "250": "250 et plus"}


async def read(request: Request) -> dict[str, str]:
    """The fields of a posted form, of either encoding, trimmed; the first value of each counts."""
    return {name: values[0].strip() for name, values in (await read_all(request, most=40)).items()}


async def read_all(request: Request, *, most: int = 1000) -> dict[str, list[str]]:
    """The fields of a posted form with all their values. Raises HTTP 400 above `most` fields."""
    form = await request.form(max_files=0, max_fields=most)
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        found.setdefault(name, []).append(value if isinstance(value, str) else "")
    return found


TYPED = ("first_name", "address", "company", "size", "weekday", "time", "zone", "region")
"""The fields of the sign-up form that are text."""


def sign_up(typed: Mapping[str, str], offer: views.Offer) -> views.SignUp:
    """The sign-up form as typed; the course's own slot stands where a form elsewhere did not ask for one."""
    texts = {name: typed[name] for name in TYPED if typed.get(name)}
    return replace(preset(offer), **texts, consent=bool(typed.get("consent")))


def preset(offer: views.Offer) -> views.SignUp:
    """The empty form: the course's own slot is chosen already."""
    slot = offer.slot
    return views.SignUp(weekday=str(slot.weekday), time=f"{slot.time:%H:%M}", zone=slot.zone)


def shown(text: str) -> str:
    """What was typed, fit to be put back into a page: no control characters, a sane length."""
    return "".join(c for c in text[:SHOWN] if unicodedata.category(c) not in ("Cc", "Cs"))


def shown_all(typed: Mapping[str, str]) -> dict[str, str]:
    """The same of all fields of a form."""
    return {name: shown(value) for name, value in typed.items()}


def shown_lines(text: str) -> str:
    """The same of several lines."""
    return "\n".join(shown(line) for line in text.splitlines())


def returned(form: views.SignUp) -> views.SignUp:
    """`form`, fit to be put back into a page."""
    texts: dict[str, Any] = {name: shown(getattr(form, name)) for name in TYPED}
    return replace(form, **texts)


def age(stamp: str, links: links.Links, now: datetime) -> timedelta | None:
    """How long ago the page was made that this form stands on; None when the stamp is not ours."""
    try:
        return now - links.read_stamp(stamp)
    except errors.BadLink:
        return None


def believable(typed: Mapping[str, str], since: timedelta | None) -> bool:
    """Whether a person filled in our own page: a stamp of the right age, and the trap left empty."""
    return since is not None and YOUNGEST <= since <= OLDEST and not typed.get(HONEYPOT)
