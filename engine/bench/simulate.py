"""A Tuesday at 08:30 on paper: how long mails wait for the planner, the workers and the providers' limits.

A pure model that goes from second to second. Mails that a provider puts off (greylisting, 4xx) are not in it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from engine.core import calendar

SPREAD_MINUTES = 10
"""Over as many whole minutes `calendar.spread` deals out a slot."""
PLANNED_PER_S, SENT_PER_S = 20_000, 1_500
"""What one machine of two cores does, measured: `deploy/SCALING.md`."""
LATE_S = int(calendar.LATE_AFTER / timedelta(seconds=1))
GOAL_S = LATE_S // 2
"""Until when the last mail should have left: the rest of the time is for those that providers put off."""
_PER_CONNECTION = 2
"""Mails a second on one connection. An assumption: half a second for the provider's checks and the way."""


@dataclass(frozen=True)
class Provider:
    """Domains behind the same servers, and what these take from one IP address."""

    name: str
    share: int
    """Of the learners, in per cent. An assumption, and all of them together are 100."""
    connections: int
    """At once."""

    @property
    def per_ip(self) -> int:
        """Mails a second."""
        return self.connections * _PER_CONNECTION


PROVIDERS = (  # where each figure comes from: `deploy/SCALING.md`
    Provider("Microsoft (outlook, hotmail, live, 365)", 25, 5),
    Provider("Google (gmail, Workspace)", 24, 5),
    Provider("Orange, Wanadoo", 20, 2),
    Provider("Free", 8, 2),
    Provider("SFR, Neuf", 5, 2),
    Provider("La Poste", 3, 2),
    Provider("others, many servers", 15, 50),
)


@dataclass(frozen=True)
class Lane:
    """What one provider's mails went through. Minutes are counted from the slot."""

    name: str
    mails: int
    mails_per_s: int
    """What the provider takes."""
    peak_queue: int
    """Mails that are due and have not left."""
    peak_minute: float
    last_mail_minute: float
    """As if those that are late went on too."""
    late: int
    """Mails for which two hours were not enough: they wait for the next open day."""


@dataclass(frozen=True)
class Result:
    learners: int
    at_the_slot: int
    machines: int
    ips: int
    planned_minute: float
    """When the planner was through."""
    lanes: list[Lane]
    total: Lane


@dataclass
class Queue:
    """The mails of one provider, at one moment."""

    name: str
    mails: int
    rate: int
    due: int = 0
    planned: int = 0
    sent: int = 0
    late: int = 0
    peak: int = 0
    peak_at: int = 0
    last_at: int = 0

    @property
    def waiting(self) -> int:
        return self.due - self.sent

    def until(self, minute: int) -> int:
        """Those due in `minute` and before."""
        return self.mails * (minute + 1) // SPREAD_MINUTES

    def judge(self, minute: int) -> None:
        """From now on, those of `minute` are late. Whoever was late before has left the place to others."""
        self.late = max(self.late, self.until(minute) - self.sent)

    def look(self, second: int) -> None:
        if self.waiting > self.peak:
            self.peak, self.peak_at = self.waiting, second


class Peak:
    """The state of all queues, moved on by one second at a time."""

    def __init__(self, learners: int, *, machines: int, ips: int, providers: Sequence[Provider]) -> None:
        mails = divided(learners, [each.share for each in providers])
        self.queues = [
            Queue(each.name, mine, each.per_ip * ips) for each, mine in zip(providers, mails, strict=True)
        ]
        self.all = Queue("all", learners, sum(each.rate for each in self.queues))
        self.machines = machines
        self.plans, self.sends = machines * PLANNED_PER_S, machines * SENT_PER_S
        self.second = self.planned_at = 0

    @property
    def over(self) -> bool:
        return self.all.sent == self.all.mails

    def step(self) -> None:
        """What happens in the second that begins."""
        minute, rest = divmod(self.second, 60)
        if not rest:
            self._minute(minute)
        for each in (*self.queues, self.all):
            each.look(self.second)
        self.second += 1
        self._plan()
        self._send()

    def _minute(self, minute: int) -> None:
        for each in self.queues:
            if minute < SPREAD_MINUTES:
                each.due = each.until(minute)
            if 0 <= minute - LATE_S // 60 < SPREAD_MINUTES:
                each.judge(minute - LATE_S // 60)
        self.all.due = sum(each.due for each in self.queues)

    def _plan(self) -> None:
        due = [each.due - each.planned for each in self.queues]
        for each, some in zip(self.queues, limited(due, self.plans), strict=True):
            each.planned += some
        if any(due):
            self.planned_at = self.second

    def _send(self) -> None:
        ready = [min(each.planned - each.sent, each.rate) for each in self.queues]
        going = evenly(ready, self.sends)
        for each, some in zip((*self.queues, self.all), (*going, sum(going)), strict=True):
            each.sent += some
            if some:
                each.last_at = self.second


def run(
    *,
    learners: int,
    share: int = 100,
    machines: int | None = None,
    ips: int | None = None,
    providers: Sequence[Provider] = PROVIDERS,
) -> Result:
    """`share` per cent of the learners have this slot.

    Of machines and IP addresses, where no number is given, as many as it takes to reach `GOAL_S`.
    """
    here = learners * share // 100
    ips = ips or _enough(here, providers)
    peak = _lived(here, machines or 1, ips, providers)
    while machines is None and peak.all.last_at > GOAL_S and peak.sends < peak.all.rate:
        peak = _lived(here, peak.machines + 1, ips, providers)
    return _result(learners, ips, peak)


def _lived(learners: int, machines: int, ips: int, providers: Sequence[Provider]) -> Peak:
    peak = Peak(learners, machines=machines, ips=ips, providers=providers)
    while not peak.over:
        peak.step()
    return peak


def _enough(learners: int, providers: Sequence[Provider]) -> int:
    mails = divided(learners, [each.share for each in providers])
    needed = (math.ceil(mine / (each.per_ip * GOAL_S)) for each, mine in zip(providers, mails, strict=True))
    return max(1, *needed)


def _result(learners: int, ips: int, peak: Peak) -> Result:
    lanes = [_lane(each) for each in peak.queues]
    return Result(
        learners=learners,
        at_the_slot=peak.all.mails,
        machines=peak.machines,
        ips=ips,
        planned_minute=_minutes(peak.planned_at),
        lanes=lanes,
        total=replace(_lane(peak.all), late=sum(each.late for each in lanes)),
    )


def _lane(queue: Queue) -> Lane:
    return Lane(
        name=queue.name,
        mails=queue.mails,
        mails_per_s=queue.rate,
        peak_queue=queue.peak,
        peak_minute=_minutes(queue.peak_at),
        last_mail_minute=_minutes(queue.last_at),
        late=queue.late,
    )


def _minutes(seconds: int) -> float:
    return round(seconds / 60, 1)


def limited(wanted: Sequence[int], most: int) -> Sequence[int]:
    """What each gets of `most`: in proportion to what it wants, and no more than that."""
    return wanted if sum(wanted) <= most else divided(most, wanted)


def evenly(wanted: Sequence[int], most: int) -> Sequence[int]:
    """What each gets of `most`: the same for all, but nobody more than it wants."""
    given, left = [0] * len(wanted), most
    modest = sorted(range(len(wanted)), key=wanted.__getitem__)
    for before, nth in enumerate(modest):
        given[nth] = min(wanted[nth], left // (len(wanted) - before))
        left -= given[nth]
    return given


def divided(total: int, weights: Sequence[int]) -> list[int]:
    """Whole parts in proportion to the weights, which together are exactly `total`."""
    parts, done, past = list[int](), 0, 0
    for weight in weights:
        past += weight
        parts.append(total * past // sum(weights) - done)
        done += parts[-1]
    return parts
