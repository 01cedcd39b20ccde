"""Other programs are asked for the same mails, and believed only when they sent all of them."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.bench import signing
from engine.bench.peers import sending
from engine.core import errors

NOW = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)
_SAYS = """\
import json, sys
job = json.load(sys.stdin)
print(json.dumps({"seconds": 2, "cpu_seconds": 1, "sent": %s}))
"""


async def _compared(program: str) -> dict[str, sending.Peer]:
    programs = {"other": (sys.executable, "-c", program)}
    return await sending.compare(programs, 50, messages=40, connections=4, sink="127.0.0.1:9", now=NOW)


async def test_ours_is_compared_with_what_the_other_says() -> None:
    assert await _compared(_SAYS % 'job["messages"]') == {"other": sending.Peer(20.0, 25_000.0, 2.5)}


async def test_who_did_not_send_everything_is_not_compared() -> None:
    with pytest.raises(errors.ParcoursError, match="other sent 39 of 40 mails"):
        await _compared(_SAYS % 'job["messages"] - 1')


async def test_what_a_failing_program_said_is_told() -> None:
    with pytest.raises(errors.ParcoursError, match="no such luck"):
        await _compared("raise SystemExit('no such luck')")


@pytest.mark.skipif(not sending.installed(), reason="no peers (make bench-peers)")
async def test_the_installed_ones_send_the_lesson_to_everybody() -> None:
    for name, program in sending.installed().items():
        async with signing.mailbox() as (mailbox, address):
            await sending.compare({name: program}, 1, messages=6, connections=2, sink=address, now=NOW)
        assert len(mailbox.mails) == 6
        assert all(40_000 < len(mail) < 60_000 for mail in mailbox.mails), name


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_the_program_for_node_is_one(tmp_path: Path) -> None:
    path = Path(sending.__file__).parent / "pooled_by_node.mjs"
    subprocess.run(["node", "--check", str(path)], check=True, cwd=tmp_path)
