"""`parcours learner import` and `list --csv`: from one spreadsheet into a course, and back into another."""

import csv
import io
import json
from pathlib import Path

from tests.cli.command import parcours
from tests.cli.test_operator import asked

__all__ = ["asked"]

_PEOPLE = "Adresse;Prénom;Entreprise\nnina@example.org;Nina;=1+1\nalice@example.org;Alice;\nnowhere;;\n"


def _file(folder: Path) -> str:
    path = folder / "liste.csv"
    path.write_bytes(_PEOPLE.encode("cp1252"))
    return str(path)


def test_a_list_is_tried_then_taken_in(asked: str, tmp_path: Path) -> None:
    told = (
        *("learner", "import", _file(tmp_path), "--course", "mini", "--source", "Salon, mars 2027"),
        *("--database", asked),
    )
    tried = parcours(*told, "--dry-run", "--json")
    assert json.loads(tried.out) == {"new": 1, "enrolled": 1, "invalid": 1, "left_out": 0}
    assert "4: invalid: nowhere" in tried.err
    assert "nina" not in parcours("learner", "list", "--database", asked).out
    done = parcours(*told)
    assert (done.code, "new: 1" in done.out) == (0, True)
    assert "mini: pending" in parcours("learner", "list", "nina", "--database", asked).out
    again = parcours(*told, "--json")
    assert json.loads(again.out) == {"enrolled": 2, "invalid": 1, "left_out": 0}


def test_with_proof_nobody_is_asked(asked: str, tmp_path: Path) -> None:
    parcours(
        *("learner", "import", _file(tmp_path), "--course", "mini", "--source", "Salon", "--agreed"),
        *("--database", asked),
    )
    assert "mini: waiting" in parcours("learner", "list", "nina", "--database", asked).out


def test_everybody_as_a_spreadsheet(asked: str, tmp_path: Path) -> None:
    parcours(
        *("learner", "import", _file(tmp_path), "--course", "mini", "--source", "Salon"),
        *("--database", asked),
    )
    out = parcours("learner", "list", "--csv", "--database", asked).out
    assert out.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(out[1:], newline=""), delimiter=";"))
    assert [row["adresse"] for row in rows] == ["alice@example.org", "nina@example.org"]
    assert rows[1]["entreprise"] == "'=1+1"


def test_what_cannot_be_used_is_refused_in_a_line(asked: str, tmp_path: Path) -> None:
    bad = tmp_path / "book.xlsx"
    bad.write_bytes(b"PK\x03\x04")
    at = ("--source", "Salon", "--database", asked)
    done = parcours("learner", "import", str(bad), "--course", "mini", *at)
    assert (done.code, "classeur" in done.err) == (1, True)
    other = parcours("learner", "import", _file(tmp_path), "--course", "nulle-part", *at)
    assert (other.code, "Traceback" in other.err) == (1, False)
