"""`parcours backup`, `restore`, `activate` and `move`: an installation as a whole."""

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app as application
from engine.cli import common
from engine.clock import SystemClock
from engine.core import errors
from engine.flows import instance
from engine.settings import Settings
from engine.tables import db as databases
from engine.transfer import archive
from engine.transfer import backup as backups
from engine.transfer import move as moves
from engine.transfer import restore as restores


def backup(
    path: Annotated[
        Path, typer.Argument(help="The file to make, or a folder for one named after now.")
    ] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    database: common.Database = None,
) -> None:
    """Write database, courses and keys to one file, while the service runs, and read it back."""
    now = SystemClock().now()
    target = path / backups.name(now) if path.is_dir() else path

    async def work(_: databases.Database, settings: Settings) -> archive.Manifest:
        return await backups.make(settings, target, overwrite=overwrite, now=now)

    # As Ctrl+C: what was begun is cleared away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    made = common.with_database(database, work)
    size = target.stat().st_size / 1e6
    typer.echo(f"{target}: {size:.1f} MB, {sum(made.tables.values())} rows, read back.")
    typer.echo("It holds the keys and everybody's addresses: keep it encrypted, on another machine.")


def restore(
    file: Annotated[Path, typer.Argument(help="What `parcours backup` made.")],
    database: common.Database = None,
) -> None:
    """Bring a backup back, in an empty place only. The copy sends nothing until `parcours activate`."""
    found = common.load(database)
    done = common.run(restores.restore(found, file))
    rows = sum(done.tables.values())
    typer.echo(f"Restored as of {done.made_at:%Y-%m-%d %H:%M} UTC: {rows} rows, as many as in the backup.")
    typer.echo(
        "It plans and sends nothing. Erase again whoever was erased since (deploy/README.md, section 9), "
        "make sure that\nthe original is stopped for good, then run `parcours activate`."
    )


def activate(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: common.Database = None,
) -> None:
    """Let a restored copy plan and send, or a database that was moved away work again."""
    asked = "Is the original stopped for good? Two that send would send everything twice."
    if not yes and not typer.confirm(asked):
        raise errors.NotAllowed("Nothing was changed.")

    async def work(session: AsyncSession, _: Settings) -> None:
        await instance.activate(session)

    common.with_session(database, work, write=True, anywhere=True)
    typer.echo("It plans and sends: a service that runs on it begins within ten seconds.")


def move(
    to: Annotated[str, typer.Option("--to", help="postgresql://USER:PASSWORD@HOST/NAME, empty.")],
    database: common.Database = None,
) -> None:
    """Carry everything from the SQLite file over to PostgreSQL; interrupted, the same command goes on."""
    found = common.load(database)
    here, there = databases.parse(found.database_url), databases.parse(to)
    if (here.get_backend_name(), there.get_backend_name()) != ("sqlite", "postgresql"):
        raise errors.Invalid("A move leads from a SQLite file (--database) to PostgreSQL (--to).")
    if not Path(here.database or "").is_file():
        raise errors.NotFound(f"There is no file {here.database}.")
    counts = common.run(_move(found.database_url, to))
    typer.echo(f"{sum(counts.values())} rows in {len(counts)} tables, as many as before.")
    typer.echo(
        f"{here.database} is marked: nothing works on it any more. Now set PARCOURS_DATABASE_URL to the new "
        f"address{_keys_to_set(found)}."
    )


def _keys_to_set(found: Settings) -> str:
    """What more must be set: PostgreSQL has no file beside it to keep keys in."""
    path = application.keys_file(found)
    if (found.secret_key and found.suppression_key) or path is None:
        return " and keep the keys that are set"
    return (
        f", PARCOURS_SECRET_KEY to the first line of {path} and PARCOURS_SUPPRESSION_KEY to the second: "
        "without them links that were sent stop working, and people who left could be written to again"
    )


async def _move(source_url: str, target_url: str) -> dict[str, int]:
    source, target = databases.Database(source_url, alone=True), databases.Database(target_url)
    try:
        with _progress() as bar:
            tasks: dict[str, int] = {}

            def told(table: str, more: int, total: int) -> None:
                if table not in tasks:
                    tasks[table] = bar.add_task(table, total=total)
                bar.advance(tasks[table], more)  # type: ignore[arg-type]  # rich's own number

            return await moves.move(source, target, told=told)
    finally:
        await source.close()
        await target.close()


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True))
