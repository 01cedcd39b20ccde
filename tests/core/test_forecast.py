"""What would leave in the weeks to come: as the simulation of each learner tells, for many at once."""

from collections import Counter
from dataclasses import replace
from datetime import date, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core import calendar, forecast, progress, simulation
from engine.core.course import grammar
from engine.core.forecast import Mail, Stand
from tests.core.courses import course, lesson

PLAIN = course(lesson(1), lesson(2, meets="point"), lesson(3), lesson(4, delay=10))
START = date(2027, 4, 26)  # a week with a holiday, another soon after
UNTIL = START + timedelta(weeks=forecast.WEEKS)
STANDS = st.builds(
    Stand,
    day=st.dates(START, START + timedelta(weeks=4)),
    kind=st.just("lesson"),
    key=st.sampled_from([lesson.key for lesson in PLAIN.lessons]),
    weekday=st.integers(0, 4),
    pace=st.sampled_from((1, 2, 4)),
    region=st.sampled_from(("", "FR-974", "FR-57")),
    catching_up=st.integers(0, 3),
)


def lived(stand: Stand) -> Counter[Mail]:
    """The mails of one learner, as the simulation tells them."""
    slot = calendar.Slot(stand.weekday, time(8, 30), "Europe/Paris")
    rules = replace(PLAIN.rules.with_region(stand.region), pace=stand.pace)
    due = calendar.Due(calendar.to_utc(stand.day, slot.time, slot.zone), stand.day)
    position = progress.Position(stand.kind, stand.key, due, catching_up=stand.catching_up)
    mails = simulation.run(PLAIN, position, simulation.Learner(), slot, rules)
    return Counter(
        Mail(each.due.day, each.mail.kind, each.mail.key) for each in mails if each.due.day < UNTIL
    )


def leaves(stand: Stand) -> bool:
    """Whether its day is open."""
    return not calendar.closed(stand.day, PLAIN.rules.with_region(stand.region))


@given(st.dictionaries(STANDS.filter(leaves), st.integers(1, 1000), max_size=12))
def test_it_foretells_what_each_learner_lives(people: dict[Stand, int]) -> None:
    expected = Counter[Mail]()
    for stand, count in people.items():
        for mail, once in lived(stand).items():
            expected[mail] += once * count
    assert forecast.run(PLAIN, people, until=UNTIL) == expected


def test_a_cohort_begins_with_its_welcome_and_gets_lesson_one_that_day() -> None:
    monday = date(2027, 3, 22)
    stand = Stand(monday, "welcome", "", weekday=0, pace=1, region="")
    found = forecast.run(PLAIN, {stand: 7}, until=monday + timedelta(weeks=1))
    assert found == {Mail(monday, "welcome", ""): 7, Mail(monday, "lesson", "l1"): 7}


def test_gates_and_conditions_are_taken_as_met() -> None:
    gate = grammar.Requires(activity="point")
    strict = course(lesson(1), lesson(2, requires=gate), lesson(3, when="learner.size >= 50"))
    stand = Stand(START, "lesson", "l1", weekday=0, pace=1, region="")
    found = forecast.run(strict, {stand: 1}, until=UNTIL)
    assert [mail.key for mail in found if mail.kind == "lesson"] == ["l1", "l2", "l3"]


def test_a_lesson_that_is_gone_is_not_foretold() -> None:
    stand = Stand(START, "lesson", "nowhere", weekday=0, pace=1, region="")
    assert forecast.run(PLAIN, {stand: 3}, until=UNTIL) == {}


def test_what_is_due_on_a_closed_day_leaves_on_the_next_open_one() -> None:
    saturday = date(2027, 5, 15)  # and Monday 17 is Whit Monday
    stand = Stand(saturday, "lesson", "l4", weekday=1, pace=1, region="")
    found = forecast.run(PLAIN, {stand: 2}, until=UNTIL)
    assert found[Mail(date(2027, 5, 18), "lesson", "l4")] == 2
