"""The first account is made on the command line, as is a way back for who is locked out."""

import asyncio
import json
import re

import httpx
import pytest

from engine import app, serving, settings
from engine.clock import SystemClock
from engine.tables import db, schema
from tests.cli.command import parcours
from tests.journeys.service import KEYS

ADDRESS, PASSWORD = "alice@example.org", "quatre mots sans lien"


@pytest.fixture
async def ready(database_url: str) -> str:
    found = db.Database(database_url)
    await schema.upgrade(found)
    await found.close()
    return database_url


async def _enter(url: str, link: str = "") -> int:
    """Choose the password by `link`, where there is one, and sign in: the status of the answer."""
    values = {name.removeprefix("PARCOURS_").lower(): value for name, value in KEYS.items()}
    site = app.Site(settings.load(database_url=url, **values), db.Database(url), SystemClock())
    wire = httpx.ASGITransport(serving.web_app(site, workers=False), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=wire, base_url="http://parcours.test") as http:
        if link:
            chosen = await http.post(re.sub(r"^https?://[^/]+", "", link), data={"password": PASSWORD})
            assert chosen.status_code == 303, chosen.text
        entered = await http.post("/studio/sign-in", data={"address": ADDRESS, "password": PASSWORD})
    await site.db.close()
    return entered.status_code


def test_the_printed_link_leads_into_the_studio(ready: str) -> None:
    made = parcours("account", "create", ADDRESS, "--name", "Alice", "--database", ready)
    assert made.code == 0, made.err
    assert asyncio.run(_enter(ready, made.out.strip())) == 303
    told = json.loads(parcours("account", "list", "--json", "--database", ready).out)
    assert [(each["address"], each["role"], each["password"]) for each in told] == [(ADDRESS, "owner", True)]


def test_a_password_may_come_from_standard_input(ready: str) -> None:
    create = ("account", "create", ADDRESS, "--password-stdin", "--database", ready)
    refused = parcours(*create, answer="court\n")
    assert (refused.code, "douze caractères" in refused.err) == (1, True)
    assert parcours(*create, answer=f"{PASSWORD}\n").code == 0
    assert asyncio.run(_enter(ready)) == 303
    again = parcours(*create, answer=f"{PASSWORD}\n")
    assert (again.code, "déjà un compte" in again.err) == (1, True)


def test_a_closed_account_does_not_enter_and_the_last_owner_stays(ready: str) -> None:
    at = ("--database", ready)
    parcours(
        "account", "create", ADDRESS, "--role", "author", "--password-stdin", *at, answer=f"{PASSWORD}\n"
    )
    parcours("account", "create", "bob@example.org", *at)
    assert parcours("account", "close", ADDRESS, *at).code == 0
    assert asyncio.run(_enter(ready)) == 422
    assert parcours("account", "link", ADDRESS, *at).code == 1
    last = parcours("account", "close", "bob@example.org", *at)
    assert (last.code, "dernier compte propriétaire" in last.err) == (1, True)
    assert parcours("account", "reopen", ADDRESS, *at).code == 0
    assert asyncio.run(_enter(ready, parcours("account", "link", ADDRESS, *at).out.strip())) == 303
    unknown = parcours("account", "close", "nobody@example.org", *at)
    assert (unknown.code, "nobody@example.org" in unknown.err) == (1, True)
