"""One mail owed to one person: its states, its identity, what the server said, and when to try again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from engine.core import errors


class State(StrEnum):
    PLANNED = "planned"  # owed, due at its time
    CLAIMED = "claimed"  # leased by a worker; nothing has left, safe to claim again
    SENDING = "sending"  # handed to a connection; a crash from here on leaves it in doubt
    SENT = "sent"  # the server took charge of it; final, unless it comes back
    RETRY = "retry"  # refused for now, tried again at its next try
    IN_DOUBT = "in_doubt"  # the connection was lost after the final dot: taken or not, nobody can know
    HELD = "held"  # waits for a human, who reads the reason
    CANCELLED = "cancelled"  # no longer wanted, and why; final
    FAILED = "failed"  # refused for good or too late, and why; final


#: The worker may claim these once they are due.
READY = frozenset({State.PLANNED, State.RETRY, State.IN_DOUBT})
FINAL = frozenset({State.SENT, State.CANCELLED, State.FAILED})
#: Something may still happen to these, if only by a human's hand.
OPEN = frozenset(State) - FINAL

_WAITING = (State.PLANNED, State.CLAIMED, State.RETRY, State.IN_DOUBT)

TRANSITIONS: dict[tuple[State, str], State] = {
    **{(state, "claim"): State.CLAIMED for state in READY},
    (State.CLAIMED, "release"): State.PLANNED,  # the lease was given back, or its holder died
    (State.CLAIMED, "begin"): State.SENDING,
    (State.SENDING, "release"): State.PLANNED,  # stopped before the final dot: nothing has left
    (State.SENDING, "accept"): State.SENT,
    (State.SENDING, "defer"): State.RETRY,
    (State.SENDING, "refuse"): State.FAILED,
    (State.SENDING, "lose"): State.IN_DOUBT,
    (State.SENT, "return"): State.FAILED,  # taken, and reported later as not delivered
    (State.IN_DOUBT, "return"): State.FAILED,
    **{(state, "expire"): State.FAILED for state in (*_WAITING, State.SENDING)},
    **{(state, "hold"): State.HELD for state in (*_WAITING, State.SENDING)},
    (State.HELD, "free"): State.PLANNED,
    **{(state, "cancel"): State.CANCELLED for state in (*_WAITING, State.HELD)},
}


def advance(state: State, event: str) -> State:
    """The state after `event`. Raises `errors.NotAllowed` for anything that TRANSITIONS does not list."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise errors.NotAllowed(f"A delivery that is {state} cannot {event}.") from None


class Kind(StrEnum):
    CONFIRM = "confirm"  # the link that proves the address, after the form
    KNOWN = "known"  # filled in the form again: the link to "my course"
    ADDRESS = "address"  # the link that proves a new address
    DATA = "data"  # the link to one's own data
    ENTRY = "entry"  # the link that opens one's answers on another device
    RESULT = "result"  # of a diagnostic, just handed in
    INVITE = "invite"  # a company proposes a seat
    TEAM = "team"  # the link to the page of one's team
    WELCOME = "welcome"  # the course begins
    LESSON = "lesson"
    AGAIN = "again"  # the last lesson once more, because the learner asked
    REMINDER = "reminder"  # the next lesson waits for an activity
    MISSED = "missed"  # an activity of the last lesson is not done
    SILENT = "silent"  # three lessons without an answer: the course asks, and pauses itself
    PAUSED = "paused"
    RESUMED = "resumed"
    FAREWELL = "farewell"  # the course is over
    ACCOUNT = "account"  # somebody of the studio may choose a password
    TEST = "test"  # a mail of a draft, to the author who asked to see it
    SUMMARY = "summary"  # the week, to somebody of the studio who asked for it


_TRANSACTIONAL = frozenset(
    {
        Kind.CONFIRM,
        Kind.KNOWN,
        Kind.ADDRESS,
        Kind.DATA,
        Kind.ENTRY,
        Kind.RESULT,
        Kind.INVITE,
        Kind.TEAM,
        Kind.ACCOUNT,
        Kind.TEST,
        Kind.SUMMARY,
    }
)


def transactional(kind: Kind) -> bool:
    """Whether it is about one request, or for the studio. All other kinds are course mail.

    Those carry List-Unsubscribe.
    """
    return kind in _TRANSACTIONAL


def waited_for(kind: Kind) -> bool:
    """Whether a person is waiting for it now: it leaves before those that nobody waits for."""
    return (kind in _TRANSACTIONAL and kind != Kind.SUMMARY) or kind == Kind.AGAIN


def dedup_key(subject: str, kind: Kind, lesson_key: str = "", occasion: str = "") -> str:
    """The identity of a delivery: one key, one mail, for ever (UNIQUE in the database).

    `subject` is whom it is owed to, like `enrolment:12` or `learner:7`; `occasion` is `""` when planned,
    a reminder's number, or the id of a request. A part may not hold "/", which divides them.
    """
    parts = (subject, str(kind), lesson_key, occasion)
    if any("/" in part for part in parts):
        raise ValueError(f"a part of a dedup key holds a slash: {parts}")
    return "/".join(parts)


@dataclass(frozen=True, slots=True)
class Sent:
    """The server answered 2yz to the final dot: the mail is its charge now (RFC 5321 §6.1)."""

    reply: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The mail did not leave. `code` is the server's, 0 when there was no readable reply.

    `scope` tells whom it speaks of: the recipient, or the server and ourselves (never the person's fault).
    """

    code: int
    text: str
    permanent: bool
    scope: Literal["recipient", "server"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """No readable reply came after the final dot: the mail may have been taken (RFC 1047)."""

    text: str


Outcome = Sent | Refused | Unknown


@dataclass(frozen=True, slots=True)
class RetryAt:
    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    reason: str


_BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120))
_STEADY = timedelta(hours=4)
_PATIENCE = timedelta(days=4)  # RFC 5321 §4.5.4.1: give up after 4 to 5 days


def retry(tries: int, *, now: datetime, due: datetime, expires: datetime | None = None) -> RetryAt | GiveUp:
    """When to try again after `tries` tries that were refused for now (1: the first just was).

    Never at or after `expires` (for a lesson: when the next one is due; without it, 4 days after `due`).
    """
    at = now + (_BACKOFF[tries - 1] if 1 <= tries <= len(_BACKOFF) else _STEADY)
    limit = due + _PATIENCE if expires is None else expires
    return RetryAt(at) if at < limit else GiveUp("expired")
