"""What the machine may do to the service: it says so, and nothing that was accepted is lost."""

import asyncio
import sqlite3
from pathlib import Path

import httpx

from engine.demo import pages
from engine.flows import leases
from tests.journeys.service import CountingMailbox, service


async def _sign_up(http: httpx.AsyncClient, values: dict[str, str], address: str) -> int:
    typed = {"first_name": "Alice", "address": address, "consent": "yes", "sure": "yes"}
    return (await http.post("/c/ia-pme", data=values | typed)).status_code


async def _form(http: httpx.AsyncClient) -> dict[str, str]:
    found = pages.form((await http.get("/c/ia-pme")).text)
    await asyncio.sleep(2.2)  # the form's trap for robots
    return found.values


async def _arrived(box: CountingMailbox, address: str) -> bool:
    # A worker that could not write its last lines leaves its lease behind, which has to run out.
    longest = 3 * leases.LEASE.total_seconds()
    return await box.wait_for(lambda mail: mail.recipient == address, seconds=longest) is not None


async def test_a_full_disk_is_told_and_what_was_accepted_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "parcours.db"
    async with service(f"sqlite:///{file}", tmp_path / "log") as (running, box):
        await running.stop()  # a clean end folds the log of writes into the file
        running.largest_file = file.stat().st_size + 30_000
        await running.start()
        accepted, refused = [], 0
        async with httpx.AsyncClient(base_url=running.url, timeout=60) as http:
            values = await _form(http)
            for number in range(200):
                address = f"learner{number}@site{number}.example.org"
                status = await _sign_up(http, values, address)
                assert status in (200, 429, 503)
                if status == 503:
                    refused += 1
                    break
                accepted.append(address)
            assert refused, "the disk was never full"
            assert accepted, "the disk was full from the beginning"
        await running.stop()
        running.largest_file = None
        await running.start()
        for address in accepted:
            assert await _arrived(box, address), f"{address} was accepted and then forgotten"


async def test_a_locked_database_answers_503_and_recovers(tmp_path: Path) -> None:
    file = tmp_path / "parcours.db"
    async with (
        service(f"sqlite:///{file}", tmp_path / "log") as (running, box),
        httpx.AsyncClient(base_url=running.url, timeout=60) as http,
    ):
        values = await _form(http)
        locker = sqlite3.connect(file, isolation_level=None)
        locker.execute("BEGIN EXCLUSIVE")
        assert await _sign_up(http, values, "bob@example.org") == 503
        locker.execute("ROLLBACK")
        locker.close()
        assert await _sign_up(http, values, "bob@example.org") == 200
        assert await _arrived(box, "bob@example.org")


async def test_a_stopped_service_leaves_within_ten_seconds(tmp_path: Path) -> None:
    async with service(f"sqlite:///{tmp_path}/parcours.db", tmp_path / "log") as (running, _):
        async with asyncio.timeout(10):
            code = await running.stop()
    assert code in (0, -15)


async def test_a_mailbox_that_is_away_only_delays(tmp_path: Path) -> None:
    async with service(f"sqlite:///{tmp_path}/parcours.db", tmp_path / "log") as (running, box):
        port = box.port
        await box.close()
        async with httpx.AsyncClient(base_url=running.url, timeout=60) as http:
            assert await _sign_up(http, await _form(http), "charlie@example.org") == 200
            await asyncio.sleep(1)
            await box.open(port)
            await http.post("/demo/clock", headers={"Accept": "application/json"})
            assert await _arrived(box, "charlie@example.org")
