"""`parcours serve` and `parcours worker` as processes of their own, and the browsers that come."""

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from engine.core import errors

DOMAIN = "parcours.example.org"
SITE, FROM = f"https://{DOMAIN}", f"Parcours <parcours@{DOMAIN}>"
CONTROLLER = "Bench"
_PATIENCE = 30.0
_NOWHERE = "127.0.0.1:9"
_WORKER = ("-m", "engine", "worker", "--queues", "mail")


def keys() -> dict[str, str]:
    """New ones, as the environment of a process has them."""
    return {
        "PARCOURS_SECRET_KEY": secrets.token_hex(32),
        "PARCOURS_SUPPRESSION_KEY": secrets.token_hex(32),
    }


class Served(NamedTuple):
    port: int
    pid: int


@asynccontextmanager
async def served(
    database: str, keys: Mapping[str, str], *, sink: str = _NOWHERE, **environment: str
) -> AsyncIterator[Served]:
    """`parcours serve`, as in production, in a process of its own; its mails go to `sink`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="parcours-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "engine", "serve", "--database", database, "--port", str(port)),
                env=_environment(keys, f"http://127.0.0.1:{port}", sink) | environment,
                stdout=output,
                stderr=output,
            )
            try:
                await _ready(port, process, log)
                yield Served(port, process.pid)
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()


async def _ready(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    for _ in range(300):
        if process.returncode is not None:
            break
        if (await send(port, "/readyz")).status == 200:
            return
        await asyncio.sleep(0.1)
    told = await asyncio.to_thread(log.read_text)
    raise errors.ParcoursError(f"The service did not start: {told[-2000:]}")


class Answer(NamedTuple):
    status: int
    """0: no answer."""
    seconds: float
    """From the first byte sent to the last received."""
    page: str


async def send(
    port: int, path: str, *, body: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own, as each browser has; a form that is posted, with a `body`."""
    loop = asyncio.get_running_loop()
    sent = {"Host": "127.0.0.1", "Connection": "close", **(headers or {})}
    if body is not None:
        sent |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", *map(": ".join, sent.items())]
    began, status, page = loop.time(), 0, b""
    with contextlib.suppress(OSError, TimeoutError, ValueError, IndexError):
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write("\r\n".join([*lines, "", body or ""]).encode())
            status = int((await reader.readline()).split()[1])
            page = await reader.read()
            writer.close()
    return Answer(status, loop.time() - began, page.decode(errors="replace"))


@asynccontextmanager
async def worker(
    database: str,
    sink: str,
    keys: Mapping[str, str],
    *,
    connections: int | None = None,
    command: Sequence[str] = _WORKER,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`parcours worker --queues mail`, or another `command` of Python, from the moment it begins to work.

    Without `connections` it opens as many as it does unless it is told.
    """
    environment = _environment(keys, SITE, sink) | {"PARCOURS_DATABASE_URL": database}
    if connections:
        environment["PARCOURS_SMTP_CONNECTIONS"] = str(connections)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE):
            line = await process.stdout.readline()
        if not line.startswith(b"Parcours works"):
            raise errors.ParcoursError(f"The worker did not start: {line.decode()}")
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.communicate()


def _environment(keys: Mapping[str, str], site: str, sink: str) -> dict[str, str]:
    return {
        **os.environ,
        **keys,
        "PARCOURS_CONTROLLER": CONTROLLER,
        "PARCOURS_BASE_URL": site,
        "PARCOURS_FROM": FROM,
        "PARCOURS_SMTP_URL": f"smtp://{sink}?starttls=never",
    }


def percentile(times: Sequence[float], percent: int) -> float:
    """In milliseconds."""
    if not times:
        return 0.0
    return round(1000 * times[min(len(times) - 1, len(times) * percent // 100)], 1)
