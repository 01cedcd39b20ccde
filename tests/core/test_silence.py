"""Silence: one reminder of what was missed, then one question; and catching up."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import calendar, progress, simulation
from engine.core.course import model
from engine.core.course.grammar import Requires
from engine.core.progress import Facts, Mail, Position
from engine.core.simulation import Learner
from tests.core.courses import course, lesson
from tests.core.test_calendar_rules import slots_and_rules

SLOT = calendar.Slot(1, time(8, 30), "Europe/Paris")
RULES = calendar.Rules()
START = progress.begin(datetime(2027, 4, 5, 9, tzinfo=UTC), SLOT.zone)  # a Monday
TUESDAY = date(2027, 4, 6)
FIVE = course(*(lesson(number, meets=f"a{number}") for number in range(1, 6)))


def due(day: date) -> calendar.Due:
    return calendar.Due(calendar.to_utc(day, SLOT.time, SLOT.zone), day)


def lived(learner: Learner, of: model.Course = FIVE) -> list[str]:
    """`lesson l1 06/04`"""
    mails = simulation.run(of, START, learner, SLOT, RULES)
    return [f"{each.mail.kind} {each.mail.key} {each.due.day:%d/%m}" for each in mails][1:]


def test_three_silent_lessons_then_one_question_and_nothing_more() -> None:
    assert lived(Learner(silent=True)) == [
        "lesson l1 06/04",
        "missed l1 09/04",
        "lesson l2 13/04",
        "lesson l3 20/04",
        "silent l4 27/04",
    ]


def test_one_answer_begins_the_count_anew() -> None:
    mails = lived(Learner(days={"a1": 0, "a2": 0, "a3": None, "a4": None, "a5": None}))
    assert [mail for mail in mails if "lesson" not in mail] == ["missed l3 23/04", "farewell  11/05"]
    late = lived(Learner(days={"a1": 15, **dict.fromkeys(("a2", "a3", "a4", "a5"))}))
    assert [mail for mail in late if "lesson" not in mail] == [
        "missed l1 09/04",
        "missed l4 30/04",
        "farewell  11/05",
    ], "an old activity handed in after lesson 3 is a sign of life"


def test_lessons_that_ask_for_nothing_neither_count_nor_reset() -> None:
    of = course(
        *(lesson(number, meets=f"a{number}" if number in (1, 3, 5) else None) for number in range(1, 8))
    )
    assert lived(Learner(silent=True), of)[-2:] == ["lesson l5 04/05", "silent l6 11/05"]


def test_a_lesson_whose_activity_was_handed_in_before_it_came_is_not_silent() -> None:
    of = course(*(lesson(number, meets="a1") for number in range(1, 6)))
    position = Position("lesson", "l4", due(TUESDAY), unanswered=3)
    done = progress.step(of, position, Facts(handed_in=frozenset({"a1"})), SLOT, RULES)
    assert done.mail == Mail("lesson", "l4")
    assert progress.step(of, position, Facts(), SLOT, RULES).mail == Mail("silent", "l4")


def test_the_question_comes_before_the_next_lessons_gate_and_starts_it_anew() -> None:
    gate = Requires(activity="a3", reminders=2, limit=21)
    of = course(*FIVE.lessons[:3], lesson(4, requires=gate))
    asked = progress.step(of, Position("lesson", "l4", due(TUESDAY), unanswered=3), Facts(), SLOT, RULES)
    assert (asked.mail, asked.pauses) == (Mail("silent", "l4"), True)
    assert asked.position == Position("lesson", "l4", None)
    back = progress.step(of, replace(asked.position, due=due(TUESDAY)), Facts(), SLOT, RULES)
    assert back.mail == Mail("reminder", "l4", "1"), "the course asks once"


def test_the_end_of_the_course_asks_nothing() -> None:
    of = course(*FIVE.lessons[:3])
    assert lived(Learner(silent=True), of)[-1] == "farewell  27/04"


@pytest.mark.parametrize("unanswered", [0, 2, 3])
def test_facts_are_asked_for_from_the_third_silent_lesson_on(unanswered: int) -> None:
    needed = progress.needs_facts(FIVE, Position("lesson", "l4", unanswered=unanswered))
    assert needed == (unanswered == 3)


def test_a_gate_reminds_of_its_own_activity() -> None:
    of = course(lesson(1, meets="a1"), lesson(2, requires=Requires(activity="a1")))
    assert not [mail for mail in lived(Learner(silent=True), of) if "missed" in mail]


def test_an_activity_is_reminded_of_once() -> None:
    of = course(*(lesson(number, meets="a1") for number in (1, 2, 3)))
    learner = Learner(days={"a1": 10})
    assert [mail for mail in lived(learner, of) if "missed" in mail] == ["missed l1 09/04"]


def test_no_reminder_where_the_next_mail_is_near() -> None:
    of = course(lesson(1, meets="a1"), lesson(2, delay=3))
    assert [mail.split()[0] for mail in lived(Learner(silent=True), of)] == ["lesson", "lesson", "farewell"]


@settings(max_examples=80, deadline=None)
@given(slots_and_rules(), st.lists(st.none() | st.integers(0, 20), min_size=5, max_size=5))
def test_a_reminder_leaves_on_an_open_day_between_two_mails(
    drawn: tuple[calendar.Slot, calendar.Rules], answered: list[int | None]
) -> None:
    slot, rules = drawn
    learner = Learner(days={f"a{number}": after for number, after in enumerate(answered, 1)})
    mails = list(simulation.run(FIVE, START, learner, slot, rules))
    for before, now, after in zip(mails, mails[1:], mails[2:], strict=False):
        if now.mail.kind == "missed":
            assert before.due.day < now.due.day < after.due.day
            assert before.mail == Mail("lesson", now.mail.key)
            assert not calendar.closed(now.due.day, rules)
            assert (now.due.day - before.due.day).days >= 3
    asked = [each.mail.occasion for each in mails if each.mail.kind == "missed"]
    assert len(set(asked)) == len(asked)
    if all(after is not None and after <= rules.min_gap_days for after in answered[:3]):
        assert mails[-1].mail.kind == "farewell", "who answers is not asked"


def test_catching_up_is_one_lesson_an_open_day_then_the_slot_again() -> None:
    hurried = Position("lesson", "l2", due(date(2027, 4, 8)), TUESDAY, catching_up=2)  # a Thursday
    mails = simulation.run(FIVE, hurried, Learner(), SLOT, RULES)
    days = [f"{each.mail.key} {each.due.day:%a %d/%m}" for each in mails if each.mail.kind == "lesson"]
    assert days == ["l2 Thu 08/04", "l3 Fri 09/04", "l4 Mon 12/04", "l5 Tue 20/04"]


def test_missed_lessons_are_the_slots_since_the_last_one() -> None:
    position = Position("lesson", "l2", None, TUESDAY)

    def count(day: date, rules: calendar.Rules = RULES) -> int:
        return progress.missed(
            FIVE, position, SLOT, rules, now=datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        )

    assert [count(TUESDAY + timedelta(days)) for days in (0, 6, 7, 13, 14, 400)] == [0, 0, 1, 1, 2, 4]
    assert count(TUESDAY + timedelta(14), replace(RULES, pace=2)) == 1
    patient = course(lesson(1), lesson(2, delay=30))
    later = datetime(2027, 4, 30, tzinfo=UTC)
    assert progress.missed(patient, position, SLOT, RULES, now=later) == 0, "the author wanted it late"
    assert progress.missed(FIVE, replace(position, kind="farewell"), SLOT, RULES, now=datetime.now(UTC)) == 0


def test_sooner_is_the_next_open_day_never_the_day_of_another_lesson_nor_later_than_planned() -> None:
    friday = datetime(2027, 4, 9, 12, tzinfo=UTC)
    position = Position("lesson", "l2", due(date(2027, 4, 13)), TUESDAY)
    assert progress.hastened(position, SLOT, RULES, now=friday) == replace(
        due(date(2027, 4, 12)), reason="à votre demande"
    )
    today = replace(position, last_day=date(2027, 4, 12))
    assert progress.hastened(today, SLOT, RULES, now=friday).day == date(2027, 4, 13)
    near = replace(position, due=due(date(2027, 4, 12)))
    assert progress.hastened(near, SLOT, RULES, now=datetime(2027, 4, 11, tzinfo=UTC)) == near.due
