"""A backup holds everything, whatever goes on meanwhile, and is a whole file or none."""

import asyncio
import os
import resource
import signal
import stat
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from engine.core import errors
from engine.flows import catalog
from engine.tables import Suppression, Version, copying, db
from engine.transfer import archive, backup
from tests.journeys.service import KEYS as IN_THE_ENVIRONMENT
from tests.people import NOW, SLUG
from tests.transfer.house import house, names, settled


async def test_all_is_in_one_file_that_only_its_owner_reads(database_url: str, tmp_path: Path) -> None:
    await settled(database_url)
    target = tmp_path / "made.zip"
    made = await backup.make(house(database_url), target, overwrite=False, now=NOW)
    found = db.Database(database_url)
    async with found.reading() as session:
        assert made.tables == await copying.counts(session)
        files = await catalog.export(session, SLUG)
    await found.close()
    assert made.tables["delivery"] > 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with zipfile.ZipFile(target) as opened:
        courses = {name for name in opened.namelist() if name.startswith("courses/")}
        assert courses == {f"courses/{SLUG}/{path}" for path in files}
        assert opened.read(f"courses/{SLUG}/course.yaml") == files["course.yaml"]
    with archive.reading(target) as read:
        assert read.manifest == made
        assert read.keys == ((b"first", b"second"), b"never changed")
    assert names(tmp_path) == ["made.zip", *(["parcours.db"] if "sqlite" in database_url else [])]


async def test_what_is_there_is_kept_unless_one_says_so(database_url: str, tmp_path: Path) -> None:
    await settled(database_url)
    target = tmp_path / "made.zip"
    target.write_text("something else")
    with pytest.raises(errors.Invalid, match="is there already"):
        await backup.make(house(database_url), target, overwrite=False, now=NOW)
    assert target.read_text() == "something else"
    await backup.make(house(database_url), target, overwrite=True, now=NOW)
    assert zipfile.is_zipfile(target)


async def test_without_the_keys_there_is_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/parcours.db"
    await settled(url)
    with pytest.raises(errors.Invalid, match="keys"):
        await backup.make(house(url, secret_key="one"), tmp_path / "made.zip", overwrite=False, now=NOW)
    assert names(tmp_path) == ["parcours.db"]


async def test_others_write_meanwhile(database_url: str, tmp_path: Path) -> None:
    await settled(database_url)
    found, stop = db.Database(database_url), asyncio.Event()

    async def write() -> int:
        number = 0
        while not stop.is_set():
            async with found.transaction() as session:
                row = {"address_hash": f"{number}", "reason": "left", "at": NOW}
                await session.execute(insert(Suppression).values(row))
            number += 1
        return number

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    made = await backup.make(house(database_url), tmp_path / "made.zip", overwrite=False, now=NOW)
    stop.set()
    written = await writing
    await found.close()
    assert 0 < made.tables["suppression"] < written


@pytest.mark.parametrize("when", ["copying", "packing"])
async def test_a_full_disk_leaves_nothing(tmp_path: Path, when: str) -> None:
    file = tmp_path / "parcours.db"
    await settled(f"sqlite:///{file}")
    await _picture(f"sqlite:///{file}")
    # The picture is in the database, packed, and in the backup once more: it is the larger one.
    most = file.stat().st_size if when == "packing" else 100_000

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    folder = tmp_path / "backups"
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine", "backup", str(folder), "--database", f"sqlite:///{file}"),
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | IN_THE_ENVIRONMENT,
        preexec_fn=limit,
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert (b"cannot be copied" if when == "copying" else b"File too large") in said, said.decode()
    assert b"Traceback" not in said
    assert names(folder) == []


async def _picture(url: str) -> None:
    """A course that does not pack."""
    found = db.Database(url)
    async with found.transaction() as session:
        await session.execute(update(Version).values(archive=catalog.pack({"x": os.urandom(2_000_000)})))
    await found.close()


async def test_programs_that_are_missing_or_too_old_are_told(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(url := postgres)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.Invalid, match="pg_dump is missing: install"):
        await backup.make(house(url), tmp_path / "made.zip", overwrite=False, now=NOW)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6'\n")
    old.chmod(0o755)
    with pytest.raises(errors.Invalid, match="is of version 9, the server of version"):
        await backup.make(house(url), tmp_path / "made.zip", overwrite=False, now=NOW)
    assert names(tmp_path) == ["pg_dump"]
