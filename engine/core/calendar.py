"""When a lesson is due: slots, zones, holidays, closing days.

The only place where local time exists: instants come in and go out as aware UTC, days are the learner's own.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import holidays

from engine.core import errors

LATE_AFTER = timedelta(hours=2)  # a lesson this late was missed: it waits for its hour to come again
NOTICE = timedelta(hours=1)  # between joining a course and its first lesson
SEARCH = timedelta(days=400)  # how far an open day is looked for
LONGEST_CLOSING = SEARCH - timedelta(weeks=1)  # a slot in the holidays just before must find an open day, too

SLOT = re.compile(r"(mon|tue|wed|thu|fri|sat|sun) +([01]?[0-9]|2[0-3]):([0-5][0-9])")
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)


class Weekday(IntEnum):
    """A day of the week, numbered as `date.weekday()` does."""

    MON, TUE, WED, THU, FRI, SAT, SUN = range(7)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a course file's "mon" … "sun"; errors.Invalid (field `weekday`) for anything else."""
        try:
            return cls[text.strip().upper()]
        except KeyError:
            problem = f"{text[:20]!r} is not a weekday: use {', '.join(day.name.lower() for day in cls)}."
            raise errors.Invalid({"weekday": problem}) from None


@dataclass(frozen=True)
class Slot:
    """The moment of the week that a learner chose: his own weekday and hour, in an IANA zone."""

    weekday: int
    time: time
    zone: str

    @classmethod
    def parse(cls, text: str, zone: str) -> Self:
        """Read "tue 08:30"; errors.Invalid with the problems of `slot` and `zone`, whichever are wrong."""
        problems = {}
        match = SLOT.fullmatch(text.strip().lower())
        if match is None:
            problems["slot"] = f'{text[:40]!r} is not a slot: write a weekday and an hour, as in "tue 08:30".'
        if zone not in zones():
            problems["zone"] = f'{zone[:40]!r} is not a time zone: write its IANA name, as in "Europe/Paris".'
        if match is None or problems:
            raise errors.Invalid(problems)
        return cls(Weekday.parse(match[1]), time(int(match[2]), int(match[3])), zone)

    def __str__(self) -> str:
        return f"{Weekday(self.weekday).name.lower()} {self.time:%H:%M}"


@dataclass(frozen=True)
class Closing:
    """A period without lessons, both ends included; `label` is the reason that people read."""

    first: date
    last: date
    label: str


@dataclass(frozen=True)
class Rules:
    """What moves a lesson off its slot (hashable: a key for memos)."""

    calendar: str = "FR"  # one of `calendars()`
    working_days: frozenset[int] = frozenset(range(5))
    closings: tuple[Closing, ...] = ()
    closed_days: Literal["next_day", "next_slot"] = "next_day"  # where a lesson goes from a closed day
    min_gap_days: int = 3  # between a lesson that was moved and the next slot
    too_late_days: int = 5  # a lesson missed for longer waits for the next slot
    pace: Literal[1, 2, 4] = 1  # every n-th slot

    def with_region(self, region: str) -> Self:
        """The same rules with the holidays of the learner's own region, when he told one."""
        return replace(self, calendar=region) if region else self


@dataclass(frozen=True)
class Due:
    """When a lesson leaves."""

    at: datetime  # aware UTC, the slot's own minute: `spread` is not in it
    day: date  # of `at`, in the slot's zone
    reason: str = ""  # in French, why it is not the day one would expect; "" when it is


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The IANA zones known here, without the two that are no place ("localtime" is the machine's own)."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


@lru_cache(maxsize=1)
def calendars() -> tuple[str, ...]:
    """The names that `Rules.calendar` and a learner's region may take, France and her regions first.

    ISO 3166 codes of countries and their subdivisions as the holidays library spells them ("FR", "FR-974",
    "CH-GE"). Its school zones ("Zone A") are not regions.
    """
    countries = holidays.list_supported_countries(include_aliases=False)
    names = [*countries, *(f"{country}-{part}" for country, parts in countries.items() for part in parts)]
    return tuple(sorted((n for n in names if " " not in n), key=lambda n: (n != "FR" and n[:3] != "FR-", n)))


def check_calendar(name: str) -> None:
    """Raise errors.Invalid (field `calendar`) unless `name` is one of `calendars()`."""
    if name not in calendars():
        hint = 'use a code such as "FR", "FR-6AE", "FR-57", "FR-974" or "BE"'
        raise errors.Invalid({"calendar": f"{name[:40]!r} is not a calendar: {hint}."})


@lru_cache(maxsize=256)
def _holidays(calendar: str, year: int, language: str = "fr") -> Mapping[date, str]:
    check_calendar(calendar)
    country, _, part = calendar.partition("-")
    found = holidays.country_holidays(country, subdiv=part or None, years=year, language=language)
    joint = " et " if language == "fr" else " and "
    return {day: name.replace("; ", joint) for day, name in found.items()}


def holidays_in_english(calendar: str, year: int) -> Mapping[str, str]:
    """What `closed` calls the holidays of `year` and of the year before → their English names."""
    english = {y: _holidays(calendar, y, "en_US") for y in (year - 1, year)}
    return {name: english[y].get(day, name) for y in english for day, name in _holidays(calendar, y).items()}


def closed(day: date, rules: Rules) -> str:
    """Why no lesson leaves on `day`, in French; "" when it is open.

    The holiday's name (in the country's own language, or English, where the library has no French), the label
    of a closing period, or the weekday ("samedi"). In Alsace and Moselle the library counts Good Friday a
    holiday everywhere; the law, only where there is a Protestant or mixed church (Code du travail,
    L3134-13).
    """
    if name := _holidays(rules.calendar, day.year).get(day):
        return name
    for closing in rules.closings:
        if closing.first <= day <= closing.last:
            return closing.label or "fermeture"
    return "" if day.weekday() in rules.working_days else DAYS[day.weekday()]


def days_closed(day: date, rules: Rules) -> int:
    """For how long, from `day` on, some slot finds no open day; not counted much beyond `SEARCH`."""
    step, first = _step(rules), day.toordinal()
    longest = 0
    for start in range(first, first + step):
        if step > 1 and (start - 1) % 7 not in rules.working_days:
            continue  # the form offers no such slot
        tried, last = start, min(start + SEARCH.days, date.max.toordinal())
        while tried <= last and closed(date.fromordinal(tried), rules):
            tried += step
        longest = max(longest, tried - first)
    return longest


def to_utc(day: date, at: time, zone: str) -> datetime:
    """The instant at which clocks in `zone` show `at` on `day`.

    Clocks that change leave two doubts, settled here for the whole house: a local time that comes twice means
    the first; one that is skipped is reckoned with the offset from before the change (02:30 leaves at 03:30).
    Both are what `fold=0` means in PEP 495.
    """
    return datetime.combine(day, at.replace(fold=0), ZoneInfo(zone)).astimezone(UTC)


def local(instant: datetime, zone: str) -> datetime:
    """What clocks in `zone` show at `instant`, which must be aware (else ValueError)."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no zone")
    return instant.astimezone(ZoneInfo(zone))


def local_day(instant: datetime, zone: str) -> date:
    """The day it is in `zone` at `instant`."""
    return local(instant, zone).date()


def first_slot(after: datetime, slot: Slot, rules: Rules) -> Due:
    """Lesson 1: the first slot at least an hour after `after`, moved when closed."""
    earliest = after + NOTICE
    day = _weekday_from(local_day(earliest, slot.zone), slot.weekday)
    if to_utc(day, slot.time, slot.zone) < earliest:
        day += timedelta(weeks=1)
    return _settle(day, slot, rules, step=_step(rules))


def next_slot(last: date, slot: Slot, rules: Rules) -> Due:
    """The lesson after that of local day `last`: the slot (the pace-th) strictly after it, moved when closed.

    A lesson that was moved leaves the next one on its slot; when that is fewer than `min_gap_days` later, the
    slot after it is taken.
    """
    slot_day = day = _weekday_from(last + timedelta(days=1), slot.weekday) + timedelta(weeks=rules.pace - 1)
    while (day - last).days < rules.min_gap_days:
        day += timedelta(weeks=1)
    too_near = f"{_short(slot_day)}, moins de {_days(rules.min_gap_days)} après la leçon du {_short(last)}"
    return _settle(day, slot, rules, step=_step(rules), cause=too_near if day != slot_day else "")


def after_delay(last: date, days: int, slot: Slot, rules: Rules) -> Due:
    """The first open day at least `days` (and one) after local day `last`, at the slot's hour."""
    return _settle(last + timedelta(days=max(days, 1)), slot, rules)


def next_open_day(last: date, slot: Slot, rules: Rules) -> Due:
    """For "faster": the first open day after local day `last`, at the slot's hour.

    `last` is the day of the last lesson, or today when that is later: a day long gone gives a day gone.
    """
    return after_delay(last, 1, slot, rules)


def catch_up(due: datetime, now: datetime, slot: Slot, rules: Rules, last: date | None) -> Due | None:
    """Where a lesson goes that should have left at `due`; None when it is not late and leaves as planned.

    It leaves at the slot's hour on the next open day (today, while that hour is ahead), never at the hour at
    which we woke up, and after the day of the lesson before it, `last`. Counted in local days, more than
    `too_late_days` late it waits for a slot.
    """
    if now - due <= LATE_AFTER:
        return None
    planned, day = local_day(due, slot.zone), local_day(now, slot.zone)
    days_late = (day - planned).days
    if to_utc(day, slot.time, slot.zone) <= now:
        day += timedelta(days=1)
    if last is not None:
        day = max(day, last + timedelta(days=1))
    if days_late <= rules.too_late_days:
        return _settle(day, slot, rules, cause=f"retard (prévu {_short(planned)})")
    cause = f"retard de {_days(days_late)} (prévu {_short(planned)})"
    return _settle(_weekday_from(day, slot.weekday), slot, rules, step=_step(rules), cause=cause)


_MINUTES = tuple(timedelta(minutes=minutes) for minutes in range(10))


def spread(key: str) -> timedelta:
    """0 to 9 whole minutes, always the same for one enrolment: eases the load at the round hour."""
    return _MINUTES[int.from_bytes(hashlib.blake2s(key.encode()).digest()) % 10]


def _settle(day: date, slot: Slot, rules: Rules, *, step: int = 1, cause: str = "") -> Due:
    """The slot's hour on `day` (taken for `cause`), or on the first open day going by `step` days."""
    first, shut = day, dict[str, date]()
    while why := closed(day, rules):
        if day.weekday() in rules.working_days or (day == first and not cause):
            shut.setdefault(why, day)  # a weekend on the way explains nothing
        day += timedelta(days=step)
        if day - first > SEARCH:
            advice = "check the slot, the working days and the closing periods"
            raise errors.Invalid({"calendar": f"no open day within {SEARCH.days} days of {first}: {advice}."})
    causes = [cause] * bool(cause) + [_because(why, on) for why, on in shut.items()]
    reason = f"{' ; '.join(causes)} : reporté au {_long(day)}" if causes else ""
    at = to_utc(day, slot.time, slot.zone)
    return Due(at, local_day(at, slot.zone), reason)


def _step(rules: Rules) -> int:
    return 7 if rules.closed_days == "next_slot" else 1


def _weekday_from(day: date, weekday: int) -> date:
    """The first `weekday` on or after `day`."""
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def _because(why: str, day: date) -> str:
    return _long(day) if why == DAYS[day.weekday()] else f"{why} ({_short(day)})"


def _long(day: date) -> str:
    return f"{DAYS[day.weekday()]} {'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]}"


def _short(day: date) -> str:
    """ "mar. 30 mars" """
    return f"{DAYS[day.weekday()][:3]}. {'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]}"


def _days(count: int) -> str:
    return "1 jour" if count == 1 else f"{count} jours"
