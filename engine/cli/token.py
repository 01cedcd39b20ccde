"""`parcours token …`: keys to the JSON API."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from engine.cli import common
from engine.clock import SystemClock
from engine.core.tokens import Scope
from engine.flows import tokens
from engine.settings import Settings
from engine.tables import ApiToken

app = typer.Typer(no_args_is_help=True, help="Keys to the JSON API: create, list, revoke.")

NAMES = ("id", "name", "hint", "scopes", "created_at", "last_used_at", "revoked_at")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, in a few words.")],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may do; once for each.")],
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Make a key and print it: the only time that it is shown."""

    async def work(session: AsyncSession, _: Settings) -> tuple[ApiToken, str]:
        return await tokens.create(session, name=name, scopes=scope, by=None, now=SystemClock().now())

    row, token = common.with_session(database, work, write=True)
    if as_json:
        common.print_json({"id": row.id, "token": token, "scopes": row.scopes})
        return
    typer.echo(token)
    typer.echo(f"Key {row.id} ({', '.join(row.scopes)}). It is not shown again: keep it now.", err=True)


@app.command("list")
def list_(database: common.Database = None, as_json: common.AsJson = False) -> None:
    """List the keys, the newest first; never the keys themselves."""

    async def work(session: AsyncSession, _: Settings) -> list[ApiToken]:
        return await tokens.every(session)

    found = common.with_session(database, work)
    if as_json:
        common.print_json([{name: getattr(row, name) for name in NAMES} for row in found])
        return
    for row in found:
        used = f"last used {row.last_used_at:%Y-%m-%d %H:%M} UTC" if row.last_used_at else "never used"
        state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else used
        typer.echo(f"{row.id}\t{row.hint}…\t{row.name}\t{', '.join(row.scopes)}\t{state}")


@app.command()
def revoke(
    number: Annotated[int, typer.Argument(help="The number that `list` prints.")],
    database: common.Database = None,
) -> None:
    """End a key for good: the next request with it is refused."""

    async def work(session: AsyncSession, _: Settings) -> None:
        await tokens.revoke(session, number, by=None, now=SystemClock().now())

    common.with_session(database, work, write=True)
    typer.echo(f"Key {number} is revoked.")
