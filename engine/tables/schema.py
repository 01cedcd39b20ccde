"""Bringing a database to the schema that this program needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncSession

from engine.tables.db import Database

_LOCK = 7_227_268  # "parcours", on a telephone's keys, cut short: any number of ours will do


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


async def upgrade(db: Database) -> None:
    """Apply the migrations that are missing; processes that start together wait for each other."""
    async with db.engine.begin() as connection:
        if not db.is_sqlite:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    command.upgrade(_config(connection), "head")


async def is_current(db: Database) -> bool:
    """Whether the database has exactly the schema of this program."""
    async with db.engine.connect() as connection:
        found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    return set(found) == set(ScriptDirectory.from_config(_config()).get_heads())


async def revision(session: AsyncSession) -> str:
    """What the schema of the database is called."""
    connection = await session.connection()
    found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    return found or ""


def is_known(revision: str) -> bool:
    """Whether this program can bring a database of that schema up to date."""
    return revision in {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}
