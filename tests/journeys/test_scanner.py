"""A company's scanner opens every link of every mail, as a script and as a browser: nothing happens."""

import asyncio
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.async_api import Browser
from sqlalchemy import select

from engine.demo import pages
from engine.demo.mailbox import Received
from engine.tables import (
    Company,
    Consent,
    Delivery,
    Enrolment,
    Event,
    Learner,
    Seat,
    Submission,
    Suppression,
    db,
)
from tests.journeys.service import CountingMailbox, service

_ALICE = "alice@example.org"
_SCRIPTS = 0.3
"""Seconds in which a page's scripts do what they would."""
_PRESSED = 4
"""The clock's button: welcome, lessons and a reminder came by then."""
_STATE = (Learner, Enrolment, Consent, Submission, Suppression, Event, Company, Seat)
"""Tables that people's acts change; mails come by themselves, and those that somebody asked for show too."""


async def test_a_robot_that_opens_every_link_changes_nothing(
    database_url: str, tmp_path: Path, browser: Browser
) -> None:
    found = db.Database(database_url)
    async with (
        service(database_url, tmp_path / "log") as (running, box),
        httpx.AsyncClient(base_url=running.url, timeout=60) as http,
    ):
        await _sign_up(http, box)
        await _scan(found, box, http, browser)
        assert {row["state"] for row in (await _all(found))["enrolment"]} == {"pending"}
        confirmation = next(link for link in _links(box.mails) if pages.purpose(link) == "k")
        assert (await http.post(confirmation)).status_code == 200
        for _ in range(_PRESSED):
            (await http.post("/demo/clock", headers={"Accept": "application/json"})).raise_for_status()
        assert {pages.purpose(link) for link in _links(box.mails)} >= {"k", "l", "a", "m", "u"}
        await _scan(found, box, http, browser)
    await found.close()


async def _sign_up(http: httpx.AsyncClient, box: CountingMailbox) -> None:
    form = pages.form((await http.get("/c/ia-pme")).text)
    await asyncio.sleep(2.2)  # the form's trap for robots
    typed = {"first_name": "Alice", "address": _ALICE, "consent": "yes", "sure": "yes"}
    assert (await http.post("/c/ia-pme", data=form.values | typed)).status_code == 200
    assert await box.wait_for(lambda mail: mail.recipient == _ALICE, seconds=30)


def _links(mails: list[Received]) -> list[str]:
    """All of ours, each once, those that leave by one click too."""
    found = [link for mail in mails for link in pages.links_of(mail)]
    found += [str(mail.message["List-Unsubscribe"] or "").strip("<>") for mail in mails]
    return sorted({link for link in found if urlsplit(link).hostname == "127.0.0.1"})


async def _scan(found: db.Database, box: CountingMailbox, http: httpx.AsyncClient, browser: Browser) -> None:
    before, links = await _all(found), _links(box.mails)
    assert links
    for link in links:
        for method in ("HEAD", "GET"):
            assert (await http.request(method, link, follow_redirects=True)).status_code < 500
    context = await browser.new_context()
    page = await context.new_page()
    for link in links:
        await page.goto(link, wait_until="load")
        await asyncio.sleep(_SCRIPTS)
    await context.close()
    if changed := _changed(before, await _all(found)):
        raise AssertionError(f"{len(changed)} rows, such as {changed[0][:1000]}")


def _changed(before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Row by row: pytest would compare all of it letter by letter."""
    return [
        f"{table}: {old} → {new}"
        for table, rows in before.items()
        for old, new in zip_longest(rows, after[table])
        if old != new
    ]


async def _all(found: db.Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of those tables, and how many mails of which kind were owed."""
    async with found.reading() as session:
        tables = {
            table.__tablename__: [
                dict(row) for row in (await session.execute(select(table.__table__))).mappings()
            ]
            for table in _STATE
        }
        kinds = await session.scalars(select(Delivery.kind).order_by(Delivery.id))
        return tables | {"mails": [{"kind": kind} for kind in kinds]}
