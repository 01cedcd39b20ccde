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
