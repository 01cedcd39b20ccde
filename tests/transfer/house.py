"""Towns that are carried about, and a real sender in them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine import settings
from engine.core import links
from engine.flows import letters
from engine.mail import builds, smtp
from engine.settings import Settings
from engine.tables import db, schema
from engine.workers import sender
from tests.people import ALICE, BOB, DRESS, Town
from tests.smtpd import Smtpd

KEYS = {"secret_key": "first,second", "suppression_key": "never changed"}


def house(url: str, **keys: str) -> Settings:
    """The settings of an installation; its keys where a test says none."""
    return settings.load(database_url=url, **(keys or KEYS))


@asynccontextmanager
async def town(url: str, *, made: bool = False) -> AsyncIterator[Town]:
    """The people of a database. `made`: it is empty, and its tables are made first."""
    found = db.Database(url)
    if made:
        await schema.upgrade(found)
    yield Town(found)
    await found.close()


async def settled(url: str) -> list[int]:
    """Alice and Bob followed the course for a week: lesson a came, lesson b comes next."""
    async with town(url, made=True) as lived:
        await lived.publish()
        people = [await lived.enrol(who) for who in (ALICE, BOB)]
        await lived.wake()
        await lived.live("2027-03-23 09:00")
    return people


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def worker(lived: Town, server: Smtpd) -> tuple[sender.Sender, smtp.Pool]:
    by = links.Links(DRESS.base_url, [b"key"], lasting=b"for ever")
    pool = smtp.Pool(smtp.parse(f"smtp://127.0.0.1:{server.port}?starttls=never"), size=2)
    at = letters.House(by, DRESS, builds.Builds(), "parcours.example.org")
    return sender.Sender(lived.db, lived.clock, at, pool, connections=2), pool


async def a_week_later(url: str, server: Smtpd) -> list[str]:
    """Planner and sender at work on a Tuesday at nine: to whom something came."""
    async with town(url) as lived:
        await lived.sleep("2027-03-30 09:00")
        await lived.tick()
        sending, pool = worker(lived, server)
        while await sending.step():
            pass
        await pool.close()
    return sorted(mail.rcpt[0] for mail in server.received)
