"""Which installation a database is, and whether it may act by itself: a copy must not send what the original
sends.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from engine.core import errors
from engine.tables import Meta, dialect

_ID = "instance"
_RESTORED, _MOVED, _ARRIVING, _ARRIVED = "restored", "moved", "arriving", "arrived"
_RESTS = (_RESTORED, _MOVED, _ARRIVING)
_OF_A_MOVE = (_MOVED, _ARRIVING, _ARRIVED)


async def establish(session: AsyncSession) -> None:
    """Give the installation its identity, unless it has one."""
    row = {"key": _ID, "value": secrets.token_hex(8)}
    await session.execute(dialect.insert_new(session, Meta, [row], key="key"))


async def identity(session: AsyncSession) -> str:
    """What tells this installation from its copies; "" before its first start."""
    found = await session.get(Meta, _ID)
    return found.value if found else ""


async def rests(session: AsyncSession) -> str:
    """Why nothing is planned, sent or told to other programs here; "" where all of it is."""
    found = (await session.execute(select(Meta.key, Meta.value).where(Meta.key.in_(_RESTS)))).all()
    return " ".join(_why(key, value) for key, value in found)


def _why(key: str, value: str) -> str:
    if key == _MOVED:
        return (
            f"This database was moved to {Move.read(value).address}: the work goes on there. "
            "A move that was interrupted goes on by the same `parcours move`."
        )
    if key == _ARRIVING:
        return "A move into this database is not finished: the same `parcours move` goes on with it."
    return (
        f"This is the copy of a backup of {value}: nothing is planned or sent here until "
        "`parcours activate` says so."
    )


async def check_here(session: AsyncSession) -> None:
    """Raises `errors.Conflict` where the work goes on in another database, or has not come here yet."""
    for key in (_MOVED, _ARRIVING):
        if found := await session.get(Meta, key):
            raise errors.Conflict(_why(key, found.value))


async def activate(session: AsyncSession) -> None:
    """Let it plan and send. Raises `errors.Conflict` where that is not to be decided."""
    if await session.get(Meta, _ARRIVING):
        raise errors.Conflict(_why(_ARRIVING, ""))
    if not await rests(session):
        raise errors.Conflict("Nothing keeps this database from sending.")
    await session.execute(delete(Meta).where(Meta.key.in_((_RESTORED, _MOVED))))


# Copies


async def mark_copy(session: AsyncSession, *, now: datetime) -> None:
    """This is the copy that a backup made `now`: another installation, and one that rests."""
    await session.execute(_FORGET)
    await session.execute(insert(Meta).values(_copied(now)))


def mark_copy_sql(*, now: datetime) -> str:
    """The same for PostgreSQL's own programs, as the end of a script."""
    inserted = insert(Meta).values(_copied(now))
    return "".join(f"{_literally(each)};\n" for each in (_FORGET, inserted))


_FORGET = delete(Meta).where(Meta.key.in_((_ID, _RESTORED)))


def _copied(now: datetime) -> dict[str, str]:
    return {"key": _RESTORED, "value": f"{now:%Y-%m-%d %H:%M} UTC"}


def _literally(statement: object) -> str:
    written = statement.compile(  # type: ignore[attr-defined]  # every statement has it
        dialect=postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        compile_kwargs={"literal_binds": True},
    )
    return str(written)


# Moves


@dataclass(frozen=True)
class Move:
    """A move, by a mark that both of its databases carry."""

    token: str
    address: str
    """Of the database that it leads to, without a password."""

    def written(self) -> str:
        return f"{self.token} {self.address}"

    @staticmethod
    def read(text: str) -> "Move":
        return Move(*text.split(" ", 1))


@dataclass(frozen=True)
class Arrival:
    """How far a move has come, as its target knows it."""

    token: str
    done: Mapping[str, int]
    """The tables that are there, with how many rows."""


async def moved(session: AsyncSession) -> Move | None:
    """The move that was begun from this database."""
    found = await session.get(Meta, _MOVED)
    return Move.read(found.value) if found else None


async def leave(session: AsyncSession, move: Move) -> None:
    """From now on nothing is done in this database."""
    await session.merge(Meta(key=_MOVED, value=move.written()))


async def arrival(session: AsyncSession) -> Arrival | None:
    """The move that leads here and is not finished."""
    found = await session.get(Meta, _ARRIVING)
    return Arrival(**json.loads(found.value)) if found else None


async def keep_arrival(session: AsyncSession, arrival: Arrival) -> None:
    value = json.dumps({"token": arrival.token, "done": dict(arrival.done)})
    await session.merge(Meta(key=_ARRIVING, value=value))


async def arrived(session: AsyncSession) -> str:
    """The token of the move that led here."""
    found = await session.get(Meta, _ARRIVED)
    return found.value if found else ""


async def settle(session: AsyncSession, token: str, facts: Mapping[str, str]) -> None:
    """The move is over: this is the installation now, with what the old database knew of itself."""
    await session.execute(delete(Meta))
    kept = {**facts, _ARRIVED: token}
    await session.execute(insert(Meta), [{"key": key, "value": value} for key, value in kept.items()])


async def facts(session: AsyncSession) -> dict[str, str]:
    """What the database knows of itself, but for moves."""
    found = await session.execute(select(Meta.key, Meta.value).where(Meta.key.not_in(_OF_A_MOVE)))
    return {row.key: row.value for row in found}
