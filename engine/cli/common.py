"""What all commands share: options, settings, running, printing."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from engine import observe, settings
from engine.core import errors
from engine.flows import instance
from engine.settings import Settings
from engine.tables import db as databases
from engine.tables import schema

T = TypeVar("T")

Database = Annotated[
    str | None,
    typer.Option("--database", help="sqlite:///FILE or postgresql://…; wins over the environment."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]


def load(database: str | None = None, **values: object) -> Settings:
    """The settings in force, `--database` first."""
    found = settings.load(**({"database_url": database} if database else {}), **values)
    observe.configure(found.log_format)
    return found


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is installed."""
    try:
        import uvloop  # absent on some platforms
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns on a terminal; off it nothing is cut, for a pipe has no width."""
    console = Console(width=None if sys.stdout.isatty() else 10_000)
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def with_database(
    database: str | None,
    work: Callable[[databases.Database, Settings], Awaitable[T]],
    *,
    anywhere: bool = False,
) -> T:
    """Run something that commits more than once.

    Raises `errors.Invalid` when the schema is not ours; `errors.Conflict` when the work goes on in another
    database, unless it may be done `anywhere`.
    """

    async def go() -> T:
        found = load(database)
        db = databases.Database(found.database_url)
        try:
            if not await schema.is_current(db):
                raise errors.Invalid("The database is not up to date: run `parcours db upgrade` first.")
            if not anywhere:
                async with db.reading() as session:
                    await instance.check_here(session)
            return await work(db, found)
        finally:
            await db.close()

    return run(go())


def with_session(
    database: str | None,
    work: Callable[[AsyncSession, Settings], Awaitable[T]],
    *,
    write: bool = False,
    anywhere: bool = False,
) -> T:
    """Run one flow on the database. Raises what `with_database` raises."""

    async def go(db: databases.Database, found: Settings) -> T:
        async with db.transaction() if write else db.reading() as session:
            return await work(session, found)

    return with_database(database, go, anywhere=anywhere)
