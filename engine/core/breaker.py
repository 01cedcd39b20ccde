"""When a relay refuses everything: stop asking it for a while, then ask with one mail at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core import delivery

REFUSALS = 10
"""In a row, that speak of the server or of us and not of a person."""
PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Breaker:
    """What a relay did lately. Closed: mails flow."""

    refusals: int = 0
    until: datetime | None = None
    """Nothing is sent before."""
    said: str = ""
    """The last refusal."""

    @property
    def open(self) -> bool:
        return self.until is not None


def after(breaker: Breaker, outcome: delivery.Outcome, *, now: datetime) -> Breaker:
    """One mail more. Whoever refuses one person's mail is well."""
    if not isinstance(outcome, delivery.Refused) or outcome.scope == "recipient" or outcome.permanent:
        return Breaker()
    refusals, said = breaker.refusals + 1, f"{outcome.code} {outcome.text}".strip()
    if refusals < REFUSALS:
        return Breaker(refusals, None, said)
    return Breaker(refusals, now + PAUSE, said)


def room(breaker: Breaker, connections: int, *, now: datetime) -> int:
    """How many connections may be used: all, none during the pause, one afterwards until a mail is taken."""
    if breaker.until is None:
        return connections
    return 1 if now >= breaker.until else 0
