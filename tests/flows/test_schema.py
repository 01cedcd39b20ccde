"""The migrations make the tables that the code declares."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from engine.tables import Base, db, schema


async def test_the_migrations_lead_to_the_declared_tables(database: db.Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrading_twice_changes_nothing(database: db.Database) -> None:
    await schema.upgrade(database)
    assert await schema.is_current(database)


async def test_an_empty_database_is_not_current(database_url: str) -> None:
    empty = db.Database(database_url)
    assert not await schema.is_current(empty)
    await empty.close()
