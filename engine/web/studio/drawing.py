"""Bars for the numbers: where each one stands in a box that the page stretches, and what it says.

The page draws them as SVG and names them; colours are those of `series-0`, `series-1`… in its style sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 100.0
_GAP = 0.2
"""Between two columns, as a share of their distance."""


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True)
class Columns:
    """Stacked columns, the first series at the bottom."""

    bars: tuple[tuple[Bar, ...], ...]
    """Column by column."""
    top: int
    """The value of the upper edge, a round number."""


def columns(stacks: Sequence[Sequence[int]]) -> Columns:
    """One stack a column, one value a series."""
    top = round_up(max(map(sum, stacks), default=0))
    step = WIDTH / max(len(stacks), 1)
    return Columns(tuple(_column(stack, step * place, step, top) for place, stack in enumerate(stacks)), top)


def _column(stack: Sequence[int], left: float, step: float, top: int) -> tuple[Bar, ...]:
    bars, below = [], 0
    for series, value in enumerate(stack):
        below += value
        if value:
            high, low = (HEIGHT * share / top for share in (below, below - value))
            x, width = left + step * _GAP / 2, step * (1 - _GAP)
            bars.append(
                Bar(round(x, 2), round(HEIGHT - high, 2), round(width, 2), round(high - low, 2), series)
            )
    return tuple(bars)


def row(values: Sequence[float], most: float) -> tuple[Bar, ...]:
    """One bar from left to right, in parts, one a series; `most` would reach the right edge."""
    bars, before = [], 0.0
    for series, value in enumerate(values):
        if value and most:
            x, width = WIDTH * before / most, WIDTH * value / most
            bars.append(Bar(round(x, 2), 0, round(width, 2), HEIGHT, series))
        before += value
    return tuple(bars)


def round_up(value: int) -> int:
    """The next number that begins with 1, 2 or 5 and ends in noughts; 1 at least."""
    power = 1
    while power * 10 <= value:
        power *= 10
    return next(power * first for first in (1, 2, 5, 10) if power * first >= value)


def shade(value: int, most: int) -> int:
    """How strongly a day is tinted: 0 to 4."""
    return 0 if not value or not most else min(4, 1 + value * 4 // (most + 1))
