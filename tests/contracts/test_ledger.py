"""What whoever writes the ledger must not forget."""

import ast
from pathlib import Path

import pytest

from tests.cli.command import ROOT

FINAL = {"SENT", "CANCELLED", "FAILED"}


@pytest.mark.parametrize("path", sorted((ROOT / "engine/flows").glob("*.py")), ids=lambda path: path.stem)
def test_whoever_ends_a_mail_says_when(path: Path) -> None:
    """Else it is in no count: `.values(state=…)` of a final state needs `settled_at=now` beside it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".values"):
            given = {each.arg: ast.unparse(each.value) for each in node.keywords}
            ends = given.get("state", "").rpartition(".")[2] in FINAL and "done_at" not in given
            assert not ends or "settled_at" in given, f"{path.name}:{node.lineno} needs settled_at=now"
