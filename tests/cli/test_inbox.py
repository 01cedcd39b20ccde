"""`parcours inbox classify`: one JSON object a line, and the score beside it; `receive` acts."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from engine.core import verp
from tests.cli.command import parcours
from tests.journeys.service import KEYS
from tests.mail.inbound import mails
from tests.transfer import house


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.eml").write_bytes(mails.dsn(mails.person(said="550 5.1.1 User unknown")))
    (tmp_path / "b.eml").write_bytes(mails.complaint("abuse", fields="Original-Rcpt-To: bob@example.net"))
    (tmp_path / "notes.txt").write_text("no mail")
    return tmp_path


def test_each_mail_is_one_line(folder: Path) -> None:
    done = parcours("inbox", "classify", str(folder), str(folder / "notes.txt"))
    assert (done.code, done.err) == (0, "")
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {
            "file": "a.eml",
            "kind": "bounce",
            "recipients": [
                {
                    "address": "alice@example.net",
                    "status": "5.1.1",
                    "class": "hard",
                    "reason": "user unknown: 550 5.1.1 User unknown",
                }
            ],
        },
        {
            "file": "b.eml",
            "kind": "complaint",
            "recipients": [
                {
                    "address": "bob@example.net",
                    "status": "",
                    "class": "complaint",
                    "reason": "complaint: abuse",
                }
            ],
        },
        {"file": "notes.txt", "kind": "unknown", "recipients": []},
    ]


def test_what_cannot_be_read_stops_nothing_else(folder: Path) -> None:
    done = parcours("inbox", "classify", str(folder / "gone.eml"), str(folder / "a.eml"))
    assert done.code == 1
    assert "gone.eml" in done.err
    assert [json.loads(line)["file"] for line in done.out.splitlines()] == ["a.eml"]


def test_a_folder_without_mails_is_told(tmp_path: Path) -> None:
    done = parcours("inbox", "classify", str(tmp_path))
    assert (done.code, done.out) == (1, "")
    assert "no *.eml" in done.err


def test_the_score_goes_beside(folder: Path) -> None:
    def label(name: str, reason: str, status: str = "") -> dict[str, str]:
        return {"class": name, "reason": reason, "status": status, "reply": ""}

    labels = {"a.eml": [label("soft_mailbox", "mailboxfull")], "b.eml": [label("complaint", "feedback")] * 2}
    (folder / "expected.json").write_text(json.dumps(labels))
    done = parcours("inbox", "classify", str(folder), "--expected", str(folder / "expected.json"))
    assert len(done.out.splitlines()) == 2
    assert "false hards: 33.3% (1 of 3)" in done.err
    assert "class right: 33.3% (1 of 3)" in done.err
    assert "a.eml: soft_mailbox (mailboxfull), read as hard" in done.err
    assert "b.eml: complaint (feedback), read as (missing)" in done.err


def test_arguable_labels_are_scored_apart(folder: Path) -> None:
    labels = {"a.eml": [{"class": "soft_mailbox", "reason": "filtered", "status": "5.0.910", "reply": ""}]}
    (folder / "expected.json").write_text(json.dumps(labels))
    done = parcours("inbox", "classify", str(folder / "a.eml"), "--expected", str(folder / "expected.json"))
    assert "disputed labels, agreed with: 0.0% (0 of 1)" in done.err
    assert "class right: 0.0% (0 of 0)" in done.err


def test_a_host_without_address_is_hard_whatever_the_label(tmp_path: Path) -> None:
    said = "DNS type 'mx' lookup of example.net responded with code NXDOMAIN"
    (tmp_path / "a.eml").write_bytes(mails.dsn(mails.person(status="4.0.0", said=said)))
    label = {"class": "expired_or_network", "reason": "networkerror", "status": "4.0.0", "reply": ""}
    (tmp_path / "expected.json").write_text(json.dumps({"a.eml": [label]}))
    done = parcours("inbox", "classify", str(tmp_path), "--expected", str(tmp_path / "expected.json"))
    assert '"class": "hard"' in done.out
    assert "disputed labels, agreed with: 0.0% (0 of 1)" in done.err


def test_labels_that_are_none(folder: Path) -> None:
    done = parcours("inbox", "classify", str(folder), "--expected", str(folder / "notes.txt"))
    assert (done.code, done.out) == (1, "")
    assert "labels cannot be read" in done.err


@pytest.fixture
def lived(tmp_path: Path) -> str:
    """A database where a lesson was sent to Alice; its mails returned by `house.KEYS`."""
    url = f"sqlite:///{tmp_path}/parcours.db"
    asyncio.run(house.settled(url))
    return url


def _report(url: str, cause: str = "550 5.1.1 User unknown") -> tuple[str, bytes]:
    """A return address of Alice's lesson, and a report that came to it."""
    file = url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (number,) = connection.execute(
            "SELECT d.id FROM delivery d JOIN learner l ON l.id = d.learner_id "
            "WHERE d.kind = 'lesson' AND l.address = 'alice@example.org'"
        ).fetchone()
    signed = verp.Returns("bounces.example.org", [KEYS["PARCOURS_SECRET_KEY"].encode()]).address(number)
    return signed, mails.dsn(mails.person(said=cause))


def test_what_comes_in_by_file_or_pipe_is_acted_on_once(lived: str, tmp_path: Path) -> None:
    signed, raw = _report(lived)
    mail = tmp_path / "a.eml"
    mail.write_bytes(raw)
    forged = parcours("inbox", "receive", str(mail), "--database", lived)
    assert (forged.code, forged.out) == (0, "a.eml\tignored\n")
    done = parcours("inbox", "receive", str(mail), "--recipient", signed, "--database", lived)
    assert (done.code, done.out) == (0, "a.eml\tsuppressed\n")
    mail.write_bytes(raw.replace(mails.SENDER.encode(), signed.encode()))
    again = parcours("inbox", "receive", str(mail), "--database", lived)
    assert (again.code, again.out) == (0, "a.eml\tknown\n")


def test_a_mail_server_is_asked_to_try_again(tmp_path: Path) -> None:
    mail = tmp_path / "a.eml"
    mail.write_bytes(mails.dsn(mails.person()))
    done = parcours("inbox", "receive", str(mail), "--database", f"sqlite:///{tmp_path}/none.db")
    assert (done.code, done.out) == (75, "")
    assert "db upgrade" in done.err
