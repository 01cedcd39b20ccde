"""People in lists: found by the beginnings of words and by where they stand, the newest first.

A list must come in milliseconds among a million people, whatever is asked. Three ways lead there, and `find`
takes the one that reads least: everybody who has the rarest word; a stretch of the newest people (or of those
who stand where asked), read until the page is full; and, when that stretch did not do, all words at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import prod
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Select,
    and_,
    exists,
    func,
    intersect,
    literal,
    null,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import search
from engine.core.progress import State
from engine.tables import Course, Enrolment, Learner, SearchWord

PAGE = 50
MOST = 10_000
"""Nobody needs a larger number exactly."""

_RARE = 30_000
"""A word of fewer people is read whole."""

_STRETCH = 20_000
"""So many of the newest people are looked at before the words are."""

_MARGIN = 3  # newcomers are not quite like the others
_LAST = "\U0010ffff"  # after every letter
_AT_A_LESSON = text("enrolment.next_kind = 'lesson'")  # as the partial index has it


@dataclass(frozen=True)
class Filters:
    """Where people stand; "" is anywhere. What does not exist finds nobody."""

    course: str = ""
    """A slug."""
    state: str = ""
    """`core.progress.State`."""
    lesson: str = ""
    """The key of the lesson that they receive next."""
    company: str = ""
    """The beginning of its name."""


@dataclass(frozen=True)
class Standing:
    """Where a person stands in one course."""

    enrolment_id: int
    course: str
    state: str
    next_kind: str
    lesson: str
    """The key of what comes next; "" when nothing does."""
    company: str
    due_at: datetime | None
    gate_since: datetime | None
    """Since when the next lesson waits for an activity."""
    paused_until: datetime | None


@dataclass(frozen=True)
class Person:
    id: int
    first_name: str
    address: str
    since: datetime
    standings: tuple[Standing, ...]
    """The last one first."""


@dataclass(frozen=True)
class Total:
    """How many there are in all."""

    number: int
    exact: bool
    """Else there are more."""


@dataclass(frozen=True)
class Page:
    people: tuple[Person, ...]
    total: Total | None
    """Told on the first page."""
    following: int | None
    """What `before` must be for the next page; None on the last."""


async def find(session: AsyncSession, query: str, filters: Filters, *, before: int | None = None) -> Page:
    """People who have all the words that `query` begins, the newest first."""
    words = search.asked(query)
    company = search.company(filters.company)
    if (query.strip() and not words) or (filters.company.strip() and not company):
        return Page((), Total(0, exact=True), None)
    asked = _Asked((*words, company) if company else words, await _streams(session, filters), before)
    found = await _found(session, asked)
    following = found.ids[PAGE - 1] if len(found.ids) > PAGE else None
    people = await _people(session, found.ids[:PAGE])
    return Page(people, found.total if before is None else None, following)


@dataclass(frozen=True)
class _Asked:
    words: tuple[str, ...]
    streams: tuple[Select[Any], ...] | None
    """Ids of learners that stand where asked, each in order by an index; None: wherever they stand."""
    before: int | None

    @property
    def single(self) -> bool:
        return len(self.words) == 1 and self.streams is None


@dataclass(frozen=True)
class _Found:
    ids: list[int]
    total: Total
    complete: bool
    """Everybody was looked at."""


async def _found(session: AsyncSession, asked: _Asked) -> _Found:
    everybody, sizes = await _sizes(session, asked)
    rarest = min(sizes, key=lambda word: sizes[word], default=None)
    rare = rarest is not None and sizes[rarest] < _RARE
    hoped_for = prod(size / everybody for size in sizes.values()) * _STRETCH if everybody else _STRETCH
    if rarest is not None and rare and (asked.single or hoped_for < PAGE * _MARGIN < everybody):
        return await _by_word(session, asked, rarest)
    found = await _by_stretch(session, asked)
    if not found.complete and len(found.ids) <= PAGE:
        found = await (_by_word(session, asked, rarest) if rarest and rare else _by_all(session, asked))
    if asked.single and not found.complete and sizes[asked.words[0]] > MOST:
        return _Found(found.ids, Total(MOST, exact=False), complete=False)
    return found


async def _sizes(session: AsyncSession, asked: _Asked) -> tuple[int, dict[str, int]]:
    """About how many learners there are, and how many have each word; `_RARE` stands for many."""
    counts = []
    for word in asked.words:
        some = select(SearchWord.learner_id).where(_begins(word)).limit(_RARE).subquery()
        people = func.count(some.c.learner_id.distinct()) if asked.single else func.count()
        counts.append(select(people).select_from(some).scalar_subquery())
    row = (await session.execute(select(select(func.max(Learner.id)).scalar_subquery(), *counts))).one()
    return row[0] or 0, dict(zip(asked.words, row[1:], strict=True))


def _begins(word: str) -> Any:
    return and_(SearchWord.word >= word, SearchWord.word < word + _LAST)


def _before(column: Any, asked: _Asked) -> Any:
    return literal(True) if asked.before is None else column < asked.before


async def _by_word(session: AsyncSession, asked: _Asked, rarest: str) -> _Found:
    """Everybody who has the rarest word, and whether they have the others."""
    seen = (
        select(SearchWord.learner_id.label("id"))
        .where(_begins(rarest), _before(SearchWord.learner_id, asked))
        .distinct()
        .cte("seen")
    )
    hit = select(seen.c.id)
    if not asked.single:
        others = tuple(word for word in asked.words if word != rarest)
        hit = hit.join(Learner, Learner.id == seen.c.id).where(*_have(others, Learner.words))
        if asked.streams is not None:
            hit = hit.where(_stands(asked.streams))
    return await _read(session, seen, hit, stretch=None)


async def _by_stretch(session: AsyncSession, asked: _Asked) -> _Found:
    """The newest people, or the newest who stand where asked, and whether they have the words."""
    stretch = _STRETCH if asked.words else MOST + 1
    if asked.streams is None:
        seen = (
            select(Learner.id, Learner.words)
            .where(Learner.erased_at.is_(None), _before(Learner.id, asked))
            .order_by(Learner.id.desc())
            .limit(stretch)
            .cte("seen")
        )
        hit = select(seen.c.id).where(*_have(asked.words, seen.c.words))
        return await _read(session, seen, hit, stretch=stretch)
    seen = _merged(asked).limit(stretch).cte("seen")
    hit = (
        select(seen.c.id)
        .join(Learner, Learner.id == seen.c.id)
        .where(Learner.erased_at.is_(None), *_have(asked.words, Learner.words))
        .distinct()
    )
    return await _read(session, seen, hit, stretch=stretch)


async def _by_all(session: AsyncSession, asked: _Asked) -> _Found:
    """Who is in the lists of all words and stands where asked; they are long, and read as a last resort."""
    lists: list[Any] = [
        select(SearchWord.learner_id.label("id")).where(_begins(word), _before(SearchWord.learner_id, asked))
        for word in asked.words
    ]
    if asked.streams is not None:
        lists.append(select(_merged(asked).subquery().c.id))
    in_all = intersect(*lists).subquery() if len(lists) > 1 else lists[0].distinct().subquery()
    seen = (
        select(in_all.c.id)
        .join(Learner, Learner.id == in_all.c.id)
        .where(Learner.erased_at.is_(None))
        .cte("seen")
    )
    return await _read(session, seen, select(seen.c.id), stretch=None)


def _have(words: Sequence[str], line: Any) -> list[Any]:
    return [line.contains(f" {word}", autoescape=True) for word in words]


async def _read(session: AsyncSession, seen: Any, hit: Select[Any], *, stretch: int | None) -> _Found:
    """One look at the database: how many were seen, how many were meant, and the newest of those."""
    hits = hit.cte("hit")
    newest = select(hits.c.id).order_by(hits.c.id.desc()).limit(PAGE + 1).subquery()
    rows = await session.execute(
        union_all(
            select(literal("seen"), func.count()).select_from(seen),
            select(literal("hits"), func.count()).select_from(hits),
            select(literal("id"), newest.c.id),
        )
    )
    counts: dict[str, int] = {}
    ids = []
    for what, number in rows:
        if what == "id":
            ids.append(number)
        else:
            counts[what] = number
    complete = stretch is None or counts["seen"] < stretch
    return _Found(sorted(ids, reverse=True), _total(counts["hits"], complete), complete)


def _total(hits: int, complete: bool) -> Total:
    """What may be said of a number that was counted in full, or as far as one looked."""
    if hits > MOST:
        return Total(MOST, exact=False)
    rounding = 1 if complete else 10 ** (len(str(hits)) - 1)
    return Total(hits // rounding * rounding, exact=complete)


# Where people stand


async def _streams(session: AsyncSession, filters: Filters) -> tuple[Select[Any], ...] | None:
    """For each course and state that is asked for, the learners there: lists in the order of an index."""
    if not (filters.course or filters.state or filters.lesson):
        return None
    query = select(Course.id)
    if filters.course:
        query = query.where(Course.slug == filters.course)
    courses = list(await session.scalars(query))
    if filters.lesson:
        at = (Enrolment.next_key == filters.lesson, _AT_A_LESSON)
        there = (*at, Enrolment.state == filters.state) if filters.state else at
        return tuple(_stream(Enrolment.course_id == course, *there) for course in courses)
    states = [filters.state] if filters.state else list(State)
    return tuple(
        _stream(Enrolment.course_id == course, Enrolment.state == state)
        for course in courses
        for state in states
    )


def _stream(*where: Any) -> Select[Any]:
    return select(Enrolment.learner_id.label("id")).where(*where)


def _merged(asked: _Asked) -> CompoundSelect[Any] | Select[Any]:
    """All streams as one, the newest first; somebody who is in several comes several times."""
    if not asked.streams:
        return select(Learner.id).where(null().is_not(null()))
    limited = [stream.where(_before(Enrolment.learner_id, asked)) for stream in asked.streams]
    if len(limited) == 1:
        return limited[0].order_by(Enrolment.learner_id.desc())
    return union_all(*limited).order_by(text("id DESC"))


def _stands(streams: Sequence[Select[Any]]) -> Any:
    """Whether a learner is in one of the streams, found by his own enrolments."""
    if not streams:
        return literal(False)
    there = or_(*(stream.whereclause for stream in streams if stream.whereclause is not None))
    return exists(select(Enrolment.id).where(Enrolment.learner_id == Learner.id, there).correlate(Learner))


async def _people(session: AsyncSession, ids: Sequence[int]) -> tuple[Person, ...]:
    learners = await session.execute(
        select(Learner.id, Learner.first_name, Learner.address, Learner.created_at)
        .where(Learner.id.in_(ids))
        .order_by(Learner.id.desc())
    )
    standings = await standings_of(session, ids)
    return tuple(Person(*row, standings=tuple(standings.get(row.id, ()))) for row in learners)


async def standings_of(session: AsyncSession, ids: Sequence[int]) -> dict[int, list[Standing]]:
    """Where these learners stand, by learner, the last enrolment first."""
    rows = await session.execute(
        select(
            Enrolment.learner_id,
            Enrolment.id,
            Course.slug,
            Enrolment.state,
            Enrolment.next_kind,
            Enrolment.next_key,
            Enrolment.company,
            Enrolment.due_at,
            Enrolment.gate_since,
            Enrolment.paused_until,
        )
        .join(Course)
        .where(Enrolment.learner_id.in_(ids))
        .order_by(Enrolment.id.desc())
    )
    found: dict[int, list[Standing]] = {}
    for learner_id, *values in rows:
        found.setdefault(learner_id, []).append(Standing(*values))
    return found
