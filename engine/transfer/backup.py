"""Making a backup: all that an installation is, in one file, read back before it counts."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from engine import app
from engine.core import errors
from engine.flows import catalog, instance
from engine.settings import Settings
from engine.tables import copying, db, schema, snapshot
from engine.transfer import archive, postgres


async def make(settings: Settings, target: Path, *, overwrite: bool, now: datetime) -> archive.Manifest:
    """Write a backup of the installation, which may be at work meanwhile, to the file `target`.

    Raises `errors.Invalid` when the keys are not here or `target` is there already,
    `errors.ParcoursError` or OSError when it cannot be written, or not be read back.
    """
    keys = _keys(settings)
    database = db.Database(settings.database_url)
    try:
        with archive.making(target, overwrite=overwrite) as made:
            work = _sqlite if database.is_sqlite else _postgresql
            facts, contents, server = await work(database, made.parent, now)
            await asyncio.to_thread(_write, made, facts, contents | keys)
            return await asyncio.to_thread(_read_back, made, server)
    finally:
        await database.close()


def name(now: datetime) -> str:
    """What a backup is called when nobody says."""
    return f"parcours-{now:%Y%m%d-%H%M%S}.zip"


def _keys(settings: Settings) -> dict[str, archive.Content]:
    signing, suppressing = app.known_keys(settings)
    if not signing or not suppressing:
        raise errors.Invalid(
            "The keys are not here, and a backup without them is worth nothing: run this with the settings "
            "of the service (PARCOURS_SECRET_KEY, PARCOURS_SUPPRESSION_KEY)."
        )
    return {
        archive.SECRET_KEY: b",".join(signing) + b"\n",
        archive.SUPPRESSION_KEY: suppressing + b"\n",
    }


_Made = tuple[archive.Facts, dict[str, archive.Content], int]
"""What the backup says, what it holds, and PostgreSQL's version."""


async def _sqlite(database: db.Database, folder: Path, now: datetime) -> _Made:
    file = folder / archive.SQLITE
    await asyncio.to_thread(snapshot.copy, Path(database.url.database or ""), file)
    copy = db.Database(f"sqlite:///{file}")
    try:
        async with copy.reading() as session:
            facts, courses = await _facts(session, copy, now), await _courses(session)
        async with copy.transaction() as session:
            await instance.mark_copy(session, now=now)
    finally:
        await copy.close()
    await asyncio.to_thread(snapshot.seal, file)
    return facts, {archive.SQLITE: file, **courses}, 0


async def _postgresql(database: db.Database, folder: Path, now: datetime) -> _Made:
    file = folder / archive.DUMP
    async with database.reading() as session:
        seen = await snapshot.export(session)
        server = await snapshot.server_version(session)
        facts, courses = await _facts(session, database, now), await _courses(session)
        await asyncio.to_thread(postgres.dump, database.url, file, snapshot=seen, server=server)
    return facts, {archive.DUMP: file, **courses}, server


async def _facts(session: AsyncSession, database: db.Database, now: datetime) -> archive.Facts:
    return archive.Facts(
        parcours=metadata.version("parcours"),
        schema_revision=await schema.revision(session),
        database="sqlite" if database.is_sqlite else "postgresql",
        instance=await instance.identity(session),
        made_at=now,
        tables=await copying.counts(session),
    )


async def _courses(session: AsyncSession) -> dict[str, archive.Content]:
    """The current version of each course, as its author's files: for people, the database holds them too."""
    return {
        f"courses/{slug}/{path}": data
        for slug in await catalog.slugs(session)
        for path, data in (await catalog.export(session, slug)).items()
    }


def _write(made: Path, facts: archive.Facts, contents: Mapping[str, archive.Content]) -> None:
    with made.open("xb") as file:
        archive.write(file, facts, contents)


def _read_back(made: Path, server: int) -> archive.Manifest:
    with archive.reading(made) as found:
        manifest = found.manifest
        file = made.with_name("read-back")
        if manifest.database == "sqlite":
            found.extract(archive.SQLITE, file)
            snapshot.seal(file)
        else:
            found.extract(archive.DUMP, file)
            compare(manifest.tables, postgres.count(file, server=server))
    return manifest


def compare(expected: Mapping[str, int], there: Mapping[str, int]) -> None:
    """Raises `errors.ParcoursError` for a table that has not as many rows as it should."""
    wrong = [
        f"{table}: {there.get(table, 0)} rows, {count} expected"
        for table, count in expected.items()
        if there.get(table) != count
    ]
    if wrong:
        raise errors.ParcoursError("\n".join(["The copy is not complete.", *wrong]))
