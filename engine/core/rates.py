"""How often somebody may ask: a fixed window, counted from the first request in it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    requests: int
    seconds: int


@dataclass(frozen=True)
class Window:
    began: float
    """On any clock that only goes forward, in seconds."""
    used: int


@dataclass(frozen=True)
class Verdict:
    allowed: bool
    remaining: int
    resets: int
    """Whole seconds until the window ends, at least 1."""


def count(window: Window | None, policy: Policy, at: float) -> tuple[Window, Verdict]:
    """One more request at `at`: the window as it is now, and whether the request may pass."""
    if window is None or at >= window.began + policy.seconds:
        window = Window(at, 0)
    allowed = window.used < policy.requests
    window = Window(window.began, window.used + allowed)
    left = math.ceil(window.began + policy.seconds - at)
    return window, Verdict(allowed, policy.requests - window.used, min(max(1, left), policy.seconds))
