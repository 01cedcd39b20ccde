"""Bringing a database to the schema that this program needs."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncSession

from engine.tables.db import Database

_LOCK = 7_227_268  # "parcours", on a telephone's keys, cut short: any number of ours will do
_MIGRATIONS = Path(__file__).parent / "migrations"


def _known() -> list[str]:
    """Every revision, the newest last; a file begins with its own."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


async def upgrade(db: Database) -> None:
    """Apply the migrations that are missing; processes that start together wait for each other."""
    async with db.engine.begin() as connection:
        if not db.is_sqlite:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        if await connection.run_sync(_revision) != _known()[-1]:
            await connection.run_sync(migrate)


def migrate(connection: Connection, to: str = "head") -> None:
    """Apply migrations, up to a revision."""
    from alembic import command  # here: 8 MB that who finds a database up to date need not have
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


async def is_current(db: Database) -> bool:
    """Whether the database has exactly the schema of this program."""
    async with db.engine.connect() as connection:
        return await connection.run_sync(_revision) == _known()[-1]


async def revision(session: AsyncSession) -> str:
    """What the schema of the database is called; "" where there is none."""
    return await (await session.connection()).run_sync(_revision)


def is_known(revision: str) -> bool:
    """Whether this program can bring a database of that schema up to date."""
    return revision in _known()
