"""A database as it stood at one moment, while others go on writing to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors


def copy(source: Path, target: Path) -> None:
    """Copy a SQLite file (online backup). Raises `errors.ParcoursError`, also when the disk is full."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as here,
            closing(sqlite3.connect(target)) as there,
        ):
            here.backup(there)
    except sqlite3.Error as error:
        raise errors.ParcoursError(f"{source} cannot be copied: {error}.") from error


def seal(file: Path) -> None:
    """Fold everything into the one file, that it may be carried away.

    Raises `errors.ParcoursError` for a file that is not sound.
    """
    try:
        with closing(sqlite3.connect(file)) as opened:
            found = opened.execute("PRAGMA integrity_check").fetchone()[0]
            opened.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise errors.ParcoursError(f"{file.name} is damaged: {found}.")


async def export(session: AsyncSession) -> str:
    """What `pg_dump --snapshot` needs to see exactly what this session sees, from now until it ends."""
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    return str(await session.scalar(select(func.pg_export_snapshot())))


async def server_version(session: AsyncSession) -> int:
    """The major version of PostgreSQL."""
    found = (await session.connection()).dialect.server_version_info
    assert found is not None, "known once connected"
    return int(found[0])
