"""No average, and no two of them, tell what fewer than five people answered."""

from hypothesis import given
from hypothesis import strategies as st

from engine.core import aggregates

# What happens: somebody hands in (None), or the n-th of those who did is erased.
HAPPENS = st.lists(st.none() | st.integers(0, 30), max_size=60)


def people(mean: aggregates.Mean | None) -> frozenset[int]:
    """Whose answers an average holds, when the n-th person's answer is 2 ** n."""
    if mean is None:
        return frozenset()
    total = round(mean.value * mean.people)
    return frozenset(n for n in range(total.bit_length()) if total >> n & 1)


@given(HAPPENS)
def test_two_averages_never_differ_by_fewer_than_five_people(happens: list[int | None]) -> None:
    answers: list[float | None] = []
    seen = {frozenset[int]()}
    for erased in happens:
        if erased is None and len(answers) < 40:
            answers.append(float(2 ** len(answers)))
        elif erased is not None and erased < len(answers):
            answers[erased] = None
        mean = aggregates.mean(answers)
        seen.add(people(mean))
        assert mean is None or mean.people == len(people(mean))
    for one in seen:
        for other in seen:
            assert len(one - other) == 0 or len(one - other) >= aggregates.GROUP


def test_four_answers_show_nothing_and_the_sixth_changes_nothing() -> None:
    assert aggregates.mean([1, 2, 3, 4]) is None
    five = aggregates.mean([1, 2, 3, 4, 5])
    assert five == aggregates.Mean(3.0, 5)
    assert aggregates.mean([1, 2, 3, 4, 5, 100]) == five
    assert aggregates.mean([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) == aggregates.Mean(5.5, 10)


def test_who_is_erased_takes_his_group_along() -> None:
    assert aggregates.mean([1, 2, None, 4, 5]) is None
    assert aggregates.mean([1, 2, None, 4, 5, 6, 7, 8, 9, 10]) == aggregates.Mean(8.0, 5)


ANSWERS = st.lists(st.integers(0, 8), max_size=60)


@given(ANSWERS)
def test_a_five_is_five_people_and_nobody_is_in_two_groups_by_one_answer(people: list[int]) -> None:
    groups = aggregates.fives(enumerate(people))
    for group in groups:
        assert len({people[answer] for answer in group}) == len(group) == aggregates.GROUP
    grouped = [answer for group in groups for answer in group]
    assert len(grouped) == len(set(grouped))


@given(ANSWERS)
def test_what_waits_makes_no_five(people: list[int]) -> None:
    grouped = {answer for group in aggregates.fives(enumerate(people)) for answer in group}
    waiting = [person for answer, person in enumerate(people) if answer not in grouped]
    assert len(set(waiting)) < aggregates.GROUP


def test_answers_are_grouped_as_they_came() -> None:
    assert aggregates.fives(enumerate(range(12))) == [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]
    twice = [(0, 7), (1, 7), (2, 1), (3, 2), (4, 3), (5, 4)]
    assert aggregates.fives(twice) == [(0, 2, 3, 4, 5)]
