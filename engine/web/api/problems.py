"""What a program reads when something is wrong: always problem+json (RFC 9457), in English."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import compile_path

from engine import observe
from engine.core import errors, words
from engine.tables import db
from engine.web import failures

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER = {"Retry-After": "300"}
_AN_HOUR = {"Retry-After": "3600"}
_DETAILS = {
    errors.NotFound: "There is nothing here by that id or name.",
    errors.NotAllowed: "The state that it is in does not allow this.",
    errors.Conflict: "Somebody else was there first; nothing was changed.",
    errors.TooMany: "Too many sign-ups in a short time. Try again in an hour.",
}

log = observe.logger("api")


class Wrong(BaseModel):
    """One thing that is wrong with what was sent."""

    field: str = Field(description="Where: `query.limit`, `body.address`; empty: the whole")
    detail: str


class Problem(BaseModel):
    """RFC 9457: why a request came to nothing."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Wrong] = []


def answer(
    status: int, detail: str = "", *, wrong: Sequence[Wrong] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    title = HTTPStatus(status).phrase
    problem = Problem(title=title, status=status, detail=detail or title, errors=list(wrong))
    return JSONResponse(problem.model_dump(), status, dict(headers or {}), MEDIA_TYPE)


async def _on_http(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, HTTPException)
    headers = {"Allow": _allowed(request)} if problem.status_code == 405 else problem.headers
    return answer(problem.status_code, problem.detail, headers=headers)


def _allowed(request: Request) -> str:
    """Every method that the path takes, as documented: the router names those of one operation alone."""
    here = request.url.path.removeprefix(request.scope["root_path"])
    for path, operations in request.app.openapi()["paths"].items():
        if compile_path(path)[0].match(here):
            return ", ".join(sorted(map(str.upper, operations)))
    return "GET"


async def _on_invalid_request(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, RequestValidationError)
    wrong = [Wrong(field=_place(each["loc"]), detail=str(each["msg"])) for each in problem.errors()]
    return answer(422, "What was sent does not fit.", wrong=wrong)


def _place(location: Sequence[object]) -> str:
    """Where, as text that can be sent: names of unknown fields come from the outside."""
    return ".".join(map(str, location)).encode("utf-8", "replace").decode()[:200]


async def _on_parcours(request: Request, problem: Exception) -> JSONResponse:
    status = next((code for kind, code in failures.STATUSES.items() if isinstance(problem, kind)), 400)
    if isinstance(problem, errors.Invalid):
        english = words.gettext("en")
        place = "query" if request.method == "GET" else "body"
        wrong = [
            Wrong(field=_place((place, *filter(None, [field]))), detail=english(text))
            for field, text in problem.problems.items()
        ]
        return answer(status, "What was sent does not fit.", wrong=wrong)
    detail = next((text for kind, text in _DETAILS.items() if isinstance(problem, kind)), "")
    return answer(status, detail, headers=_AN_HOUR if isinstance(problem, errors.TooMany) else None)


async def _on_crash(request: Request, problem: Exception) -> JSONResponse:
    """Also what happens before an operation is found: there no other handler stands."""
    if isinstance(problem, PoolTimeout) or (isinstance(problem, DBAPIError) and db.unavailable(problem)):
        log.error("database trouble", path=request.url.path, error=str(getattr(problem, "orig", problem)))
        return answer(503, "The database does not answer. Try again later.", headers=_RETRY_AFTER)
    log.error("operation failed", path=request.url.path, exc_info=problem)
    return answer(500, "Something broke on our side; it was written down.")


async def _on_database(request: Request, problem: Exception) -> JSONResponse:
    if isinstance(problem, DBAPIError) and not db.unavailable(problem):
        raise problem
    return await _on_crash(request, problem)


def handlers() -> dict[int | type[Exception], Callable[..., Any]]:
    """For the application's `exception_handlers`."""
    return {
        HTTPException: _on_http,
        RequestValidationError: _on_invalid_request,
        errors.ParcoursError: _on_parcours,
        DBAPIError: _on_database,
        PoolTimeout: _on_database,
        Exception: _on_crash,
    }
