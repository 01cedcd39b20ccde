"""An operator looks a certificate up, and takes it back."""

import json

import pytest

from engine.tables import Certificate, db, schema
from tests.cli.command import parcours
from tests.people import ALICE, Town

CODE = "BKTR-WMXC-FHZN-GDPV"


@pytest.fixture
async def issued(database_url: str) -> str:
    """A database in which Alice has a certificate; its address."""
    found = db.Database(database_url)
    await schema.upgrade(found)
    town = Town(found)
    await town.publish()
    alice = await town.enrol(ALICE)
    async with found.transaction() as session:
        session.add(Certificate(code=CODE, enrolment_id=alice, name="Alice Aubert", issued_at=town.now))
    await found.close()
    return database_url


def test_a_certificate_is_shown_and_revoked(issued: str) -> None:
    at = ("--database", issued)
    assert "name: Alice Aubert" in parcours("certificate", "show", CODE.lower(), *at).out
    assert parcours("certificate", "revoke", CODE, *at).code == 2, "a reason is asked for"
    assert parcours("certificate", "revoke", CODE, "--reason", "wrong person", *at).code == 0
    told = json.loads(parcours("certificate", "show", CODE, "--json", *at).out)
    assert (told["code"], told["revoked_reason"], bool(told["revoked_at"])) == (CODE, "wrong person", True)
    unknown = parcours("certificate", "revoke", "BCDF", "--reason", "x", *at)
    assert (unknown.code, "BCDF" in unknown.err) == (1, True)
