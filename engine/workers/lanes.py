"""How much of each provider this process uses at the moment, and how much more it may."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from engine.core import delivery, lanes

_MINUTE = 60.0
_AHEAD = 2
"""Mails that may wait for each connection of a lane: no more, for somebody may come who is in a hurry."""


class Lanes:
    """Counts what is on the wire by lane. Without limits, and while nobody says that it is too much, idle."""

    def __init__(self, limits: Mapping[str, lanes.Limit], connections: int) -> None:
        self.limits = limits
        self.held: Counter[str] = Counter()
        """Slots of limited lanes that are ours for now."""
        self._connections = connections
        self._in_use: Counter[str] = Counter()
        self._throttles: defaultdict[str, lanes.Throttle] = defaultdict(lanes.Throttle)
        self._next: dict[str, datetime] = {}

    @property
    def restricted(self) -> bool:
        """Whether it matters at all of which lane a mail is."""
        return bool(self.limits or self._throttles)

    def most(self, lane: str, *, now: datetime) -> int:
        """Connections that a lane may use here."""
        most = self.held[lane] if lane in self.limits else self._connections
        return min(most, lanes.share(self._throttles[lane], most, now=now)) if most else 0

    def room(self, lane: str, *, now: datetime) -> bool:
        """Whether one mail more may begin."""
        return self._in_use[lane] < self.most(lane, now=now) and now >= self._next.get(lane, now)

    def shut(self, waiting: Iterable[str], *, now: datetime) -> list[str]:
        """Lanes of which enough wait here, given the lane of each mail that waits, or that may take none."""
        count = Counter(waiting)
        return [lane for lane in lanes.NAMES if count[lane] >= _AHEAD * self.most(lane, now=now)]

    def begin(self, lane: str, *, now: datetime) -> None:
        self._in_use[lane] += 1
        limit = self.limits.get(lane)
        if limit and limit.per_minute:
            ours = limit.per_minute * self.held[lane] / limit.connections
            self._next[lane] = now + timedelta(seconds=_MINUTE / ours)

    def end(self, lane: str) -> None:
        self._in_use[lane] -= 1

    def hear(self, lane: str, outcome: delivery.Outcome, *, now: datetime) -> bool:
        """What the other side said. Whether the lane is slower from now on."""
        if not lanes.too_much(outcome):
            return False
        before = self._throttles[lane]
        self._throttles[lane] = lanes.slower(before, now=now)
        return self._throttles[lane] != before
