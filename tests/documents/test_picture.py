"""Pictures of authors: real ones, made smaller and without what the camera told."""

import contextlib
import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from engine.core import errors
from engine.documents import picture


def made(kind: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **how: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **how)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def exif() -> Image.Exif:
    told = Image.Exif()
    told[0x0112] = 6  # turned by a quarter
    told[0x010F] = "SECRET CAMERA"
    return told


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("GIF", ".gif")])
def test_a_picture_stays_what_it_is(kind: str, suffix: str) -> None:
    data, ends = picture.fit(made(kind))
    assert (opened(data).format, ends) == (kind, suffix)
    assert opened(data).size == (40, 20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_a_wide_picture_is_made_narrower_and_keeps_its_shape(kind: str) -> None:
    assert opened(picture.fit(made(kind, (3000, 1500)))[0]).size == (1200, 600)
    assert opened(picture.fit(made(kind, (5000, 1)))[0]).size == (1200, 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_the_camera_told_is_gone_and_the_picture_stands_upright(kind: str) -> None:
    before = made(kind, exif=exif())
    assert b"SECRET CAMERA" in before
    data, _ = picture.fit(before)
    assert b"SECRET" not in data
    assert opened(data).size == (20, 40)


def test_comments_are_gone_too() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "SECRET NAME")
    for before in (
        made("PNG", pnginfo=info),
        made("GIF", comment=b"SECRET"),
        made("JPEG", comment=b"SECRET"),
    ):
        assert b"SECRET" in before
        assert b"SECRET" not in picture.fit(before)[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_can_be_narrowed(mode: str) -> None:
    assert opened(picture.fit(made("PNG", (1300, 13), mode))[0]).size == (1200, 12)


def test_sixteen_bits_of_grey_keep_their_light() -> None:
    out = io.BytesIO()
    Image.new("I;16", (10, 10), 32768).save(out, "PNG")
    assert opened(picture.fit(out.getvalue())[0]).getpixel((5, 5)) in (127, 128)


def test_colours_for_print_become_colours_for_screens() -> None:
    assert opened(picture.fit(made("JPEG", mode="CMYK"))[0]).mode == "RGB"


def test_what_shows_through_still_does() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (1300, 10), (255, 0, 0, 0)).save(out, "PNG")
    assert opened(picture.fit(out.getvalue())[0]).getpixel((5, 5))[3] == 0  # type: ignore[index]  # RGBA


def test_a_moving_picture_still_moves() -> None:
    frames = [Image.new("RGB", (1500, 15), (shade, 0, 0)) for shade in (10, 120, 250)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=70, loop=0)
    found = opened(picture.fit(out.getvalue())[0])
    assert (found.size, getattr(found, "n_frames", 1)) == ((1200, 12), 3)
    assert (found.info["duration"], found.info["loop"]) == (70, 0)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is very large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(7000, 6000), (12000, 10000), (60000, 60000)])
def test_a_picture_that_would_fill_the_memory_is_not_opened(size: tuple[int, int]) -> None:
    with pytest.raises(errors.Invalid, match="pixels"):
        picture.fit(bomb(*size))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"\x89PNG\r\n\x1a\n"),
        *(made("BMP"), made("TIFF"), made("WEBP"), made("PNG")[:60], bomb(0, 9)),
        b"\xff\xd8\xff\xe0" + b"x" * 99,
    ],
)
def test_a_false_picture_is_refused(data: bytes) -> None:
    with pytest.raises(errors.Invalid):
        picture.fit(data)


def test_fifty_megabytes_are_refused_unread() -> None:
    with pytest.raises(errors.Invalid, match="10 Mo"):
        picture.fit(bytes(50_000_000))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "GIF"]), st.integers(0, 5000), st.binary(min_size=1, max_size=8))
def test_a_damaged_picture_is_read_or_refused_and_never_crashes(kind: str, at: int, noise: bytes) -> None:
    data = bytearray(made(kind, (30, 30)))
    at %= len(data)
    data[at : at + len(noise)] = noise
    with contextlib.suppress(errors.Invalid):
        picture.fit(bytes(data))
