"""What an operator types: settings, people, why."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine import app, settings
from engine.clock import SystemClock
from engine.core import consent, errors, verp, views
from engine.flows import catalog, publishing, signup
from engine.mail import dress
from engine.tables import db, schema
from tests.cli.command import ROOT, Outcome, parcours

NOW = datetime(2027, 3, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
async def asked(database_url: str) -> str:
    """A database in which Alice asked for the small course and has not confirmed; its address."""
    found = db.Database(database_url)
    await schema.upgrade(found)
    files = catalog.read_directory(ROOT / "tests" / "courses" / "mini")
    house = dress.Dress("fr", "http://localhost", "Association\nParis", "Parcours <p@example.org>")
    form = views.SignUp("Alice", "alice@example.org", "", "", "1", "08:30", "Europe/Paris", "", True)
    async with found.transaction() as session:
        await publishing.publish(session, files, slug="mini", house=house, now=NOW)
        await signup.request(
            session,
            "mini",
            form,
            origin=views.Origin("192.0.2.1", "a browser", "/c/mini"),
            fingerprint=consent.fingerprint(b"key"),
            now=NOW,
        )
    await found.close()
    return database_url


def test_learners_are_listed_shown_exported_and_erased(asked: str) -> None:
    at = ("--database", asked)
    assert [line["address"] for line in json.loads(parcours("learner", "list", "--json", *at).out)] == [
        "alice@example.org"
    ]
    assert "mini: pending" in parcours("learner", "list", "alice", *at).out
    assert parcours("learner", "list", "%", *at).out == ""
    assert "alice@example.org" in parcours("learner", "show", "ALICE@example.org", *at).out
    exported = json.loads(parcours("learner", "export", "alice@example.org", *at).out)
    assert exported["Vous"]["Adresse"] == "alice@example.org"
    kept = parcours("learner", "erase", "alice@example.org", *at, answer="n\n")
    assert (kept.code, "Nothing was erased" in kept.err) == (1, True)
    assert parcours("learner", "erase", "alice@example.org", "--yes", *at).code == 0
    assert parcours("learner", "list", *at).out == ""
    gone = parcours("learner", "show", "alice@example.org", *at)
    assert (gone.code, "Nobody" in gone.err) == (1, True)


def test_why_answers_in_a_sentence(asked: str) -> None:
    done = parcours("why", "alice@example.org", "regarder", "--database", asked)
    assert "the address is not confirmed" in done.out
    found = json.loads(parcours("why", "alice@example.org", "regarder", "--database", asked, "--json").out)
    assert found[0]["lesson"] == "regarder"
    unknown = parcours("why", "alice@example.org", "nulle-part", "--database", asked)
    assert (unknown.code, "nulle-part" in unknown.err) == (1, True)


@pytest.mark.parametrize(
    "domain", ["bounces@example.org", "https://example.org", "localhost", "example.org."]
)
def test_reports_come_to_a_domain(domain: str) -> None:
    with pytest.raises(errors.Invalid, match=r"PARCOURS_RETURN_DOMAIN: .*bounces\.example\.org"):
        settings.load(return_domain=domain)


def test_mails_return_to_that_domain() -> None:
    def returns(domain: str) -> verp.Returns | None:
        found = settings.load(secret_key="key", suppression_key="lasting", return_domain=domain)
        return app.Site(found, db.Database(found.database_url), SystemClock()).house.returns

    assert returns("") is None
    ours = returns("Bounces.example.org")
    assert ours is not None
    assert ours.address(4711).endswith("@bounces.example.org")
    assert verp.Returns("", [b"key"]).read(ours.address(4711)) == 4711


def test_settings_hide_secrets() -> None:
    done = parcours("settings", "show", PARCOURS_SMTP_URL="smtp://me:hush@relay.example.org:587")
    assert "PARCOURS_SMTP_URL=**********" in done.out
    assert "hush" not in done.out
    assert "kept-over-kills" not in done.out
    assert json.loads(parcours("settings", "show", "--json").out)["PARCOURS_PORT"] == "8000"


def test_wrong_settings_are_named_and_secrets_not_shown() -> None:
    done = parcours("settings", "show", PARCOURS_PORT="many", PARCOURS_IN_DOUBT="maybe")
    assert done.code == 1
    assert "PARCOURS_PORT" in done.err
    assert "PARCOURS_IN_DOUBT" in done.err
    bad = parcours("serve", PARCOURS_SMTP_URL="ftp://me:hush@x", PARCOURS_CONTROLLER="X, Paris")
    assert bad.code == 1
    assert "hush" not in bad.err
    assert "Traceback" not in bad.err


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")

    def shown(file: str) -> Outcome:
        return parcours("settings", "show", PARCOURS_SECRET_KEY="", PARCOURS_SECRET_KEY_FILE=file)

    assert "PARCOURS_SECRET_KEY=(SecretStr" in shown(str(tmp_path / "key")).out
    missing = shown("/nowhere/key")
    assert missing.code == 1
    assert "/nowhere/key" in missing.err


def test_serving_without_a_controller_is_refused(tmp_path: Path) -> None:
    done = parcours("serve", "--database", f"sqlite:///{tmp_path}/x.db", PARCOURS_CONTROLLER="")
    assert done.code == 1
    assert "PARCOURS_CONTROLLER" in done.err


def test_a_database_that_is_none_is_told() -> None:
    done = parcours("learner", "list", "--database", "mysql://me:hush@host/x")
    assert done.code == 1
    assert "hush" not in done.err
    assert "Traceback" not in done.err
