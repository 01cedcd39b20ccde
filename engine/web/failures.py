"""What a visitor sees when something is wrong: always a page of ours, with what to do next."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine import observe
from engine.core import errors
from engine.tables import db
from engine.web import contexts, guard, pages

log = observe.logger("web")


class Unavailable(HTTPException):
    """What was asked could not be stored just now."""

    def __init__(self) -> None:
        super().__init__(503, headers={"Retry-After": "300"})


STATUSES: dict[type[errors.ParcoursError], int] = {
    errors.BadLink: 404,
    errors.NotFound: 404,
    errors.ExpiredLink: 410,
    errors.NotAllowed: 409,
    errors.Conflict: 409,
    errors.TooMany: 429,
    errors.Invalid: 422,
}


def page(
    request: Request, status: int, headers: Mapping[str, str] | None = None, *, reason: str = ""
) -> Response:
    """The page for an HTTP status; `reason` picks other words than the status would."""
    answer = pages.render(request, contexts.Failure(status, reason or str(status)), status=status)
    # The answer to a crash is sent from outside our middleware: it carries the headers itself.
    for name, value in {**guard.headers(request.url.path, request.method), **(headers or {})}.items():
        answer.headers.setdefault(name, value)
    return answer


def bad_link(request: Request, *, status: int = 404) -> Response:
    return page(request, status, reason="link")


async def _on_http(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return page(request, problem.status_code, problem.headers)


async def _on_parcours(request: Request, problem: Exception) -> Response:
    if isinstance(problem, errors.BadLink):
        return bad_link(request)
    if isinstance(problem, errors.Conflict):
        return page(request, 409, reason="taken")
    status = next((code for kind, code in STATUSES.items() if isinstance(problem, kind)), 400)
    return page(request, status)


async def _on_crash(request: Request, problem: Exception) -> Response:
    log.error("page failed", page=_place(request), exc_info=problem)
    return page(request, 500)


def _place(request: Request) -> str:
    """The page's address without its token."""
    return request.url.path[:3] if request.url.path.startswith(guard.PRIVATE) else request.url.path


async def _on_database(request: Request, problem: Exception) -> Response:
    if isinstance(problem, DBAPIError) and not db.unavailable(problem):
        raise problem
    log.error("database trouble", page=_place(request), error=str(getattr(problem, "orig", problem)))
    return page(request, 503, {"Retry-After": "300"})


def handlers() -> dict[type[Exception] | int, Callable[..., Any]]:
    """For the application's `exception_handlers`."""
    return {
        HTTPException: _on_http,
        errors.ParcoursError: _on_parcours,
        DBAPIError: _on_database,
        PoolTimeout: _on_database,
        Exception: _on_crash,
    }
