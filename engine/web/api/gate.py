"""What stands before every operation: whose key it is, how often it asked, and what it may do."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.core import rates
from engine.flows import tokens
from engine.web.api import problems
from engine.web.site import Site

POLICY = rates.Policy(requests=600, seconds=60)
_NAME = "token"
_CHALLENGE = 'Bearer realm="Parcours"'
_NO_KEY = "Send a key of this installation: Authorization: Bearer parc_…"


@dataclass(frozen=True)
class Holder:
    """Who asks."""

    token_id: int
    account_id: int | None
    """Who made the key."""
    scopes: frozenset[str]


class Gate:
    """ASGI middleware: lets only known keys in (401), each so often (429), and tells how often is left.

    Counted in the memory of this process: with several processes a key may ask as often of each.
    """

    def __init__(self, app: ASGIApp, *, site: Site, open_paths: frozenset[str]) -> None:
        self._app, self._site, self._open = app, site, open_paths
        self._windows: dict[int, rates.Window] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        holder = await self._holder(request)
        if holder is None:
            refusal = problems.answer(401, _NO_KEY, headers={"WWW-Authenticate": _challenge(request)})
            await refusal(scope, receive, send)
            return
        request.state.holder = holder
        verdict = self._count(holder.token_id)
        headers = _limits(verdict)
        if not verdict.allowed:
            headers["Retry-After"] = str(verdict.resets)
            refusal = problems.answer(429, "Too many requests with this key.", headers=headers)
            await refusal(scope, receive, send)
            return

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, receive, send_counted)

    async def _holder(self, request: Request) -> Holder | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        now = self._site.clock.now()
        async with self._site.db.reading() as session:
            row = await tokens.find(session, token.strip())
        if row is None:
            return None
        if tokens.unseen(row, now=now):
            async with self._site.db.transaction() as session:
                await tokens.seen(session, row.id, now=now)
        return Holder(row.id, row.account_id, frozenset(row.scopes))

    def _count(self, token_id: int) -> rates.Verdict:
        at = self._site.clock.now().timestamp()
        self._windows[token_id], verdict = rates.count(self._windows.get(token_id), POLICY, at)
        return verdict


def _challenge(request: Request) -> str:
    """RFC 6750: an error is named only to who sent a key."""
    return f'{_CHALLENGE}, error="invalid_token"' if "authorization" in request.headers else _CHALLENGE


def _limits(verdict: rates.Verdict) -> dict[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers."""
    return {
        "RateLimit-Policy": f'"{_NAME}";q={POLICY.requests};w={POLICY.seconds}',
        "RateLimit": f'"{_NAME}";r={verdict.remaining};t={verdict.resets}',
    }


_bearer = HTTPBearer(auto_error=False, description="A key made by `parcours token create`.")


async def _allowed(
    request: Request,
    asked: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Holder:
    holder: Holder = request.state.holder
    if missing := [scope for scope in asked.scopes if scope not in holder.scopes]:
        challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{asked.scope_str}"'
        detail = f"This key lacks {', '.join(missing)}."
        raise HTTPException(403, detail, headers={"WWW-Authenticate": challenge})
    return holder


def needs(*scopes: str) -> Any:
    """The rights that a key must have for an operation (403)."""
    return Security(_allowed, scopes=list(scopes))
