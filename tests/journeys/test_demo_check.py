"""`parcours demo --check` as anybody would run it."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.journeys.service import KEYS, CountingMailbox

MINI = Path(__file__).parents[1] / "courses" / "mini"


async def _check(*arguments: str, cwd: Path) -> tuple[int, dict[str, Any], str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine", "demo", "--check", "--json", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env=os.environ | KEYS | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    output, log = await process.communicate()
    return process.returncode or 0, json.loads(output or "{}"), log.decode()


async def test_the_bundled_course_arrives_whole_on_both_databases(database_url: str, tmp_path: Path) -> None:
    code, result, log = await _check("--database", database_url, cwd=tmp_path)
    assert code == 0, log
    assert result["lessons_planned"] == result["lessons_received"] == 12
    assert result["duplicates"] == 0
    assert result["completed"] is True
    assert [each["completed"] for each in result["people"]] == [True, True, True]
    assert [each["lessons"] for each in result["people"]] == [12, 6, 6]
    files = {(each["who"], each["file"]) for each in result["artefacts"] if each["bytes"] > 5000}
    assert files >= {
        ("dirigeant", "rapport.pdf"),
        ("dirigeant", "charte.pdf"),
        ("dirigeant", "charte.docx"),
        ("dirigeant", "attestation.pdf"),
        ("colleague-1", "attestation.pdf"),
        ("colleague-2", "attestation.pdf"),
    }


async def test_a_course_of_ones_own_through_ones_own_mailbox(tmp_path: Path) -> None:
    box = CountingMailbox()
    await box.open()
    code, result, log = await _check("--course", str(MINI), "--smtp", f"127.0.0.1:{box.port}", cwd=tmp_path)
    await box.close()
    assert code == 0, log
    assert result["course"] == "mini"
    assert result["lessons_planned"] == result["lessons_received"] == 3
    assert result["duplicates"] == 0
    assert max(box.copies().values()) == 1
    assert len(box.mails) == sum(result["mails"].values())


async def test_a_mailbox_that_refuses_makes_it_fail(tmp_path: Path) -> None:
    class Refusing(CountingMailbox):
        async def handle_DATA(self, *_: object) -> str:
            return "550 5.1.1 no such mailbox"

    box = Refusing()
    await box.open()
    code, _, log = await _check("--smtp", f"127.0.0.1:{box.port}", cwd=tmp_path)
    await box.close()
    assert code == 1
    assert "did not arrive" in log


async def test_only_a_mailbox_on_this_machine_is_accepted(tmp_path: Path) -> None:
    code, _, log = await _check("--smtp", "192.0.2.7:25", cwd=tmp_path)
    assert code == 1
    assert "on this machine" in log
