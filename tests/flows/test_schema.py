"""The migrations make the tables that the code declares."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from engine.flows import people
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


async def test_who_was_here_before_people_could_be_found_is_found(database_url: str) -> None:
    old = db.Database(database_url)

    def before(connection: Connection) -> None:
        command.upgrade(schema._config(connection), "0006")
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
