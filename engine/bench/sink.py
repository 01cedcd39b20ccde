"""Debian's smtp-sink and smtp-source: the server that throws mails away, and the client to compare with."""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.core import errors

_FOLDERS = "/usr/sbin:/usr/lib/postfix/sbin"
_PATIENCE = 30.0
_LOOK = 0.02
_MAILS = re.compile(rb"mesg=\s*(\d+)\s*\r")
_LAST = 1000
"""Octets in which the last of smtp-sink's running counts is found."""


@dataclass(frozen=True)
class Cost:
    """What a process took. Of `cpu_seconds`, user and system together."""

    seconds: float
    cpu_seconds: float


def find(name: str) -> str:
    """Where a tool of Postfix is. Raises `errors.Invalid` when it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_FOLDERS}")
    if found is None:
        raise errors.Invalid(f"This bench needs {name}. On Debian: apt-get install postfix")
    return found


@dataclass(frozen=True)
class Sink:
    """Where mails go: HOST:PORT, and what counts them, where the sink is ours."""

    address: str
    _log: Path | None = None

    def received(self) -> int | None:
        """Mails that it took so far, by its own count; None of somebody else's sink."""
        if self._log is None:
            return None
        counts = _MAILS.findall(self._log.read_bytes()[-_LAST:])
        return int(counts[-1]) if counts else 0


@asynccontextmanager
async def somewhere(smtp: str | None) -> AsyncIterator[str]:
    """The caller's own sink, or one of ours."""
    async with counting(smtp) as found:
        yield found.address


@asynccontextmanager
async def counting(smtp: str | None) -> AsyncIterator[Sink]:
    """The same; ours takes every mail, keeps none, and counts."""
    if smtp:
        yield Sink(smtp)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    own = ("-u", "nobody") if os.geteuid() == 0 else ()
    with tempfile.NamedTemporaryFile(prefix="parcours-sink-") as log:
        process = await asyncio.create_subprocess_exec(
            *(find("smtp-sink"), *own, "-c", address, "1000"), stdout=log
        )
        try:
            await _answers(address)
            yield Sink(address, Path(log.name))
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _answers(address: str) -> None:
    host, port = address.rsplit(":", 1)
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(_LOOK)
            else:
                writer.close()
                return


async def source(address: str, *, messages: int, size: int, connections: int) -> Cost:
    """Send as many messages of `size` bytes as fast as smtp-source can."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    # A child of our own, for asyncio does not tell what one cost.
    pid = os.posix_spawn(  # noqa: ASYNC221  # it takes a millisecond
        find("smtp-source"),
        [
            *("smtp-source", "-d", "-s", str(connections), "-m", str(messages), "-l", str(size)),
            *("-f", "bench@example.org", "-t", "learner@example.com", address),
        ],
        os.environ,
    )
    _, status, usage = await asyncio.to_thread(os.wait4, pid, 0)
    if status:
        raise errors.ParcoursError(f"smtp-source failed ({os.waitstatus_to_exitcode(status)}).")
    return Cost(loop.time() - began, usage.ru_utime + usage.ru_stime)


def cpu_seconds(pid: int) -> float:
    """What a running process took so far, user and system together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_mb(pid: int) -> float:
    """The most memory that a running process had, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return round(kilobytes / 1024, 1)
