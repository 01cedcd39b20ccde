"""Cursors of long lists: where a page ended, in a form that nobody is tempted to build by hand."""

import base64
import re

from engine.core import errors

MOST = 200
"""Rows on a page."""
LARGEST_ID = 2**31 - 1
"""What our columns of ids hold."""

_MADE = re.compile(r"[A-Za-z0-9_-]{2,20}")
_INSIDE = re.compile(rb"after:([1-9][0-9]{0,9})")


def cursor(last_id: int) -> str:
    return base64.urlsafe_b64encode(b"after:%d" % last_id).decode().rstrip("=")


def read(cursor: str) -> int:
    """The id after which the page begins. Raises `errors.Invalid` (field cursor) for what we did not make."""
    if _MADE.fullmatch(cursor):
        try:
            inside = _INSIDE.fullmatch(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except ValueError:
            inside = None
        if inside and int(inside[1]) <= LARGEST_ID:
            return int(inside[1])
    raise errors.Invalid({"cursor": "Ce repère de page n'est pas de nous."})
