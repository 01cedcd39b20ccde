"""What the law asks of an operator, as commands."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from engine.core import consent
from engine.tables import Consent, Learner, db, schema
from tests.cli.command import parcours
from tests.journeys.service import KEYS
from tests.people import ALICE, BOB, Town


@pytest.fixture
def kept(database_url: str) -> str:
    """Alice confirmed, Bob did not, both years ago; the address of the database."""
    asyncio.run(_settle(database_url))
    return database_url


async def _settle(url: str) -> None:
    found = db.Database(url)
    await schema.upgrade(found)
    town = Town(found)
    town.clock.moment = datetime.now(UTC)
    await town.publish()
    await town.enrol(ALICE)
    await town.sign_up(BOB)
    hashed, long_ago = (
        consent.fingerprint(KEYS["PARCOURS_SUPPRESSION_KEY"].encode()),
        datetime(2020, 1, 1, tzinfo=UTC),
    )
    async with found.transaction() as session:
        for who in (ALICE, BOB):
            mark = hashed(consent.address_key(who.address))
            await session.execute(
                update(Learner).where(Learner.address == who.address).values(created_at=long_ago)
            )
            await session.execute(
                update(Consent).where(Consent.address == who.address).values(address_hash=mark)
            )
        await session.execute(update(Consent).where(Consent.address == BOB.address).values(at=long_ago))
    await found.close()


def test_a_dry_run_counts_and_the_purge_erases_those(kept: str) -> None:
    counted = {"unconfirmed": 1, "inactive": 0, "history": 0, "audit": 0, "sessions": 0, "reports": 0}
    for options in (["--dry-run"], ["--dry-run"], []):
        ran = parcours("privacy", "purge", *options, "--json", "--database", kept)
        assert (ran.code, json.loads(ran.out)) == (0, counted), ran.err
    shown = parcours("privacy", "purge", "--dry-run", "--database", kept)
    assert "people who never confirmed  0" in " ".join(shown.out.split()) or "0" in shown.out
    assert (
        json.loads(parcours("learner", "list", "--json", "--database", kept).out)[0]["address"]
        == ALICE.address
    )


def test_a_dossier_is_written_signed_and_checked_also_after_an_erasure(kept: str, tmp_path: Path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    assert parcours("privacy", "dossier", ALICE.address.upper(), str(before), "--database", kept).code == 0
    checked = parcours("privacy", "verify", str(before), "--database", kept)
    assert (checked.code, "2 lines about" in checked.out) == (0, True), checked.err
    assert parcours("learner", "erase", ALICE.address, "--yes", "--database", kept).code == 0
    assert parcours("privacy", "dossier", ALICE.address, str(after), "--database", kept).code == 0
    proofs = [json.loads(file.read_text())["dossier"] for file in (before, after)]
    assert [proof["Accords"][0]["Adresse"] for proof in proofs] == [ALICE.address, ""]
    words = [[(line["Quand"], line["Texte"]) for line in proof["Accords"][:2]] for proof in proofs]
    assert words[0] == words[1]
    before.write_text(before.read_text().replace("donné", "retiré"))
    refused = parcours("privacy", "verify", str(before), "--database", kept)
    assert (refused.code, "changed since" in refused.err) == (1, True)
    again = parcours("privacy", "dossier", ALICE.address, str(after), "--database", kept)
    assert (again.code, "exists" in again.err) == (1, True)
    unknown = parcours("privacy", "dossier", "nobody@example.org", str(tmp_path / "x"), "--database", kept)
    assert (unknown.code, "never asked" in unknown.err) == (1, True)


def test_notice_and_register_are_made_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARCOURS_CONTROLLER", "Chambre d'essai, 1 rue du Port, 97400 Saint-Denis")
    monkeypatch.setenv("PARCOURS_KEEP_UNCONFIRMED_DAYS", "12")
    monkeypatch.setenv("PARCOURS_SMTP_URL", "smtp://user:hidden@relais.example.org:587")
    texts = [
        parcours("privacy", *command)
        for command in (("notice",), ("notice", "--language", "en"), ("register",))
    ]
    assert [each.code for each in texts] == [0, 0, 0]
    for text, days in zip(texts, ("12\xa0jours", "12 days", "12\xa0jours"), strict=True):
        assert "97400 Saint-Denis" in text.out
        assert days in text.out
        assert "hidden" not in text.out
    assert "relais.example.org" in texts[2].out
