"""Publishing a course: what it changes and whom it touches, known beforehand; and doing it."""

import asyncio
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors
from engine.core.course import change, differences, editing, model, reading
from engine.core.course.effect import Choices, Effect, Group, effect, going
from engine.core.course.yamlfile import Problem
from engine.flows import accounts, catalog, desk, moves
from engine.mail import dress
from engine.tables import Course, Publication, Version, dialect

_NOBODY, _UNDECIDED = Effect(), Choices()


@dataclass(frozen=True)
class Published:
    """What publishing did."""

    slug: str
    hash: str
    changed: bool
    """False when this very content is the current version already."""
    effect: Effect = _NOBODY


class Undecided(errors.Conflict):
    """The structure changes, and nobody said what becomes of those in the middle."""


@dataclass(frozen=True)
class Preview:
    """What publishing would do."""

    slug: str
    hash: str
    parent: str
    """Hash of the version that it would replace; empty for the first."""
    problems: tuple[Problem, ...]
    changes: Sequence[differences.Change]
    lessons: Mapping[str, model.Lesson]
    """By key; none when the course does not read."""
    added: tuple[str, ...]
    """Keys of the lessons that the current version has not."""
    asks: bool
    """The structure changes, and somebody is in the middle: the author has to choose."""
    effects: dict[Choices, Effect]
    """By everything that may be chosen; none when an error stands against publishing."""

    @property
    def changed(self) -> bool:
        return self.hash != self.parent

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.level == "error")

    def as_published(self, choices: Choices) -> Published:
        """What `publish` would do with these choices. Raises `errors.Invalid` and `errors.Conflict` as it."""
        if self.errors:
            raise errors.Invalid("\n".join(str(problem) for problem in self.errors))
        if not self.changed:
            return Published(self.slug, self.hash, changed=False)
        stay = self.effects[Choices(others="stay")].stay
        chosen = _decided(choices, asks=self.asks, count=stay)
        return Published(self.slug, self.hash, True, self.effects[chosen])


_ALL = tuple(
    Choices(others, inserted, finished)
    for others in ("move", "stay")
    for inserted in ("skip", "send")
    for finished in ("leave", "offer")
)


@dataclass(frozen=True)
class _Change:
    """From the current version of a course to a new one."""

    course: Course
    current: Version | None
    before: dict[str, bytes]
    old: model.Course | None
    """None for the first version, and for one that this program reads no more."""
    new: model.Course
    returning: tuple[str, ...]
    """Added lessons that some version of before had: somebody may have received them."""

    @property
    def was(self) -> model.Course:
        # Of a version that does not read any more nobody knows the order: all keep their places.
        return self.old or self.new

    @property
    def keeps_structure(self) -> bool:
        return self.old is not None and change.keeps_structure(self.old, self.new)


async def preview(
    session: AsyncSession, files: catalog.Files, *, slug: str, house: dress.Dress, now: datetime
) -> Preview:
    """What publishing `files` would change, and what it would do to people for each choice."""
    read = await asyncio.to_thread(catalog.check, files, slug=slug, house=house)
    course = await session.scalar(select(Course).where(Course.slug == slug))
    current = await _current(session, course)
    digest, parent = catalog.content_hash(files), current.hash if current else ""
    if read.course is None:
        return Preview(slug, digest, parent, read.problems, (), {}, (), False, {})
    lessons = {lesson.key: lesson for lesson in read.course.lessons}
    if course is None or current is None:
        found = differences.changes(None, read.course, {}, files)
        effects = dict.fromkeys(_ALL, _NOBODY)
        return Preview(slug, digest, parent, read.problems, found, lessons, tuple(lessons), False, effects)
    step = await _change(session, course, current, read.course)
    groups = await _midway(session, step) + await _finished(session, step, now)
    standing = await moves.standing(session, course.id, current.id)
    return Preview(
        slug=slug,
        hash=digest,
        parent=parent,
        problems=read.problems,
        changes=differences.changes(step.old, step.new, step.before, files),
        lessons=lessons,
        added=change.added(step.was, step.new),
        asks=not step.keeps_structure and any(not group.finished for group in groups),
        effects={each: effect(step.was, step.new, groups, each, **standing) for each in _ALL},
    )


async def publish(
    session: AsyncSession,
    files: catalog.Files,
    *,
    slug: str,
    house: dress.Dress,
    now: datetime,
    parent: str | None = None,
    choices: Choices = _UNDECIDED,
    by: int | None = None,
    origin: str = "files",
) -> Published:
    """Make `files` the current version of a course, and do to people what `preview` counted.

    Raises `errors.Invalid` with every problem of the files; `errors.Conflict` when `parent` is not the
    current version, when that was made in the studio and the files do not say that they follow it, or when
    the structure changes and `choices` does not tell what becomes of those in the middle of the course.
    """
    read = await asyncio.to_thread(catalog.check, files, slug=slug, house=house)
    if read.course is None:
        raise errors.Invalid("\n".join(str(problem) for problem in read.errors))
    await dialect.lock(session, f"publish:{slug}")
    course = await _course(session, slug, now)
    current = await _current(session, course)
    digest = catalog.content_hash(files)
    if current and current.hash == digest:
        return Published(slug, digest, changed=False)
    _check_parent(slug, current, parent, files, origin)
    version = await _version(session, course, files, digest, current, origin, now)
    step = await _change(session, course, current, read.course)
    publication = Publication(
        course_id=course.id,
        version_id=version.id,
        before_id=current.id if current else None,
        at=now,
        account_id=by,
        origin=origin,
        choices=asdict(choices),
        effect={},
    )
    session.add(publication)
    await session.flush()
    done = await _take_along(session, step, publication, choices, now) if current else _NOBODY
    publication.effect = asdict(done)
    course.current_version_id = version.id
    await moves.prune(session, publication, now=now)
    return Published(slug, digest, True, done)


async def publish_draft(
    session: AsyncSession,
    slug: str,
    *,
    seen: str,
    parent: str,
    house: dress.Dress,
    choices: Choices,
    by: int,
    now: datetime,
) -> Published:
    """Publish the draft of a course, and clear the desk.

    `seen` and `parent`: the hashes of the draft and of the version that the author had before him. Raises as
    `publish` does, and `errors.Conflict` when the draft is no longer what he saw.
    """
    # The desk's own lock: nobody saves between what is read here and what is cleared below.
    await dialect.lock(session, f"draft:{slug}")
    files = await desk.files(session, slug)
    if files is None or catalog.content_hash(files) != seen:
        raise errors.Conflict("Le brouillon a changé depuis que cette page a été ouverte.")
    done = await publish(
        session,
        files,
        slug=slug,
        house=house,
        now=now,
        parent=parent,
        choices=choices,
        by=by,
        origin="studio",
    )
    await desk.clear(session, slug)
    accounts.note(session, by, "course_published", f"course:{slug}", done.hash, now=now)
    return done


def _check_parent(
    slug: str, current: Version | None, parent: str | None, files: catalog.Files, origin: str
) -> None:
    if current is None or parent == current.hash:
        return
    if parent:
        raise errors.Conflict(f"La version actuelle de « {slug} » est {current.hash}, pas {parent}.")
    if current.origin == "studio" and origin == "files":
        raise errors.Conflict(
            f"La version actuelle de « {slug} » vient du studio. Relisez la différence, puis ajoutez "
            f"--parent {current.hash} :\n{catalog.difference(catalog.unpack(current.archive), files)}"
        )


async def _course(session: AsyncSession, slug: str, now: datetime) -> Course:
    course = await session.scalar(select(Course).where(Course.slug == slug))
    if course is None:
        course = Course(slug=slug, created_at=now)
        session.add(course)
        await session.flush()
    return course


async def _current(session: AsyncSession, course: Course | None) -> Version | None:
    if course is None or course.current_version_id is None:
        return None
    return await session.get(Version, course.current_version_id)


async def _version(
    session: AsyncSession,
    course: Course,
    files: catalog.Files,
    digest: str,
    current: Version | None,
    origin: str,
    now: datetime,
) -> Version:
    """The row of this content; a content that was published before has one."""
    known = await session.scalar(
        select(Version).where(Version.course_id == course.id, Version.hash == digest)
    )
    if known is not None:
        return known
    version = Version(
        course_id=course.id,
        hash=digest,
        parent_hash=current.hash if current else "",
        origin=origin,
        archive=catalog.pack(files),
        created_at=now,
    )
    session.add(version)
    await session.flush()
    return version


async def _change(
    session: AsyncSession, course: Course, current: Version | None, new: model.Course
) -> _Change:
    before = _unpacked(current.archive) if current else {}
    old = reading.read(before, slug=course.slug).course if before else None
    added = change.added(old, new) if old else ()
    returning: tuple[str, ...] = ()
    if added and current:
        known = await _keys_before(session, course.id)
        returning = tuple(key for key in added if key in known)
    return _Change(course, current, before, old, new, returning)


async def _keys_before(session: AsyncSession, course_id: int) -> set[str]:
    """The keys of all lessons that any version has had."""
    keys: set[str] = set()
    archives = await session.stream_scalars(select(Version.archive).where(Version.course_id == course_id))
    async for archive in archives:
        keys |= {key for path in _unpacked(archive) if (key := editing.lesson_key(path))}
    return keys


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of a version; none when it is damaged, which must not keep anybody from replacing it."""
    try:
        return catalog.unpack(archive)
    except zipfile.BadZipFile:
        return {}


async def _midway(session: AsyncSession, step: _Change) -> list[Group]:
    assert step.current is not None  # the caller looked
    where = moves.midway(step.course.id, step.current.id)
    return await moves.groups(session, where, step.returning)


async def _finished(session: AsyncSession, step: _Change, now: datetime) -> list[Group]:
    if not change.added(step.was, step.new):
        return []
    where = moves.offerable(step.course.id, now=now)
    return await moves.groups(session, where, step.returning)


def _decided(choices: Choices, *, asks: bool, count: int) -> Choices:
    """The author's choices; who says nothing about a mere correction has everybody follow it."""
    if choices.others is None and asks and count:
        raise Undecided(
            f"L'ordre, les clés, les conditions ou les activités changent, et {count} personne(s) sont en "
            "cours de route. Choisissez : --move (elles suivent la nouvelle version ; aucune leçon n'est "
            "envoyée deux fois) ou --stay (elles finissent avec l'ancienne)."
        )
    return Choices(choices.others or "move", choices.inserted, choices.finished)


async def _take_along(
    session: AsyncSession, step: _Change, publication: Publication, choices: Choices, now: datetime
) -> Effect:
    """Move people as chosen: noted and locked first, counted then, so that the counts are what is done."""
    assert step.current is not None  # the caller looked
    midway = moves.midway(step.course.id, step.current.id)
    # Who is to move is counted below, once nobody else can change where he stands.
    groups = [] if choices.others == "move" else await _midway(session, step)
    count = sum(group.count for group in groups)
    choices = _decided(choices, asks=not step.keeps_structure, count=count)
    if choices.others == "move":
        await moves.note(session, publication, midway)
    if choices.finished == "offer" and change.added(step.was, step.new):
        await moves.note(session, publication, moves.offerable(step.course.id, now=now))
    noted = await moves.noted(session, publication, step.returning)
    if choices.others == "stay":
        noted += groups
    goes = going(step.was, step.new, noted, choices)
    standing = await moves.standing(session, step.course.id, step.current.id)
    publication.ledger = await moves.last_delivery(session)
    await moves.take_along(session, publication, goes, step.returning, rules=step.new.rules, now=now)
    await moves.cancel_reminders(session, publication, step.was, step.new)
    return effect(step.was, step.new, noted, choices, **standing)
