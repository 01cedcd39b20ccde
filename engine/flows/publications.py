"""What was published of a course, and undoing the last of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors
from engine.flows import accounts, catalog, desk, moves
from engine.tables import Account, Course, Publication, Version, dialect


@dataclass(frozen=True)
class Undone:
    """What undoing a publication does, or did."""

    publication: int
    hash: str
    """Of the version that newcomers get again."""
    restored: int
    """Enrolments that stand again where they stood."""
    kept: int
    """Enrolments that have received something since, or left, and go on as they are."""


async def undoable(session: AsyncSession, slug: str, *, now: datetime) -> Undone:
    """What undoing the last publication would do. Raises as `undo` does."""
    publication, before = await _last(session, slug, now)
    taken, untouched = await moves.undoable(session, publication)
    return Undone(publication.id, before.hash, untouched, taken - untouched)


async def undo(
    session: AsyncSession, slug: str, *, by: int | None = None, now: datetime, last: int | None = None
) -> Undone:
    """Undo the last publication: the version before it is current again, and who has received nothing since
    stands where he stood. The others go on with the version they have, and so does who began with it. Undone
    by an account, it becomes the draft again, unless another one was begun.

    Raises `errors.NotFound`; `errors.NotAllowed` when there is nothing to undo; `errors.Conflict` when
    something was published since `last`, the publication that is meant.
    """
    await dialect.lock(session, f"publish:{slug}")
    publication, before = await _last(session, slug, now)
    if last is not None and publication.id != last:
        raise errors.Conflict("Une autre version a été publiée entre-temps.")
    restored, kept = await moves.put_back(session, publication, now=now)
    course = await session.get_one(Course, publication.course_id)
    course.current_version_id = before.id
    publication.undone_at, publication.restored, publication.kept = now, restored, kept
    accounts.note(session, by, "publication_undone", f"course:{slug}", before.hash, now=now)
    if by is not None:
        await _back_on_the_desk(session, slug, publication, by, now)
    return Undone(publication.id, before.hash, restored, kept)


async def _back_on_the_desk(
    session: AsyncSession, slug: str, publication: Publication, by: int, now: datetime
) -> None:
    """What was undone is the draft again, unless another one was begun: no author loses his work."""
    await session.flush()
    if await desk.parent(session, slug) is None:
        undone = await session.get_one(Version, publication.version_id)
        await desk.replace(session, slug, catalog.unpack(undone.archive), seen="", by=by, now=now)


async def _last(session: AsyncSession, slug: str, now: datetime) -> tuple[Publication, Version]:
    """The last publication, which may be undone, and the version before it."""
    publication = await session.scalar(
        select(Publication)
        .join(Course, Course.id == Publication.course_id)
        .where(Course.slug == slug)
        .order_by(Publication.id.desc())
        .limit(1)
    )
    if publication is None:
        raise errors.NotFound(f"Il n'y a pas de parcours « {slug} ».")
    if publication.undone_at is not None:
        raise errors.NotAllowed("La dernière publication est déjà annulée.")
    if publication.before_id is None:
        raise errors.NotAllowed("Rien n'a été publié avant cette version.")
    if publication.at < now - moves.KEPT:
        raise errors.NotAllowed("Cette publication a plus de trente jours : elle ne s'annule plus.")
    return publication, await session.get_one(Version, publication.before_id)


@dataclass(frozen=True)
class Line:
    """A publication in the history of a course."""

    id: int
    at: datetime
    who: str
    """Empty: the command line."""
    hash: str
    origin: str
    effect: Mapping[str, Any]
    """As `Effect`; empty for what was published before effects were kept."""
    undone_at: datetime | None
    restored: int
    kept: int


@dataclass(frozen=True)
class History:
    current: str
    """The hash of the version that newcomers get."""
    lines: Sequence[Line]
    """The latest first."""
    undoable: bool
    """Whether the latest may be undone."""


_LATEST = 200


async def history(session: AsyncSession, slug: str, *, now: datetime) -> History:
    """What was published. Raises `errors.NotFound`."""
    current = await session.scalar(
        select(Version.hash).join(Course, Course.current_version_id == Version.id).where(Course.slug == slug)
    )
    if current is None:
        raise errors.NotFound(f"Il n'y a pas de parcours « {slug} ».")
    rows = await session.execute(
        select(Publication, Version.hash, Account.name)
        .join(Version, Version.id == Publication.version_id)
        .join(Course, Course.id == Publication.course_id)
        .outerjoin(Account, Account.id == Publication.account_id)
        .where(Course.slug == slug)
        .order_by(Publication.id.desc())
        .limit(_LATEST)
    )
    lines = [
        Line(
            id=each.id,
            at=each.at,
            who=who or "",
            hash=digest,
            origin=each.origin,
            effect=each.effect,
            undone_at=each.undone_at,
            restored=each.restored,
            kept=each.kept,
        )
        for each, digest, who in rows
    ]
    return History(current, lines, await _may_undo(session, slug, now))


async def _may_undo(session: AsyncSession, slug: str, now: datetime) -> bool:
    try:
        await _last(session, slug, now)
    except errors.ParcoursError:
        return False
    return True
