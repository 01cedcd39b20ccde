"""`parcours course …`: an author's commands."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app as application
from engine import preview as preview_server
from engine.cli import common
from engine.clock import SystemClock
from engine.core import errors
from engine.flows import addresses, catalog, drafts
from engine.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Write, check, simulate and publish courses.")

CoursePath = Annotated[str, typer.Argument(help="A course's folder, or the slug of a bundled course.")]


@app.command()
def check(
    path: CoursePath,
    online: Annotated[bool, typer.Option("--online", help="Try outside addresses too.")] = False,
) -> None:
    """Name every problem as `path:line: cause — cure`; exit 1 when there is an error."""
    folder = drafts.locate(path)
    house = application.wardrobe(common.load())
    found = catalog.check(catalog.read_directory(folder), slug=folder.name, house=house)
    problems = list(found.problems)
    if online and found.course:
        problems += common.run(addresses.check(addresses.outside(found.course)))
    for problem in problems:
        typer.echo(_placed(problem.path, path) + str(problem).removeprefix(problem.path))
    mistakes = len(found.errors)
    typer.echo(f"{mistakes} erreur(s), {len(problems) - mistakes} avertissement(s)", err=True)
    if mistakes:
        raise typer.Exit(1)


def _placed(inside: str, path: str) -> str:
    """The file as the author can open it from here."""
    return str(Path(path) / inside) if Path(path).is_dir() else inside


@app.command()
def schema() -> None:
    """Print the grammar as JSON Schema, for editors."""
    common.print_json(drafts.schema())


@app.command()
def new(path: Annotated[Path, typer.Argument(help="The folder to make; its name is the slug.")]) -> None:
    """Make a small course to begin with."""
    for file in drafts.scaffold(path):
        typer.echo(str(file))
    typer.echo(f"Ensuite : parcours course check {path} ; parcours course preview {path}", err=True)


@app.command()
def preview(
    path: CoursePath,
    port: Annotated[int, typer.Option(help="Port of the preview's pages.")] = 8090,
) -> None:
    """Show every mail in the browser, and again whenever a file is saved."""
    folder = drafts.locate(path)
    house = application.wardrobe(common.load())
    common.run(preview_server.serve(folder, house, port=port, announce=typer.echo))


@app.command()
def publish(
    path: CoursePath,
    database: common.Database = None,
    parent: Annotated[str | None, typer.Option(help="Hash of the version this one replaces.")] = None,
    move: Annotated[bool, typer.Option("--move", help="Learners mid-course follow the new version.")] = False,
    stay: Annotated[bool, typer.Option("--stay", help="They finish with the one they have.")] = False,
    as_json: common.AsJson = False,
) -> None:
    """Make a course's files the version that newcomers get. The same content again does nothing."""
    if move and stay:
        raise errors.Invalid("Choose --move or --stay, not both.")
    folder = drafts.locate(path)
    others: Literal["move", "stay"] | None = "move" if move else "stay" if stay else None

    async def work(session: AsyncSession, settings: Settings) -> catalog.Published:
        return await catalog.publish(
            session,
            catalog.read_directory(folder),
            slug=folder.name,
            house=application.wardrobe(settings),
            now=SystemClock().now(),
            parent=parent,
            others=others,
        )

    done = common.with_session(database, work, write=True)
    if as_json:
        common.print_json(done.__dict__)
    elif not done.changed:
        typer.echo(f"{done.slug} : rien n'a changé, la version {done.hash} reste en place.")
    else:
        typer.echo(
            f"{done.slug} : version {done.hash} publiée ; {done.moved} personne(s) la suivent, "
            f"{done.stay} finissent avec la leur."
        )


@app.command()
def export(slug: str, folder: Path, database: common.Database = None) -> None:
    """Write the current version of a course back to files, byte for byte."""

    async def work(session: AsyncSession, _: Settings) -> dict[str, bytes]:
        return await catalog.export(session, slug)

    files = common.with_session(database, work)
    drafts.write_files(folder, files)
    typer.echo(f"{len(files)} fichier(s) dans {folder}")


@app.command()
def simulate(
    path: CoursePath,
    start: Annotated[str, typer.Option(help="When the course begins for this learner: 2027-03-22T10:00.")],
    slot: Annotated[
        str, typer.Option(help='Weekday and hour, as "tue 08:30"; the course\'s own if not given.')
    ] = "",
    zone: Annotated[str, typer.Option(help="IANA time zone.")] = "Europe/Paris",
    calendar: Annotated[str, typer.Option(help="The learner's holidays: FR, FR-6AE, FR-974…")] = "",
    pause: Annotated[str, typer.Option(help="FROM..TO: days without lessons, both included.")] = "",
    silent: Annotated[bool, typer.Option("--silent", help="This learner does no activity.")] = False,
    answers: Annotated[Path | None, typer.Option(help="A file of answers (see the author's guide).")] = None,
    as_json: common.AsJson = False,
) -> None:
    """Print every mail's date for one learner, with the reason for each shift."""
    if silent and answers:
        raise errors.Invalid("Choose --silent or --answers, not both.")
    plan = drafts.Plan(
        start=start,
        slot=slot,
        zone=zone,
        calendar=calendar,
        pause=pause,
        silent=silent,
        answers=drafts.read_answers(answers) if answers else None,
    )
    rows = drafts.simulate(drafts.read(drafts.locate(path)), plan)
    if as_json:
        common.print_json(rows)
    else:
        _table(rows)


def _table(rows: list[dict[str, str]]) -> None:
    lines = []
    for row in rows:
        at = datetime.fromisoformat(row["at_local"])
        lines.append((f"{at:%Y-%m-%d}", f"{at:%H:%M}", row["kind"], row["lesson"], row["reason"]))
    common.print_table(("Date", "Heure locale", "Message", "Leçon", "Raison"), lines)
    typer.echo("À la minute du créneau ; l'envoi réel s'étale sur les neuf minutes qui suivent.")


@app.command()
def facts(path: CoursePath, as_json: common.AsJson = False) -> None:
    """List every source that the lessons cite, with its date and reliability, for the yearly review."""
    rows = drafts.facts(drafts.read(drafts.locate(path)))
    if as_json:
        common.print_json(rows)
        return
    columns = ("lesson", "date", "reliability", "publisher", "title", "url", "review_by")
    titles = ("Leçon", "Date", "Fiabilité", "Éditeur", "Titre", "Adresse", "À revoir avant le")
    common.print_table(titles, [tuple(row[column] for column in columns) for row in rows])
