"""What comes back is what was there, in an empty place, and it sends nothing until told to."""

import asyncio
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from engine import app
from engine.core import errors
from engine.flows import instance
from engine.tables import Delivery, Meta, copying, db
from engine.transfer import archive, backup, restore
from tests.cli.command import parcours
from tests.conftest import fresh_postgres
from tests.people import ALICE, NOW
from tests.smtpd import Smtpd
from tests.transfer.house import a_week_later, house, settled, town


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """Another, empty place of the same kind."""
    if database_url.startswith("sqlite"):
        (tmp_path / "elsewhere").mkdir()
        yield f"sqlite:///{tmp_path}/elsewhere/parcours.db"
    else:
        yield from fresh_postgres(request.getfixturevalue("postgres"))


@pytest.fixture
async def backup_file(database_url: str, tmp_path: Path) -> Path:
    await settled(database_url)
    target = tmp_path / "backup.zip"
    await backup.make(house(database_url), target, overwrite=False, now=NOW)
    return target


async def ledger(url: str) -> list[tuple[object, ...]]:
    async with town(url) as lived, lived.db.reading() as session:
        found = await session.execute(select(*Delivery.__table__.columns).order_by(Delivery.id))
        return [tuple(row) for row in found]


async def test_a_copy_sends_nothing_until_told_to(
    database_url: str, empty_url: str, backup_file: Path
) -> None:
    done = await restore.restore(house(empty_url), backup_file)
    assert done.tables["delivery"] > 0
    before = await ledger(empty_url)
    assert before == await ledger(database_url)
    async with Smtpd() as server:
        assert await a_week_later(empty_url, server) == []
        assert await ledger(empty_url) == before  # nothing planned, either
        told = await asyncio.to_thread(parcours, "activate", "--yes", "--database", empty_url)
        assert told.code == 0, told.err
        assert await a_week_later(empty_url, server) == ["alice@example.org", "bob@example.org"]
    again = await asyncio.to_thread(parcours, "activate", "--yes", "--database", empty_url)
    assert (again.code, "Nothing keeps" in again.err) == (1, True)


async def test_a_copy_says_so(empty_url: str, backup_file: Path) -> None:
    await restore.restore(house(empty_url), backup_file)
    async with town(empty_url) as lived:
        site = app.Site(house(empty_url), lived.db, lived.clock)
        await app.prepare(site)
        told = await site.health()
        assert told["ok"] is False
        assert "backup of 2027-03-22 09:00 UTC" in str(told["rests"])
        async with lived.db.transaction() as session:
            await instance.activate(session)
        told = await site.health()
        assert (told["ok"], told["rests"]) == (True, "")


async def test_a_file_taken_out_of_a_backup_by_hand_is_a_copy_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/parcours.db"
    await settled(url)
    await backup.make(house(url), tmp_path / "backup.zip", overwrite=False, now=NOW)
    with archive.reading(tmp_path / "backup.zip") as found:
        found.extract(archive.SQLITE, tmp_path / "by-hand.db")
    async with Smtpd() as server:
        assert await a_week_later(f"sqlite:///{tmp_path}/by-hand.db", server) == []
        assert await a_week_later(url, server) == ["alice@example.org", "bob@example.org"]


async def test_a_copy_is_another_instance(database_url: str, empty_url: str, tmp_path: Path) -> None:
    await settled(database_url)
    ids = []
    async with town(database_url) as lived:
        await app.prepare(app.Site(house(database_url), lived.db, lived.clock))
        async with lived.db.reading() as session:
            ids.append(await instance.identity(session))
    made = await backup.make(house(database_url), tmp_path / "b.zip", overwrite=False, now=NOW)
    assert made.instance == ids[0]
    await restore.restore(house(empty_url), tmp_path / "b.zip")
    async with town(empty_url) as lived:
        await app.prepare(app.Site(house(empty_url), lived.db, lived.clock))
        async with lived.db.reading() as session:
            ids.append(await instance.identity(session))
    assert len(set(filter(None, ids))) == 2


async def test_only_an_empty_place_will_do(database_url: str, backup_file: Path) -> None:
    before = await ledger(database_url)
    with pytest.raises(errors.Conflict, match="empty"):
        await restore.restore(house(database_url), backup_file)
    assert await ledger(database_url) == before


async def test_a_log_of_writes_left_by_a_file_that_is_gone_is_no_empty_place(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/parcours.db"
    await settled(url)
    await backup.make(house(url), tmp_path / "backup.zip", overwrite=False, now=NOW)
    (tmp_path / "new.db-wal").write_bytes(b"of another file")
    with pytest.raises(errors.Conflict, match=r"new\.db-wal"):
        await restore.restore(house(f"sqlite:///{tmp_path}/new.db"), tmp_path / "backup.zip")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    "keys",
    [
        {"secret_key": "first,second", "suppression_key": "another"},
        {"secret_key": "another", "suppression_key": "never changed"},
    ],
    ids=["suppression", "secret"],
)
async def test_other_keys_are_refused(empty_url: str, backup_file: Path, keys: dict[str, str]) -> None:
    with pytest.raises(errors.Conflict, match="unzip -p"):
        await restore.restore(house(empty_url, **keys), backup_file)
    assert await is_empty(empty_url)


async def test_keys_that_were_rotated_since_are_the_same(empty_url: str, backup_file: Path) -> None:
    rotated = {"secret_key": "new,first,second", "suppression_key": "never changed"}
    await restore.restore(house(empty_url, **rotated), backup_file)


async def test_keys_that_nobody_set_come_back_beside_the_file(tmp_path: Path) -> None:
    url, again = f"sqlite:///{tmp_path}/parcours.db", f"sqlite:///{tmp_path}/again.db"
    await settled(url)
    own = app.keys(house(url, secret_key=""))
    await backup.make(house(url, secret_key=""), tmp_path / "backup.zip", overwrite=False, now=NOW)
    await restore.restore(house(again, secret_key=""), tmp_path / "backup.zip")
    assert app.keys(house(again, secret_key="")) == own
    # Several, as after a rotation.
    await backup.make(house(url), tmp_path / "backup.zip", overwrite=True, now=NOW)
    await restore.restore(house(f"sqlite:///{tmp_path}/third.db", secret_key=""), tmp_path / "backup.zip")
    assert app.keys(house(f"sqlite:///{tmp_path}/third.db", secret_key="")) == (
        (b"first", b"second"),
        b"never changed",
    )


async def is_empty(url: str) -> bool:
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        return not list(folder.iterdir())
    found = db.Database(url)
    async with found.reading() as session:
        there = await copying.existing(session)
    await found.close()
    return not there


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9, 0.99])
async def test_a_backup_that_is_not_whole_is_refused(empty_url: str, backup_file: Path, part: float) -> None:
    for wrong in damaged(backup_file, part):
        with pytest.raises(errors.Invalid, match="damaged"):
            await restore.restore(house(empty_url), wrong)
    assert await is_empty(empty_url)


def damaged(file: Path, part: float) -> Iterator[Path]:
    """Cut off there; one bit turned over there, in its largest file: a bit of a date, say, harms nothing."""
    whole = file.read_bytes()
    with zipfile.ZipFile(file) as packed:
        largest = max(packed.infolist(), key=lambda each: each.compress_size)
    at = largest.header_offset + 30 + len(largest.filename) + int(largest.compress_size * part)
    for name, data in (("cut", whole[:at]), ("bit", whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])):
        wrong = file.with_name(name)
        wrong.write_bytes(data)
        yield wrong


async def test_a_backup_whose_files_were_exchanged_is_refused(empty_url: str, backup_file: Path) -> None:
    forged = backup_file.with_name("forged.zip")
    with zipfile.ZipFile(backup_file) as source, zipfile.ZipFile(forged, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"mine\n" if name == archive.SUPPRESSION_KEY else source.read(name))
    with pytest.raises(errors.Invalid, match=r"suppression\.key was altered"):
        await restore.restore(house(empty_url), forged)
    assert await is_empty(empty_url)


async def test_counts_that_are_not_those_of_the_backup_are_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/parcours.db"
    await settled(url)
    made = await backup.make(house(url), tmp_path / "backup.zip", overwrite=False, now=NOW)
    with archive.reading(tmp_path / "backup.zip") as found:
        found.extract(archive.SQLITE, tmp_path / "copy.db")
    facts = archive.Facts(**{**made.model_dump(), "tables": {**made.tables, "learner": 3}})
    contents: dict[str, archive.Content] = {
        archive.SQLITE: tmp_path / "copy.db",
        archive.SECRET_KEY: b"k",
        archive.SUPPRESSION_KEY: b"s",
    }
    with (tmp_path / "forged.zip").open("wb") as file:
        archive.write(file, facts, contents)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(errors.ParcoursError, match="learner: 2 rows, 3 expected"):
        await restore.restore(house(f"sqlite:///{empty}/new.db", secret_key=""), tmp_path / "forged.zip")
    assert list(empty.iterdir()) == []


async def test_a_backup_of_a_newer_program_is_refused(
    empty_url: str, database_url: str, backup_file: Path
) -> None:
    with archive.reading(backup_file) as found:
        facts = found.manifest.model_copy(update={"schema_revision": "9999"})
    with backup_file.open("wb") as file:
        archive.write(file, archive.Facts(**facts.model_dump()), {})
    with pytest.raises(errors.Invalid, match="upgrade it first"):
        await restore.restore(house(empty_url), backup_file)


async def test_a_copy_takes_people_in(empty_url: str, backup_file: Path) -> None:
    """The next number of each table comes after those that are there."""
    await restore.restore(house(empty_url), backup_file)
    async with town(empty_url) as lived:
        await lived.sign_up(ALICE, address="charlie@example.net")
        async with lived.db.reading() as session:
            assert await session.get(Meta, "restored")
