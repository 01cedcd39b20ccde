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
    Select,
    and_,
    false,
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

_STRETCH = 10_000
"""So many of the newest people are looked at before the words are."""

_LOOKED_UP = 4_000
"""So many are looked up one by one, which costs more."""

_MARGIN = 3  # newcomers are not quite like the others
_LAST = "\U0010ffff"  # after every letter
_AT_A_LESSON = text("enrolment.next_kind = 'lesson'")  # as the partial index has it
_ERASED = Learner.erased_at.is_not(None)


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
    """Where a list asked for them first, then the last one first."""


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
    people = await _people(session, found.ids[:PAGE], filters)
    return Page(people, found.total if before is None else None, following)


async def newest(session: AsyncSession, query: str, *, limit: int) -> list[Person]:
    """At most so many of those whom `find` finds."""
    found: list[Person] = []
    before: int | None = None
    while len(found) < limit:
        page = await find(session, query, Filters(), before=before)
        found += page.people
        before = page.following
        if before is None:
            break
    return found[:limit]


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
    rare = tuple(word for word, size in sizes.items() if size.rows < _RARE)
    stretch = _STRETCH if asked.streams is None else _LOOKED_UP
    hoped_for = prod(size.rows / everybody for size in sizes.values()) * stretch if everybody else 0
    if rare and (asked.single or hoped_for < PAGE * _MARGIN < everybody):
        return await _by_words(session, asked, rare)
    found = await _by_stretch(session, asked, stretch if asked.words else MOST + MOST // 10)
    if not found.complete and len(found.ids) <= PAGE:
        return await (_by_words(session, asked, rare) if rare else _by_all(session, asked))
    if asked.single and sizes[asked.words[0]].people > MOST:
        return _Found(found.ids, Total(MOST, exact=False), found.complete)
    return found


@dataclass(frozen=True)
class _Size:
    """How often a word begins so, and of how many people; counted up to `_RARE` rows."""

    rows: int
    people: int


async def _sizes(session: AsyncSession, asked: _Asked) -> tuple[int, dict[str, _Size]]:
    """About how many learners there are, and how many have each word."""
    counts = []
    for word in asked.words:
        some = select(SearchWord.learner_id).where(_begins(word)).limit(_RARE).subquery()
        counts.append(select(func.count()).select_from(some).scalar_subquery())
        if asked.single:
            counts.append(select(func.count(some.c.learner_id.distinct())).scalar_subquery())
    row = (await session.execute(select(select(func.max(Learner.id)).scalar_subquery(), *counts))).one()
    found = list(row[1:])
    sizes = [_Size(*found)] if asked.single else [_Size(rows, rows) for rows in found]
    return row[0] or 0, dict(zip(asked.words, sizes, strict=True))


def _begins(word: str) -> Any:
    return and_(SearchWord.word >= word, SearchWord.word < word + _LAST)


def _having(word: str, asked: _Asked) -> Select[Any]:
    """Who has a word."""
    query = select(SearchWord.learner_id.label("id")).where(_begins(word))
    return query if asked.before is None else query.where(SearchWord.learner_id < asked.before)


def _having_all(words: Sequence[str], asked: _Asked) -> Any:
    lists = [_having(word, asked) for word in words]
    return intersect(*lists) if len(lists) > 1 else lists[0].distinct()


async def _by_words(session: AsyncSession, asked: _Asked, rare: Sequence[str]) -> _Found:
    """Everybody who has the rare words, and whether they have the others and stand where asked."""
    others = tuple(word for word in asked.words if word not in rare)
    if not others and asked.streams is None:
        seen = _having_all(rare, asked).cte("seen")
        return await _read(session, seen, select(seen.c.id), stretch=None)
    found = await _looked_up(session, asked, rare, others, _LOOKED_UP)
    if not found.complete and len(found.ids) <= PAGE:
        return await _looked_up(session, asked, rare, others, None)
    return found


async def _looked_up(
    session: AsyncSession, asked: _Asked, rare: Sequence[str], others: Sequence[str], stretch: int | None
) -> _Found:
    """Of the newest who have the rare words, those who have the others and stand where asked."""
    every = _having_all(rare, asked).subquery()
    seen = select(every.c.id).order_by(every.c.id.desc()).limit(stretch).cte("seen")
    hit = _those(seen, others) if others else select(seen.c.id)
    if asked.streams is not None:
        hit = hit.where(_stands(asked.streams, hit.selected_columns.id))
    return await _read(session, seen, hit, stretch=stretch)


async def _by_stretch(session: AsyncSession, asked: _Asked, stretch: int) -> _Found:
    """The newest people, or the newest who stand where asked, and whether they have the words."""
    if asked.streams is not None:
        seen = _merged(asked.streams, asked, stretch).cte("seen")
        return await _read(session, seen, _those(seen, asked.words).distinct(), stretch=stretch)
    newest = select(Learner.id, Learner.words).where(Learner.erased_at.is_(None))
    if asked.before is not None:
        newest = newest.where(Learner.id < asked.before)
    seen = newest.order_by(Learner.id.desc()).limit(stretch).cte("seen")
    hit = select(seen.c.id).where(*_have(asked.words, seen.c.words))
    return await _read(session, seen, hit, stretch=stretch)


async def _by_all(session: AsyncSession, asked: _Asked) -> _Found:
    """Who is in the lists of all words and stands where asked; they are long, and read as a last resort."""
    seen = _having_all(asked.words, asked)
    if asked.streams is not None:
        there = select(_merged(asked.streams, asked, None).subquery().c.id)
        seen = intersect(*(_having(word, asked) for word in asked.words), there)
    every = seen.cte("seen")
    return await _read(session, every, select(every.c.id), stretch=None)


def _those(seen: Any, words: Sequence[str]) -> Select[Any]:
    """Those who have all `words` and were not erased: then their line is empty.

    Looked up one by one: a join would tempt PostgreSQL to read all learners for the sake of some.
    """
    if not words:
        return select(seen.c.id).where(seen.c.id.not_in(select(Learner.id).where(_ERASED)))
    line = select(Learner.words).where(Learner.id == seen.c.id).correlate(seen).scalar_subquery()
    lines = (
        select(seen.c.id, line.label("words")).cte("lines").prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return select(lines.c.id).where(lines.c.words != "", *_have(words, lines.c.words))


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


def _merged(streams: Sequence[Select[Any]], asked: _Asked, limit: int | None) -> Select[Any]:
    """All streams as one, the newest first; somebody who is in several comes several times."""
    if not streams:
        return select(Learner.id).where(null().is_not(null()))
    parts = []
    for stream in streams:
        if asked.before is not None:
            stream = stream.where(Enrolment.learner_id < asked.before)
        # Each in its index's order as far as it can matter: left to itself PostgreSQL sorts them all.
        part = stream.order_by(Enrolment.learner_id.desc()).limit(limit).subquery()
        parts.append(select(part.c.id))
    together = union_all(*parts).subquery()
    return select(together.c.id).order_by(together.c.id.desc()).limit(limit)


def _stands(streams: Sequence[Select[Any]], learner_id: Any) -> Any:
    """Whether a learner is in one of the streams, found by his own enrolments (one by one, as `_those`)."""
    there = or_(*(stream.whereclause for stream in streams if stream.whereclause is not None))
    if not streams:
        return false()
    own = select(Enrolment.learner_id).where(Enrolment.learner_id == learner_id, there).limit(1)
    return own.scalar_subquery() == learner_id


async def _people(session: AsyncSession, ids: Sequence[int], filters: Filters) -> tuple[Person, ...]:
    learners = await session.execute(
        select(Learner.id, Learner.first_name, Learner.address, Learner.created_at)
        .where(Learner.id.in_(ids))
        .order_by(Learner.id.desc())
    )
    found = await standings_of(session, ids)
    standings = {id_: sorted(each, key=lambda one: not _meant(one, filters)) for id_, each in found.items()}
    return tuple(Person(*row, standings=tuple(standings.get(row.id, ()))) for row in learners)


def _meant(standing: Standing, filters: Filters) -> bool:
    asked = (filters.course, filters.state, filters.lesson)
    found = (standing.course, standing.state, standing.lesson)
    return all(wanted in ("", have) for wanted, have in zip(asked, found, strict=True))


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
