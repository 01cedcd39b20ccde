"""An operator makes a key, sees it once, and ends it."""

import json

import pytest

from engine.core import tokens
from engine.tables import db, schema
from tests.cli.command import parcours


@pytest.fixture
async def ready(database_url: str) -> str:
    """An empty database; its address."""
    found = db.Database(database_url)
    await schema.upgrade(found)
    await found.close()
    return database_url


def test_a_key_is_made_listed_and_revoked(ready: str) -> None:
    at = ("--database", ready)
    made = parcours("token", "create", "Le CRM", "--scope", "learners:read", "--scope", "courses:read", *at)
    assert made.code == 0
    token = made.out.strip()
    assert tokens.digest(token)
    assert "not shown again" in made.err
    listed = parcours("token", "list", *at).out
    assert token not in listed
    assert all(part in listed for part in (tokens.hint(token), "Le CRM", "courses:read", "never used"))
    assert parcours("token", "revoke", "1", *at).code == 0
    (row,) = json.loads(parcours("token", "list", "--json", *at).out)
    assert row["revoked_at"]
    assert row["scopes"] == ["courses:read", "learners:read"]


def test_as_json_it_is_one_value(ready: str) -> None:
    made = parcours("token", "create", "x", "--scope", "courses:read", "--json", "--database", ready)
    assert tokens.digest(json.loads(made.out)["token"])


def test_what_is_wrong_is_one_line(ready: str) -> None:
    at = ("--database", ready)
    assert parcours("token", "create", "Le CRM", *at).code == 2, "a right is asked for"
    assert parcours("token", "create", "Le CRM", "--scope", "everything", *at).code == 2
    nameless = parcours("token", "create", " ", "--scope", "courses:read", *at)
    assert (nameless.code, len(nameless.err.splitlines())) == (1, 1)
    unknown = parcours("token", "revoke", "7", *at)
    assert (unknown.code, "7" in unknown.err) == (1, True)
