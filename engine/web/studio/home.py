"""Where the studio begins: the first page of the menu that one may open."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core.accounts import Right
from engine.flows.accounts import Here
from engine.web.studio import access


async def home(request: Request, me: Here) -> Response:
    first = next((nav.path for nav in access.MENU if me.may(nav.right)), "/studio/me")
    return RedirectResponse(first, status_code=303)


PAGES = (access.Page("/studio", home, Right.SELF),)
