"""A picture made fit for mails: checked, rid of what a camera wrote in it, no wider than needed."""

import io
from collections.abc import Sequence

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from engine.core import errors

MAX_BYTES = 10_000_000
"""Of an upload."""
WIDEST = 1200
"""Pixels; a mail shows 600, twice that on fine screens."""
_MOST_PIXELS = 40_000_000
"""Of all frames together: what is unpacked takes four bytes for each."""
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif"}
_TAKES_MODES = {"PNG": ("1", "L", "LA", "RGB", "RGBA"), "JPEG": ("L", "RGB")}
_NO_PICTURE = "Ce fichier n'est ni un PNG, ni un JPEG, ni un GIF lisible : choisissez-en un autre."


def fit(data: bytes) -> tuple[bytes, str]:
    """The picture anew, and the suffix of its name. Raises `errors.Invalid`."""
    if len(data) > MAX_BYTES:
        raise errors.Invalid("Une image pèse 10 Mo au plus : réduisez-la d'abord.")
    try:
        with Image.open(io.BytesIO(data), formats=tuple(SUFFIXES)) as picture:
            kind = str(picture.format)
            if picture.width * picture.height * getattr(picture, "n_frames", 1) > _MOST_PIXELS:
                raise errors.Invalid("Cette image a plus de 40 millions de pixels : réduisez-la d'abord.")
            made = _gif(picture) if kind == "GIF" else _still(picture, kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise errors.Invalid("Cette image a plus de 40 millions de pixels : réduisez-la d'abord.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, ZeroDivisionError) as error:
        # What Pillow raises for files that are cut off or made up.
        raise errors.Invalid(_NO_PICTURE) from error
    return made, SUFFIXES[kind]


def _still(picture: Image.Image, kind: str) -> bytes:
    upright = _narrowed(_plain(ImageOps.exif_transpose(picture), kind))
    upright.info.clear()
    out = io.BytesIO()
    upright.save(out, kind, optimize=True, **({"quality": 85, "progressive": True} if kind == "JPEG" else {}))
    return out.getvalue()


def _plain(picture: Image.Image, kind: str) -> Image.Image:
    """In colours that can be resized and that the format takes."""
    if kind == "PNG" and (picture.mode == "P" or "transparency" in picture.info):
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if kind == "PNG" and picture.mode.startswith("I"):  # sixteen bits of grey
        return picture.convert("I").point(lambda light: light / 256).convert("L")
    return picture if picture.mode in _TAKES_MODES[kind] else picture.convert("RGB")


def _gif(picture: Image.Image) -> bytes:
    frames = [_narrowed(frame.convert("RGBA")) for frame in ImageSequence.Iterator(picture)]
    lasting = [frame.info.get("duration", 100) for frame in ImageSequence.Iterator(picture)]
    out = io.BytesIO()
    _save_gif(frames, lasting, picture.info.get("loop"), out)
    return out.getvalue()


def _save_gif(
    frames: Sequence[Image.Image], lasting: Sequence[int], loop: int | None, out: io.BytesIO
) -> None:
    for frame in frames:
        frame.info.clear()
    if len(frames) == 1:
        frames[0].save(out, "GIF", optimize=True)
        return
    again = {} if loop is None else {"loop": loop}
    frames[0].save(
        out, "GIF", save_all=True, append_images=frames[1:], duration=list(lasting), disposal=2, **again
    )


def _narrowed(picture: Image.Image) -> Image.Image:
    if picture.width <= WIDEST:
        return picture.copy()
    height = max(1, round(picture.height * WIDEST / picture.width))
    return picture.resize((WIDEST, height), Image.Resampling.LANCZOS)
