"""Lists of people: received, looked through, run in chunks, taken back. Each step may be cut off and goes on.

A worker calls `advance` as long as it finds work; a chunk is one transaction, and the row of the import tells
how far it is.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import dropwhile, islice
from typing import Any

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from engine.core import consent, csvfile, errors
from engine.core import intake as rules
from engine.core.intake import AT_WORK, TAKEN, Back, State, Verdict
from engine.flows import accounts, intake, reversal
from engine.tables import Course, Import, ImportRow, dialect

UNDO_DAYS = 30
"""How long a list can be taken back; then its rows are forgotten."""
KEPT_DAYS = 7
"""How long a file waits that nobody runs."""

_CHUNK = 500
_CHUNK_ALONE = 150
"""On SQLite, where all other writers wait for the end of a chunk."""


@dataclass(frozen=True)
class Standing:
    """One list, as its page shows it."""

    id: int
    name: str
    account: str
    state: State
    course: str
    """Slug; empty until it is told."""
    columns: Mapping[str, int]
    source: str
    agreed: bool
    total: int
    """Rows of the file."""
    done: int
    """Of `to_do`, in the present state."""
    counts: Mapping[str, int]
    created_at: datetime
    changed_at: datetime

    @property
    def to_do(self) -> int:
        """How many rows the present state goes through."""
        if self.state in (State.UPLOADED, State.CHECKING, State.CHECKED):
            return self.total
        return sum(self.counts.get(verdict, 0) for verdict in TAKEN)

    @property
    def at_work(self) -> bool:
        return self.state in AT_WORK


@dataclass(frozen=True)
class Told:
    """What is told of a file before its columns are settled."""

    header: tuple[str, ...]
    """Titles; empty when the file has none."""
    first: tuple[tuple[str, ...], ...]
    """Some rows, all of the same width."""
    columns: Mapping[str, int]
    """What each column seems to hold."""


async def receive(session: AsyncSession, name: str, data: bytes, *, account: str, now: datetime) -> int:
    """Keep a file; its number. Raises `errors.Invalid` (field file)."""
    total = await asyncio.to_thread(_measure, data)
    found = Import(
        name=" ".join(name.split())[:120],
        file=data,
        account=account,
        state=State.UPLOADED,
        total=total,
        created_at=now,
        changed_at=now,
    )
    session.add(found)
    await session.flush()
    return found.id


def _measure(data: bytes) -> int:
    return csvfile.count(data, csvfile.read_form(data))


async def _get(session: AsyncSession, import_id: int) -> Import:
    query = select(Import).where(Import.id == import_id).with_for_update()
    found = await session.scalar(query)
    if found is None:
        raise errors.NotFound("Cet import n'existe plus.")
    return found


async def one(session: AsyncSession, import_id: int) -> Standing:
    """Raises `errors.NotFound`."""
    row = (await session.execute(_standing().where(Import.id == import_id))).one_or_none()
    if row is None:
        raise errors.NotFound("Cet import n'existe plus.")
    return _stands(row[0], row[1])


async def latest(session: AsyncSession, *, limit: int = 50) -> list[Standing]:
    """The newest first."""
    rows = await session.execute(_standing().order_by(Import.id.desc()).limit(limit))
    return [_stands(row, slug) for row, slug in rows]


def _standing() -> Any:
    return select(Import, Course.slug).outerjoin(Course, Course.id == Import.course_id)


def _stands(row: Import, slug: str | None) -> Standing:
    return Standing(
        id=row.id,
        name=row.name,
        account=row.account,
        state=State(row.state),
        course=slug or "",
        columns=row.columns,
        source=row.source,
        agreed=row.agreed,
        total=row.total,
        done=row.done,
        counts=row.counts,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


async def told(session: AsyncSession, import_id: int) -> Told:
    """Raises `errors.NotFound`, also once the file is gone."""
    found = await session.get(Import, import_id, options=[undefer(Import.file)])
    if found is None or not found.file:
        raise errors.NotFound("Ce fichier n'est plus là : apportez-le de nouveau.")
    form = csvfile.read_form(found.file)
    sample = [row.cells for row in islice(csvfile.rows(found.file, form), 5)]
    first = tuple((*cells, *[""] * (form.width - len(cells))) for cells in sample)
    return Told(form.header, first, found.columns or rules.guess(form.header, first))


async def check(
    session: AsyncSession,
    import_id: int,
    slug: str,
    columns: Mapping[str, int],
    source: str,
    *,
    agreed: bool,
    now: datetime,
) -> None:
    """Begin the dry run, or begin it anew with other columns, course or source.

    Raises `errors.Invalid` (fields address, course, source), `errors.NotFound`, `errors.NotAllowed`.
    """
    found = await _get(session, import_id)
    problems: dict[str, str] = {}
    if "address" not in columns:
        problems["address"] = "Dites quelle colonne contient les adresses."
    course_id = await session.scalar(select(Course.id).where(Course.slug == slug))
    if course_id is None:
        problems["course"] = "Choisissez un parcours de la liste."
    try:
        source = intake.checked_source(source)
    except errors.Invalid as invalid:
        problems |= invalid.problems
    if problems:
        raise errors.Invalid(problems)
    _begin(found, "check", now)
    found.course_id, found.columns = course_id, dict(columns)
    found.source, found.agreed, found.counts = source, agreed, {}
    await session.execute(delete(ImportRow).where(ImportRow.import_id == found.id))


def _begin(found: Import, event: str, now: datetime) -> None:
    found.state = rules.advance(found.state, event)
    found.done = found.last_line = 0
    found.changed_at = now


async def run(session: AsyncSession, import_id: int, *, by: int | None, now: datetime) -> None:
    """Take in those whom the dry run found new or known. Raises `errors.NotFound`, `errors.NotAllowed`."""
    found = await _get(session, import_id)
    _begin(found, "run", now)
    found.file = b""
    accounts.note(session, by, "import_run", f"import:{import_id}", found.source, now=now)


async def undo(session: AsyncSession, import_id: int, *, by: int | None, now: datetime) -> None:
    """Take back everybody who has done nothing since; a list that is still running goes no further.

    Raises `errors.NotFound`, `errors.NotAllowed` after a month.
    """
    found = await _get(session, import_id)
    if now > found.created_at + timedelta(days=UNDO_DAYS):
        raise errors.NotAllowed("Cet import a plus de trente jours : il ne peut plus être annulé.")
    _begin(found, "undo", now)
    accounts.note(session, by, "import_undone", f"import:{import_id}", found.source, now=now)


async def discard(session: AsyncSession, import_id: int) -> None:
    """Forget a list that was not run. Raises `errors.NotFound`, `errors.NotAllowed`."""
    found = await _get(session, import_id)
    if found.state not in (State.UPLOADED, State.CHECKING, State.CHECKED):
        raise errors.NotAllowed("Cet import a déjà eu lieu : annulez-le plutôt.")
    await _forget(session, [found.id])


async def _forget(session: AsyncSession, ids: Sequence[int]) -> None:
    await session.execute(delete(ImportRow).where(ImportRow.import_id.in_(ids)))
    await session.execute(delete(Import).where(Import.id.in_(ids)))


async def due(session: AsyncSession) -> bool:
    """Whether a list is at work."""
    return bool(await session.scalar(select(exists().where(Import.state.in_(AT_WORK)))))


async def advance(session: AsyncSession, *, fingerprint: consent.Fingerprint, now: datetime) -> bool:
    """Go one chunk further with the oldest list at work. False: none is, or another worker has it."""
    found = await session.scalar(
        select(Import)
        .where(Import.state.in_(AT_WORK))
        .order_by(Import.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if found is None:
        return False
    match State(found.state):
        case State.CHECKING:
            more = await _check(session, found, fingerprint)
        case State.RUNNING:
            more = await _run(session, found, fingerprint, now)
        case _:
            more = await _undo(session, found, now)
    if not more:
        found.state = rules.advance(found.state, "end")
        found.changed_at = now
    return True


# Files that are being read: by list and last line, so that a step that was rolled back reads again.
_READING: dict[tuple[int, datetime, int], Iterator[csvfile.Row]] = {}


async def _next_rows(session: AsyncSession, found: Import) -> list[csvfile.Row]:
    reader = _READING.pop((found.id, found.created_at, found.last_line), None)
    if reader is None:
        data = await session.scalar(select(Import.file).where(Import.id == found.id)) or b""
        last = found.last_line
        reader = dropwhile(lambda row: row.line <= last, csvfile.rows(data, csvfile.read_form(data)))
    chunk = list(islice(reader, _size(session)))
    _READING.clear()
    if chunk:
        _READING[found.id, found.created_at, chunk[-1].line] = reader
    return chunk


async def _check(session: AsyncSession, found: Import, fingerprint: consent.Fingerprint) -> bool:
    """One chunk of the dry run; False once every row has its verdict."""
    chunk = await _next_rows(session, found)
    if not chunk:
        found.counts = await _counted(session, found.id)
        return False
    read = [(row.line, rules.read(row, found.columns)) for row in chunk]
    keys = {line: consent.address_key(each.person.address) for line, each in read if each.person}
    assert found.course_id is not None  # told before
    judged = await intake.judge(session, found.course_id, {key: fingerprint(key) for key in keys.values()})
    seen = await _seen(session, found.id, set(keys.values()))
    rows = []
    for line, each in read:
        key = keys.get(line, "")
        if not key:
            verdict, problem = Verdict.INVALID, each.problem
        elif key in seen:
            verdict, problem = Verdict.DUPLICATE, rules.PROBLEMS["duplicate"]
        else:
            verdict, problem = judged[key].verdict, judged[key].problem or each.problem
        seen.add(key)
        rows.append(_row(found.id, line, each, key, verdict, problem))
    await dialect.insert_all(session, ImportRow, rows)
    found.done, found.last_line = found.done + len(chunk), chunk[-1].line
    return True


async def _seen(session: AsyncSession, import_id: int, keys: set[str]) -> set[str]:
    """Which addresses stand on earlier lines."""
    found = await session.scalars(
        select(ImportRow.address_key).where(
            dialect.among(session, ImportRow.address_key, keys), ImportRow.import_id == import_id
        )
    )
    return set(found)


def _row(
    import_id: int, line: int, read: rules.Read, key: str, verdict: Verdict, problem: str
) -> dict[str, Any]:
    person = read.person or rules.Person(read.typed)
    return {
        "import_id": import_id,
        "line": line,
        "address": person.address,
        "address_key": key,
        "first_name": person.first_name,
        "company": person.company,
        "size": person.size,
        "region": person.region,
        "verdict": verdict,
        "problem": problem,
    }


async def _counted(session: AsyncSession, import_id: int) -> dict[str, int]:
    """Rows by verdict, and `left_out`: those of which only some cells are taken."""
    rows = await session.execute(
        select(ImportRow.verdict, func.count())
        .where(ImportRow.import_id == import_id)
        .group_by(ImportRow.verdict)
    )
    left_out = await session.scalar(
        select(func.count())
        .select_from(ImportRow)
        .where(ImportRow.import_id == import_id, ImportRow.verdict.in_(TAKEN), ImportRow.problem != "")
    )
    return {row[0]: row[1] for row in rows} | {"left_out": int(left_out or 0)}


def _size(session: AsyncSession) -> int:
    return min(_CHUNK, _CHUNK_ALONE) if dialect.is_sqlite(session) else _CHUNK


def _of(session: AsyncSession, found: Import) -> Any:
    """The next chunk of those to take, or to take back."""
    return (
        select(ImportRow)
        .where(
            ImportRow.import_id == found.id,
            ImportRow.verdict.in_(TAKEN),
            ImportRow.line > found.last_line,
        )
        .order_by(ImportRow.line)
        .limit(_size(session))
    )


async def _run(session: AsyncSession, found: Import, fingerprint: consent.Fingerprint, now: datetime) -> bool:
    """Take one chunk in; False once all are. Who came by himself since the dry run is left alone."""
    rows = list(await session.scalars(_of(session, found)))
    if not rows:
        found.counts = await _counted(session, found.id)
        return False
    assert found.course_id is not None  # told before
    slug = await session.scalar(select(Course.slug).where(Course.id == found.course_id)) or ""
    terms = await intake.terms(session, slug, found.source, agreed=found.agreed, bulk=True)
    await intake.lock(session, [row.address_key for row in rows])
    hashes = {row.address_key: fingerprint(row.address_key) for row in rows}
    judged = await intake.judge(session, found.course_id, hashes)
    taking = [row for row in rows if judged[row.address_key].verdict in TAKEN]
    people = [(_person(row), judged[row.address_key]) for row in taking]
    taken = await intake.take(session, people, terms, fingerprint=fingerprint, now=now)
    places = {row.address_key: place for row, place in zip(taking, taken, strict=True)}
    for row in rows:
        row.verdict = judged[row.address_key].verdict
        if row.verdict not in TAKEN:
            row.problem = judged[row.address_key].problem
        else:
            place = places[row.address_key]
            row.learner_id, row.enrolment_id, row.made = place.learner_id, place.enrolment_id, place.made
    found.done, found.last_line = found.done + len(rows), rows[-1].line
    return True


def _person(row: ImportRow) -> rules.Person:
    return rules.Person(row.address, row.first_name, row.company, row.size, row.region)


async def _undo(session: AsyncSession, found: Import, now: datetime) -> bool:
    """Take one chunk back; False once all were looked at. What is left of the list is forgotten then."""
    rows = list(await session.scalars(_of(session, found)))
    if not rows:
        await session.execute(delete(ImportRow).where(ImportRow.import_id == found.id))
        return False
    places = {row.enrolment_id: row for row in rows if row.enrolment_id}
    sorted_out = await reversal.sort_out(session, list(places), agreed=found.agreed)
    removed = [place for place, back in sorted_out.items() if back == Back.REMOVED]
    made = [places[place].learner_id or 0 for place in removed if places[place].made]
    await reversal.remove(session, removed, made=made)
    stopped = [place for place, back in sorted_out.items() if back == Back.STOPPED]
    await reversal.stop(session, stopped, now=now)
    backs = list(sorted_out.values())
    found.counts = {
        **found.counts,
        **{back.value: found.counts.get(back.value, 0) + backs.count(back) for back in Back},
    }
    found.done, found.last_line = found.done + len(rows), rows[-1].line
    return True


@dataclass(frozen=True)
class Line:
    """A row of the file and what becomes of it."""

    line: int
    address: str
    verdict: Verdict
    problem: str
    """In French, a line for each."""


async def not_taken(session: AsyncSession, import_id: int, *, after: int = 0, limit: int = 100) -> list[Line]:
    """The rows that are not taken, or not whole, after line `after`."""
    found = await session.scalars(
        select(ImportRow)
        .where(
            ImportRow.import_id == import_id,
            ImportRow.line > after,
            or_(ImportRow.verdict.not_in(TAKEN), ImportRow.problem != ""),
        )
        .order_by(ImportRow.line)
        .limit(limit)
    )
    return [Line(row.line, row.address, Verdict(row.verdict), row.problem) for row in found]


async def prune(session: AsyncSession, *, now: datetime) -> None:
    """Forget the files that nobody ran, and the rows of lists that are too old to be taken back."""
    waiting = (State.UPLOADED, State.CHECKED)
    old = list(
        await session.scalars(
            select(Import.id).where(
                Import.state.in_(waiting), Import.changed_at < now - timedelta(days=KEPT_DAYS)
            )
        )
    )
    await _forget(session, old)
    done = select(Import.id).where(
        Import.state == State.DONE, Import.created_at < now - timedelta(days=UNDO_DAYS)
    )
    await session.execute(
        delete(ImportRow).where(ImportRow.import_id.in_(done)).execution_options(synchronize_session=False)
    )
