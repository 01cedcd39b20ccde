"""From a SQLite file to PostgreSQL: table by table, each in one transaction that also notes that it is there.
Interrupted at any moment, it goes on with the table that was not.
"""

import secrets
from collections.abc import Callable

import psycopg
from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError

from engine.core import errors
from engine.flows import instance
from engine.tables import copying, db, schema
from engine.transfer import backup

Told = Callable[[str, int, int], None]
"""Called with a table, how many more of its rows are there, and how many it has."""


async def move(source: db.Database, target: db.Database, *, told: Told) -> dict[str, int]:
    """Carry everything over; how many rows of each table.

    `source`, opened alone, is marked before the first row: from then on nobody works there, whatever becomes
    of the move. Raises `errors.Conflict` while a process has it open, and for a target that is not empty;
    `errors.Invalid` for databases that cannot be moved, or a row that PostgreSQL does not take.
    """
    counts = await _look(source)
    if await _begin(source, target):
        for table in copying.TABLES:
            await _carry(source, target, table, counts[table.name], told)
        await _finish(source, target, counts)
    return counts


async def _look(source: db.Database) -> dict[str, int]:
    try:
        if not await schema.is_current(source):
            raise errors.Invalid("The database is not up to date: run `parcours db upgrade` first.")
        async with source.reading() as session:
            return await copying.counts(session)
    except DBAPIError as error:
        if not db.unavailable(error):
            raise
        raise errors.Conflict(
            f"Somebody works with {source.url.database}: stop the service first (systemctl stop parcours)."
        ) from error


async def _begin(source: db.Database, target: db.Database) -> bool:
    """Mark both, or find them marked. False: everything is there already."""
    address = db.public_address(target.url)
    async with source.reading() as session:
        begun = await instance.moved(session)
    if begun and begun.address != address:
        raise errors.Conflict(f"A move of this database to {begun.address} was begun: finish that one.")
    move = begun or instance.Move(secrets.token_hex(8), address)
    if await _is_there(target, move):
        return False
    async with source.transaction() as session:
        await instance.leave(session, move)
    async with target.transaction() as session:
        if not await instance.arrival(session):
            await instance.keep_arrival(session, instance.Arrival(move.token, {}))
    return True


async def _is_there(target: db.Database, move: instance.Move) -> bool:
    """Whether the move was finished already. Raises `errors.Conflict` where anything else is."""
    async with target.reading() as session:
        there = await copying.existing(session)
    if not there & set(copying.NAMES):
        await schema.upgrade(target)
    if not await schema.is_current(target):
        raise errors.Conflict("The database to move to is not empty: create a new one.")
    async with target.reading() as session:
        if await instance.arrived(session) == move.token:
            return True
        arrival = await instance.arrival(session)
        strange = arrival.token != move.token if arrival else any((await copying.counts(session)).values())
    if strange:
        raise errors.Conflict("The database to move to is not empty: create a new one.")
    return False


async def _carry(source: db.Database, target: db.Database, table: Table, count: int, told: Told) -> None:
    """One table, unless it is there already."""
    try:
        async with target.transaction() as there, source.reading() as here:
            arrival = await instance.arrival(there)
            assert arrival is not None
            if table.name in arrival.done:
                told(table.name, count, count)
                return
            carried = await copying.carry(here, there, table, told=lambda more: told(table.name, more, count))
            done = {**arrival.done, table.name: carried}
            await instance.keep_arrival(there, instance.Arrival(arrival.token, done))
    except psycopg.DataError as error:
        raise errors.Invalid(f"{table.name}: PostgreSQL does not take a row: {str(error).strip()}") from error


async def _finish(source: db.Database, target: db.Database, counts: dict[str, int]) -> None:
    """Compare, and let the target be the installation."""
    async with source.reading() as session:
        facts, move = await instance.facts(session), await instance.moved(session)
    assert move is not None
    async with target.transaction() as session:
        await copying.analyze(session)
        backup.compare(counts, await copying.counts(session))
        await instance.settle(session, move.token, facts)
