"""The JSON API: FastAPI under `/api`, with handlers of its own, so that a program never meets a page."""

import contextlib
import re
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from engine.web.api import gate, operations, problems
from engine.web.site import Site

_DOCUMENT = "/v1/openapi.json"
_SUMMARY = (
    "Learners, enrolments, courses, deliveries and answers of this installation, for programs. "
    "Keys are made by `parcours token create` or in the studio. Times are UTC, as RFC 3339 writes them. "
    "Lists come in pages: ask again with `cursor` = `next_cursor` until it is null. What goes wrong is "
    "told as problem+json (RFC 9457)."
)
_ALWAYS: dict[int | str, dict[str, Any]] = {
    401: {"model": problems.Problem, "description": "No key, or none that holds"},
    403: {"model": problems.Problem, "description": "The key lacks a right"},
    422: {"model": problems.Problem, "description": "What was sent does not fit"},
    429: {"model": problems.Problem, "description": "Too many requests; see Retry-After"},
    503: {"model": problems.Problem, "description": "The database does not answer; see Retry-After"},
}


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """FastAPI's document, the problems under the media type that they are sent with."""
        if self.openapi_schema is None:
            found = super().openapi()
            for operation in (each for path in found["paths"].values() for each in path.values()):
                for status, response in operation["responses"].items():
                    if status >= "400" and "application/json" in response.get("content", {}):
                        response["content"] = {problems.MEDIA_TYPE: response["content"]["application/json"]}
        assert self.openapi_schema is not None
        return self.openapi_schema


def mount(house: Site) -> Mount:
    """Everything under `/api`."""
    api = _application(house)

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        # What broke was answered and logged, and is raised again for servers that want to know: a page would
        # be drawn for it here, and thrown away.
        with contextlib.suppress(Exception):
            await api(scope, receive, send)

    found = Mount("/api", answered)
    # Starlette's own stops at a line break, and a page would answer.
    found.path_regex = re.compile("^/api/(?P<path>(?s:.*))$")
    return found


def _application(house: Site) -> FastAPI:
    api = _Api(
        title="Parcours",
        version="1",
        description=_SUMMARY,
        openapi_url=_DOCUMENT,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": "/api"}],
        root_path_in_servers=False,
        redirect_slashes=False,
        responses=_ALWAYS,
        exception_handlers=problems.handlers(),
        middleware=[Middleware(gate.Gate, site=house, open_paths=frozenset({f"/api{_DOCUMENT}"}))],
    )
    api.include_router(operations.router)
    api.state.site = house
    return api
