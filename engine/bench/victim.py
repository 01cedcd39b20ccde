"""A worker that is killed at a marked point: `parcours worker`, with a mark at one of its functions.

    python -m engine.bench.victim POINT PASSAGES SECONDS

It dies by SIGKILL when it comes to POINT for the PASSAGES-th time (never, when POINT is ""); its clock is
SECONDS ahead. Nothing in production knows of the marks.
"""

import os
import runpy
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from engine import clock
from engine.flows import letters, planning
from engine.mail.smtp import wire
from engine.workers import sender

_Mark = tuple[Any, str, Callable[..., object]]
"""Whose function is marked, and which of its calls count, by their first argument."""

_PER_COMMIT: Mapping[str, _Mark] = {
    "lease": (sender.Sender, "_commit", lambda *_, **__: True),  # leased and committed, nothing begun
    "recorded": (letters, "gather", lambda *_, **__: True),  # what came back is written, not committed
    "answered": (sender._Flight, "take", lambda flight: flight.back),  # 250, not written
}
_PER_MAIL: Mapping[str, _Mark] = {
    "sending": (sender._Flight, "begin", lambda *_: True),  # marked and committed, no byte has left
    "rcpt": (wire.Wire, "send", lambda *_, **__: True),  # MAIL, RCPT and DATA are answered
    "dot": (wire.Wire, "_answered", lambda wire, _: wire.dot_left),  # no 250 yet
}
_PLAN = "plan"
_PER_TICK: Mapping[str, _Mark] = {
    _PLAN: (planning, "plan_due", lambda *_, **__: True),  # a chunk is written, not committed
    "planned": (planning, "due", lambda *_, **__: True),  # the second time: what was due is committed
}
SENDING = (*_PER_MAIL, *_PER_COMMIT)
PLANNING = tuple(_PER_TICK)


def passages(point: str, *, mails: int, connections: int) -> int:
    """How often a worker comes to `point` at least while it plans and sends `mails`."""
    if point in _PER_TICK:
        return 1 if point == _PLAN else 2
    return max(1, mails // (1 if point in _PER_MAIL else connections))


def mark(point: str, passages: int) -> None:
    """From now on, coming to `point` that often ends the process."""
    owner, name, counts = {**_PER_COMMIT, **_PER_MAIL, **_PER_TICK}[point]
    marked, left = getattr(owner, name), passages

    def passing(*given: Any, **named: Any) -> Any:
        nonlocal left
        left -= bool(counts(*given, **named))
        if left > 0:
            return marked(*given, **named)
        if point == _PLAN:
            return _die_after(marked(*given, **named))
        return _die()

    setattr(owner, name, passing)


async def _die_after(done: Awaitable[object]) -> None:
    await done
    _die()


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit  # which nobody sees


def move(ahead: timedelta) -> None:
    """From now on it is so much later."""
    setattr(clock.SystemClock, "now", lambda _: datetime.now(UTC) + ahead)  # noqa: B010  # mypy knows a method


if __name__ == "__main__":
    _, where, count, seconds = sys.argv
    move(timedelta(seconds=float(seconds)))
    if where:
        mark(where, int(count))
    sys.argv[1:] = ["worker"]
    runpy.run_module("engine", run_name="__main__")
