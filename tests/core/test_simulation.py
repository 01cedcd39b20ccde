"""What one learner would receive: the planner's rules lived on paper, for any course and slot."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import calendar, progress, simulation
from engine.core.course import model
from engine.core.course.grammar import Requires
from engine.core.progress import Facts, Mail
from engine.core.simulation import Expected, Learner
from tests.core.course import files
from tests.core.courses import course, lesson
from tests.core.test_calendar_rules import INSTANTS, slots_and_rules

MINI = files.course()
SLOT = calendar.Slot(1, time(8, 30), "Europe/Paris")
RULES = calendar.Rules()
START = progress.begin(datetime(2027, 3, 22, 9, tzinfo=UTC), SLOT.zone)  # a Monday; Easter is the 28th
BIG = {"size": 50}


def lived(
    learner: Learner,
    *,
    of: model.Course = MINI,
    slot: calendar.Slot = SLOT,
    pause: tuple[date, date] | None = None,
    done: dict[str, date] | None = None,
) -> list[tuple[str, str, str]]:
    """Every mail with its day."""
    mails = simulation.run(of, START, learner, slot, RULES, pause=pause, done=done)
    return [(each.mail.kind + each.mail.occasion, each.mail.key, f"{each.due.day:%d/%m}") for each in mails]


def test_who_does_all_at_once() -> None:
    assert lived(Learner(BIG)) == [
        ("welcome", "", "22/03"),
        ("lesson", "regarder", "23/03"),
        ("lesson", "equipe", "30/03"),
        ("lesson", "tenir", "06/04"),
        ("farewell", "", "13/04"),
    ]


def test_for_whom_a_lesson_does_not_hold() -> None:
    assert lived(Learner({"size": 1}))[1:] == [
        ("lesson", "regarder", "23/03"),
        ("lesson", "tenir", "30/03"),
        ("farewell", "", "06/04"),
    ]


def test_who_stays_silent() -> None:
    assert lived(Learner(BIG, silent=True))[3:] == [
        ("reminder1", "tenir", "06/04"),
        ("reminder2", "tenir", "13/04"),
        ("lesson", "tenir", "27/04"),
        ("farewell", "", "04/05"),
    ]


def test_who_does_it_late_gets_the_lesson_at_the_next_slot() -> None:
    assert lived(Learner(BIG, days={"point": 16}))[3:] == [
        ("reminder1", "tenir", "06/04"),
        ("lesson", "tenir", "13/04"),
        ("farewell", "", "20/04"),
    ]


def test_what_is_done_on_the_day_of_a_slot_comes_too_late_for_it() -> None:
    assert lived(Learner(BIG, days={"point": 14}))[3:5] == [
        ("reminder1", "tenir", "06/04"),
        ("lesson", "tenir", "13/04"),
    ]
    evening = replace(SLOT, time=time(23, 30))
    assert lived(Learner(BIG, days={"point": 14}), slot=evening)[3:5] == [
        ("reminder1", "tenir", "06/04"),
        ("lesson", "tenir", "13/04"),
    ]


def test_a_gate_that_waits_lets_go_weeks_later() -> None:
    waits = replace(MINI.lessons[2], requires=Requires(activity="point", reminders=1, limit=7, then="wait"))
    patient = replace(MINI, lessons=(*MINI.lessons[:2], waits))
    assert lived(Learner(BIG, days={"point": 60}), of=patient)[3:] == [
        ("reminder1", "tenir", "06/04"),
        ("lesson", "tenir", "25/05"),
        ("farewell", "", "01/06"),
    ]
    assert lived(Learner(BIG, days={"point": None}), of=patient)[3:] == [("reminder1", "tenir", "06/04")]


def test_a_gate_that_ends_sends_no_farewell() -> None:
    ends = replace(MINI.lessons[2], requires=Requires(activity="point", reminders=1, limit=7, then="end"))
    of = replace(MINI, lessons=(*MINI.lessons[:2], ends))
    assert lived(Learner(BIG, silent=True), of=of)[3:] == [("reminder1", "tenir", "06/04")]


def test_what_was_done_before_opens_the_gate() -> None:
    mails = lived(Learner(BIG, silent=True), done={"point": date(2027, 3, 1)})
    assert [kind for kind, *_ in mails] == ["welcome", "lesson", "lesson", "lesson", "farewell"]


def test_answers_decide_conditions() -> None:
    of = course(lesson(1, meets="point"), lesson(2, when="answers.point.done == 'later'"), lesson(3))
    assert [key for _, key, *_ in lived(Learner(answers={"point": {"done": "later"}}), of=of)] == [
        *("", "l1", "l2", "l3", "")
    ]
    assert [key for _, key, *_ in lived(Learner(), of=of)] == ["", "l1", "l3", ""]


def test_a_pause_moves_what_falls_into_it_and_says_so() -> None:
    pause = (date(2027, 3, 30), date(2027, 4, 6))
    mails = list(simulation.run(MINI, START, Learner(BIG), SLOT, RULES, pause=pause))
    assert [f"{each.due.day:%d/%m}" for each in mails] == ["22/03", "23/03", "13/04", "20/04", "27/04"]
    assert mails[2].due.reason == "pause jusqu'au 06/04/2027"
    assert not any(each.due.reason for each in mails if each is not mails[2])


def test_a_holiday_is_the_reason() -> None:
    monday = calendar.Slot(0, time(8, 30), "Europe/Paris")
    mails = list(simulation.run(MINI, START, Learner(BIG), monday, RULES))
    assert mails[1].due.day == date(2027, 3, 30), "Easter Monday is the 29th"
    assert "Pâques" in mails[1].due.reason


def by_hand(of: model.Course, slot: calendar.Slot, rules: calendar.Rules, facts: Facts) -> Iterator[Expected]:
    position = START
    while position.due:
        step = progress.step(of, position, facts, slot, rules)
        if step.mail:
            yield Expected(step.mail, position.due)
            if step.reminder:
                yield Expected(Mail("missed", step.mail.key, step.reminder.activity), step.reminder.due)
        position = step.position


GATES = st.builds(
    Requires,
    activity=st.sampled_from(["a1", "a2", "a3"]),
    reminders=st.integers(0, 4),
    limit=st.integers(1, 40),
    then=st.sampled_from(["continue", "wait", "end"]),
)
CONDITIONS = st.sampled_from(
    ["learner.size >= 50", "answers.a1.done", "answers.a2.done == 3", "score.x.y > 1"]
)
PERHAPS = st.none() | st.none()


@st.composite
def courses(draw: st.DrawFn) -> model.Course:
    return course(
        *(
            lesson(
                number,
                when=draw(PERHAPS | CONDITIONS),
                delay=draw(PERHAPS | st.integers(1, 30)),
                requires=draw(PERHAPS | GATES) if number > 1 else None,
                meets=draw(st.none() | st.sampled_from(["a1", "a2", "a3"])),
            )
            for number in range(1, draw(st.integers(1, 7)) + 1)
        )
    )


LEARNERS = st.builds(
    Learner,
    about=st.sampled_from([{}, {"size": 1}, BIG]),
    answers=st.just({}) | st.just({"a2": {"done": 3}}),
    days=st.dictionaries(st.sampled_from(["a1", "a2", "a3"]), st.none() | st.integers(0, 60)),
    silent=st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(courses(), slots_and_rules(), st.sampled_from([{}, {"size": 50}]))
def test_a_silent_learner_is_the_rules_taken_step_by_step(
    of: model.Course, drawn: tuple[calendar.Slot, calendar.Rules], about: dict[str, int]
) -> None:
    slot, rules = drawn
    simulated = list(simulation.run(of, START, Learner(about, silent=True), slot, rules))
    assert simulated == list(by_hand(of, slot, rules, Facts(about)))


@settings(max_examples=120, deadline=None)
@given(
    courses(),
    slots_and_rules(),
    LEARNERS,
    INSTANTS,
    st.none() | st.tuples(st.integers(0, 90), st.integers(0, 60)),
)
def test_nothing_twice_nothing_out_of_order_nothing_too_soon(
    of: model.Course,
    drawn: tuple[calendar.Slot, calendar.Rules],
    learner: Learner,
    begun: datetime,
    away: tuple[int, int] | None,
) -> None:
    slot, rules = drawn
    start = progress.begin(begun, slot.zone)
    assert start.due
    first = start.due.day + timedelta(away[0]) if away else None
    pause = (first, first + timedelta(away[1])) if away and first else None
    mails = list(simulation.run(of, start, learner, slot, rules, pause=pause))
    assert len({each.mail for each in mails}) == len(mails)
    check_order(of, [each.mail for each in mails])
    check_days(of, rules, mails, pause)


def check_order(of: model.Course, mails: list[Mail]) -> None:
    keys = [mail.key for mail in mails if mail.kind == "lesson"]
    assert keys == [each.key for each in of.lessons if each.key in keys]
    assert mails[0].kind == "welcome"
    assert all(mail.kind not in ("farewell", "silent") for mail in mails[:-1])
    for mail in mails:
        if mail.kind == "reminder":
            requires = next(each.requires for each in of.lessons if each.key == mail.key)
            assert requires
            assert 1 <= int(mail.occasion) <= requires.reminders
    if not any(each.requires and each.requires.then != "continue" for each in of.lessons):
        assert mails[-1].kind in ("farewell", "silent")


def check_days(
    of: model.Course, rules: calendar.Rules, mails: list[Expected], pause: tuple[date, date] | None
) -> None:
    for before, after in pairwise(mails[1:]):
        assert after.due.at > before.due.at
        assert after.due.day > before.due.day, "never two lessons on one day"
    lessons = [each for each in mails if each.mail.kind == "lesson"]
    places = {each.key: each.number for each in of.lessons}
    for before, after in pairwise(lessons):
        # A lesson that does not hold gives its time, and so its delay, to the next one that does.
        passed = of.lessons[places[before.mail.key] : places[after.mail.key]]
        delays = [each.delay for each in passed if each.delay]
        assert (after.due.day - before.due.day).days >= min([rules.min_gap_days, *delays])
    for each in mails:
        assert not (pause and pause[0] <= each.due.day <= pause[1] and each is not mails[0])
