"""How mails and learners are counted: on which days, in which cohorts, and for which causes."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from engine.core import calendar

ZONE = "Europe/Paris"
"""Whose days the house counts by; a learner's own lessons keep to his own."""

_COHORTS = 60
"""Months back that are told apart."""


class Cause(StrEnum):
    """Why a mail failed, was cancelled or waits."""

    ADDRESS = "address"  # the server does not know it, or takes no mail for it
    MAILBOX = "mailbox"  # full
    POLICY = "policy"  # refused for what it says or for where it comes from
    SERVER = "server"  # refused for now, or for no reason that we know
    EXPIRED = "expired"  # not sent in time
    DOUBT = "doubt"  # the connection was lost after the final dot
    LATE = "late"  # its hour is past, and it has not left
    LEFT = "left"  # the learner left, or was moved out
    SUPPRESSED = "suppressed"  # the address must not be mailed
    OVERTAKEN = "overtaken"  # by what the learner did meanwhile
    PAUSED = "paused"
    ERASED = "erased"
    OTHER = "other"


_REPLY = re.compile(r"(?:expired: )?([245]\d\d)[ -](?:([245]\.\d{1,3}\.\d{1,3}) ?)?")
_CAUSES = {
    "expired": Cause.EXPIRED,
    "late": Cause.LATE,
    "left": Cause.LEFT,
    "moved": Cause.LEFT,
    "withdrawn": Cause.LEFT,
    "closed": Cause.LEFT,
    "declined": Cause.LEFT,
    "undone": Cause.LEFT,
    "suppressed": Cause.SUPPRESSED,
    "overtaken": Cause.OVERTAKEN,
    "rescheduled": Cause.OVERTAKEN,
    "superseded": Cause.OVERTAKEN,
    "republished": Cause.OVERTAKEN,
    "handed in": Cause.OVERTAKEN,
    "joined": Cause.OVERTAKEN,
    "paused": Cause.PAUSED,
    "erased": Cause.ERASED,
}
# RFC 3463: what the second and third figures speak of; the longest that fits counts.
_ENHANCED = {"1": Cause.ADDRESS, "2.1": Cause.ADDRESS, "2": Cause.MAILBOX, "7": Cause.POLICY}
_PLAIN = {
    "452": Cause.MAILBOX,
    "552": Cause.MAILBOX,
    "550": Cause.ADDRESS,
    "551": Cause.ADDRESS,
    "553": Cause.ADDRESS,
    "554": Cause.POLICY,
}


def cause(reason: str) -> Cause:
    """What the ledger's reason comes down to; `reason` may be cut off."""
    if found := _CAUSES.get(reason):
        return found
    if reason.startswith("in doubt"):
        return Cause.DOUBT
    reply = _REPLY.match(reason)
    if reply is None:
        return Cause.EXPIRED if reason.startswith("expired") else Cause.OTHER
    code, enhanced = reply[1], (reply[2] or "")[2:]
    if not enhanced:
        return _PLAIN.get(code, Cause.SERVER)
    return _ENHANCED.get(enhanced) or _ENHANCED.get(enhanced.partition(".")[0]) or Cause.SERVER


def midnight(day: date) -> datetime:
    """When `day` begins in the house."""
    return calendar.to_utc(day, time(), ZONE)


def today(now: datetime) -> date:
    return calendar.local_day(now, ZONE)


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


_SUMMARY_AT = time(8)
_SUMMARY_PATIENCE = timedelta(days=2)


def summary(now: datetime) -> tuple[date, datetime] | None:
    """The Monday whose summary is owed now, and when it was due; None from Wednesday on.

    It tells of the seven days before that Monday.
    """
    day = monday(today(now))
    due = calendar.to_utc(day, _SUMMARY_AT, ZONE)
    return (day, due) if due <= now < due + _SUMMARY_PATIENCE else None


def cohorts(now: datetime) -> Iterator[tuple[str, datetime]]:
    """The months in which people begin, by name and beginning, the latest first: a year ahead of `now`."""
    day = today(now).replace(day=1)
    day = day.replace(year=day.year + 1)
    for _ in range(_COHORTS + 12):
        yield f"{day:%Y-%m}", midnight(day)
        day = (day - timedelta(days=1)).replace(day=1)
