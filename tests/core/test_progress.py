"""Where a learner stands, and each rule about what comes next."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import calendar, errors, progress
from engine.core.course.grammar import Requires
from engine.core.course.model import Course
from engine.core.progress import Facts, Mail, Position, State, Step
from tests.core.courses import course, lesson
from tests.core.test_calendar_rules import INSTANTS, slots_and_rules

SLOT = calendar.Slot(1, time(8, 30), "Europe/Paris")
RULES = calendar.Rules()
BEGUN = datetime(2027, 3, 22, 9, tzinfo=UTC)  # a Monday
TUESDAY = date(2027, 3, 23)
EVENTS = sorted({event for _, event in progress.TRANSITIONS})
NOBODY = Facts()


def due(day: date) -> calendar.Due:
    return calendar.Due(calendar.to_utc(day, SLOT.time, SLOT.zone), day)


def at(key: str, day: date = TUESDAY, **more: object) -> Position:
    return replace(Position("lesson", key, due(day)), **more)  # type: ignore[arg-type]


def step(course: Course, position: Position, facts: Facts = NOBODY, rules: calendar.Rules = RULES) -> Step:
    return progress.step(course, position, facts, SLOT, rules)


def follow(*events: str, start: State = State.PENDING) -> State:
    for event in events:
        start = progress.advance(start, event)
    return start


def test_the_road_through_a_course() -> None:
    assert follow("confirm") is State.WAITING
    assert follow("confirm", "begin") is State.ACTIVE
    assert follow("confirm", "begin", "pause") is State.PAUSED
    assert follow("confirm", "begin", "pause", "resume") is State.ACTIVE
    assert follow("confirm", "begin", "finish") is State.COMPLETED


@pytest.mark.parametrize("state", [state for state in State if state is not State.STOPPED])
def test_one_may_leave_from_anywhere_once(state: State) -> None:
    assert progress.advance(state, "stop") is State.STOPPED
    for event in EVENTS:
        with pytest.raises(errors.NotAllowed):
            progress.advance(State.STOPPED, event)


KNOWN = {
    *(("pending", "confirm"), ("waiting", "begin"), ("active", "pause"), ("paused", "resume")),
    *(("active", "finish"), ("pending", "stop"), ("waiting", "stop"), ("active", "stop")),
    *(("paused", "stop"), ("completed", "stop")),
}


@pytest.mark.parametrize(("state", "event"), sorted(set(product(State, EVENTS)) - KNOWN))
def test_every_other_step_is_an_error(state: str, event: str) -> None:
    with pytest.raises(errors.NotAllowed, match=state):
        progress.advance(state, event)


def test_a_state_or_event_that_is_none() -> None:
    for state, event in (("x", "stop"), ("active", "fly"), ("", "")):
        with pytest.raises(errors.NotAllowed):
            progress.advance(state, event)


def test_the_welcome_leaves_at_once_and_the_first_lesson_at_the_slot() -> None:
    start = progress.begin(BEGUN, SLOT.zone)
    assert start == Position("welcome", due=calendar.Due(BEGUN, date(2027, 3, 22)))
    welcome = step(course(lesson(1)), start)
    assert welcome == Step(Mail("welcome"), at("l1"))
    late = progress.begin(datetime(2027, 3, 23, 6, 31, tzinfo=UTC), SLOT.zone)  # 59 minutes before the slot
    assert step(course(lesson(1)), late).position.due == due(TUESDAY + timedelta(7))


def test_lessons_follow_each_other_by_the_week() -> None:
    found = step(course(lesson(1), lesson(2)), at("l1"))
    after_easter = date(2027, 3, 30)
    assert found == Step(Mail("lesson", "l1"), at("l2", after_easter, last_day=TUESDAY))


def test_the_farewell_leaves_at_the_slot_after_the_last_lesson() -> None:
    last = step(course(lesson(1)), at("l1"), rules=replace(RULES, pace=4))
    week_later = TUESDAY + timedelta(7)
    assert last == Step(Mail("lesson", "l1"), Position("farewell", "", due(week_later), TUESDAY))
    end = step(course(lesson(1)), last.position)
    assert end == Step(Mail("farewell"), Position("", last_day=TUESDAY))
    assert not end.ends


@pytest.mark.parametrize("position", [Position(""), Position("lesson", "l1"), Position("", due=due(TUESDAY))])
def test_nothing_leaves_where_nothing_is_due(position: Position) -> None:
    with pytest.raises(errors.NotAllowed):
        step(course(lesson(1)), position)


def test_a_lesson_that_is_gone_is_an_error() -> None:
    with pytest.raises(errors.NotFound, match="l9"):
        step(course(lesson(1)), at("l9"))


def test_a_lesson_that_does_not_hold_takes_no_week() -> None:
    three = course(lesson(1, when="learner.size >= 50"), lesson(2, when="answers.a.done"), lesson(3))
    small, big = Facts({"size": 10}), Facts({"size": 50})
    assert step(three, at("l1"), big).mail == Mail("lesson", "l1")
    found = step(three, at("l1"), small)
    assert found.mail == Mail("lesson", "l3")
    assert found.position.kind == "farewell"
    done = Facts({"size": 10}, answers={"a": {"done": True}})
    assert step(three, at("l1"), done).mail == Mail("lesson", "l2")


def test_when_no_lesson_is_left_the_farewell_takes_the_slot() -> None:
    found = step(course(lesson(1), lesson(2, when="learner.size > 9")), at("l2", last_day=date(2027, 3, 16)))
    assert found == Step(Mail("farewell"), Position("", last_day=date(2027, 3, 16)))


def test_a_delay_counts_days_from_the_last_lesson() -> None:
    two = course(lesson(1), lesson(2, delay=10))
    assert step(two, at("l1")).position.due == due(date(2027, 4, 2))  # a Friday
    weekend = course(lesson(1), lesson(2, delay=4))
    moved = step(weekend, at("l1")).position.due
    assert moved
    assert moved.day == date(2027, 3, 30), "Saturday, Sunday and Easter Monday are closed"
    assert moved.reason


@pytest.mark.parametrize(("pace", "days"), [(1, 7), (2, 14), (4, 28)])
def test_the_pace_is_every_nth_slot(pace: Literal[1, 2, 4], days: int) -> None:
    found = step(course(lesson(1), lesson(2)), at("l1"), rules=replace(RULES, pace=pace))
    assert found.position.due == due(TUESDAY + timedelta(days))


def gate(
    reminders: int = 2, limit: int = 21, then: Literal["continue", "wait", "end"] = "continue"
) -> Course:
    requires = Requires(activity="a", reminders=reminders, limit=limit, then=then)
    return course(lesson(1, meets="a"), lesson(2, requires=requires), lesson(3))


def days(course: Course, facts: Facts = NOBODY) -> list[tuple[str, str, date]]:
    """What leaves from lesson 2 on, and when."""
    found, position = [], at("l2", last_day=date(2027, 3, 16))
    while position.due:
        taken = step(course, position, facts)
        if taken.mail:
            found.append((taken.mail.kind, taken.mail.key + taken.mail.occasion, position.due.day))
        position = taken.position
    return found


def test_an_open_gate_is_no_gate() -> None:
    found = step(gate(), at("l2"), Facts(handed_in=frozenset({"a"})))
    assert found.mail == Mail("lesson", "l2")
    assert found.position.gate_since is None


def test_a_shut_gate_reminds_then_goes_on_at_its_limit() -> None:
    week, limit = timedelta(7), TUESDAY + timedelta(21)
    assert days(gate()) == [
        ("reminder", "l21", TUESDAY),
        ("reminder", "l22", TUESDAY + week),
        ("lesson", "l2", limit),
        ("lesson", "l3", limit + week),
        ("farewell", "", limit + 2 * week),
    ]


@pytest.mark.parametrize("reminders", range(6))
def test_reminders_are_as_many_as_the_course_says(reminders: int) -> None:
    kinds = [kind for kind, *_ in days(gate(reminders, limit=60))]
    assert kinds == ["reminder"] * reminders + ["lesson", "lesson", "farewell"]


def test_no_reminder_leaves_at_or_after_the_limit() -> None:
    mails = days(gate(5, limit=14))
    assert [kind for kind, *_ in mails[:3]] == ["reminder", "reminder", "lesson"]
    assert mails[2][2] == TUESDAY + timedelta(14)
    between_two_slots = days(gate(5, limit=10))
    assert between_two_slots[2] == ("lesson", "l2", TUESDAY + timedelta(10))


def test_reminders_do_not_wait_for_a_slow_pace() -> None:
    shut = step(gate(3, limit=60), at("l2"), rules=replace(RULES, pace=4))
    assert shut.position.due == due(TUESDAY + timedelta(7))


def test_a_gate_that_waits_sleeps_until_the_activity() -> None:
    assert [kind for kind, *_ in days(gate(2, then="wait"))] == ["reminder", "reminder"]
    asleep = step(gate(0, 7, "wait"), at("l2", TUESDAY + timedelta(7), gate_since=due(TUESDAY).at))
    assert asleep == Step(None, Position("lesson", "l2", None, gate_since=due(TUESDAY).at))


def test_a_gate_that_ends_ends() -> None:
    over = step(gate(0, 7, "end"), at("l2", TUESDAY + timedelta(7), gate_since=due(TUESDAY).at))
    assert over.ends
    assert over.mail is None
    assert (over.position.kind, over.position.due) == ("", None)


def test_a_gate_starts_counting_when_its_lesson_would_have_left() -> None:
    shut = step(gate(), at("l2"))
    assert shut.position.gate_since == due(TUESDAY).at
    assert shut.position.reminders == 1
    again = step(gate(), shut.position)
    assert again.position.gate_since == due(TUESDAY).at
    assert again.position.due == due(TUESDAY + timedelta(21))


def test_a_gate_of_a_lesson_that_no_longer_holds_is_forgotten() -> None:
    first, second = (Requires(activity=name, reminders=1, limit=14) for name in "ab")
    made = course(lesson(1), lesson(2, when="answers.c.x != 1", requires=first), lesson(3, requires=second))
    waited = at("l2", gate_since=due(TUESDAY - timedelta(28)).at, reminders=1)
    found = step(made, waited, Facts(answers={"c": {"x": 1}}))
    assert found.mail == Mail("reminder", "l3", "1")
    assert found.position.gate_since == due(TUESDAY).at


def test_the_next_lesson_has_its_own_gate() -> None:
    requires = Requires(activity="a", reminders=1, limit=7)
    two = course(lesson(1, requires=requires), lesson(2, requires=requires))
    after = step(two, at("l1", TUESDAY + timedelta(7), gate_since=due(TUESDAY).at, reminders=1))
    assert after.mail == Mail("lesson", "l1")
    assert (after.position.gate_since, after.position.reminders) == (None, 0)


def test_facts_are_asked_for_only_when_needed() -> None:
    made = course(lesson(1), lesson(2, when="learner.size > 1"), lesson(3, requires=Requires(activity="a")))
    assert [progress.needs_facts(made, at(f"l{n}")) for n in (1, 2, 3, 9)] == [False, True, True, False]
    assert not progress.needs_facts(made, Position("welcome"))


def test_after_a_pause_the_first_slot_on_or_after_its_end() -> None:
    for day, expected in ((TUESDAY, TUESDAY), (TUESDAY + timedelta(1), TUESDAY + timedelta(7))):
        assert progress.resumption(day, at("l2"), SLOT, RULES) == due(expected)
    soon = progress.resumption(TUESDAY, at("l2", last_day=TUESDAY - timedelta(1)), SLOT, RULES)
    assert soon.day == TUESDAY + timedelta(7), "a lesson left on Monday: no two within three days"


def test_the_next_chance_is_as_planned_while_that_is_ahead() -> None:
    made = course(lesson(1), lesson(2, delay=10))
    position = at("l2", last_day=TUESDAY)
    chance = progress.next_chance(made, position, SLOT, RULES, now=BEGUN + timedelta(2))
    assert chance == due(date(2027, 4, 2))
    late = datetime(2027, 4, 20, 5, tzinfo=UTC)
    assert progress.next_chance(made, position, SLOT, RULES, now=late) == due(date(2027, 4, 20))
    gated = replace(position, gate_since=due(TUESDAY).at)
    chance = progress.next_chance(made, gated, SLOT, RULES, now=BEGUN + timedelta(2))
    assert chance == due(date(2027, 3, 30)), "an open gate lets go at the next slot"


POSITIONS = st.builds(
    lambda last, gated: Position("lesson", "l2", None, last, BEGUN if gated else None),
    st.none() | st.dates(date(2026, 6, 1), date(2031, 12, 31)),
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(slots_and_rules(), POSITIONS, INSTANTS, st.none() | st.integers(1, 40))
def test_a_chance_is_ahead_on_an_open_day_and_not_too_near(
    drawn: tuple[calendar.Slot, calendar.Rules], position: Position, now: datetime, delay: int | None
) -> None:
    slot, rules = drawn
    made = course(lesson(1), lesson(2, delay=delay))
    if position.last_day and position.last_day > calendar.local_day(now, slot.zone):
        position = replace(position, last_day=calendar.local_day(now, slot.zone))
    back = progress.resumption(calendar.local_day(now, slot.zone), position, slot, rules)
    assert back.day >= calendar.local_day(now, slot.zone)
    chance = progress.next_chance(made, position, slot, rules, now=now)
    assert chance.at >= now + calendar.NOTICE
    if position.last_day:
        gap = rules.min_gap_days
        assert (back.day - position.last_day).days >= gap
        assert (chance.day - position.last_day).days >= (min(delay, gap) if delay else gap)
