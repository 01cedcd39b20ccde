"""A mail in a frame: somebody else's page, with its own styles and its pictures, and nothing that acts."""

import re

from starlette.responses import HTMLResponse, PlainTextResponse

# No script, no form, no frame. Its links open beside the frame: our own pages may not be framed.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src * data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


def framed(html: str) -> HTMLResponse:
    html = _HEAD.sub(r'\g<0><base target="_blank">', html, count=1)
    return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})


def plain(text: str, *, status: int = 200) -> PlainTextResponse:
    """Its text, or what is to be said in its place."""
    return PlainTextResponse(text, status_code=status, headers={"Content-Security-Policy": POLICY})
