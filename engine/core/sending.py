"""What may stand against a mail at the moment it would leave."""

from dataclasses import dataclass
from datetime import datetime

from engine.core.delivery import Kind, State, transactional
from engine.core.progress import State as Progress

PAUSED = "paused"
"""Why a mail is held that waits for its learner, not for an operator."""
MOST_A_DAY = 20
"""Mails to one person within 24 hours, whatever asks for them: beyond it somebody has to look."""
TOO_MANY = "too many"

# Which state of its enrolment a mail may leave in; the rest was overtaken by what the learner did.
_MAY_LEAVE: dict[Kind, tuple[Progress, ...]] = {
    Kind.WELCOME: (Progress.ACTIVE, Progress.PAUSED),
    Kind.LESSON: (Progress.ACTIVE, Progress.COMPLETED),
    Kind.AGAIN: (Progress.ACTIVE, Progress.PAUSED, Progress.COMPLETED),
    Kind.REMINDER: (Progress.ACTIVE,),
    Kind.MISSED: (Progress.ACTIVE, Progress.COMPLETED),
    Kind.SILENT: (Progress.PAUSED,),
    Kind.PAUSED: (Progress.PAUSED,),
    Kind.RESUMED: (Progress.ACTIVE,),
    Kind.FAREWELL: (Progress.ACTIVE, Progress.COMPLETED),
    Kind.CONFIRM: (Progress.PENDING,),
}
UNCAPPED = (Kind.WELCOME, Kind.LESSON, Kind.FAREWELL)
"""The course itself has its own measure, one lesson a day, and nobody is to lose one."""
_KEPT_BACK = (Kind.LESSON, Kind.REMINDER, Kind.FAREWELL)


@dataclass(frozen=True, slots=True)
class Aside:
    """The mail does not leave now; where it is put instead, and why."""

    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Around:
    """What is true around a mail when it would leave."""

    here: bool
    """Whom it is for is still there: not erased, not closed."""
    suppressed: str = ""
    """Why the address must not be mailed, if so: `left`, `hard` or `complaint`."""
    enrolment: str = ""
    """The state of its enrolment; "" without one."""
    today: int = 0
    """Mails that left to the same person within 24 hours; not counted for those that are uncapped."""
    missed: bool = True
    """For a `missed`: its activity still is."""


def against(kind: Kind, around: Around, *, expires_at: datetime, now: datetime) -> Aside | None:
    """What stands against a mail; None: it may leave."""
    if expires_at <= now:
        return Aside(State.FAILED, "expired")
    if _suppressed(kind, around.suppressed):
        return Aside(State.CANCELLED, "suppressed")
    if kind in _KEPT_BACK and around.enrolment == Progress.PAUSED:
        return Aside(State.HELD, PAUSED)
    in_place = kind not in _MAY_LEAVE or around.enrolment in _MAY_LEAVE[kind]
    if not (around.here and in_place and (around.missed or kind != Kind.MISSED)):
        return Aside(State.CANCELLED, "overtaken")
    if around.today >= MOST_A_DAY and kind not in UNCAPPED:
        return Aside(State.HELD, TOO_MANY)
    return None


def _suppressed(kind: Kind, why: str) -> bool:
    """`left`: no course, no invitation; `hard`: only a confirmation (asked anew); `complaint`: nothing."""
    match why:
        case "complaint":
            return True
        case "hard":
            return kind != Kind.CONFIRM
        case "left":  # who left everything is not written to because somebody else wishes it
            return kind == Kind.INVITE or not transactional(kind)
    return False
