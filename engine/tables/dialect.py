"""The SQL that differs between SQLite and PostgreSQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from engine.tables.base import Instant


def insert_new(
    session: AsyncSession, table: Any, rows: Sequence[Mapping[str, Any]], *, key: str | Sequence[str]
) -> sqlite.Insert | postgresql.Insert:
    """Insert `rows` and pass over those whose unique `key` (a column, or several) is there already."""
    keys = [key] if isinstance(key, str) else key
    return _insert(session, table).values(list(rows)).on_conflict_do_nothing(index_elements=keys)


def _insert(session: AsyncSession, table: Any) -> sqlite.Insert | postgresql.Insert:
    return (sqlite.insert if is_sqlite(session) else postgresql.insert)(table)


async def insert_all(
    session: AsyncSession, table: Any, rows: Sequence[Mapping[str, Any]], *, unless: Sequence[str] = ()
) -> None:
    """Insert rows with the same columns, at least one; their numbers are found by what makes them unique.

    Those whose unique columns `unless` are there already are passed over.
    """
    if is_sqlite(session):
        statement = sqlite.insert(table.__table__)
        passing_over = statement.on_conflict_do_nothing(index_elements=list(unless)) if unless else statement
        await session.execute(passing_over, list(rows))
        return
    # One statement with one parameter: a statement a row costs five times as much, and one with all values in
    # its text is made anew for each number of rows.
    given = table.__table__.columns
    defaults = {c.name: c.default.arg for c in given if c.default is not None and c.name not in rows[0]}
    names = ", ".join(f'"{name}"' for name in {**defaults, **rows[0]})
    sql = (
        f'INSERT INTO "{table.__tablename__}" ({names}) SELECT {names} '  # noqa: S608  # names of our own tables
        f'FROM json_populate_recordset(CAST(NULL AS "{table.__tablename__}"), CAST(:rows AS json))'
    )
    sql += f" ON CONFLICT ({', '.join(unless)}) DO NOTHING" if unless else ""
    told = json.dumps([{**defaults, **row} for row in rows], default=_iso)
    await session.execute(text(sql), {"rows": told})


def _iso(moment: datetime) -> str:
    return moment.isoformat()


def among(session: AsyncSession, column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether `column` is one of many values. One array: psycopg reads hundreds of places for 10 ms."""
    if is_sqlite(session):
        return column.in_(list(values))  # type: ignore[no-any-return]  # any column's
    return column == func.any(cast(list(values), postgresql.ARRAY(column.type)))  # type: ignore[no-any-return]


def given(column: Any, *, sqlite: bool, name: str = "ids") -> Any:
    """Whether `column` is one of the parameter `name`: the same for statements that are made once."""
    if sqlite:
        return column.in_(bindparam(name, expanding=True))
    return column == any_(bindparam(name, type_=postgresql.ARRAY(column.type)))


def listed(column: Any, *, sqlite: bool) -> ColumnElement[bool]:
    """Whether `column`, a number, is one of the parameter `ids`: a list as the database itself writes it."""
    if sqlite:
        return column.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value))  # type: ignore[no-any-return]  # any column's
    return column == any_(cast(bindparam("ids"), postgresql.ARRAY(column.type)))  # type: ignore[no-any-return]  # any column's


def joined(column: Any, *, sqlite: bool) -> ColumnElement[str]:
    """The numbers of a group, with commas between."""
    return func.group_concat(column) if sqlite else func.string_agg(cast(column, Text), literal_column("','"))


def later(instant: Any, *, minutes: Any, sqlite: bool) -> ColumnElement[datetime]:
    """An instant so many minutes later; to the microsecond, which SQLite's own functions do not know."""
    if sqlite:
        seconds = func.datetime(func.substr(instant, 1, 19), minutes.op("||")(" minutes"))
        return type_coerce(seconds.op("||")(func.substr(instant, 20)), Instant())
    return type_coerce(instant + func.make_interval(0, 0, 0, 0, 0, minutes), Instant())


def domain(address: Any, *, sqlite: bool) -> Any:
    """What stands after the @."""
    if sqlite:
        return func.substr(address, func.instr(address, "@") + 1, type_=Text())
    return func.split_part(address, "@", 2, type_=Text())


def constants(words: Iterable[str]) -> list[ColumnElement[str]]:
    """Our own words, written into the statement: a partial index is not found by parameters."""
    return [literal_column(f"'{word}'", Text()) for word in sorted(words)]


def is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"


async def lock(session: AsyncSession, name: str) -> None:
    """Wait until no other transaction holds `name`. On SQLite a writer is alone already."""
    if not is_sqlite(session):
        await session.execute(func.pg_advisory_xact_lock(func.hashtext(name)).select())


async def lock_all(session: AsyncSession, names: Iterable[str]) -> None:
    """The same for many names at once; two callers ask in the same order."""
    if not is_sqlite(session):
        listed = cast(sorted(set(names)), postgresql.ARRAY(Text))
        name = func.unnest(listed).column_valued("name")
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))


async def modestly(session: AsyncSession) -> None:
    """Let what this transaction asks take one core at the most: pages and mails need the others."""
    if not is_sqlite(session):
        await session.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))


async def measured(session: AsyncSession) -> None:
    """Let the statements of this transaction be planned for the arrays that they are given.

    PostgreSQL takes arrays of which it knows nothing for short, and goes through all pairs of two long ones.
    """
    if not is_sqlite(session):
        await session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


def hour(session: AsyncSession, instant: Any) -> Any:
    """The full hour, in UTC, at or before an instant: what many instants have in common."""
    if is_sqlite(session):
        return type_coerce(func.substr(instant, 1, 13).op("||")(":00:00.000000"), Instant())
    return func.date_trunc("hour", instant, "UTC", type_=Instant())


async def analyze(session: AsyncSession, table: str) -> None:
    """Let PostgreSQL look at a table of which much was just written: by what it knew before, it would join
    row by row what it should hash. SQLite's plans ask for no counts.
    """
    if not is_sqlite(session):
        await session.execute(text(f"ANALYZE {table}"))
