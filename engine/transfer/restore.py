"""Bringing a backup back to life, in an empty place only. What comes of it sends nothing until told to."""

import asyncio
import tempfile
from pathlib import Path

from engine import app
from engine.core import errors
from engine.flows import instance
from engine.settings import Settings
from engine.tables import copying, db, schema, snapshot
from engine.transfer import archive, backup, postgres


async def restore(settings: Settings, source: Path) -> archive.Manifest:
    """Fill the empty database of `settings` with the backup `source`, at the schema of this program.

    Raises `errors.Invalid` or `errors.Conflict` for a backup that is damaged, of a newer program or of the
    other kind of database, a place that is not empty, and keys that are others: nothing was changed then.
    """
    with archive.reading(source) as found:
        database = db.Database(settings.database_url)
        try:
            _check_kind(found.manifest, database)
            keys_file = _check_keys(settings, found)
            if database.is_sqlite:
                await _sqlite(found, Path(database.url.database or ""), keys_file)
            else:
                await _postgresql(found, database)
        finally:
            await database.close()
        return found.manifest


def _check_kind(manifest: archive.Manifest, database: db.Database) -> None:
    here = "sqlite" if database.is_sqlite else "postgresql"
    if manifest.database != here:
        cure = "" if database.is_sqlite else ", then `parcours move` leads to PostgreSQL"
        raise errors.Invalid(
            f"This is a backup of {manifest.database}, and the database here is {here}: "
            f"restore it to {manifest.database}{cure}."
        )
    if not schema.is_known(manifest.schema_revision):
        raise errors.Invalid(
            f"This backup was made by Parcours {manifest.parcours}, which is newer than this program: "
            "upgrade it first."
        )


def _check_keys(settings: Settings, found: archive.Archive) -> Path | None:
    """Where the keys of the backup must be kept; None when they are here.

    Raises `errors.Conflict` when others are.
    """
    signing, suppressing = app.known_keys(settings)
    then_signing, then_suppressing = found.keys
    if suppressing and suppressing != then_suppressing:
        raise errors.Conflict(
            "The suppression key here is not that of the backup: people who left would be written to again. "
            + _own_keys(settings)
        )
    if signing and not set(then_signing) <= set(signing):
        raise errors.Conflict(
            "The secret key of the backup is not among those here: links in mails that were sent would not "
            "work any more. " + _own_keys(settings)
        )
    if signing and suppressing:
        return None
    path = app.keys_file(settings)
    if path is None:
        raise errors.Invalid(f"The keys are not set. {_own_keys(settings)}")
    return path


def _own_keys(settings: Settings) -> str:
    path = app.keys_file(settings)
    if path and path.exists():
        return f"Move {path} away."
    return (
        f"Set PARCOURS_SECRET_KEY and PARCOURS_SUPPRESSION_KEY to what `unzip -p FILE {archive.SECRET_KEY}` "
        f"and `unzip -p FILE {archive.SUPPRESSION_KEY}` print."
    )


async def _sqlite(found: archive.Archive, target: Path, keys_file: Path | None) -> None:
    _check_empty(target)
    with archive.making(target, overwrite=True) as made:
        await asyncio.to_thread(found.extract, archive.SQLITE, made)
        copy = db.Database(f"sqlite:///{made}")
        try:
            await _complete(found.manifest, copy)
        finally:
            await copy.close()
        await asyncio.to_thread(snapshot.seal, made)
        if keys_file:
            app.keep_keys(keys_file, found.keys)


def _check_empty(target: Path) -> None:
    """Also of what a file that was taken away left beside it: SQLite would write that into the new one."""
    for path in (target, *(target.with_name(target.name + end) for end in ("-wal", "-shm", "-journal"))):
        if path.exists() and path.stat().st_size:
            raise errors.Conflict(f"{path} is there: a backup is restored to an empty place only.")


async def _postgresql(found: archive.Archive, database: db.Database) -> None:
    async with database.reading() as session:
        server = await snapshot.server_version(session)
        if there := await copying.existing(session):
            raise errors.Conflict(
                f"The database holds {len(there)} tables: a backup is restored to an empty one only "
                "(dropdb, createdb)."
            )
    with tempfile.TemporaryDirectory(prefix="parcours-") as folder:
        file = Path(folder) / archive.DUMP
        await asyncio.to_thread(found.extract, archive.DUMP, file)
        also = instance.mark_copy_sql(now=found.manifest.made_at)
        await asyncio.to_thread(postgres.restore, database.url, file, also=also, server=server)
    await _complete(found.manifest, database)


async def _complete(manifest: archive.Manifest, database: db.Database) -> None:
    """Compare it with what the backup says, and bring it to the schema of this program."""
    async with database.reading() as session:
        backup.compare(manifest.tables, await copying.counts(session, manifest.tables))
    await schema.upgrade(database)
