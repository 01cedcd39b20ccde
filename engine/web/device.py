"""Whose answers a browser may see: a lesson that is forwarded carries the same links.

The browser that confirmed, or gave the first answer, carries a signed cookie for that enrolment; another one
is shown no answers, and can have a link mailed to the learner's address.
"""

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors
from engine.web import site

_KEPT = 180 * 24 * 3600
"""Seconds."""
_PURPOSE = "device"


def _name(enrolment: str) -> str:
    return f"parcours-{enrolment}"


def knows(request: Request, enrolment: str) -> bool:
    """Whether this browser is the learner's."""
    try:
        parts = site.of(request).links.read(_PURPOSE, request.cookies.get(_name(enrolment), ""))
    except errors.BadLink:
        return False
    return parts == (enrolment,)


def remember(request: Request, response: Response, enrolment: str) -> None:
    """From now on this browser is the learner's."""
    house = site.of(request)
    response.set_cookie(
        _name(enrolment),
        house.links.token(_PURPOSE, enrolment),
        max_age=_KEPT,
        secure=house.links.base_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
