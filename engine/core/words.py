"""The words people read: French is the source text, other languages come from catalogues."""

from collections.abc import Callable
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Literal

from babel import Locale, dates, numbers, units
from babel.messages.pofile import read_po

from engine import paths
from engine.core import typography

Say = Callable[[str], str]
"""A French text of ours, said in some language."""

SOURCE = "fr"
LANGUAGES = ("fr", "en")
NBSP = "\u00a0"

_LOCALES = {"fr": Locale("fr"), "en": Locale("en", "GB")}


def supported(language: str) -> str:
    """`language` when we speak it ("fr-CA" counts as "fr"), else the source language."""
    short = language.lower()[:2]
    return short if short in LANGUAGES else SOURCE


def gettext(language: str) -> Say:
    """The function that says a French text in `language`; without a translation it stays French.

    French comes back with its typography (no-break spaces, real apostrophes).
    """
    if supported(language) == SOURCE:
        return typography.french
    return lambda text: catalogue(language).get(text, text)


@lru_cache
def catalogue(language: str) -> dict[str, str]:
    """French text → its translation, merged from every `templates/locale/<language>/*.po`."""
    folder = paths.templates() / "locale" / supported(language)
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.po")):
        found |= read(path, language)
    return found


def read(path: Path, language: str) -> dict[str, str]:
    """One catalogue."""
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    return {str(message.id): str(message.string) for message in messages if message.id and message.string}


def typeset(text: str, language: str) -> str:
    """An author's text with the typography of its language."""
    return typography.french(text) if supported(language) == SOURCE else text


@lru_cache(maxsize=4096)  # lists and charts name the same days again and again
def day(value: date, language: str, *, year: bool = True) -> str:
    """A date in full: « mardi 30 mars 2027 », "Tuesday 30 March 2027"."""
    pattern = "EEEE d MMMM" + (" y" if year else "")
    text = dates.format_date(value, pattern, locale=_locale(language))
    if value.day == 1 and supported(language) == "fr":
        text = text.replace(" 1 ", " 1er ")
    head, _, tail = text.partition(" ")
    return f"{head} {tail.replace(' ', NBSP, 1)}"


def dated(value: date, language: str) -> str:
    """A date on a document: « 30 mars 2027 », "30 March 2027"."""
    return day(value, language).partition(" ")[2]


@lru_cache(maxsize=2048)
def clock(value: time, language: str) -> str:
    """An hour of the day: « 8 h 30 », "8:30 am"."""
    if supported(language) == "fr":
        return f"{value.hour}{NBSP}h" + (f"{NBSP}{value.minute:02}" if value.minute else "")
    text = dates.format_time(value, "h:mm a", locale=_locale(language))
    return text.replace("\u202f", NBSP).replace(" ", NBSP)


def moment(local: datetime, language: str, *, year: bool = True) -> str:
    """A day and an hour, as they stand on the learner's wall: « mardi 30 mars 2027 à 8 h 30 »."""
    joint = "à" if supported(language) == "fr" else "at"
    return f"{day(local.date(), language, year=year)} {joint} {clock(local.time(), language)}"


def weekday(number: int, language: str) -> str:
    """The name of a day of the week, Monday being 0."""
    return str(dates.get_day_names("wide", locale=_locale(language))[number])


def month(number: int, language: str) -> str:
    """The name of a month, January being 1."""
    return str(dates.get_month_names("wide", locale=_locale(language))[number])


def month_of(day: date, language: str) -> str:
    """« mars 2027 », "March 2027"."""
    return f"{month(day.month, language)} {day.year}"


def place(zone: str, language: str) -> str:
    """The city an IANA zone is known by: « Paris », « La Réunion »."""
    return str(dates.get_timezone_location(zone, locale=_locale(language), return_city=True))


def zone_time(zone: str, language: str) -> str:
    """Whose clock it is: « heure de Paris », "Paris time"."""
    where = place(zone, language)
    if supported(language) != "fr":
        return f"{where} time"
    joint: Literal["d’", "de "] = "d’" if where[:1] in "AEIOUYÉÈÎ" else "de "
    return f"heure {joint}{where}"


def number(value: int, language: str) -> str:
    """A whole number with its groups of three digits."""
    return f"{value:,}".replace(",", "\u202f" if supported(language) == "fr" else ",")


def lapse(days: int, language: str) -> str:
    """A length of time: « 7 jours », « 3 ans » where it is so many years of 365 days."""
    many, unit = (days // 365, "year") if days % 365 == 0 else (days, "day")
    said = str(units.format_unit(many, unit, locale=_locale(language)))
    return said.replace(" ", NBSP) if supported(language) == SOURCE else said


def decimal(value: float, language: str) -> str:
    """With one decimal, where it has one: « 3,4 », "3.4"."""
    return str(numbers.format_decimal(value, format="0.#", locale=_locale(language)))


def percent(value: float, language: str) -> str:
    """A whole number of per cent, halves rounded up: « 90 % », "90%"."""
    return f"{int(value + 0.5)}{NBSP if supported(language) == 'fr' else ''}%"


def _locale(language: str) -> Locale:
    return _LOCALES[supported(language)]
