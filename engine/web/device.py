"""Whose answers a browser may see: a lesson that is forwarded carries the same links.

The browser that confirmed, or came by a link mailed for this, carries a signed cookie for the enrolment; the
one that gave the first answer to an activity, a cookie for that activity alone. Another one is shown no
answers, and can have a link mailed to the learner's address.
"""

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors
from engine.web import site

_KEPT = 180 * 24 * 3600
"""Seconds."""
_PURPOSE = "device"


def knows(request: Request, enrolment: str, key: str = "") -> bool:
    """Whether this browser is the learner's; with `key`, whether it is for that activity at least."""
    return _carries(request, enrolment) or (key != "" and _carries(request, enrolment, key))


def _carries(request: Request, *parts: str) -> bool:
    try:
        return site.of(request).links.read(_PURPOSE, request.cookies.get(_name(parts), "")) == parts
    except errors.BadLink:
        return False


def _name(parts: tuple[str, ...]) -> str:
    return "-".join(("parcours", *parts))


def remember(request: Request, response: Response, *parts: str) -> None:
    """From now on this browser is the learner's; `parts`: the enrolment, or with it one activity alone."""
    house = site.of(request)
    response.set_cookie(
        _name(parts),
        house.links.token(_PURPOSE, *parts),
        max_age=_KEPT,
        secure=house.links.base_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
