"""Keys to the API: shown once, kept as a hash, ended for good."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.core import errors
from engine.core.tokens import Scope
from engine.flows import accounts, tokens
from engine.tables import ApiToken
from tests.people import Town

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def made(town: Town, *scopes: str, name: str = "Le CRM") -> tuple[ApiToken, str]:
    async with town.db.transaction() as session:
        asked = scopes or (Scope.LEARNERS_READ,)
        return await tokens.create(session, name=name, scopes=asked, by=None, now=town.now)


async def found(town: Town, token: str) -> ApiToken | None:
    async with town.db.reading() as session:
        return await tokens.find(session, token)


async def test_a_key_opens_what_it_was_made_for_and_is_nowhere_kept(town: Town) -> None:
    _, token = await made(town, Scope.COURSES_READ, Scope.LEARNERS_READ)
    row = await found(town, token)
    assert row
    assert set(row.scopes) == {"learners:read", "courses:read"}
    async with town.db.reading() as session:
        kept = (await session.execute(select(ApiToken.__table__))).one()
    assert not [value for value in kept if token in str(value)]
    assert await found(town, token[:-1] + ("a" if token[-1] != "a" else "b")) is None
    assert await found(town, row.digest) is None


async def test_a_revoked_key_opens_nothing(town: Town) -> None:
    row, token = await made(town)
    _, other = await made(town)
    for _ in range(2):
        async with town.db.transaction() as session:
            await tokens.revoke(session, row.id, by=None, now=town.now)
        town.clock.pass_by(days=1)
    assert await found(town, token) is None
    assert await found(town, other)
    async with town.db.reading() as session:
        ended = (await tokens.every(session))[-1].revoked_at
        told = [(line.action, line.target) for line in await accounts.audit(session)]
    assert ended == town.now - timedelta(days=2), "twice is once"
    assert told == [
        ("token_revoked", "token:1"),
        ("token_created", "token:2"),
        ("token_created", "token:1"),
    ]


@pytest.mark.parametrize("number", [0, -1, 7, 2**31, 10**30])
async def test_there_is_nothing_to_revoke_by_another_number(town: Town, number: int) -> None:
    async with town.db.transaction() as session:
        with pytest.raises(errors.NotFound):
            await tokens.revoke(session, number, by=None, now=town.now)


@pytest.mark.parametrize(
    ("name", "scopes", "field"),
    [
        ("", ["learners:read"], "name"),
        ("a\x00b", ["learners:read"], "name"),
        ("a" * 81, ["learners:read"], "name"),
        ("Le CRM", [], "scopes"),
        ("Le CRM", ["learners:read", "everything"], "scopes"),
    ],
)
async def test_a_key_needs_a_name_and_rights_of_the_list(
    town: Town, name: str, scopes: list[str], field: str
) -> None:
    with pytest.raises(errors.Invalid) as refused:
        await made(town, *(scopes or ["nothing"]), name=name)
    assert list(refused.value.problems) == [field]


async def test_its_last_use_is_known_within_ten_minutes(town: Town) -> None:
    row, _ = await made(town)
    assert tokens.unseen(row, now=town.now)
    async with town.db.transaction() as session:
        await tokens.seen(session, row.id, now=town.now)
    async with town.db.reading() as session:
        (row,) = await tokens.every(session)
    assert row.last_used_at == town.now
    assert not tokens.unseen(row, now=town.now + timedelta(minutes=9))
    assert tokens.unseen(row, now=town.now + timedelta(minutes=10))
