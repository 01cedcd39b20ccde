"""Is the clock of this machine right? Others are asked for the time."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.doctor import finding
from engine.doctor.finding import Finding

_BEARABLE, _HARMFUL = timedelta(seconds=30), timedelta(minutes=5)


def compare(now: datetime, others: Mapping[str, datetime]) -> Finding:
    """`others`: what other clocks said at this moment, by name."""
    if not others:
        return finding.not_checked(
            "No other clock answers: neither the public address nor a database server."
        )
    name, skew = max(((each, now - at) for each, at in others.items()), key=lambda pair: abs(pair[1]))
    seconds = round(abs(skew).total_seconds())
    told = f"{seconds} s {'ahead of' if skew > timedelta() else 'behind'} {name}"
    if abs(skew) <= _BEARABLE:
        return finding.ok(f"At most {told}.")
    cure = "`timedatectl set-ntp true` on both machines; lessons leave by this clock."
    bad = finding.error if abs(skew) > _HARMFUL else finding.warning
    return bad(f"This clock is {told}.", cure)
