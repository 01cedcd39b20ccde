"""Who may do what in the studio, what a password must be, and how long to wait after a wrong one."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from engine.core import errors


class Role(StrEnum):
    OWNER = "owner"  # everything
    AUTHOR = "author"  # writes courses; sees nobody
    TUTOR = "tutor"  # reads learners
    VIEWER = "viewer"  # reads courses and numbers; sees nobody


class Right(StrEnum):
    """What a page of the studio asks for."""

    SELF = "self"  # one's own account
    READ_COURSES = "read_courses"
    WRITE_COURSES = "write_courses"  # drafts, publishing
    READ_PEOPLE = "read_people"
    CHANGE_PEOPLE = "change_people"  # enrol, import, export, erase
    READ_NUMBERS = "read_numbers"
    MANAGE = "manage"  # accounts, tokens, webhooks


_EVERYBODY = frozenset({Right.SELF, Right.READ_COURSES, Right.READ_NUMBERS})
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.AUTHOR: _EVERYBODY | {Right.WRITE_COURSES},
    Role.TUTOR: _EVERYBODY | {Right.READ_PEOPLE},
    Role.VIEWER: _EVERYBODY,
}

SHORTEST = 12
"""Characters of a password (NIST SP 800-63B-4 §3.1.1.2 asks for 15 without a second factor, 8 with one)."""
LONGEST = 200


def check_password(password: str, *, address: str, name: str) -> None:
    """Raises `errors.Invalid` (field `password`) for one that is too easy to guess."""
    problem = ""
    if len(password) < SHORTEST:
        problem = "Choisissez au moins douze caractères ; une phrase convient très bien."
    elif len(password) > LONGEST:
        problem = "Ce mot de passe est trop long : 200 caractères au plus."
    elif len(set(password.casefold())) < 5 or _told(password, address, name):
        problem = "Ce mot de passe se devine trop facilement : choisissez plusieurs mots sans lien entre eux."
    if problem:
        raise errors.Invalid({"password": problem})


def _told(password: str, address: str, name: str) -> bool:
    """Whether it is the address or the name and little more."""
    rest = password.casefold()
    known = (address, *address.split("@"), name, *name.split(), "parcours")
    for word in sorted(map(str.casefold, known), key=len, reverse=True):
        if len(word) > 2:
            rest = rest.replace(word, "")
    return len(rest) < 6


class Limit(NamedTuple):
    """How many wrong passwords are free, and the longest wait that more of them bring."""

    free: int
    longest: timedelta


# One browser at one account is stopped soon. A whole network, and an account tried from everywhere, are
# stopped later and for less: nobody may lock somebody else out for long.
LIMITS = {
    "pair": Limit(5, timedelta(minutes=15)),
    "network": Limit(20, timedelta(minutes=15)),
    "account": Limit(50, timedelta(minutes=1)),
}
FORGOTTEN_AFTER = timedelta(days=1)


def wait(limit: Limit, failures: int) -> timedelta:
    """How long after the last of `failures` wrong passwords the next one is not even looked at."""
    beyond = failures - limit.free
    if beyond < 0:
        return timedelta(0)
    return min(limit.longest, timedelta(seconds=2 ** min(beyond, 20)))


SESSION_IDLE = timedelta(hours=12)
SESSION_AT_MOST = timedelta(days=14)


def session_over(created_at: datetime, seen_at: datetime, now: datetime) -> bool:
    return now >= seen_at + SESSION_IDLE or now >= created_at + SESSION_AT_MOST
