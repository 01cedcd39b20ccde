"""A fixed window: never more than the policy in it, and always a way on after it."""

from hypothesis import given
from hypothesis import strategies as st

from engine.core import rates

POLICY = rates.Policy(requests=3, seconds=60)


@given(st.lists(st.floats(0, 40), min_size=1, max_size=60))
def test_no_window_lets_more_through_than_the_policy(pauses: list[float]) -> None:
    window, at, passed = None, 1000.0, list[float]()
    for pause in pauses:
        at += pause
        window, verdict = rates.count(window, POLICY, at)
        assert 0 <= verdict.remaining < POLICY.requests or not verdict.allowed
        assert 1 <= verdict.resets <= POLICY.seconds
        if verdict.allowed:
            passed.append(at)
        within = [moment for moment in passed if moment >= window.began]
        assert len(within) == window.used <= POLICY.requests


def test_what_is_refused_passes_once_the_window_is_over() -> None:
    window = None
    told = []
    for at in (0.0, 1.0, 2.0, 2.5, 59.9, 60.0):
        window, verdict = rates.count(window, POLICY, at)
        told.append((verdict.allowed, verdict.remaining, verdict.resets))
    assert told == [(True, 2, 60), (True, 1, 59), (True, 0, 58), (False, 0, 58), (False, 0, 1), (True, 2, 60)]
