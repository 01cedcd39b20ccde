"""The words by which people are found: kept right by whoever writes a name, an address or a company."""

from collections.abc import Collection

from sqlalchemy import delete, select, tuple_, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import search
from engine.tables import Company, Enrolment, Learner, SearchWord, dialect

_CHUNK = 1000
_KEY = ("word", "learner_id")


async def note(session: AsyncSession, learner_ids: Collection[int]) -> None:
    """Write anew what finds these people. To be called after any change of name, address or company."""
    ids = sorted(set(learner_ids))
    for start in range(0, len(ids), _CHUNK):
        await _note(session, ids[start : start + _CHUNK])


async def forget(session: AsyncSession, learner_ids: Collection[int]) -> None:
    """To be called before learners are deleted: nothing finds them any more."""
    rows = await session.execute(
        select(Learner.id, Learner.words).where(dialect.among(session, Learner.id, learner_ids))
    )
    await _write(session, [], [(word, id_) for id_, words in rows for word in words.split()], [])


async def _note(session: AsyncSession, ids: list[int]) -> None:
    rows = await session.execute(
        # Columns, not objects: what another transaction wrote while we waited for the row is read too.
        select(Learner.id, Learner.first_name, Learner.address, Learner.erased_at, Learner.words)
        .where(Learner.id.in_(ids))
        .order_by(Learner.id)
        .with_for_update()
    )
    companies = await _companies(session, ids)
    lines, gone, new = [], [], []
    for id_, first_name, address, erased_at, kept in rows:
        before = set(kept.split())
        after = () if erased_at else search.known(first_name, address, companies.get(id_, ()))
        if before != set(after):
            lines.append({"id": id_, "words": search.kept(after)})
            gone += [(word, id_) for word in before.difference(after)]
            new += [{"word": word, "learner_id": id_} for word in after if word not in before]
    await _write(session, lines, gone, new)


async def _companies(session: AsyncSession, ids: list[int]) -> dict[int, list[str]]:
    """What each of these people wrote as their company, and what the one they opened is called."""
    written = select(Enrolment.learner_id, Enrolment.company).where(Enrolment.learner_id.in_(ids))
    opened = select(Company.owner_id, Company.name).where(Company.owner_id.in_(ids))
    found: dict[int, list[str]] = {}
    for learner_id, name in await session.execute(union(written, opened)):
        found.setdefault(learner_id, []).append(name)
    return found


async def _write(
    session: AsyncSession,
    lines: list[dict[str, object]],
    gone: list[tuple[str, int]],
    new: list[dict[str, object]],
) -> None:
    if lines:
        await session.execute(update(Learner), lines)
    for start in range(0, len(gone), _CHUNK):
        chunk = gone[start : start + _CHUNK]
        await session.execute(
            delete(SearchWord).where(tuple_(SearchWord.word, SearchWord.learner_id).in_(chunk))
        )
    if new:
        await dialect.insert_all(session, SearchWord, new, unless=_KEY)
