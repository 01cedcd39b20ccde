"""Nothing lost, nothing doubled beyond what was on the wire: twenty SIGKILLs during a course."""

import asyncio
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import select

from engine.core import delivery
from engine.demo import pages
from engine.flows import catalog
from engine.tables import Delivery, db, schema
from tests import people
from tests.journeys.service import CountingMailbox, Service, service

KILLS = 20
PEOPLE = [f"learner{number}@example.org" for number in range(12)]
LESSONS = 12
# Nothing to answer: who is silent for three lessons would be asked, and paused.
FILES = people.course(asked={}, **{f"l{number:02}": "" for number in range(1, LESSONS + 1)})


async def _publish(url: str) -> None:
    found = db.Database(url)
    await schema.upgrade(found)
    async with found.transaction() as session:
        now = datetime.now(UTC)
        await catalog.publish(session, FILES, slug=people.SLUG, house=people.DRESS, now=now)
    await found.close()


async def _enrol(url: str, box: CountingMailbox) -> None:
    """Everybody signs up and confirms, over HTTP and by the links in the mails."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        form = pages.form((await http.get(f"/c/{people.SLUG}")).text)
        await asyncio.sleep(2.2)  # the form's trap for robots
        for address in PEOPLE:
            typed = {"first_name": "Alice", "address": address, "consent": "yes", "sure": "yes"}
            answer = await http.post(f"/c/{people.SLUG}", data=form.values | typed)
            assert answer.status_code == 200, answer.text
        for address in PEOPLE:
            mail = await box.wait_for(lambda mail, to=address: mail.recipient == to, seconds=30)  # type: ignore[misc]  # mypy cannot see a lambda's default
            assert mail is not None, f"no mail for {address}"
            link = next(link for link in pages.links_of(mail) if "/k/" in link)
            assert (await http.post(link)).status_code == 200


async def _live(running: Service, stop: asyncio.Event) -> None:
    """Press the clock's button until nothing is left, whatever happens to the process behind it."""
    quiet = 0
    async with httpx.AsyncClient(timeout=60) as http:
        while quiet < 3 and not stop.is_set():
            try:
                before = (await http.get(f"{running.url}/healthz")).json()["now"]
                answer = await http.post(f"{running.url}/demo/clock", headers={"Accept": "application/json"})
                answer.raise_for_status()
                quiet = quiet + 1 if answer.json()["now"][:16] == before[:16] else 0
            except (httpx.HTTPError, KeyError, ValueError):
                quiet = 0
                await asyncio.sleep(0.05)


async def test_twenty_kills_lose_nothing(database_url: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(10**6)))
    print(f"KILL_SEED={seed}")  # noqa: T201  # to live the same again
    chance = random.Random(seed)
    allowed = 0
    await _publish(database_url)
    async with service(database_url, tmp_path / "log", seconds=0.03) as (running, box):
        await _enrol(running.url, box)
        stop = asyncio.Event()
        living = asyncio.create_task(_live(running, stop))
        for _ in range(KILLS):
            arrived = len(box.mails)
            # Wait until mails flow, then a moment more: most kills fall among open connections.
            for _ in range(100):
                if len(box.mails) > arrived or living.done():
                    break
                await asyncio.sleep(0.02)
            await asyncio.sleep(chance.uniform(0, 0.12))
            allowed += box.open_connections
            await running.kill()
            await running.start()
        await asyncio.wait_for(living, 240)
        stop.set()
    await _account(database_url, box, allowed, seed)


async def _account(database_url: str, box: CountingMailbox, allowed: int, seed: int) -> None:
    found = db.Database(database_url)
    async with found.reading() as session:
        rows = list(await session.scalars(select(Delivery)))
    await found.close()
    copies = box.copies()
    identities = {identity.strip("<>").partition("@")[0] for identity in copies}
    lost = [row.dedup_key for row in rows if row.message_id not in identities]
    doubled = sum(copies.values()) - len(copies)
    print(f"seed {seed}: {len(copies)} mails, lost {len(lost)}, doubled {doubled}, allowed {allowed}")  # noqa: T201
    assert lost == []
    assert {row.state for row in rows} == {delivery.State.SENT}
    assert doubled <= allowed
    for address in PEOPLE:
        received = box.lessons(address)
        assert len(received) == LESSONS, f"{address}: {received}"
        assert received == box.lessons(PEOPLE[0]), "lessons out of order"
