"""A zip from anywhere: the same files byte for byte, or a clear refusal."""

import io
import stat
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import errors
from engine.core.course import parcel
from engine.flows import catalog
from tests.core.course import files

MINI = files.mini()


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def special(mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("lessons/01-a.md")
    entry.external_attr = mode << 16
    return entry


def test_what_was_packed_comes_back_byte_for_byte() -> None:
    assert parcel.unpack(catalog.pack(MINI)) == MINI


def test_the_folder_around_a_course_and_hidden_files_are_left_out() -> None:
    inside = [(f"mini/{path}", data) for path, data in MINI.items()]
    others: list[tuple[str | zipfile.ZipInfo, bytes]] = [
        ("mini/", b""),
        ("mini/.DS_Store", b"x"),
        ("__MACOSX/mini/._course.yaml", b"x"),
        ("mini/.git/config", b"x"),
    ]
    assert parcel.unpack(zipped(*inside, *others)) == MINI


@pytest.mark.parametrize(
    "name",
    [
        *("../course.yaml", "/etc/passwd", "a/../../b", "C:/x", "a\\..\\b", "a//b", "a/", "con\x00"),
        *("x" * 201, "a/./b", "a\n.md", "a/ b", "a./b", "..."),
    ],
)
def test_no_path_leaves_the_folder(name: str) -> None:
    assert not parcel.sound_path(name)
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = name  # ZipInfo itself would cut it at a NUL
    if not name.endswith("/") and "\x00" not in name:
        with pytest.raises(errors.Invalid):
            parcel.unpack(zipped((entry, b"x"), ("course.yaml", b"")))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a zip",
        catalog.pack(MINI)[:-40],
        zipped((special(stat.S_IFLNK | 0o777), b"/etc/passwd")),
        zipped((special(stat.S_IFIFO | 0o600), b"")),
        zipped(("a", b"1"), ("a/b", b"2")),
        zipped(*((f"{number}.txt", b"") for number in range(1001))),
        zipped(("zeros", bytes(parcel.MAX_BYTES + 1))),
        bytes(parcel.MAX_BYTES + 1),
    ],
    ids=["empty", "text", "cut", "link", "fifo", "file and folder", "many", "bomb", "long"],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(errors.Invalid):
        parcel.unpack(data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_there_twice_is_refused() -> None:
    with pytest.raises(errors.Invalid, match="deux fois"):
        parcel.unpack(zipped(("course.yaml", b"1"), ("course.yaml", b"2")))


def test_a_bomb_that_lies_about_its_size_is_never_unpacked() -> None:
    data = bytearray(zipped(("zeros", bytes(100_000_000))))
    at = data.rindex(b"PK\x01\x02") + 24  # the size in the directory at the end
    data[at : at + 4] = struct.pack("<I", 100)
    tracemalloc.start()
    with pytest.raises(errors.Invalid):
        parcel.unpack(bytes(data))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000


def test_a_file_with_a_password_is_refused() -> None:
    data = bytearray(zipped(("course.yaml", b"title: x")))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    with pytest.raises(errors.Invalid, match="mot de passe"):
        parcel.unpack(bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.binary(max_size=6))
def test_a_damaged_zip_is_read_or_refused_and_never_crashes(at: int, noise: bytes) -> None:
    data = bytearray(catalog.pack(MINI))
    at %= len(data)
    data[at : at + len(noise)] = noise
    try:
        found = parcel.unpack(bytes(data))
    except errors.Invalid:
        return
    assert all(parcel.sound_path(path) for path in found)
