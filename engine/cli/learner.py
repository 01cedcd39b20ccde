"""`parcours learner …` and `parcours why`: what an operator asks about people."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app as application
from engine.cli import common
from engine.clock import SystemClock
from engine.core import consent, csvfile, errors, intake
from engine.flows import history, imports, people, privacy, roster
from engine.settings import Settings
from engine.tables.db import Database
from engine.workers import tasks

app = typer.Typer(no_args_is_help=True, help="Learners: list, import, show, export, erase.")

Who = Annotated[str, typer.Argument(help="A learner's address or number.")]


@app.command("list")
def list_(
    search: Annotated[
        str, typer.Argument(help="Words of the name, address or company, or their beginnings.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="All of them, with their courses, as a spreadsheet; no search.")
    ] = False,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """List learners, the newest first."""
    if as_csv:
        common.with_database(database, _spreadsheet)
        return

    async def work(session: AsyncSession, _: Settings) -> list[people.Person]:
        return await people.newest(session, search, limit=limit)

    lines = [_line(person) for person in common.with_session(database, work)]
    if as_json:
        common.print_json(lines)
        return
    for line in lines:
        typer.echo("{id}\t{address}\t{first_name}\t{courses}".format_map(line))


def _line(person: people.Person) -> dict[str, object]:
    return {
        "id": person.id,
        "address": person.address,
        "first_name": person.first_name,
        "courses": ", ".join(f"{each.course}: {each.state}" for each in reversed(person.standings)),
        "since": person.since,
    }


async def _spreadsheet(db: Database, _: Settings) -> None:
    typer.echo(csvfile.BOM + csvfile.written([roster.COLUMNS]), nl=False)
    after: int | None = 0
    while after is not None:
        async with db.reading() as session:
            chunk = await roster.read(session, after=after)
        typer.echo(csvfile.written(chunk.rows), nl=False)
        after = chunk.last


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file with titles.")],
    course: Annotated[str, typer.Option(help="The slug of the course they are taken into.")],
    source: Annotated[str, typer.Option(help="Where and when they agreed: kept with each consent.")],
    agreed: Annotated[
        bool, typer.Option("--agreed", help="You can prove that they agreed: nobody is asked to confirm.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would happen, and stop.")] = False,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Take a list of people into a course; each is asked to confirm, unless --agreed.

    The columns are known by their titles. Lines that are not taken are told on stderr.
    """

    data = file.read_bytes()

    async def work(db: Database, settings: Settings) -> dict[str, int]:
        worker = tasks.Tasks(
            db, SystemClock(), consent.fingerprint(application.keys(settings)[1]), owed=lambda: None
        )
        number = await _begin(db, file.name, data, course, source, agreed)
        await _work(db, worker, number, "dry run")
        await _tell(db, number)
        async with db.transaction() as session:
            if dry_run:
                found = await imports.one(session, number)
                await imports.discard(session, number)
                return dict(found.counts)
            await imports.run(session, number, by=None, now=SystemClock().now())
        await _work(db, worker, number, "import")
        async with db.reading() as session:
            return dict((await imports.one(session, number)).counts)

    counts = common.with_database(database, work)
    if as_json:
        common.print_json(counts)
        return
    for name, count in counts.items():
        typer.echo(f"{name}: {count}")


async def _begin(db: Database, name: str, data: bytes, course: str, source: str, agreed: bool) -> int:
    """Receive the file and begin its dry run; its number. Nothing is kept of one that cannot be used."""
    async with db.transaction() as session:
        now = SystemClock().now()
        number = await imports.receive(session, name, data, account="", now=now)
        columns = (await imports.told(session, number)).columns
        await imports.check(session, number, course, columns, source, agreed=agreed, now=now)
    return number


async def _work(db: Database, worker: tasks.Tasks, number: int, what: str) -> None:
    """Until the list rests; another process may do a part of it."""
    shown = Progress(
        TextColumn(what), MofNCompleteColumn(), console=Console(stderr=True), disable=not sys.stderr.isatty()
    )
    with shown:
        bar = shown.add_task(what)
        while True:
            async with db.reading() as session:
                found = await imports.one(session, number)
            shown.update(bar, completed=found.done, total=found.to_do)
            if found.state not in intake.AT_WORK:
                return
            if not await worker.step():
                await asyncio.sleep(0.2)


async def _tell(db: Database, number: int) -> None:
    async with db.reading() as session:
        lines = await imports.not_taken(session, number)
    for line in lines:
        problem = " ".join(line.problem.split("\n"))
        typer.echo(f"{line.line}: {line.verdict}: {line.address} {problem}", err=True)


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
