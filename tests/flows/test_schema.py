"""The migrations make the tables that the code declares."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

from engine.flows import people
from engine.tables import Base, db, schema


def _ours(name: str | None, kind: str, _: object) -> bool:
    return not (kind == "table" and name and name.startswith("procrastinate"))


def test_the_tables_of_procrastinate_are_those_of_the_release_that_is_pinned() -> None:
    """Red: its newest change of its tables needs a migration of ours, beside 0014."""
    changes = sorted(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    assert changes[-1] == "03.04.00_50_post_add_retry_failed_job_procedure.sql"


async def test_the_migrations_lead_to_the_declared_tables(database: db.Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"include_name": _ours})
        return list(compare_metadata(context, Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrading_twice_changes_nothing(database: db.Database) -> None:
    await schema.upgrade(database)
    assert await schema.is_current(database)


async def test_an_empty_database_is_not_current(database_url: str) -> None:
    empty = db.Database(database_url)
    assert not await schema.is_current(empty)
    await empty.close()


async def test_who_was_here_before_people_could_be_found_is_found(database_url: str) -> None:
    old = db.Database(database_url)

    def before(connection: Connection) -> None:
        schema.migrate(connection, "0006")
        values = "'Éloïse', '2027-01-01', 'fr', '', ''"
        for number, address in ((1, "eve@example.org"), (2, "")):
            key = f"{number}, '{address}', '{address or 'erased:2'}', '{number}'"
            columns = "id, address, address_key, address_hash, first_name, created_at, language, region"
            connection.execute(text(f"INSERT INTO learner ({columns}, new_address) VALUES ({key}, {values})"))
        connection.execute(text("UPDATE learner SET erased_at = '2027-01-02', first_name = '' WHERE id = 2"))
        connection.execute(
            text("INSERT INTO company (name, owner_id, created_at) VALUES ('Forge', 1, '2027-01-01')")
        )

    async with old.engine.begin() as connection:
        await connection.run_sync(before)
    await schema.upgrade(old)
    async with old.reading() as session:
        for query in ("elo", "eve org", "forge"):
            found = await people.find(session, query, people.Filters())
            assert [person.id for person in found.people] == [1], query
        assert (await people.find(session, "", people.Filters(company="forge"))).total == people.Total(
            1, True
        )
    await old.close()
