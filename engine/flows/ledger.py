"""The ledger as a list, to look at: what waits and why, what did not leave and why."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import delivery, errors
from engine.core.delivery import State
from engine.tables import Course, Delivery, Enrolment, Learner

PAGE = 50
MOST = 10_000
"""Nobody needs a larger number exactly."""

STRETCH = 10_000
"""So many rows are looked at for one page; the next one looks further."""

_ASKED_WHY = 2_000
_TOP = 8
WAITING = (*delivery.READY,)
_IN_HAND = (State.CLAIMED, State.SENDING)
_CURSOR = re.compile(r"((?P<priority>\d)\.(?P<at>\d{1,11}\.\d{6})\.)?(?P<id>\d{1,16})", re.ASCII)


@dataclass(frozen=True)
class Filters:
    """`""` is any; what does not exist finds nothing."""

    state: str = ""
    """`core.delivery.State`; "": what waits for its hour or its next try."""
    kind: str = ""
    course: str = ""
    """A slug."""
    lesson: str = ""


@dataclass(frozen=True)
class Mail:
    id: int
    learner_id: int
    address: str
    course: str
    kind: str
    lesson: str
    state: str
    due_at: datetime
    due_reason: str
    """Why it is not on its slot, in French (see `core.reasons`)."""
    try_at: datetime
    tries: int
    sent_at: datetime | None
    reason: str


@dataclass(frozen=True)
class Page:
    mails: tuple[Mail, ...]
    following: str
    """What `after` must be for the next page; "" when there is nothing more."""


@dataclass(frozen=True)
class Number:
    number: int
    exact: bool
    """Else there are more."""


async def find(session: AsyncSession, filters: Filters, *, after: str = "") -> Page:
    """Mails to learners: what waits by its hour, everything else the newest first.

    A page may hold less than `PAGE` and still have a following one. Raises `errors.BadLink` for an `after`
    that no page gave.
    """
    waits = _waits(filters.state)
    seen = _order(_some(filters.state), waits)
    if after:
        seen = seen.where(_after(after, waits))
    looked = seen.limit(STRETCH).subquery()
    wanted = [
        column == value
        for column, value in ((looked.c.kind, filters.kind), (looked.c.lesson_key, filters.lesson))
        if value
    ]
    if filters.course:
        course = select(Course.id).where(Course.slug == filters.course).scalar_subquery()
        enrolled = select(Enrolment.id).where(
            Enrolment.id == looked.c.enrolment_id, Enrolment.course_id == course
        )
        wanted.append(enrolled.exists())
    order = (looked.c.priority, looked.c.try_at, looked.c.id) if waits else (looked.c.id.desc(),)
    keys = (looked.c.id, looked.c.priority, looked.c.try_at)
    rows = (await session.execute(select(*keys).where(*wanted).order_by(*order).limit(PAGE + 1))).all()
    following = ""
    if len(rows) > PAGE:
        following = _cursor(rows[PAGE - 1], waits)
    elif wanted:
        last = (await session.execute(seen.offset(STRETCH - 1).limit(1))).one_or_none()
        following = _cursor(last, waits) if last else ""
    return Page(await _mails(session, [row.id for row in rows[:PAGE]]), following)


def _waits(state: str) -> bool:
    """Whether the list is by the hour; mails in other states than these have an index of their own."""
    return state in ("", State.PLANNED)


def _some(state: str) -> Select[Any]:
    """The rows in a state, by its index."""
    states = [state] if state else [*WAITING]
    columns = ("id", "priority", "try_at", "kind", "lesson_key", "enrolment_id")
    return select(*(getattr(Delivery, name) for name in columns)).where(_is(*states))


def _is(*states: str) -> Any:
    # Written out, not bound: only then do both databases see that a partial index will do.
    return Delivery.state.in_(
        bindparam("states", sorted(states), unique=True, expanding=True, literal_execute=True)
    )


def _order(query: Select[Any], waits: bool) -> Select[Any]:
    if waits:
        return query.order_by(Delivery.priority, Delivery.try_at, Delivery.id)
    return query.order_by(Delivery.id.desc())


def _cursor(row: Any, waits: bool) -> str:
    return f"{row.priority}.{row.try_at.timestamp():.6f}.{row.id}" if waits else str(row.id)


def _after(cursor: str, waits: bool) -> Any:
    read = _CURSOR.fullmatch(cursor)
    if read is None or waits != bool(read["at"]):
        raise errors.BadLink("Cette page de la liste n'existe pas.")
    if not waits:
        return Delivery.id < int(read["id"])
    return _later(int(read["priority"]), datetime.fromtimestamp(float(read["at"]), UTC), int(read["id"]))


def _later(priority: int, at: datetime, id_: int) -> Any:
    same_moment = and_(Delivery.try_at == at, Delivery.id > id_)
    same_priority = and_(Delivery.priority == priority, or_(Delivery.try_at > at, same_moment))
    return or_(Delivery.priority > priority, same_priority)


async def _mails(session: AsyncSession, ids: list[int]) -> tuple[Mail, ...]:
    rows = await session.execute(
        select(
            Delivery.id,
            Delivery.learner_id,
            Learner.address,
            func.coalesce(Course.slug, "").label("course"),
            Delivery.kind,
            Delivery.lesson_key.label("lesson"),
            Delivery.state,
            Delivery.due_at,
            Delivery.due_reason,
            Delivery.try_at,
            Delivery.tries,
            Delivery.sent_at,
            Delivery.reason,
        )
        .join(Learner, Learner.id == Delivery.learner_id)
        .outerjoin(Enrolment, Enrolment.id == Delivery.enrolment_id)
        .outerjoin(Course, Course.id == Enrolment.course_id)
        .where(Delivery.id.in_(ids))
    )
    found = {row.id: Mail(**row._mapping) for row in rows}
    return tuple(found[id_] for id_ in ids if id_ in found)


# How many, and why


async def counts(session: AsyncSession) -> dict[State, Number]:
    """How many mails are in each state that may still change, and how many did not leave."""
    states = (State.RETRY, State.IN_DOUBT, *_IN_HAND, State.HELD, State.FAILED, State.CANCELLED)
    conditions = [_is(*WAITING), *map(_is, states)]
    some = [select(Delivery.id).where(each).limit(MOST + 1).subquery() for each in conditions]
    counted = [select(func.count()).select_from(each).scalar_subquery() for each in some]
    waiting, *others = (await session.execute(select(*counted))).one()
    found = dict(zip(states, others, strict=True))
    # What waits is counted by its index alone, which does not tell one state from another.
    found[State.PLANNED] = waiting - (found[State.RETRY] + found[State.IN_DOUBT]) * (waiting <= MOST)
    return {state: Number(min(number, MOST), exact=number <= MOST) for state, number in found.items()}


@dataclass(frozen=True)
class Reason:
    text: str
    """What a server or we said; "": nothing yet."""
    number: int


async def reasons(session: AsyncSession, state: str) -> tuple[Reason, ...]:
    """Why mails are in a state ("": as in `Filters`), the most frequent first, of the first in the list."""
    query = _order(select(Delivery.reason).where(_is(*([state] if state else WAITING))), _waits(state))
    some = query.limit(_ASKED_WHY).subquery()
    rows = await session.execute(
        select(some.c.reason, func.count())
        .group_by(some.c.reason)
        .order_by(func.count().desc(), some.c.reason)
        .limit(_TOP)
    )
    return tuple(Reason(text, number) for text, number in rows)
