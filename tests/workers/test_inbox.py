"""A mail server hands over what came back, by LMTP as Postfix speaks it."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select, text

from engine.core import verp
from engine.tables import Inbound, db
from engine.workers import inbox
from tests.mail.inbound import mails
from tests.people import ALICE, Town

RETURNS = verp.Returns("bounces.example.org", [b"key"])
GONE = mails.dsn(mails.person(ALICE.address, said="550 5.1.1 User unknown"))


@dataclass
class Server:
    """What stands before us."""

    town: Town
    port: int

    async def hand_over(self, raw: bytes, *recipients: str) -> list[str]:
        """Whom it was taken for; the answers of the others."""
        return await asyncio.to_thread(self._send, raw, recipients)

    def _send(self, raw: bytes, recipients: tuple[str, ...]) -> list[str]:
        with smtplib.LMTP("127.0.0.1", self.port) as client:
            client.ehlo_or_helo_if_needed()
            client.mail("")
            answers = [client.rcpt(each)[0] for each in recipients]
            code, said = client.data(raw)
            return [*map(str, answers), f"{code} {said.decode()}"]


@pytest.fixture
async def server(database: db.Database) -> AsyncIterator[Server]:
    town = Town(database)
    async with inbox.listening(inbox.Inbox(database, town.clock, RETURNS), "127.0.0.1", 0) as port:
        yield Server(town, port)


async def test_a_report_that_came_to_our_address_is_acted_on_once(server: Server) -> None:
    await server.town.publish()
    alice = await server.town.enrol(ALICE)
    await server.town.live("2027-03-23 09:00")
    address = RETURNS.address((await server.town.mail(alice, "lesson")).id)
    assert await server.hand_over(GONE, address) == ["250", "250 2.0.0 suppressed"]
    assert await server.hand_over(GONE, address) == ["250", "250 2.0.0 known"]
    assert await server.hand_over(GONE, "b+1-forged@bounces.example.org") == ["250", "250 2.0.0 ignored"]
    assert (await server.town.row(alice)).end_reason == "hard"
    async with server.town.db.reading() as session:
        assert set(await session.scalars(select(Inbound.way))) == {"lmtp"}


async def test_each_recipient_comes_in_a_mail_of_its_own(server: Server) -> None:
    assert await server.hand_over(GONE, "a@example.org", "b@example.org") == [
        *("250", "452"),
        "250 2.0.0 ignored",
    ]


async def test_while_the_database_is_away_the_server_keeps_it(server: Server) -> None:
    async with server.town.db.transaction() as session:
        await session.execute(text("ALTER TABLE inbound RENAME TO away"))
    assert await server.hand_over(GONE, "a@example.org") == ["250", "451 4.3.0 Try again later"]
    async with server.town.db.transaction() as session:
        await session.execute(text("ALTER TABLE away RENAME TO inbound"))
    assert await server.hand_over(GONE, "a@example.org") == ["250", "250 2.0.0 ignored"]
