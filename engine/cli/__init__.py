"""The command line: one short function a command, each calling one flow."""

import asyncio
import signal
import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from sqlalchemy.exc import DBAPIError

from engine import app as application
from engine import settings as settings_module
from engine.cli import (
    account,
    bench,
    certificate,
    common,
    course,
    delivery,
    dkim,
    doctor,
    inbox,
    learner,
    privacy,
    seed,
    token,
    transfer,
)
from engine.clock import SystemClock
from engine.core import errors
from engine.settings import Settings
from engine.tables import db as databases
from engine.tables import schema

main_app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Training courses that travel by email: one lesson a week, at the hour the learner chose.",
)
db_app = typer.Typer(no_args_is_help=True, help="The database.")
settings_app = typer.Typer(no_args_is_help=True, help="The settings, from PARCOURS_… variables.")
main_app.add_typer(db_app, name="db")
main_app.add_typer(settings_app, name="settings")

main_app.add_typer(course.app, name="course")
main_app.add_typer(learner.app, name="learner")
main_app.add_typer(delivery.app, name="delivery")
main_app.add_typer(account.app, name="account")
main_app.add_typer(bench.app, name="bench")
main_app.add_typer(certificate.app, name="certificate")
main_app.add_typer(token.app, name="token")
main_app.add_typer(dkim.app, name="dkim")
main_app.add_typer(privacy.app, name="privacy")
main_app.add_typer(inbox.app, name="inbox")
main_app.command("why")(learner.why)
main_app.command("seed")(seed.seed)
main_app.command("doctor")(doctor.doctor)
for command in (transfer.backup, transfer.restore, transfer.activate, transfer.move):
    main_app.command()(command)


def main() -> None:
    """Run a command; an error that we know is one line on stderr and exit code 1."""
    try:
        main_app()
    except errors.Invalid as error:
        _fail(*error.problems.values())
    except errors.ParcoursError as error:
        _fail(str(error))
    except DBAPIError as error:
        _fail(f"The database does not answer: {str(error.orig).strip()}")
    except OSError as error:
        _fail(f"{error.filename or 'system'}: {error.strerror or error}")


def _fail(*lines: str) -> NoReturn:
    print(*lines, sep="\n", file=sys.stderr)  # noqa: T201  # this is the command line
    sys.exit(1)


@main_app.command()
def serve(
    database: common.Database = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="A mailbox and a movable clock; mails stay here.")
    ] = False,
    smtp: Annotated[
        str | None, typer.Option(help="With --demo: HOST:PORT of your own local mailbox.")
    ] = None,
) -> None:
    """Serve the pages, plan and send: everything in one process."""
    from engine.demo import serve as demo_serve  # here: pages are 80 MB that a worker needs not

    values = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    found = common.load(database, **values)
    if demo:
        common.run(demo_serve.run(found, smtp_address=smtp, announce=_announce_demo))
        return
    if smtp:
        raise errors.Invalid("--smtp goes with --demo; in production set PARCOURS_SMTP_URL.")
    common.run(_serve(found))


def _shown(name: str, found: Settings) -> str:
    """A setting as it may be seen: the password in the database's address is hidden too."""
    value = getattr(found, name)
    if name == "database_url":
        return databases.parse(value).render_as_string(hide_password=True)
    return str(value)


def _announce_demo(url: str) -> None:
    typer.echo(f"Open {url}/demo (Ctrl+C stops it)")


async def _serve(found: Settings) -> None:
    from engine import serving  # as above

    site = await _site(found)
    here = f"Parcours listens on {found.host}:{found.port}, public address {found.url}"
    with serving.listen(found.host, found.port) as listening:
        await serving.serve(
            serving.web_app(site), listening, announce=lambda: typer.echo(here), stopping=site.stop
        )


async def _site(found: Settings) -> application.Site:
    if not found.controller:
        raise errors.Invalid(
            "PARCOURS_CONTROLLER is missing: the name and postal address of who answers for the data, "
            "shown on the form and in every mail, as the law asks."
        )
    site = application.Site(found, databases.Database(found.database_url), SystemClock())
    await application.prepare(site)
    return site


@main_app.command()
def worker(
    database: common.Database = None,
    queues: Annotated[
        str, typer.Option(help="What to work on, separated by commas: mail, tasks.")
    ] = ",".join(application.QUEUES),
) -> None:
    """Plan and send without serving pages. Any number may run on a PostgreSQL database."""
    names = [name.strip() for name in queues.split(",")]
    if unknown := set(names) - set(application.QUEUES):
        raise errors.Invalid(f"--queues: {', '.join(sorted(unknown))}? There are mail and tasks.")
    common.run(_work(common.load(database), names))


async def _work(found: Settings, queues: Collection[str]) -> None:
    site = await _site(found)
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    typer.echo(f"Parcours works on {', '.join(queues)}")
    async with application.running(site, queues):
        await stopped.wait()


@main_app.command()
def demo(
    check: Annotated[bool, typer.Option("--check", help="Live the whole course without a person.")] = False,
    course: Annotated[Path | None, typer.Option(help="With --check: a course's folder.")] = None,
    smtp: Annotated[str | None, typer.Option(help="HOST:PORT of your own local mailbox.")] = None,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Try Parcours on this machine: sign up, read the mails, move the clock."""
    from engine.demo import check as demo_check  # as above

    if not check:
        with demo_check.scratch() as folder:
            serve(database or f"sqlite:///{folder}/demo.db", demo=True, smtp=smtp)
        return
    said = partial(typer.echo, err=True)
    course = course and course.resolve()  # its folder's name is its slug, also for "."
    result = common.run(demo_check.run(course=course, smtp=smtp, database=database, said=said))
    if as_json:
        common.print_json(result.as_json())
    else:
        for name, value in result.as_json().items():
            typer.echo(f"{name}: {value}")
    if not result.complete:
        raise typer.Exit(1)


@db_app.command("upgrade")
def db_upgrade(database: common.Database = None) -> None:
    """Bring the database to the schema that this version needs."""
    common.run(_upgrade(common.load(database)))
    typer.echo("The database is up to date.")


async def _upgrade(found: Settings) -> None:
    db = databases.Database(found.database_url)
    await schema.upgrade(db)
    await db.close()


@settings_app.command("show")
def settings_show(as_json: common.AsJson = False) -> None:
    """Every setting as it is in force; secrets are hidden."""
    found = common.load()
    shown = {settings_module.variable(name): _shown(name, found) for name in Settings.model_fields}
    if as_json:
        common.print_json(shown)
        return
    for name, value in shown.items():
        typer.echo(f"{name}={value}")
