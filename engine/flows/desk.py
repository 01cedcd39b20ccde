"""The author's desk in the browser: the draft of a course, file by file, and what it would become.

A draft begins with the first change, from the current version. Learners never see it: they follow versions.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2s
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import case, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors, links
from engine.core.course import editing, grammar, parcel, reading
from engine.core.delivery import Kind
from engine.flows import accounts, catalog, outbox
from engine.mail import dress
from engine.tables import Course, Draft, DraftFile, Version, dialect

IMAGES = "images/"
_SLUG_LENGTH = 40


@dataclass(frozen=True)
class File:
    """One file of a course, as somebody read it."""

    path: str
    content: bytes
    hash: str

    @property
    def text(self) -> str:
        """Raises `errors.Invalid` for what is no text."""
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            raise errors.Invalid(f"{self.path} n'est pas un texte en UTF-8.") from None


class Overtaken(errors.Conflict):
    """Somebody else changed this file since it was read: nothing was saved, both texts are here."""

    def __init__(self, path: str, mine: str, theirs: File | None) -> None:
        self.path, self.mine, self.theirs = path, mine, theirs
        """`theirs`: the file as it is now; None when it was deleted."""
        super().__init__(f"{path} a été modifié entre-temps par quelqu'un d'autre. Rien n'est perdu.")


@dataclass(frozen=True)
class Desk:
    """A course as its authors see it."""

    slug: str
    files: Mapping[str, bytes]
    """The draft, or the current version where nobody changed anything. Pictures are named, and empty."""
    current: str
    """The hash of the current version; "" when there is none."""
    parent: str
    """The version that the draft began from."""
    is_draft: bool
    mark: str = ""
    """Of the draft's content, "" without draft: by it whoever changes the whole tells what he saw."""
    changed_at: datetime | None = None
    changed_by: str = ""
    """The name of the account that changed the draft last."""

    @property
    def overtaken(self) -> bool:
        """Whether another version was published since the draft began."""
        return self.is_draft and self.parent != self.current


async def look(session: AsyncSession, slug: str) -> Desk:
    """Raises `errors.NotFound`."""
    draft = await _draft(session, slug)
    if draft is None:
        current = await _current(session, slug)
        if current is None:
            raise errors.NotFound(f"Il n'y a pas de parcours « {slug} ».")
        files = {path: _unseen(path, data) for path, data in catalog.unpack(current.archive).items()}
        return Desk(slug, files, current.hash, current.hash, is_draft=False)
    unseen = case((DraftFile.path.startswith(IMAGES), literal(b"")), else_=DraftFile.content)
    rows = await session.execute(select(DraftFile.path, unseen).where(DraftFile.draft_id == draft.id))
    newest = await session.scalar(
        select(Version.hash)
        .join(Course, Course.current_version_id == Version.id)
        .where(Course.id == draft.course_id)
    )
    return Desk(
        slug=slug,
        files=dict(sorted((path, content) for path, content in rows)),
        current=newest or "",
        parent=draft.parent_hash,
        is_draft=True,
        mark=await _mark(session, draft),
        changed_at=draft.changed_at,
        changed_by=(await accounts.get(session, draft.changed_by)).name,
    )


def _unseen(path: str, data: bytes) -> bytes:
    return b"" if path.startswith(IMAGES) else data


async def files(session: AsyncSession, slug: str) -> dict[str, bytes] | None:
    """The draft, whole; None when there is none."""
    draft = await _draft(session, slug)
    if draft is None:
        return None
    rows = await session.execute(
        select(DraftFile.path, DraftFile.content)
        .where(DraftFile.draft_id == draft.id)
        .order_by(DraftFile.path)
    )
    return {row.path: row.content for row in rows}


async def parent(session: AsyncSession, slug: str) -> str | None:
    """The hash of the version that the draft began from; None when there is no draft."""
    draft = await _draft(session, slug)
    return draft.parent_hash if draft else None


async def file(session: AsyncSession, slug: str, path: str) -> File:
    """A file of the draft, or of the current version; a lesson also by a number it had before.

    Raises `errors.NotFound`.
    """
    draft = await _draft(session, slug)
    if draft is not None:
        row = await _row(session, draft, path)
        if row is not None:
            return File(row.path, row.content, row.hash)
    else:
        found = await catalog.export(session, slug)
        if path in found:
            return File(path, found[path], _hash(found[path]))
    raise errors.NotFound(f"« {path} » n'existe pas, ou n'existe plus, dans ce parcours.")


async def create(
    session: AsyncSession,
    slug: str,
    title: str,
    files: Mapping[str, bytes] | None = None,
    *,
    by: int,
    now: datetime,
) -> None:
    """A new course, which begins as a draft: a small one to write on, or these files.

    Raises `errors.Invalid` by field; `errors.Conflict` when the slug is taken.
    """
    if len(slug) > _SLUG_LENGTH or not re.fullmatch(grammar.KEY, slug):
        raise errors.Invalid({"slug": "Écrivez l'adresse en minuscules sans accent, chiffres et tirets."})
    begun = files if files is not None else editing.new_course(title)
    _check_size(begun)
    await dialect.lock(session, f"draft:{slug}")
    if await session.scalar(select(Course.id).where(Course.slug == slug)):
        raise errors.Conflict("Un parcours a déjà cette adresse : choisissez-en une autre.")
    course = Course(slug=slug, created_at=now)
    session.add(course)
    await session.flush()
    await _begun(session, course.id, "", begun, by=by, now=now)


async def save(
    session: AsyncSession, slug: str, path: str, text: str, *, read: str, by: int, now: datetime
) -> File:
    """Keep the text of one file. `read`: the hash of what the author had before him, "" for a new file.

    Raises `Overtaken` when somebody else changed it since; `errors.Invalid`, `errors.NotFound`.
    """
    draft = await _open(session, slug, by=by, now=now)
    row = await _row(session, draft, path)
    content = _as_written(text, row.content if row else b"")
    if row is not None and row.content == content:
        return File(row.path, row.content, row.hash)
    if (row.hash if row else "") != read:
        raise Overtaken(path, text, File(row.path, row.content, row.hash) if row else None)
    if row is None:
        return await _add(session, draft, path, content)
    row.content, row.hash = content, _hash(content)
    await session.flush()
    await _check_room(session, draft)
    return File(row.path, content, row.hash)


def _as_written(text: str, before: bytes) -> bytes:
    """With the ends of lines that the file had: browsers send their own."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return (lines.replace("\n", "\r\n") if b"\r\n" in before else lines).encode(errors="replace")


async def _add(session: AsyncSession, draft: Draft, path: str, content: bytes) -> File:
    """A file that was not there, or not any more."""
    if not parcel.sound_path(path):
        raise errors.Invalid("Ce nom de fichier ne convient pas.")
    if key := editing.lesson_key(path):
        before = await _texts(session, draft)
        after = editing.restore_lesson(before, path, content)
        await _store(session, draft, before, after)
        path = editing.lessons(after)[key]
    else:
        await _store(session, draft, {}, {path: content})
    return File(path, content, _hash(content))


async def add_lesson(
    session: AsyncSession, slug: str, title: str, module: str = "", *, by: int, now: datetime
) -> str:
    """A new lesson at the end of a module; its key. Raises `errors.Invalid`, `errors.NotFound`."""
    draft = await _open(session, slug, by=by, now=now)
    # A key is sent once: one that learners know must not come back for another lesson.
    used = await _published_keys(session, slug)
    before = await _texts(session, draft)
    after = editing.add_lesson(before, title, module, used=used)
    await _store(session, draft, before, after)
    (key,) = set(editing.lessons(after)) - set(editing.lessons(before))
    return key


async def _published_keys(session: AsyncSession, slug: str) -> set[str]:
    current = await _current(session, slug)
    return set(editing.lessons(catalog.unpack(current.archive))) if current else set()


async def retitle(session: AsyncSession, slug: str, key: str, title: str, *, by: int, now: datetime) -> None:
    """Raises `errors.Invalid`, `errors.NotFound`."""
    await _edit(session, slug, lambda texts: editing.retitle(texts, key, title), by=by, now=now)


async def step(session: AsyncSession, slug: str, key: str, steps: int, *, by: int, now: datetime) -> None:
    """Move a lesson one step up (-1) or down (1), as `editing.step` does."""
    await _edit(session, slug, lambda texts: editing.step(texts, key, steps), by=by, now=now)


async def add_activity(
    session: AsyncSession, slug: str, kind: str, title: str, *, by: int, now: datetime
) -> str:
    """A new activity from the model of its kind; its path. Raises `errors.Invalid`, `errors.NotFound`."""
    draft = await _open(session, slug, by=by, now=now)
    before = await _texts(session, draft)
    after, path = editing.add_activity(before, kind, title)
    await _store(session, draft, before, after)
    return path


async def add_image(
    session: AsyncSession, slug: str, name: str, content: bytes, *, by: int, now: datetime
) -> str:
    """Keep a picture under a free name like `name`, whose suffix counts; its path.

    `content` is what `documents.picture.fit` made. Raises `errors.Invalid`, `errors.NotFound`.
    """
    draft = await _open(session, slug, by=by, now=now)
    taken = await session.scalars(select(DraftFile.path).where(DraftFile.draft_id == draft.id))
    used = {PurePosixPath(path).stem for path in taken if path.startswith(IMAGES)}
    typed = PurePosixPath(name.replace("\\", "/"))
    path = f"{IMAGES}{editing.key_of(typed.stem, used)}{typed.suffix}"
    await _store(session, draft, {}, {path: content})
    return path


async def remove(session: AsyncSession, slug: str, path: str, *, by: int, now: datetime) -> None:
    """Take a file away; the lessons after a lesson move up. Raises `errors.NotFound`, `errors.Invalid`."""
    if path == editing.COURSE:
        raise errors.Invalid("Un parcours ne va pas sans son fichier course.yaml : modifiez-le plutôt.")
    draft = await _open(session, slug, by=by, now=now)
    row = await _row(session, draft, path)
    if row is None:
        raise errors.NotFound(f"« {path} » n'existe pas, ou n'existe plus, dans ce parcours.")
    if key := editing.lesson_key(row.path):
        before = await _texts(session, draft)
        await _store(session, draft, before, editing.delete_lesson(before, key))
    else:
        await session.execute(delete(DraftFile).where(DraftFile.id == row.id))


async def replace(
    session: AsyncSession, slug: str, files: Mapping[str, bytes], *, seen: str, by: int, now: datetime
) -> None:
    """Begin anew from these files; what they were made from stays the parent. `seen`: see `Desk.mark`.

    Raises `errors.Conflict` when the draft changed since; `errors.Invalid`, `errors.NotFound`.
    """
    _check_size(files)
    await _check_seen(session, slug, seen)
    draft = await _open(session, slug, by=by, now=now)
    await session.execute(delete(DraftFile).where(DraftFile.draft_id == draft.id))
    await _store(session, draft, {}, files)


async def discard(session: AsyncSession, slug: str, *, seen: str) -> None:
    """Throw the draft away; a course that was never published goes with it. `seen`: see `Desk.mark`.

    Raises `errors.Conflict` when the draft changed since.
    """
    await _check_seen(session, slug, seen)
    await clear(session, slug)
    await session.execute(delete(Course).where(Course.slug == slug, ~_has_versions()))


async def _check_seen(session: AsyncSession, slug: str, seen: str) -> None:
    await dialect.lock(session, f"draft:{slug}")
    draft = await _draft(session, slug)
    if (await _mark(session, draft) if draft else "") != seen:
        raise errors.Conflict("Quelqu'un d'autre a modifié ce brouillon entre-temps : relisez-le d'abord.")


async def _mark(session: AsyncSession, draft: Draft) -> str:
    rows = await session.execute(
        select(DraftFile.path, DraftFile.hash).where(DraftFile.draft_id == draft.id).order_by(DraftFile.path)
    )
    return _hash("\n".join(f"{row.hash} {row.path}" for row in sorted(rows)).encode())


def _has_versions() -> Any:
    return select(Version.id).where(Version.course_id == Course.id).exists()


async def clear(session: AsyncSession, slug: str) -> None:
    """The draft was published: the desk is empty."""
    await dialect.lock(session, f"draft:{slug}")
    draft = await _draft(session, slug)
    if draft is not None:
        await session.execute(delete(DraftFile).where(DraftFile.draft_id == draft.id))
        await session.delete(draft)
        await session.flush()


async def owe_test(
    session: AsyncSession, slug: str, name: str, learner: str, *, to: int, now: datetime
) -> None:
    """Owe the author, account `to`, the mail called `name` as the fictitious learner would get it."""
    occasion = f"{slug}.{learner}.{links.stamp_of(now)}"
    mail = outbox.row(kind=Kind.TEST, account_id=to, lesson_key=name, occasion=occasion, now=now)
    await outbox.owe(session, [mail])


def check(files: Mapping[str, bytes], *, slug: str, house: dress.Dress) -> reading.Reading:
    """As `catalog.check`; those read lately are kept. It takes tenths of a second: not for an event loop."""
    items = tuple(sorted((path, _unseen(path, data)) for path, data in files.items()))
    return _checked(items, slug, house)


@lru_cache(maxsize=8)
def _checked(items: tuple[tuple[str, bytes], ...], slug: str, house: dress.Dress) -> reading.Reading:
    return catalog.check(dict(items), slug=slug, house=house)


async def _current(session: AsyncSession, slug: str) -> Version | None:
    return await session.scalar(
        select(Version).join(Course, Course.current_version_id == Version.id).where(Course.slug == slug)
    )


async def _draft(session: AsyncSession, slug: str) -> Draft | None:
    return await session.scalar(
        select(Draft).join(Course, Course.id == Draft.course_id).where(Course.slug == slug)
    )


async def _open(session: AsyncSession, slug: str, *, by: int, now: datetime) -> Draft:
    """The draft, to be changed now: others wait until this transaction ends."""
    await dialect.lock(session, f"draft:{slug}")
    draft = await _draft(session, slug)
    if draft is not None:
        draft.changed_at, draft.changed_by = now, by
        return draft
    current = await _current(session, slug)
    if current is None:
        raise errors.NotFound(f"Il n'y a pas de parcours « {slug} ».")
    begun = catalog.unpack(current.archive)
    return await _begun(session, current.course_id, current.hash, begun, by=by, now=now)


async def _begun(
    session: AsyncSession, course: int, parent: str, files: Mapping[str, bytes], *, by: int, now: datetime
) -> Draft:
    draft = Draft(course_id=course, parent_hash=parent, created_at=now, changed_at=now, changed_by=by)
    session.add(draft)
    await session.flush()
    await _store(session, draft, {}, files)
    return draft


async def _edit(
    session: AsyncSession,
    slug: str,
    change: Callable[[Mapping[str, bytes]], Mapping[str, bytes]],
    *,
    by: int,
    now: datetime,
) -> None:
    draft = await _open(session, slug, by=by, now=now)
    before = await _texts(session, draft)
    await _store(session, draft, before, change(before))


async def _texts(session: AsyncSession, draft: Draft) -> dict[str, bytes]:
    """All files but pictures."""
    rows = await session.execute(
        select(DraftFile.path, DraftFile.content).where(
            DraftFile.draft_id == draft.id, ~DraftFile.path.startswith(IMAGES)
        )
    )
    return {row.path: row.content for row in rows}


async def _row(session: AsyncSession, draft: Draft, path: str) -> DraftFile | None:
    """A file by its path; a lesson that was renumbered since, by its key."""
    mine = DraftFile.draft_id == draft.id
    found = await session.scalar(select(DraftFile).where(mine, DraftFile.path == path))
    key = editing.lesson_key(path)
    if found is not None or not key:
        return found
    paths = await session.scalars(select(DraftFile.path).where(mine, DraftFile.path.startswith("lessons/")))
    now_at = editing.lessons(list(paths)).get(key)
    return await session.scalar(select(DraftFile).where(mine, DraftFile.path == now_at)) if now_at else None


async def _store(
    session: AsyncSession, draft: Draft, before: Mapping[str, bytes], after: Mapping[str, bytes]
) -> None:
    """Bring the rows of `before` to `after`; what is in neither stays as it is."""
    gone = [path for path, data in before.items() if after.get(path) != data]
    new = [(path, data) for path, data in after.items() if before.get(path) != data]
    if gone:
        await session.execute(
            delete(DraftFile)
            .where(DraftFile.draft_id == draft.id, DraftFile.path.in_(gone))
            .execution_options(synchronize_session="fetch")
        )
    session.add_all(
        DraftFile(draft_id=draft.id, path=path, content=data, hash=_hash(data)) for path, data in new
    )
    await session.flush()
    await _check_room(session, draft)


async def _check_room(session: AsyncSession, draft: Draft) -> None:
    total = await session.scalar(
        select(func.sum(func.length(DraftFile.content))).where(DraftFile.draft_id == draft.id)
    )
    if (total or 0) > catalog.MAX_BYTES:
        raise errors.Invalid(_FULL)


def _check_size(files: Mapping[str, bytes]) -> None:
    if sum(map(len, files.values())) > catalog.MAX_BYTES:
        raise errors.Invalid(_FULL)


_FULL = "Un parcours pèse 20 Mo au plus : retirez ou réduisez des images."


def _hash(content: bytes) -> str:
    return blake2s(content, digest_size=12).hexdigest()
