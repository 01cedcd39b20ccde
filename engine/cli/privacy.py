"""`parcours privacy …`: what the law asks of whoever runs this, made from the settings and the database."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app as application
from engine.cli import common
from engine.clock import SystemClock
from engine.core import consent, dossier, errors, words
from engine.flows import privacy, retention, seats
from engine.settings import Settings
from engine.tables.db import Database
from engine.workers import keeper

app = typer.Typer(
    no_args_is_help=True, help="Privacy: notice, register, proof of consent, what is kept too long."
)

_KINDS = {
    "unconfirmed": "people who never confirmed",
    "inactive": "people who did nothing for long",
    "history": "lines of history",
    "audit": "lines of the audit",
    "sessions": "sessions of the studio",
    "reports": "reports about mails",
}


@app.command()
def notice(
    language: Annotated[str, typer.Option("--language", help="fr or en.")] = words.SOURCE,
) -> None:
    """Print the privacy notice as one HTML page, from the settings; /privacy shows the same."""
    typer.echo(_written("notice.html", words.supported(language)))


@app.command()
def register() -> None:
    """Print the record of processing activities (RGPD, article 30) as Markdown, in French."""
    typer.echo(_written("register.md", words.SOURCE))


def _written(name: str, language: str) -> str:
    from engine.web import pages  # here: it takes as long as all other commands together

    found = common.load()
    return pages.document(
        name,
        found,
        language,
        terms=found.terms,
        invitation_days=seats.INVITE_DAYS,
        day=words.day(SystemClock().now().date(), language),
        base_url=found.url,
        relay=application.relay(found),
    )


@app.command()
def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    database: common.Database = None,
    as_json: common.AsJson = False,
) -> None:
    """Erase now what has been kept long enough; a running service does it every hour."""

    async def work(db: Database, found: Settings) -> dict[str, int]:
        now = SystemClock().now()
        async with db.reading() as session:
            due = await retention.due(session, found.terms, now=now)
        if not dry_run:
            at_work = keeper.Keeper(db, SystemClock(), found.terms)
            while await at_work.step():
                pass
        return asdict(due)

    counts = common.with_database(database, work)
    if as_json:
        common.print_json(counts)
        return
    common.print_table(
        ("to erase" if dry_run else "erased", ""),
        [(_KINDS[name], str(count)) for name, count in counts.items()],
    )


@app.command("dossier")
def write_dossier(
    address: Annotated[str, typer.Argument(help="The address of the person; also after an erasure.")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write it; must not exist.")],
    database: common.Database = None,
) -> None:
    """Write what proves that a person agreed, signed: all consents, word for word, and whether he left."""

    async def work(session: AsyncSession, found: Settings) -> str:
        _, key = application.keys(found)
        told = await privacy.dossier(
            session, address, fingerprint=consent.fingerprint(key), now=SystemClock().now()
        )
        return dossier.sealed(told, key)

    text = common.with_session(database, work)
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text + "\n")
    except OSError as error:
        raise errors.Invalid(f"{file}: {error.strerror}.") from None
    typer.echo(f"{file}: check it with `parcours privacy verify`.")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A dossier.")],
    database: common.Database = None,
) -> None:
    """Tell whether a dossier is as this installation wrote it."""
    _, key = application.keys(common.load(database))
    told: dict[str, Any] = dossier.opened(file.read_text(encoding="utf-8", errors="replace"), key)
    typer.echo(f"Unchanged since {told['Établi']}: {len(told['Accords'])} lines about {told['Adresse']}.")
