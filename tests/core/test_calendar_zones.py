"""Local time against zdump, which reads the same zone files with the C library's code and not Python's."""

import os
import re
import shutil
import subprocess
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.core import calendar

FRANCE = {
    *("Europe/Paris", "America/Martinique", "America/Guadeloupe", "America/Cayenne", "America/Miquelon"),
    *("America/St_Barthelemy", "America/Marigot", "Indian/Reunion", "Indian/Mayotte", "Indian/Kerguelen"),
    *("Pacific/Noumea", "Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier", "Pacific/Wallis"),
}
MOMENT = r"\w{3} (\w{3}) +(\d+) (\d\d):(\d\d):(\d\d) (\d{4})"
CLOCK = re.compile(rf"(\S+) +{MOMENT} ")
LINE = re.compile(rf"(\S+) +{MOMENT} UTC? = {MOMENT} ")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MINUTES = (-1441, -1440, -61, -60, -59, -31, -30, -1, 0, 1, 29, 30, 59, 60, 61, 1440)


class Change(NamedTuple):
    """A zone's clocks go from one offset to another at an instant (naive UTC)."""

    at: datetime
    before: timedelta
    after: timedelta


def source(zone: str) -> Path:
    """The very file that zoneinfo reads, so that two versions of the data never meet in one test."""
    roots = [*map(Path, zoneinfo.TZPATH), Path(str(resources.files("tzdata"))) / "zoneinfo"]
    return next(root / zone for root in roots if (root / zone).is_file())


def moment(month: str, day: str, hour: str, minute: str, second: str, year: str) -> datetime:
    clock = (int(hour), int(minute), int(second))
    return datetime(int(year), MONTHS.index(month) + 1, int(day), *clock)  # noqa: DTZ001


def zdump(*arguments: str) -> str:
    return subprocess.run(
        ["zdump", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C", "PATH": os.defpath},
    ).stdout


def read(lines: list[tuple[str, ...]]) -> list[Change]:
    """zdump writes two lines for a change: the second before it, and its own."""
    seen = [(moment(*line[1:7]), moment(*line[7:])) for line in lines]
    offsets = [(utc, wall - utc) for utc, wall in seen]
    pairs = zip(offsets[::2], offsets[1::2], strict=True)
    return [Change(at, before, after) for (_, before), (at, after) in pairs]


@pytest.fixture(scope="module")
def changes() -> dict[str, list[Change]]:
    """What zdump tells of each zone for 2025 to 2037; a zone that never changes has one Change, long ago."""
    if shutil.which("zdump", path=os.defpath) is None:
        missing = "zdump IS MISSING: local times were NOT checked against the C library (Debian: libc-bin)"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    files = {str(source(zone)): zone for zone in calendar.zones()}
    lines: dict[str, list[tuple[str, ...]]] = {}
    for line in LINE.findall(zdump("-v", "-c", "2025,2038", *files)):
        lines.setdefault(files[line[0]], []).append(line)
    clocks = {files[line[0]]: moment(*line[1:]) for line in CLOCK.findall(zdump(*files))}
    offsets = {zone: clock - clocks["UTC"] for zone, clock in clocks.items()}
    fixed = {zone: [Change(datetime.min, offset, offset)] for zone, offset in offsets.items()}  # noqa: DTZ901
    return fixed | {zone: read(found) for zone, found in lines.items()}


def instants(wall: datetime, around: list[Change]) -> set[datetime]:
    """Every instant at which the clocks show `wall`, by the changes before and after it."""
    ends = [*(change.at for change in around), datetime.max]  # noqa: DTZ901
    offsets = [around[0].before, *(change.after for change in around)]
    starts = [datetime.min, *(change.at for change in around)]  # noqa: DTZ901
    return {
        wall - offset
        for start, end, offset in zip(starts, ends, offsets, strict=True)
        if start <= wall - offset < end
    }


def expected(wall: datetime, around: list[Change]) -> datetime:
    found = instants(wall, around)
    if found:
        return min(found)
    gap = next(c for c in around if c.at + c.before <= wall < c.at + c.after)
    return wall - gap.before


def walls(change: Change) -> Iterator[datetime]:
    for edge in (change.at + change.before, change.at + change.after):
        yield from (edge + timedelta(minutes=minutes) for minutes in MINUTES)


def utc(wall: datetime, zone: str) -> datetime:
    return calendar.to_utc(wall.date(), wall.time(), zone).replace(tzinfo=None)


def test_clock_changes_until_2037_are_those_of_zdump(changes: dict[str, list[Change]]) -> None:
    assert changes.keys() >= FRANCE
    assert len(changes) == len(calendar.zones()) >= 100 + len(FRANCE)
    twice = skipped = 0
    for zone, known in changes.items():
        for before, change, after in zip([known[0], *known], known, [*known[1:], None], strict=False):
            if 2026 <= change.at.year <= 2037:
                around = sorted({c for c in (before, change, after) if c})
                for wall in walls(change):
                    count = len(instants(wall, around))
                    twice, skipped = twice + (count == 2), skipped + (count == 0)
                    assert utc(wall, zone) == expected(wall, around), f"{wall} {zone}"
    assert twice > 1000
    assert skipped > 1000


def test_every_month_has_the_offset_of_zdump(changes: dict[str, list[Change]]) -> None:
    months = [datetime(year, month, 3, 8, 30) for year in range(2026, 2038) for month in range(1, 13)]  # noqa: DTZ001
    for zone, known in changes.items():
        for wall in months:
            assert utc(wall, zone) == expected(wall, known), f"{wall} {zone}"


def last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=last.isoweekday() % 7)


def paris_offset(instant: datetime) -> timedelta:
    """Directive 2000/84/EC: summer time from the last Sunday of March to that of October, 01:00 UTC."""
    summer = last_sunday(instant.year, 3) <= instant < last_sunday(instant.year, 10)
    return timedelta(hours=2 if summer else 1)


@pytest.mark.parametrize(
    "slot", ["mon 06:00", "tue 08:30", "wed 00:00", "thu 12:15", "fri 23:59", "sat 09:00"]
)
def test_every_week_of_five_years_keeps_the_hour_in_paris(slot: str) -> None:
    weekly = calendar.Slot.parse(slot, "Europe/Paris")
    rules = calendar.Rules(working_days=frozenset(range(6)))
    weeks = 0
    last = date(2025, 12, 22) + timedelta(days=weekly.weekday)
    while last.year < 2031:
        due = calendar.next_slot(last, weekly, rules)
        last += timedelta(weeks=1)
        weeks += 1
        wall = due.at.replace(tzinfo=None) + paris_offset(due.at)
        assert wall == datetime.combine(due.day, weekly.time)
        assert (due.day == last) == (due.reason == "")
    assert weeks >= 5 * 52


def test_an_hour_that_comes_twice_is_the_first_and_one_that_is_skipped_keeps_the_old_offset() -> None:
    half_past_two = time(2, 30)
    assert calendar.to_utc(date(2027, 10, 31), half_past_two, "Europe/Paris").isoformat() == (
        "2027-10-31T00:30:00+00:00"
    )
    skipped = calendar.to_utc(date(2027, 3, 28), half_past_two, "Europe/Paris")
    assert calendar.local(skipped, "Europe/Paris").isoformat() == "2027-03-28T03:30:00+02:00"


def test_a_skipped_hour_before_midnight_leaves_on_the_day_that_clocks_then_show() -> None:
    """Nuuk changes its clocks on Saturdays at 23:00, together with Paris."""
    slot = calendar.Slot.parse("sat 23:30", "America/Nuuk")
    rules = calendar.Rules(calendar="GL", working_days=frozenset({5}))
    due = calendar.next_slot(date(2027, 3, 20), slot, rules)
    assert due.day == calendar.local_day(due.at, slot.zone) == date(2027, 3, 28)
    assert calendar.next_slot(due.day, slot, rules).day == date(2027, 4, 3)


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        calendar.local(datetime(2027, 3, 22, 10), "Europe/Paris")  # noqa: DTZ001
