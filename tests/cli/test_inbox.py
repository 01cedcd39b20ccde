"""`parcours inbox classify`: one JSON object a line, and the score beside it."""

import json
from pathlib import Path

import pytest

from tests.cli.command import parcours
from tests.mail.inbound import mails


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
