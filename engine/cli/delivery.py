"""`parcours delivery …`: mails that wait for a human."""

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from engine.cli import common
from engine.clock import SystemClock
from engine.flows import outbox
from engine.settings import Settings
from engine.tables import Delivery

app = typer.Typer(no_args_is_help=True, help="Mails that are held: list them, let them go.")


@app.command("list")
def list_(database: common.Database = None, as_json: common.AsJson = False) -> None:
    """List the mails that are held, each with its reason."""

    async def work(session: AsyncSession, _: Settings) -> list[Delivery]:
        return await outbox.held(session)

    found = common.with_session(database, work)
    if as_json:
        names = ("id", "kind", "lesson_key", "learner_id", "account_id", "due_at", "tries", "reason")
        common.print_json([{name: getattr(mail, name) for name in names} for mail in found])
        return
    for mail in found:
        whose = f"account {mail.account_id}" if mail.account_id else f"learner {mail.learner_id}"
        typer.echo(
            f"{mail.id}\t{whose}\t{mail.kind} {mail.lesson_key}\t"
            f"{mail.due_at:%Y-%m-%d %H:%M} UTC\t{mail.reason}"
        )


@app.command()
def free(number: int, database: common.Database = None) -> None:
    """Let a held mail leave after all."""

    async def work(session: AsyncSession, _: Settings) -> None:
        await outbox.free(session, number, now=SystemClock().now())

    common.with_session(database, work, write=True)
    typer.echo(f"Mail {number} leaves with the next tick.")
