"""A studio with one account of each role."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from engine import serving
from engine.core import passwords
from engine.core.accounts import Role
from engine.flows import accounts
from tests.web.conftest import Visit

PASSWORD = "quatre mots sans lien"
ADDRESSES = {role: f"{role}@example.org" for role in Role}
HASH = passwords.hashed(PASSWORD)


class Desk:
    """A browser that is signed in to the studio."""

    def __init__(self, visit: Visit, http: httpx.AsyncClient, role: Role) -> None:
        self.visit, self.http, self.role = visit, http, role

    @property
    def csrf(self) -> str:
        """The mark that this browser's forms carry."""
        session = {role: number for number, role in enumerate(Role, 1)}[self.role]
        return self.visit.site.links.token("csrf", session)

    async def get(self, url: str, status: int = 200) -> str:
        answer = await self.http.get(url)
        assert answer.status_code == status, answer.text
        return answer.text

    async def post(self, url: str, expected: int = 303, /, **fields: str) -> httpx.Response:
        answer = await self.http.post(url, data={"csrf": self.csrf, **fields})
        assert answer.status_code == expected, answer.text
        return answer


@pytest.fixture
async def desks(visit: Visit) -> AsyncIterator[Callable[[Role], Desk]]:
    """By role, somebody who is signed in (the n-th role is the n-th account and session)."""
    house, opened = visit.site, []
    wire = httpx.ASGITransport(serving.web_app(house, workers=False), raise_app_exceptions=False)
    desks = {}
    for role, address in ADDRESSES.items():
        async with house.db.transaction() as session:
            now = visit.clock.now()
            account = await accounts.create(session, address, str(role), role, by=None, now=now)
            await accounts.choose(session, account, HASH, now=now)
            token = await accounts.enter(
                session,
                account,
                attempt=accounts.Attempt(address, ""),
                agent="a browser",
                fingerprint=house.fingerprint,
                now=now,
            )
        http = httpx.AsyncClient(transport=wire, base_url="http://parcours.test", cookies={"studio": token})
        opened.append(http)
        desks[role] = Desk(visit, http, role)
    yield lambda role: desks[role]
    for http in opened:
        await http.aclose()


@pytest.fixture
def owner(desks: Callable[[Role], Desk]) -> Desk:
    return desks(Role.OWNER)
