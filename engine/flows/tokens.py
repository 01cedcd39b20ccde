"""Keys to the JSON API: made, shown once, used, revoked."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors, paging, tokens
from engine.core.tokens import Scope
from engine.flows import accounts, signup
from engine.tables import ApiToken

_USED_AGAIN = timedelta(minutes=10)
_LONGEST_NAME = 80


async def create(
    session: AsyncSession,
    *,
    name: str,
    scopes: Iterable[str],
    by: int | None,
    now: datetime,
) -> tuple[ApiToken, str]:
    """The row, and the token itself, which can never be read again.

    Raises `errors.Invalid` (fields name, scopes).
    """
    problems: dict[str, str] = {}
    name = signup.clean("name", name, _LONGEST_NAME, problems)
    if not name:
        problems["name"] = "Dites à quoi cette clé servira."
    asked = set(scopes)
    if not asked or not asked <= set(Scope):
        problems["scopes"] = "Choisissez au moins un droit de la liste."
    if problems:
        raise errors.Invalid(problems)
    token = tokens.new()
    digest = tokens.digest(token)
    assert digest  # of a token that we just made
    row = ApiToken(
        name=name,
        digest=digest,
        hint=tokens.hint(token),
        scopes=[scope for scope in Scope if scope in asked],
        account_id=by,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    accounts.note(
        session, by, "token_created", f"token:{row.id}", f"{name}: {', '.join(row.scopes)}", now=now
    )
    return row, token


async def find(session: AsyncSession, token: str) -> ApiToken | None:
    """The row of a token that may still be used."""
    digest = tokens.digest(token)
    if digest is None:
        return None
    found: ApiToken | None = await session.scalar(
        select(ApiToken).where(ApiToken.digest == digest, ApiToken.revoked_at.is_(None))
    )
    return found


def unseen(row: ApiToken, *, now: datetime) -> bool:
    """Whether its last use is so long ago that this one should be written down."""
    return row.last_used_at is None or now >= row.last_used_at + _USED_AGAIN


async def seen(session: AsyncSession, token_id: int, *, now: datetime) -> None:
    """Write down that it was used."""
    row = await session.get(ApiToken, token_id)
    if row:
        row.last_used_at = now


async def every(session: AsyncSession) -> list[ApiToken]:
    """The newest first."""
    return list(await session.scalars(select(ApiToken).order_by(ApiToken.id.desc())))


async def revoke(session: AsyncSession, token_id: int, *, by: int | None, now: datetime) -> None:
    """End a token for good; twice is once. Raises `errors.NotFound`."""
    row = await session.get(ApiToken, token_id) if 0 < token_id <= paging.LARGEST_ID else None
    if row is None:
        raise errors.NotFound(f"Aucune clé ne porte le numéro {token_id}.")
    if row.revoked_at is None:
        row.revoked_at = now
        accounts.note(session, by, "token_revoked", f"token:{row.id}", row.name, now=now)
