"""Running the others: each in a process of its own kind, on the same templates, into the same sink.

A peer is a program of ours that uses it as its manual advises. It reads a job from its standard input, owes
the mails where it keeps such things, and then tells how long it took to fill and send them.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine import paths
from engine.bench import service, specimen
from engine.core import errors
from engine.flows import catalog

_MOST = 5000
"""Mails that a peer sends: twenty seconds' worth for the slowest."""


@dataclass(frozen=True)
class Peer:
    messages_per_s: float
    cpu_us_per_message: float
    ratio: float
    """Of our mails a second to theirs."""


Programs = Mapping[str, Sequence[str]]
"""How each is started."""


async def compare(
    programs: Programs, ours: float, *, messages: int, connections: int, sink: str, now: datetime
) -> dict[str, Peer]:
    """`ours`: mails a second, of the same run. Raises `errors.ParcoursError` where not all were sent."""
    job = _job(min(messages, _MOST), connections, sink, now) if programs else {}
    return {name: await _run(name, program, job, ours) for name, program in programs.items()}


def installed() -> Programs:
    """Those that `make bench-peers` put beside this checkout."""
    folder = paths.peers()
    here, python, node = Path(__file__).parent, folder / "python" / "bin" / "python", shutil.which("node")
    found: dict[str, Sequence[str]] = {}
    if python.exists():
        found["django-post_office"] = (str(python), str(here / "queued_by_django.py"))
    if node and (folder / "node_modules" / "nodemailer").is_dir():
        found["nodemailer"] = (node, str(here / "pooled_by_node.mjs"), str(folder))
    return found


def _job(messages: int, connections: int, sink: str, now: datetime) -> Mapping[str, object]:
    """What is asked of each."""
    house = specimen.house()
    to = specimen.addressed(1, catalog.Pinned(1, "", specimen.course(house.dress)), now)
    templates = specimen.templates(to, house)
    host, _, port = sink.rpartition(":")
    return {
        "host": host,
        "port": int(port),
        "messages": messages,
        "connections": connections,
        "sender": service.FROM,
        "subject": templates.subject,
        "text": templates.text,
        "html": templates.html,
        "values": dict(templates.values),
        "leave": f"<{templates.values['link_leave']}>",
    }


async def _run(name: str, program: Sequence[str], job: Mapping[str, object], ours: float) -> Peer:
    with tempfile.TemporaryDirectory(prefix="parcours-bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            *program,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await process.communicate(json.dumps(job).encode())
    if process.returncode:
        raise errors.ParcoursError(f"{name} failed: {said.decode(errors='replace')[-2000:]}")
    told = json.loads(out)
    if told["sent"] != job["messages"]:
        raise errors.ParcoursError(f"{name} sent {told['sent']} of {job['messages']} mails.")
    speed, cpu = told["sent"] / told["seconds"], told["cpu_seconds"] / told["sent"]
    return Peer(round(speed, 1), round(1e6 * cpu, 1), round(ours / speed, 2))
