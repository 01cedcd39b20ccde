"""The calendar's reasons for readers. They are made and kept in French; for English they are read back."""

import re
from collections.abc import Mapping

from engine.core import calendar, typography, words

_DAYS = {french: words.weekday(number, "en") for number, french in enumerate(calendar.DAYS)}
_MONTHS = {french: words.month(number, "en") for number, french in enumerate(calendar.MONTHS, 1)}
_WEEKDAYS = _DAYS | {f"{french[:3]}.": english[:3] for french, english in _DAYS.items()}
_DATE = rf"((?:{'|'.join(map(re.escape, _WEEKDAYS))}) (?:1er|\d+) (?:{'|'.join(_MONTHS)}))"
_MOVED = re.compile(rf"(.+) : reporté au {_DATE}")
_TOO_NEAR = re.compile(rf"{_DATE}, moins de (\d+) jours? après la leçon du {_DATE}")
_LATE = re.compile(rf"retard(?: de (\d+) jours?)? \(prévu {_DATE}\)")
_CLOSED = re.compile(rf"(.+) \({_DATE}\)")
_UNNAMED = {"fermeture": "closed"}
"""What `calendar.closed` says of a closing period without a label."""


def said(reason: str, language: str, holidays: Mapping[str, str]) -> str:
    """Why a lesson moved; a text that is no such reason comes back as it is.

    `holidays`: French name → English. An author's own label for a closing period stays as it is.
    """
    moved = _MOVED.fullmatch(reason)
    if moved is None:
        return reason
    if words.supported(language) == words.SOURCE:
        return typography.french(reason)
    causes = "; ".join(_cause(cause, holidays) for cause in moved[1].split(" ; "))
    return f"{causes}: moved to {_date(moved[2])}"


def _cause(cause: str, holidays: Mapping[str, str]) -> str:
    if re.fullmatch(_DATE, cause):
        return _date(cause)
    if found := _TOO_NEAR.fullmatch(cause):
        return f"{_date(found[1])}, less than {_days(found[2])} after the lesson of {_date(found[3])}"
    if found := _LATE.fullmatch(cause):
        late = f"{_days(found[1])} late" if found[1] else "late"
        return f"{late} (planned for {_date(found[2])})"
    if found := _CLOSED.fullmatch(cause):
        name = holidays.get(found[1]) or _UNNAMED.get(found[1], found[1])
        return f"{name} ({_date(found[2])})"
    return cause


def _date(french: str) -> str:
    """`lun. 29 mars` → `Mon 29 March`"""
    weekday, number, month = french.split(" ")
    return f"{_WEEKDAYS[weekday]} {number.removesuffix('er')}\u00a0{_MONTHS[month]}"


def _days(count: str) -> str:
    return f"{count} day" if count == "1" else f"{count} days"
