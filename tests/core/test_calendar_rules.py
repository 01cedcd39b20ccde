"""The calendar's promises, for any rules, slot, zone and day."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.core import calendar
from engine.core.calendar import Closing, Due, Rules, Slot

ZONES = [
    *("Europe/Paris", "America/Cayenne", "America/Miquelon", "Indian/Reunion", "Pacific/Marquesas"),
    *("Pacific/Tahiti", "Pacific/Wallis", "Africa/Casablanca", "America/Nuuk", "Australia/Lord_Howe"),
    *("Asia/Kathmandu", "Africa/Cairo", "America/Santiago", "Asia/Beirut", "UTC"),
]
DAYS = st.dates(date(2026, 1, 1), date(2032, 12, 31))
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
CLOSINGS = st.builds(
    lambda first, days: Closing(first, first + timedelta(days=days), "fermeture"), DAYS, st.integers(0, 40)
)
RULES = st.builds(
    Rules,
    calendar=st.sampled_from(["FR", "FR-6AE", "FR-974", "FR-PF", "BE", "CH-GE"]),
    working_days=st.frozensets(st.integers(0, 6), min_size=1),
    closings=st.lists(CLOSINGS, max_size=3).map(tuple),
    closed_days=st.sampled_from(["next_day", "next_slot"]),
    min_gap_days=st.integers(0, 9),
    too_late_days=st.integers(0, 9),
    pace=st.sampled_from([1, 2, 4]),
)
thoroughly = settings(max_examples=300, deadline=None)


@st.composite
def slots_and_rules(draw: st.DrawFn) -> tuple[Slot, Rules]:
    """The form offers working days only."""
    rules = draw(RULES)
    weekday = draw(st.sampled_from(sorted(rules.working_days)))
    clock = time(draw(st.integers(0, 23)), draw(st.integers(0, 59)))
    return Slot(weekday, clock, draw(st.sampled_from(ZONES))), rules


def slot_day(due: Due, slot: Slot) -> date:
    """The day whose slot this is; the one before `due.day` when the hour was skipped over midnight."""
    assert due.day == calendar.local_day(due.at, slot.zone)
    days = (due.day, due.day - timedelta(days=1))
    return next(day for day in days if calendar.to_utc(day, slot.time, slot.zone) == due.at)


def check(due: Due, slot: Slot, rules: Rules, *, by_slot: bool) -> date:
    """What holds of every lesson: an open day, the slot's hour, its weekday where slots are kept."""
    day = slot_day(due, slot)
    assert not calendar.closed(day, rules)
    if by_slot and (rules.closed_days == "next_slot" or not due.reason):
        assert day.weekday() == slot.weekday
    return day


def between(first: date, end: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((end - first).days)]


@thoroughly
@given(slots_and_rules(), DAYS)
def test_the_next_lesson(drawn: tuple[Slot, Rules], last: date) -> None:
    slot, rules = drawn
    due = calendar.next_slot(last, slot, rules)
    day = check(due, slot, rules, by_slot=True)
    assert day > last
    assert (day - last).days >= rules.min_gap_days
    slots = [
        d for d in between(last + timedelta(days=1), day + timedelta(days=1)) if d.weekday() == slot.weekday
    ]
    chosen = next(d for d in slots[rules.pace - 1 :] if (d - last).days >= rules.min_gap_days)
    passed = between(chosen, day)
    if rules.closed_days == "next_slot":
        passed = [d for d in passed if d.weekday() == slot.weekday]
    assert all(calendar.closed(d, rules) for d in passed)
    assert (due.reason == "") == (day == slots[rules.pace - 1])


@thoroughly
@given(slots_and_rules(), DAYS)
def test_an_open_slot_comes_a_pace_of_weeks_after_the_last(drawn: tuple[Slot, Rules], some_day: date) -> None:
    slot, rules = drawn
    last = some_day - timedelta(days=(some_day.weekday() - slot.weekday) % 7)
    nominal = last + timedelta(weeks=rules.pace)
    assume(rules.min_gap_days <= 7 and not calendar.closed(nominal, rules))
    due = calendar.next_slot(last, slot, rules)
    assert (slot_day(due, slot), due.reason) == (nominal, "")


@thoroughly
@given(slots_and_rules(), INSTANTS)
def test_lesson_one(drawn: tuple[Slot, Rules], after: datetime) -> None:
    slot, rules = drawn
    due = calendar.first_slot(after, slot, rules)
    check(due, slot, rules, by_slot=True)
    assert due.at - after >= timedelta(hours=1)
    if not due.reason:
        assert due.at - after <= timedelta(days=7, hours=3)


@thoroughly
@given(slots_and_rules(), DAYS, st.integers(0, 60))
def test_a_delay_and_faster(drawn: tuple[Slot, Rules], last: date, days: int) -> None:
    slot, rules = drawn
    day = check(calendar.after_delay(last, days, slot, rules), slot, rules, by_slot=False)
    assert (day - last).days >= max(days, 1)
    assert all(calendar.closed(d, rules) for d in between(last + timedelta(days=max(days, 1)), day))
    assert calendar.next_open_day(last, slot, rules) == calendar.after_delay(last, 1, slot, rules)


@thoroughly
@given(slots_and_rules(), DAYS, st.integers(0, 20 * 24 * 60), st.none() | st.integers(0, 30))
def test_catching_up(
    drawn: tuple[Slot, Rules], planned: date, minutes_late: int, days_since: int | None
) -> None:
    slot, rules = drawn
    due = calendar.to_utc(planned, slot.time, slot.zone)
    now = due + timedelta(minutes=minutes_late)
    today = calendar.local_day(now, slot.zone)
    last = None if days_since is None else today - timedelta(days=days_since)
    caught = calendar.catch_up(due, now, slot, rules, last)
    assert (caught is None) == (minutes_late <= 120)
    if caught is None:
        return
    too_late = (today - calendar.local_day(due, slot.zone)).days > rules.too_late_days
    day = check(caught, slot, rules, by_slot=too_late)
    assert caught.at > now
    assert last is None or day > last
    assert caught.reason.startswith("retard ")
    if not too_late:
        earlier = [d for d in between(today, day) if last is None or d > last]
        ahead = [d for d in earlier if calendar.to_utc(d, slot.time, slot.zone) > now]
        assert all(calendar.closed(d, rules) for d in ahead)


@thoroughly
@given(slots_and_rules(), INSTANTS)
def test_a_whole_course_has_one_lesson_a_day_at_most_and_loses_none(
    drawn: tuple[Slot, Rules], start: datetime
) -> None:
    slot, rules = drawn
    lessons = [calendar.first_slot(start, slot, rules)]
    while len(lessons) < 12:
        lessons.append(calendar.next_slot(lessons[-1].day, slot, rules))
    days = [lesson.day for lesson in lessons]
    assert days == sorted(set(days))
    assert [lesson.at for lesson in lessons] == sorted(lesson.at for lesson in lessons)


@thoroughly
@given(DAYS, st.times(), st.sampled_from(ZONES))
def test_local_time_comes_back_as_it_was_or_later_when_skipped(day: date, clock: time, zone: str) -> None:
    wall = datetime.combine(day, clock.replace(second=0, microsecond=0, fold=0))
    back = calendar.local(calendar.to_utc(day, wall.time(), zone), zone).replace(tzinfo=None, fold=0)
    assert timedelta(0) <= back - wall <= timedelta(hours=1)


@thoroughly
@given(
    st.builds(
        Slot,
        st.integers(0, 6),
        st.builds(time, st.integers(0, 23), st.integers(0, 59)),
        st.sampled_from(ZONES),
    )
)
def test_a_slot_written_is_read_back(slot: Slot) -> None:
    assert Slot.parse(str(slot), slot.zone) == slot
