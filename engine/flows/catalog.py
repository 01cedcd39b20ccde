"""Courses: reading them from disk, checking, exporting, and finding a published one again."""

import hashlib
import io
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors, words
from engine.core.course import model, parcel, reading
from engine.core.course.yamlfile import Problem
from engine.mail import compile, dress
from engine.tables import Course, Version

Files = Mapping[str, bytes]
MAX_BYTES = parcel.MAX_BYTES

_HTML_WARNING, _HTML_LIMIT = 80_000, 100_000


def read_directory(path: Path) -> dict[str, bytes]:
    """A course's files, hidden ones left out. Raises `errors.NotFound`, `errors.Invalid`."""
    if not path.is_dir():
        raise errors.NotFound(f"{path} : ce dossier n'existe pas.")
    files: dict[str, bytes] = {}
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path)
        if not file.is_file() or any(part.startswith(".") for part in inside.parts):
            continue
        files[inside.as_posix()] = file.read_bytes()
    if sum(map(len, files.values())) > MAX_BYTES:
        raise errors.Invalid(f"{path} : plus de {MAX_BYTES // 1_000_000} Mo de fichiers.")
    return files


def check(files: Files, *, slug: str, house: dress.Dress) -> reading.Reading:
    """Read a course and weigh its mails: every problem at once."""
    read = reading.read(files, slug=slug)
    if read.course is None:
        return read
    found = [problem for lesson in read.course.lessons for problem in _weigh(read.course, lesson, house)]
    found += [problem for key in read.course.templates for problem in _fill(read.course, key)]
    problems = tuple(sorted({*read.problems, *found}))
    failed = any(problem.level == "error" for problem in found)
    return reading.Reading(None if failed else read.course, problems, read.sketch)


def _fill(course: model.Course, key: str) -> list[Problem]:
    """What is wrong in the author's Word template of a charter."""
    from engine.documents import charter as charters  # 20 MB that a process that only sends mails needs not

    path = f"documents/{key}.docx"
    try:
        unknown = charters.slots(course.templates[key])
    except errors.Invalid as error:
        return [Problem(path, 1, str(error), "corrigez le modèle dans Word")]
    cure = "écrivez un des emplacements du guide : " + ", ".join(charters.SLOTS)
    return [Problem(path, 1, f"emplacement « {name} » inconnu", cure) for name in sorted(unknown)]


def _weigh(course: model.Course, lesson: model.Lesson, house: dress.Dress) -> list[Problem]:
    try:
        size = compile.lesson(lesson, course=course, dress=house).html_size
    except errors.ParcoursError as error:
        return [Problem(lesson.path, 1, str(error), "corrigez la leçon")]
    if size <= _HTML_WARNING:
        return []
    cause = f"le message pèse {size // 1000} ko ; les messageries coupent à 102 ko"
    level: Literal["error", "warning"] = "error" if size > _HTML_LIMIT else "warning"
    return [Problem(lesson.path, 1, cause, "raccourcissez la leçon ou partagez-la en deux", level)]


def difference(old: Files, new: Files) -> str:
    """What changed between two contents, as a unified diff."""
    lines: list[str] = []
    for path in sorted({*old, *new}):
        before, after = (source.get(path, b"").decode(errors="replace") for source in (old, new))
        lines += unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="")
    return "\n".join(lines)


def content_hash(files: Files) -> str:
    """The identity of a content: the same files give the same hash, whatever their dates and order."""
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:16]


def pack(files: Files) -> bytes:
    """The files as a zip; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


async def export(session: AsyncSession, slug: str, digest: str | None = None) -> dict[str, bytes]:
    """The files of the current version, or of that with a hash, byte for byte. Raises `errors.NotFound`."""
    which = Course.current_version_id == Version.id if digest is None else Version.hash == digest
    archive = await session.scalar(
        select(Version.archive).join(Course, Course.id == Version.course_id).where(Course.slug == slug, which)
    )
    if archive is None:
        raise errors.NotFound(f"Il n'y a pas de parcours « {slug} ».")
    return unpack(archive)


# Versions never change: those read lately are kept, whichever database they came from.
_READ: OrderedDict[tuple[str, str], model.Course] = OrderedDict()
_KEPT = 64


@dataclass(frozen=True)
class Pinned:
    """A version as the rest of the program uses it."""

    id: int
    hash: str
    course: model.Course


async def version(session: AsyncSession, version_id: int) -> Pinned:
    """A published course by its version. Raises `errors.NotFound`."""
    found = (
        await session.execute(
            select(Version.hash, Course.slug)
            .join(Course, Course.id == Version.course_id)
            .where(Version.id == version_id)
        )
    ).one_or_none()
    if found is None:
        raise errors.NotFound("Cette version n'existe pas.")
    key = (found.slug, found.hash)
    if key not in _READ:
        archive = await session.scalar(select(Version.archive).where(Version.id == version_id))
        _READ[key] = _read(archive or b"", found.slug, found.hash)
        while len(_READ) > _KEPT:
            _READ.popitem(last=False)
    _READ.move_to_end(key)
    return Pinned(version_id, found.hash, _READ[key])


def _read(archive: bytes, slug: str, digest: str) -> model.Course:
    try:
        course = reading.read(unpack(archive), slug=slug).course
    except Exception:  # a damaged archive makes zipfile raise whatever it meets first
        course = None
    if course is None:
        raise errors.ParcoursError(f"La version {digest} de « {slug} » ne se lit plus.")
    return course


async def current(session: AsyncSession, slug: str) -> Pinned:
    """The version that newcomers get. Raises `errors.NotFound`."""
    found = await session.scalar(select(Course.current_version_id).where(Course.slug == slug))
    if found is None:
        raise errors.NotFound(f"Il n'y a pas de parcours « {slug} ».")
    return await version(session, found)


async def slugs(session: AsyncSession) -> list[str]:
    """The courses that have a published version, by name."""
    found = await session.scalars(
        select(Course.slug).where(Course.current_version_id.is_not(None)).order_by(Course.slug)
    )
    return list(found)


@dataclass(frozen=True)
class Names:
    """What a course and its parts are called, typeset in its language."""

    title: str
    language: str
    lessons: Mapping[str, str]
    """Subjects by key, in order, each with its number."""
    activities: Mapping[str, str]


_NAMES: dict[tuple[str, str], Names] = {}


async def names(session: AsyncSession) -> dict[str, Names]:
    """For lists: the current version of every course that can be read, by slug."""
    rows = await session.execute(
        select(Course.slug, Version.hash, Version.id)
        .join(Version, Version.id == Course.current_version_id)
        .order_by(Course.slug)
    )
    found = {}
    for slug, digest, version_id in rows.all():
        if (slug, digest) not in _NAMES:
            with suppress(errors.ParcoursError):  # one that is read no more must not take the list along
                _NAMES[slug, digest] = _names((await version(session, version_id)).course)
                while len(_NAMES) > _KEPT:
                    _NAMES.pop(next(iter(_NAMES)))
        if (slug, digest) in _NAMES:
            found[slug] = _NAMES[slug, digest]
    return found


def _names(course: model.Course) -> Names:
    def typeset(text: str) -> str:
        return words.typeset(text, course.language)

    return Names(
        typeset(course.title),
        course.language,
        {lesson.key: typeset(f"{lesson.number}. {lesson.subject}") for lesson in course.lessons},
        {key: typeset(activity.title) for key, activity in course.activities.items()},
    )


async def named(session: AsyncSession, slug: str) -> tuple[str, str]:
    """Title and language of a course; its slug where it has no version, or one that is read no more."""
    try:
        course = (await current(session, slug)).course
    except errors.ParcoursError:
        return slug, words.SOURCE
    return course.title, course.language
