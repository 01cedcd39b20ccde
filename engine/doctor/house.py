"""The installation itself: settings, database, what waits in the ledger, and who works on it."""

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app as application
from engine.core import errors
from engine.doctor import finding
from engine.doctor.finding import Finding
from engine.flows import counting, installation, instance, leases, outbox, timetable
from engine.settings import Settings
from engine.tables import db as databases
from engine.tables import schema

_LATE, _TOO_LATE = timedelta(minutes=15), timedelta(hours=2)
_GRACE = timedelta(minutes=1)
"""Workers look every ten seconds for what others left."""
_ASLEEP = timedelta(minutes=5)
_LEAST_ROOM, _LITTLE_ROOM = 100 * 1024**2, 1024**3  # bytes
_PATIENCE = 15.0  # seconds for a database to answer at all
_FEW = 3
_REASONS = 5
_ADDRESS = re.compile(r"\S+@\S+")


def settings(found: Settings, wrong: Sequence[str]) -> Finding:
    """`wrong`: what the settings themselves refused."""
    problems = [*wrong]
    if not found.controller:
        problems.append("PARCOURS_CONTROLLER is missing: who answers for the data, name and postal address.")
    if "." not in found.mail_host:
        problems.append(f"PARCOURS_FROM: nobody takes mails from {found.mail_host}.")
    try:
        signing, suppressing = application.known_keys(found)
        if not (signing and suppressing) and application.keys_file(found) is None:
            problems.append("PARCOURS_SECRET_KEY and PARCOURS_SUPPRESSION_KEY must be set with PostgreSQL.")
    except errors.ParcoursError as problem:
        problems.append(str(problem))
    if problems:
        cure = "Correct them where the service reads them (section 3 of the runbook), and restart it."
        return finding.error(" ".join(problems), cure)
    return finding.ok(f"Mails from {found.from_}, links to {found.url}.")


async def opened(url: str) -> tuple[databases.Database | None, Finding]:
    """The database, where it can be asked, to be closed by the caller."""
    found: databases.Database | None = None
    try:
        found = databases.Database(url)
        name = databases.public_address(found.url) if not found.is_sqlite else str(found.url.database)
        if _missing(found.url):  # opening it would make it
            return None, finding.error(f"There is no database {name}.", _UPGRADE)
        async with asyncio.timeout(_PATIENCE):
            current = await schema.is_current(found)
    except errors.ParcoursError as error:
        return None, finding.error(str(error), "Correct PARCOURS_DATABASE_URL.")
    except Exception as error:  # whatever a driver raises when a database is away
        if found:
            await found.close()
        told = f"The database does not answer: {one_line(error)}"
        return None, finding.error(told, "Start it, or correct PARCOURS_DATABASE_URL.")
    if not current:
        await found.close()
        return None, finding.error(f"{name} has not the schema of this program.", _UPGRADE)
    return found, finding.ok(f"{name} answers and is up to date.")


_UPGRADE = "Run `parcours db upgrade`."


def _missing(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file()


def one_line(error: Exception) -> str:
    """What it says; of a database's, without the statement."""
    return " ".join(str(getattr(error, "orig", None) or error).split()) or type(error).__name__


async def work(session: AsyncSession, *, now: datetime) -> Finding:
    """Whether somebody plans and sends here."""
    if reason := await instance.rests(session):
        return finding.error(reason, "See section 9 of the runbook, then `parcours activate`.")
    mark = await counting.mark(session)
    cure = "Start the service (`systemctl start parcours`), or a worker for tasks."
    if mark is None:
        return finding.error("No process has ever worked on this database.", cure)
    told = f"Somebody last worked here at {_moment(mark.at)}"
    if await counting.is_due(session, now=now - _ASLEEP):
        return finding.error(f"{told}: nobody plans, and perhaps nobody sends.", cure)
    return finding.ok(f"{told}.")


async def queue(session: AsyncSession, *, now: datetime) -> Finding:
    """How long the oldest mail has waited whose time has come."""
    health = await installation.health(session, now=now)
    age = timedelta(seconds=int(str(health["oldest_wait_seconds"])))
    told = f"{health['mails_waiting']} mails are due"
    if not age:
        return finding.ok(f"{told}.")
    told = f"{told}, the oldest for {_minutes(age)}; {health['mails_refused_for_now']} are tried again."
    if age <= _LATE:
        return finding.ok(told)
    cure = "Look at relay_tls and worker, and in the log for `mail not sent`."
    return (finding.error if age > _TOO_LATE else finding.warning)(told, cure)


async def stuck(session: AsyncSession, *, now: datetime) -> Finding:
    """Mails that nobody will move by himself."""
    left = await leases.abandoned(session, since=now - _GRACE)
    held = await outbox.held(session)
    found = list[Finding]()
    if left:
        told = f"{left} mails are in the hands of a worker that is gone, and nobody takes them up."
        found.append(finding.error(told, "Start the service or a worker: it takes them up within seconds."))
    if held:
        told = f"{len(held)} mails are held: {_reasons(mail.reason for mail in held)}."
        cure = "Mend what the reason says, then `parcours delivery list` and `parcours delivery free NUMBER`."
        found.append(finding.warning(told, cure))
    return finding.together(found) if found else finding.ok("No mail is stuck, none is held.")


def _reasons(all_: Iterable[str]) -> str:
    counted = Counter(_ADDRESS.sub("…", reason) or "no reason" for reason in all_)
    return "; ".join(f"{reason} ({n})" for reason, n in counted.most_common(_REASONS))


async def today(session: AsyncSession, *, now: datetime) -> Finding:
    """What was to leave today, and what has left."""
    found = await timetable.today(session, now=now)
    if found is None:
        return finding.not_checked("Nothing was counted today; see worker.")
    expected = found.sent + found.failed + found.to_come
    told = (
        f"Of {expected} mails expected today {found.sent} were sent, {found.failed} failed, "
        f"{found.to_come} are to come (counted {_moment(found.at)})."
    )
    if found.failed >= _FEW and found.failed * 10 > found.sent + found.failed:
        cure = "The studio's page of mails tells why, by reason."
        return finding.warning(told, cure)
    return finding.ok(told)


def disk(database_url: str) -> Finding:
    """Whether there is room where the database is, and where this process runs."""
    file = _file(database_url)
    size = file.stat().st_size if file and file.is_file() else 0
    folders = dict.fromkeys([*([file.parent] if file else []), Path.cwd()])
    return finding.together([_room(folder, size) for folder in folders])


def _file(url: str) -> Path | None:
    """Of a SQLite database."""
    try:
        parsed = databases.parse(url)
    except errors.ParcoursError:
        return None
    sqlite = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(str(parsed.database)).absolute() if sqlite else None


def _room(folder: Path, size: int) -> Finding:
    if not folder.is_dir():
        return finding.error(f"There is no folder {folder}.", "Make it, for the user of the service.")
    usage = shutil.disk_usage(folder)
    told = f"{folder}: {usage.free / 1024**3:.1f} GB free of {usage.total / 1024**3:.1f}"
    cure = "Make room (`journalctl --vacuum-size=100M`, old backups): a full disk stops everything."
    if usage.free < _LEAST_ROOM:
        return finding.error(f"{told}.", cure)
    if usage.free < max(_LITTLE_ROOM, 2 * size):
        return finding.warning(f"{told}; a backup needs twice the database.", cure)
    return finding.ok(f"{told}.")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _minutes(age: timedelta) -> str:
    minutes = round(age.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
