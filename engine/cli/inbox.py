"""`parcours inbox …`: mails that come in. To classify needs neither database nor settings."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from engine import app as application
from engine.bench import inbox
from engine.cli import common
from engine.clock import SystemClock
from engine.core import errors, verp
from engine.core.feedback import Report
from engine.mail import inbound
from engine.settings import Settings
from engine.tables.db import Database
from engine.workers.inbox import Inbox

app = typer.Typer(no_args_is_help=True, help="Mails that come in: bounces, complaints, answers.")


@app.callback()
def group() -> None:
    """Mails that come in: bounces, complaints, answers."""


@app.command()
def classify(
    paths: Annotated[list[Path], typer.Argument(help="A mail, a folder (its *.eml), or - for stdin.")],
    expected: Annotated[
        Path | None, typer.Option("--expected", help="Labels as JSON: the score goes to stderr.")
    ] = None,
) -> None:
    """Print what each mail says, as one JSON object a line."""
    labels: inbox.Labels = _labels(expected) if expected else {}
    score, unread = inbox.Score(), 0
    for path in _files(paths):
        try:
            raw = _read(path)
        except OSError as error:
            unread += 1
            typer.echo(f"{path}: {error.strerror or error}", err=True)
            continue
        report = inbound.read(raw)
        typer.echo(json.dumps(_line(path.name, report), ensure_ascii=False))
        score.add(path.name, labels.get(path.name, ()), report.recipients)
    if expected:
        typer.echo("\n".join(score.lines()), err=True)
    if unread:
        raise typer.Exit(1)


_LATER = 75
"""EX_TEMPFAIL: a mail server that pipes mails here keeps this one, and tries again."""


@app.command()
def receive(
    paths: Annotated[list[Path], typer.Argument(help="A mail, a folder (its *.eml), or - for stdin.")],
    recipient: Annotated[
        str, typer.Option("--recipient", help="The address it was delivered to (RCPT), where that is known.")
    ] = "",
    database: common.Database = None,
) -> None:
    """Act on what came back: bounces, complaints, answers. The same mail twice is once.

    Prints a line a mail: its name, and what was done. Ends with 75 where it should be tried again.
    """

    async def work(db: Database, settings: Settings) -> None:
        signing, _ = application.keys(settings)
        taking = Inbox(db, SystemClock(), verp.Returns(settings.return_domain, signing))
        for path in _files(paths):
            done = await taking.take(_read(path), envelope=recipient, way="pipe")
            typer.echo(f"{path.name}\t{done}")

    try:
        common.with_database(database, work)
    except (errors.ParcoursError, DBAPIError, OSError) as error:
        typer.echo(f"Not received: {_why(error)}", err=True)
        raise typer.Exit(_LATER) from None


def _why(error: Exception) -> str:
    return type(error.orig).__name__ if isinstance(error, DBAPIError) else str(error)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(path.glob("*.eml")) if path.is_dir() else []
        yield from found or [path]


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise OSError("no *.eml in this folder")
    if str(path) == "-":
        return sys.stdin.buffer.read(inbound.LONGEST)
    with path.open("rb") as file:
        return file.read(inbound.LONGEST)


def _labels(path: Path) -> inbox.Labels:
    try:
        found: inbox.Labels = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise errors.Invalid(f"{path}: the labels cannot be read ({error}).") from None
    return found


def _line(file: str, report: Report) -> dict[str, object]:
    return {
        "file": file,
        "kind": report.kind,
        "recipients": [
            {
                "address": each.address,
                "status": each.status,
                "class": each.class_,
                "reason": f"{each.cause}: {each.said}" if each.said else str(each.cause),
            }
            for each in report.recipients
        ],
    }
