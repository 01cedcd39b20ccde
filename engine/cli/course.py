"""`parcours course …`: an author's commands."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app as application
from engine.cli import common
from engine.clock import SystemClock
from engine.core import errors
from engine.core.course.effect import Choices, Effect
from engine.flows import addresses, catalog, drafts, publications, publishing
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
    from engine import preview as preview_server  # pages: only this command needs them

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
    send_added: Annotated[
        bool, typer.Option("--send-added", help="Added lessons that lie behind somebody come next.")
    ] = False,
    offer: Annotated[
        bool, typer.Option("--offer", help="Who finished lately receives the added lessons, too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell the counts, change nothing.")] = False,
    as_json: common.AsJson = False,
) -> None:
    """Make a course's files the version that newcomers get. The same content again does nothing."""
    if move and stay:
        raise errors.Invalid("Choose --move or --stay, not both.")
    if stay and send_added:
        raise errors.Invalid("--send-added is about those who move: it does not go with --stay.")
    folder = drafts.locate(path)
    choices = Choices(
        others="move" if move else "stay" if stay else None,
        inserted="send" if send_added else "skip",
        finished="offer" if offer else "leave",
    )

    async def work(session: AsyncSession, settings: Settings) -> publishing.Published:
        files, house = catalog.read_directory(folder), application.wardrobe(settings)
        now = SystemClock().now()
        if dry_run:
            found = await publishing.preview(session, files, slug=folder.name, house=house, now=now)
            return found.as_published(choices)
        return await publishing.publish(
            session, files, slug=folder.name, house=house, now=now, parent=parent, choices=choices
        )

    done = common.with_session(database, work, write=not dry_run)
    if as_json:
        told = {"slug": done.slug, "hash": done.hash, "changed": done.changed}
        common.print_json(told | asdict(done.effect))
    elif not done.changed:
        typer.echo(f"{done.slug} : rien n'a changé, la version {done.hash} reste en place.")
    else:
        typer.echo(f"{done.slug} : version {done.hash} {'à publier' if dry_run else 'publiée'}.")
        for line in _told(done.effect):
            typer.echo(line)


def _told(effect: Effect) -> list[str]:
    """What publishing does to people, a line for each thing that it does to somebody."""
    lines = [
        (effect.moved, "suivent la nouvelle version ; aucune leçon n'est envoyée deux fois"),
        *((count, f"reçoivent ensuite la leçon ajoutée « {key} »") for key, count in effect.inserted.items()),
        *((count, f"passent à la leçon « {key} »") for key, count in effect.forward.items()),
        (effect.farewell, "n'ont plus de leçon à recevoir"),
        (effect.skipping, "ne reçoivent pas une leçon ajoutée, qu'elles ont dépassée"),
        (effect.freed, "n'attendent plus la même activité"),
        (effect.stay + effect.older, "finissent avec la version qu'elles ont"),
        (effect.reopened, "avaient terminé et reçoivent les leçons ajoutées"),
        (effect.finished, "ont terminé et ne reçoivent rien de plus"),
        (effect.waiting, "n'ont pas commencé et recevront la nouvelle version"),
    ]
    return [f"  {count} personne(s) {what}." for count, what in lines if count]


@app.command()
def undo(slug: str, database: common.Database = None, as_json: common.AsJson = False) -> None:
    """Undo the last publication: who has received nothing since stands where he stood."""

    async def work(session: AsyncSession, _: Settings) -> publications.Undone:
        return await publications.undo(session, slug, now=SystemClock().now())

    done = common.with_session(database, work, write=True)
    if as_json:
        common.print_json({"slug": slug, "hash": done.hash, "restored": done.restored, "kept": done.kept})
    else:
        typer.echo(
            f"{slug} : retour à la version {done.hash} ; {done.restored} personne(s) reprennent leur place, "
            f"{done.kept} continuent comme elles sont."
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
