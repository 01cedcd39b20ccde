"""Bars that tell the truth: as long as what they stand for, and inside their box."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.web.studio import drawing

STACKS = st.lists(st.lists(st.integers(0, 10_000_000), min_size=3, max_size=3), min_size=1, max_size=90)


@given(STACKS)
def test_columns_are_as_high_as_their_values(stacks: list[list[int]]) -> None:
    drawn = drawing.columns(stacks)
    assert len(drawn.bars) == len(stacks)
    for stack, bars in zip(stacks, drawn.bars, strict=True):
        for bar in bars:
            assert bar.height == pytest.approx(100 * stack[bar.series] / drawn.top, abs=0.02)
            assert bar.x >= 0
            assert bar.x + bar.width <= drawing.WIDTH
            assert -0.02 <= bar.y <= bar.y + bar.height <= drawing.HEIGHT + 0.02
        assert [bar.series for bar in bars] == [place for place, value in enumerate(stack) if value]


@given(st.lists(st.integers(0, 1000), max_size=6))
def test_the_parts_of_a_row_follow_each_other(values: list[int]) -> None:
    bars = drawing.row(values, sum(values))
    assert sum(bar.width for bar in bars) == pytest.approx(drawing.WIDTH if any(values) else 0, abs=0.1)
    for before, after in pairwise(bars):
        assert after.x == pytest.approx(before.x + before.width, abs=0.02)


@given(st.integers(0, 10**9))
def test_the_upper_edge_is_round_and_not_far(value: int) -> None:
    top = drawing.round_up(value)
    assert value <= top <= max(1, 2.5 * value)
    assert str(top).rstrip("0") in ("1", "2", "5")


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_day_with_mails_is_tinted(value: int, more: int) -> None:
    assert drawing.shade(0, value) == 0
    if value:
        assert 1 <= drawing.shade(value, value + more) <= 4
        assert drawing.shade(value, value) == 4 or value < 3
