"""Lanes: all people of one mailbox provider; what it gets at once, and less when it was too much."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.core import delivery

OTHERS = "others"
GROUPS: dict[str, frozenset[str]] = {
    "orange": frozenset({"orange.fr", "wanadoo.fr"}),
    "sfr": frozenset({"sfr.fr", "neuf.fr", "cegetel.net", "club-internet.fr", "numericable.fr"}),
    "free": frozenset({"free.fr", "libertysurf.fr"}),
    "laposte": frozenset({"laposte.net"}),
    "microsoft": frozenset(
        {"outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com", "live.fr", "msn.com"}
    ),
    "google": frozenset({"gmail.com", "googlemail.com"}),
    "yahoo": frozenset({"yahoo.fr", "yahoo.com", "ymail.com", "aol.com"}),
}
DOMAINS = {domain: lane for lane, domains in GROUPS.items() for domain in domains}
"""The lane of each domain that we know."""
NAMES = (*GROUPS, OTHERS)

FOR_A_WHILE = timedelta(minutes=10)
_ONE_SIGN = timedelta(seconds=30)
"""What a provider says to several mails on their way at once is said once."""
_SETTING = re.compile(r"\s*([a-z]+)\s*=\s*([1-9][0-9]{0,2})(?:@([1-9][0-9]{0,5}))?\s*")
_TOO_MUCH = re.compile(r"\s*4\.7\.")


def of(address: str) -> str:
    """The lane of an address, by its domain."""
    return DOMAINS.get(address.rpartition("@")[2].lower(), OTHERS)


class Limit(NamedTuple):
    """What one lane may use, over all machines."""

    connections: int
    per_minute: int = 0
    """Mails; 0: as many as go."""


def read(text: str) -> dict[str, Limit]:
    """`orange=5@60, microsoft=10`: connections, and after @ mails a minute. Raises ValueError."""
    found: dict[str, Limit] = {}
    for part in filter(str.strip, text.split(",")):
        match = _SETTING.fullmatch(part)
        if match is None or match[1] not in NAMES:
            raise ValueError(
                f"{part.strip()!r}: write LANE=CONNECTIONS or LANE=CONNECTIONS@MAILS_A_MINUTE; "
                f"lanes are {', '.join(NAMES)}"
            )
        found[match[1]] = Limit(int(match[2]), int(match[3] or 0))
    return found


def too_much(outcome: delivery.Outcome) -> bool:
    """Whether the other side wants less of us: 421, or an enhanced code 4.7.x (RFC 3463: policy)."""
    if not isinstance(outcome, delivery.Refused) or outcome.permanent:
        return False
    return outcome.code == 421 or _TOO_MUCH.match(outcome.text) is not None


@dataclass(frozen=True, slots=True)
class Throttle:
    """How often a lane was halved lately."""

    halvings: int = 0
    since: datetime | None = None


def slower(throttle: Throttle, *, now: datetime) -> Throttle:
    """The provider said that it is too much."""
    if throttle.since is not None and now < throttle.since + _ONE_SIGN:
        return throttle
    return Throttle(_halvings(throttle, now) + 1, now)


def share(throttle: Throttle, connections: int, *, now: datetime) -> int:
    """What is left of so many connections: half for each halving, one at least; all after a quiet while."""
    return max(1, connections >> _halvings(throttle, now))


def _halvings(throttle: Throttle, now: datetime) -> int:
    quiet = throttle.since is None or now >= throttle.since + FOR_A_WHILE
    return 0 if quiet else throttle.halvings
