"""The only long-running loop: repeat one step until told to stop."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import DBAPIError

from engine import observe

_AFTER_TROUBLE = 5.0

Step = Callable[[], Awaitable[bool]]
"""One piece of work; whether there may be more."""

log = observe.logger("workers")


class Bell:
    """Wakes a resting loop; also when it rang a moment before the loop lay down."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Rest until the bell rings, for `seconds` at most."""
        try:
            await asyncio.wait_for(self._rung.wait(), seconds)
        except TimeoutError:
            return
        self._rung.clear()


async def run(step: Step, *, bell: Bell, stop: asyncio.Event, rest: float, name: str) -> None:
    """Call `step` while it finds work; rest `rest` seconds when it returns False, or until the bell rings.

    A step that fails is logged and tried again a little later: no error ends a worker. On stop the step in
    hand is finished.
    """
    while not stop.is_set():
        try:
            if await step():
                continue
            await bell.wait(rest)
        except DBAPIError as error:
            log.error("database trouble", worker=name, error=str(error.orig))
            await bell.wait(_AFTER_TROUBLE)
        except Exception:
            log.exception("step failed", worker=name)
            await bell.wait(_AFTER_TROUBLE)
