"""One file that holds an installation: a zip of its database, courses and keys, with a manifest by which all
of it is checked.
"""

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.core import errors

MANIFEST = "manifest.json"
SQLITE, DUMP = "database.sqlite", "database.dump"
SECRET_KEY, SUPPRESSION_KEY = "keys/secret.key", "keys/suppression.key"
_CHUNK = 1 << 20

Content = Path | bytes
"""What goes into the archive: a file, or the bytes themselves."""


class Facts(BaseModel):
    """What a backup says of itself."""

    model_config = ConfigDict(frozen=True)

    parcours: str
    """The version of the program that made it."""
    schema_revision: str
    database: Literal["sqlite", "postgresql"]
    instance: str
    made_at: datetime
    tables: dict[str, int]
    """How many rows each has."""


class Manifest(Facts):
    files: dict[str, str]
    """The SHA-256 of every file beside the manifest."""


def write(target: IO[bytes], facts: Facts, contents: Mapping[str, Content]) -> None:
    """Raises OSError when the disk is full."""
    files = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, content in contents.items():
            files[name] = _add(archive, name, content)
        manifest = Manifest(**facts.model_dump(), files=files)
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=2))


def _add(archive: zipfile.ZipFile, name: str, content: Content) -> str:
    if isinstance(content, bytes):
        archive.writestr(name, content)
        return hashlib.sha256(content).hexdigest()
    # A dump is compressed already.
    entry = zipfile.ZipInfo.from_file(content, name)
    entry.compress_type = zipfile.ZIP_STORED if name == DUMP else zipfile.ZIP_DEFLATED
    with content.open("rb") as file, archive.open(entry, "w", force_zip64=True) as inside:
        return _through(file, inside)


def _through(source: IO[bytes], target: IO[bytes] | None = None) -> str:
    """Read to the end, and write it where it goes; the hash."""
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        if target:
            target.write(chunk)
    return digest.hexdigest()


class Archive:
    """A backup that was read and found whole: every file has the hash that the manifest says."""

    def __init__(self, opened: zipfile.ZipFile, manifest: Manifest) -> None:
        self._opened, self.manifest = opened, manifest

    @property
    def keys(self) -> tuple[tuple[bytes, ...], bytes]:
        """As `app.Keys`."""
        signing = self._opened.read(SECRET_KEY).strip()
        return tuple(signing.split(b",")), self._opened.read(SUPPRESSION_KEY).strip()

    def extract(self, name: str, target: Path) -> None:
        """Raises OSError when the disk is full."""
        with self._opened.open(name) as inside, target.open("wb") as file:
            shutil.copyfileobj(inside, file, _CHUNK)


@contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """Open a backup. Raises `errors.Invalid` for anything that is not one, or not a whole one."""
    with _telling(path):
        opened = zipfile.ZipFile(path)
    with opened:
        with _telling(path):
            manifest = _checked(opened)
        yield Archive(opened, manifest)


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever zipfile meets in damaged bytes
        if isinstance(error, OSError) and error.filename:
            raise
        raise errors.Invalid(f"{path} is no backup, or a damaged one: {error}.") from error


def _checked(opened: zipfile.ZipFile) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(opened.read(MANIFEST))
    except ValidationError as error:
        raise zipfile.BadZipFile("its manifest cannot be read") from error
    if set(opened.namelist()) != {MANIFEST, *manifest.files}:
        raise zipfile.BadZipFile("it does not hold the files that its manifest names")
    for name, digest in manifest.files.items():
        with opened.open(name) as inside:
            if _through(inside) != digest:
                raise zipfile.BadZipFile(f"{name} was altered")
    return manifest


@contextmanager
def making(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder to work in beside `target`; its file `target.name` takes the place of `target` at the end.

    Only the owner may read it. Whatever goes wrong before leaves nothing behind. Raises `errors.Invalid` when
    `target` is there already.
    """
    if target.exists() and not overwrite:
        raise errors.Invalid(f"{target} is there already.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as name:
        made = Path(name) / target.name
        yield made
        made.chmod(0o600)
        place(made, target)


def place(made: Path, target: Path) -> None:
    """Move a finished file to where it belongs, to stay there after a power cut too."""
    for path in (made, target.parent):
        if path == target.parent:
            made.replace(target)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
