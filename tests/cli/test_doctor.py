"""`parcours doctor` on installations that are half made: each thing is told, and none stops it."""

import json
from pathlib import Path

import pytest

from engine.doctor.finding import GROUPS
from tests.cli.command import ROOT, parcours
from tests.doctor.servers import Zone

ORDER = [name for names in GROUPS.values() for name in names if name != "specimen"]


def verdicts(*arguments: str, **environment: str) -> dict[str, tuple[str, str]]:
    """What it says with --json, by check; nothing else may stand on stdout."""
    done = parcours("doctor", "--json", *arguments, cwd=ROOT, **environment)
    told = json.loads(done.out)
    assert (done.code, told["ok"]) == (1, False)
    assert [set(check) for check in told["checks"]] == [{"name", "verdict", "found", "cure"}] * len(ORDER)
    assert [check["name"] for check in told["checks"]] == ORDER
    assert "Traceback" not in done.err
    return {check["name"]: (check["verdict"], check["found"]) for check in told["checks"]}


def test_with_nothing_set_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    database = tmp_path / "parcours.db"
    found = verdicts("--database", f"sqlite:///{database}", PARCOURS_SMTP_URL="smtp://127.0.0.1:1")
    assert "PARCOURS_CONTROLLER" in found["settings"][1]
    assert "localhost" in found["settings"][1]
    assert found["database"] == ("error", f"There is no database {database}.")
    assert found["relay_tls"][0] == "error"
    unchecked = {name for name, (verdict, _) in found.items() if verdict == "not_checked"}
    assert {
        "spf",
        "dmarc",
        "return_mx",
        "queue_age",
        "stuck_rows",
        "today",
        "worker",
        "relay_auth",
    } <= unchecked
    assert not database.exists()


def test_wrong_settings_are_told_and_the_others_looked_at(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("none")
    with Zone('example.org. IN TXT "v=spf1 ~all"') as zone:
        found = verdicts(
            *("--resolver", zone.address),
            PARCOURS_FROM="Parcours <parcours@example.org>",
            PARCOURS_PORT="many",
            PARCOURS_IN_DOUBT="maybe",
            PARCOURS_SECRET_KEY="",
            PARCOURS_SECRET_KEY_FILE="/nowhere/key",
            PARCOURS_SMTP_URL="ftp://me:hush@relay",
            PARCOURS_DKIM_KEYS=f"p2027:{tmp_path}/key.pem",
            PARCOURS_DATABASE_URL="mysql://me:hush@host/x",
        )
    for name in ("PARCOURS_PORT", "PARCOURS_IN_DOUBT", "/nowhere/key"):
        assert name in found["settings"][1]
    assert found["spf"] == ("ok", "v=spf1 ~all")
    assert "no private key" in found["dkim_key"][1]
    assert found["dkim_key"][0] == found["dkim_list_headers"][0] == found["relay_tls"][0] == "not_checked"
    assert found["database"][0] == "error"
    assert "hush" not in str(found)


@pytest.mark.parametrize("url", ["postgresql://me:hush@127.0.0.1:1/x", "sqlite:////proc/nowhere/x.db"])
def test_a_database_that_is_away_is_told(url: str) -> None:
    found = verdicts("--database", url, PARCOURS_SMTP_URL="smtp://127.0.0.1:1")
    assert found["database"][0] == "error"
    assert found["queue_age"] == ("not_checked", "The database cannot be asked.")
    assert "hush" not in str(found)


def test_what_people_read(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/parcours.db"
    assert parcours("db", "upgrade", "--database", database).code == 0
    with Zone("relay.test. IN A 192.0.2.25", silent=True) as zone:
        done = parcours(
            *("doctor", "--database", database, "--resolver", zone.address, "--address", "192.0.2.25"),
            PARCOURS_SMTP_URL="smtp://127.0.0.1:1",
        )
    lines = done.out.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")][:-1] == [*GROUPS]
    assert f"  ok          database           {tmp_path}/parcours.db answers and is up to date." in lines
    assert any(line.startswith("  not checked ptr") and "no answer" in line for line in lines)
    assert any(line.startswith(" " * 33 + "→ Start it") for line in lines)
    assert "\x1b" not in done.out
    assert lines[-1].endswith("not checked")


def test_a_mail_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "mail.eml").write_bytes(b"From: a@example.org\r\nSubject: nothing\r\n\r\n")
    found = verdicts("--mail", str(tmp_path / "mail.eml"), PARCOURS_SMTP_URL="smtp://127.0.0.1:1")
    assert "no List-Unsubscribe" in found["dkim_list_headers"][1]
    gone = parcours("doctor", "--mail", str(tmp_path / "gone.eml"))
    assert (gone.code, "gone.eml" in gone.err) == (1, True)


@pytest.mark.parametrize("wrong", [("--resolver", "dns.example.org"), ("--address", "mail.example.org")])
def test_an_option_that_is_wrong_is_told(wrong: tuple[str, str]) -> None:
    done = parcours("doctor", *wrong)
    assert (done.code, wrong[1] in done.err) == (1, True)
