"""A course in one file: reading a zip that came from anywhere."""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator

from engine.core import errors

MAX_BYTES = 20_000_000
"""Of all files of a course, and of the zip that carries them; images are for mails."""
_MOST_FILES = 1000
_NAMELESS = re.compile(r"\.[^.]|__MACOSX$")
_TOO_LONG = "Un parcours a 20 Mo et 1 000 fichiers au plus : retirez ou réduisez des images."
_NOT_A_ZIP = "Ce fichier n'est pas un zip que l'on puisse lire : compressez de nouveau le parcours."


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a course, byte for byte; hidden ones and the folder around them all left out.

    Raises `errors.Invalid` for anything else than a zip of plain files that stay inside their folder, and
    above `MAX_BYTES`: no file is opened whose place or size is not right.
    """
    if len(data) > MAX_BYTES:
        raise errors.Invalid(_TOO_LONG)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [each for each in archive.infolist() if not each.is_dir() and not _hidden(each)]
            _check(entries)
            files = dict(_read(archive, entries))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise errors.Invalid(_NOT_A_ZIP) from error
    return _unwrapped(files)


def _hidden(entry: zipfile.ZipInfo) -> bool:
    """As `.DS_Store`, and what macOS puts beside each file."""
    return any(_NAMELESS.match(part) for part in _parts(entry))


def _parts(entry: zipfile.ZipInfo) -> list[str]:
    return entry.filename.replace("\\", "/").split("/")


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise errors.Invalid(_TOO_LONG)
    names = [entry.filename for entry in entries]
    for entry in entries:
        shown = repr(entry.filename[:60])
        if not sound_path(entry.filename):
            raise errors.Invalid(f"{shown} : ce chemin sort du dossier du parcours, ou ne s'écrit pas ainsi.")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise errors.Invalid(
                f"{shown} : un lien ou un fichier spécial ; un parcours n'a que des fichiers."
            )
        if entry.flag_bits & 1:
            raise errors.Invalid(f"{shown} : ce fichier est protégé par un mot de passe.")
        if names.count(entry.filename) > 1 or any(name.startswith(entry.filename + "/") for name in names):
            raise errors.Invalid(f"{shown} : ce nom y est deux fois.")


def sound_path(path: str) -> bool:
    """Whether a file of this name stays inside its folder, on any system."""
    parts = path.split("/")
    return (
        0 < len(path) <= 200
        and path.isprintable()
        and not set(path) & set('\\:*?"<>|')
        and all(part and part == part.strip() and not part.endswith(".") for part in parts)
    )


def _read(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Iterator[tuple[str, bytes]]:
    for entry in entries:
        with archive.open(entry) as opened:
            # Told how much to read: else all that a bomb holds is unpacked, whatever it says of its size.
            yield entry.filename, opened.read(entry.file_size)


def _unwrapped(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without the one folder that holds everything, as most programs make it."""
    top = {path.partition("/")[0] for path in files}
    if len(top) == 1 and "course.yaml" not in files:
        return {path.partition("/")[2]: data for path, data in files.items() if "/" in path}
    return files
