"""`parcours learner …` and `parcours why`: what an operator asks about people."""

from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from engine.cli import common
from engine.clock import SystemClock
from engine.core import errors
from engine.flows import history, privacy
from engine.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Learners: list, show, export, erase.")

Who = Annotated[str, typer.Argument(help="A learner's address or number.")]


@app.command("list")
def list_(
    search: Annotated[str, typer.Argument(help="A part of the address or first name.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """List learners, the newest first."""

    async def work(session: AsyncSession, _: Settings) -> list[history.Line]:
        return await history.people(session, search=search, limit=limit)

    found = common.with_session(database, work)
    if as_json:
        common.print_json([line.__dict__ for line in found])
        return
    for line in found:
        typer.echo(f"{line.id}\t{line.address}\t{line.first_name}\t{line.courses}")


async def _export(session: AsyncSession, who: str) -> dict[str, Any]:
    learner = await history.find(session, who)
    return await privacy.export(session, learner.id)


@app.command()
def show(who: Who, database: common.Database = None) -> None:
    """Show all that is known about a learner."""
    found = common.with_session(database, lambda session, _: _export(session, who))
    for title, content in found.items():
        typer.echo(f"\n{title}")
        for record in content if isinstance(content, list) else [content]:
            typer.echo("  " + " · ".join(f"{name}: {value}" for name, value in record.items() if value != ""))


@app.command()
def export(who: Who, database: common.Database = None) -> None:
    """Print all that is known about a learner as JSON."""
    common.print_json(common.with_session(database, lambda session, _: _export(session, who)))


@app.command()
def erase(
    who: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: common.Database = None,
) -> None:
    """Forget a learner for good; consents keep only times, wording and a keyed hash."""

    async def work(session: AsyncSession, _: Settings) -> int:
        learner = await history.find(session, who)
        await privacy.erase(session, learner.id, now=SystemClock().now())
        return learner.id

    if not yes and not typer.confirm(f"Erase {who} for good?"):
        raise errors.NotAllowed("Nothing was erased.")
    typer.echo(f"Learner {common.with_session(database, work, write=True)} is erased.")


def why(who: Who, lesson: str, database: common.Database = None, as_json: common.AsJson = False) -> None:
    """Tell why a learner did, or did not, receive a lesson."""

    async def work(session: AsyncSession, _: Settings) -> list[history.Why]:
        return await history.why(session, await history.find(session, who), lesson)

    found = common.with_session(database, work)
    if as_json:
        common.print_json([_why(each) for each in found])
        return
    for each in found:
        typer.echo(f"{each.course} / {each.lesson}: {each.answer}")
        for fact in each.facts:
            typer.echo(f"  {fact.at:%Y-%m-%d %H:%M}  {fact.text}" if fact.at else f"  {fact.text}")


def _why(each: history.Why) -> dict[str, Any]:
    facts = [{"at": fact.at.isoformat() if fact.at else None, "text": fact.text} for fact in each.facts]
    return {"course": each.course, "lesson": each.lesson, "answer": each.answer, "facts": facts}
