"""Files that a browser keeps under a name that people can read."""

import asyncio
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

from starlette.responses import Response

PDF = "application/pdf"
ZIP = "application/zip"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


async def drawn(draw: Callable[[], bytes], title: str, suffix: str, media_type: str) -> Response:
    """The file, drawn in a thread: it takes a tenth of a second in which others are served."""
    headers = {"Content-Disposition": attachment(title, suffix)}
    return Response(await asyncio.to_thread(draw), media_type=media_type, headers=headers)


def attachment(title: str, suffix: str) -> str:
    """The header that names a file after `title`: in ASCII for old programs, in full for all others."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", title) if not unicodedata.combining(each))
    plain = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:60] or "parcours"
    full = " ".join(re.sub(r'[\x00-\x1f\x7f"*/:<>?\\|]', " ", title).split())[:100]
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(full + suffix, safe='')}"
