"""Our few files for the browser, under names that change with their content: they may be kept for ever."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2s

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine import paths

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class File:
    url: str
    content: bytes
    media_type: str


@lru_cache
def _files() -> dict[str, File]:
    """Each file by its own name."""
    found = {}
    for path in sorted((paths.templates() / "web" / "static").iterdir()):
        content = path.read_bytes()
        digest = blake2s(content, digest_size=6).hexdigest()
        url = f"/static/{path.stem}.{digest}{path.suffix}"
        found[path.name] = File(url, content, TYPES[path.suffix])
    return found


def url(name: str) -> str:
    """Where the browser finds the file called `name`."""
    return _files()[name].url


async def serve(request: Request) -> Response:
    wanted = next((file for file in _files().values() if file.url == request.url.path), None)
    if wanted is None:
        raise HTTPException(404)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(wanted.content, media_type=wanted.media_type, headers=kept)
