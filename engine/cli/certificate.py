"""`parcours certificate …`: looking one up, taking one back."""

from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from engine.cli import common
from engine.clock import SystemClock
from engine.flows import certificates
from engine.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Certificates: show one by its code, revoke it.")

Code = Annotated[str, typer.Argument(help="The code printed on the certificate.")]
NAMES = ("code", "name", "enrolment_id", "issued_at", "revoked_at", "revoked_reason")


@app.command()
def show(code: Code, database: common.Database = None, as_json: common.AsJson = False) -> None:
    """Show what is kept of a certificate."""

    async def work(session: AsyncSession, _: Settings) -> dict[str, Any]:
        row = await certificates.find(session, code)
        return {name: getattr(row, name) for name in NAMES}

    found = common.with_session(database, work)
    if as_json:
        common.print_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name}: {'' if value is None else value}")


@app.command()
def revoke(
    code: Code,
    reason: Annotated[str, typer.Option("--reason", help="Kept for operators; no page shows it.")],
    database: common.Database = None,
) -> None:
    """Take a certificate back for good; its public page says so."""

    async def work(session: AsyncSession, _: Settings) -> None:
        await certificates.revoke(session, code, reason=reason, now=SystemClock().now())

    common.with_session(database, work, write=True)
    typer.echo(f"Certificate {code} is revoked.")
