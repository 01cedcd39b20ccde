"""The messenger calls over a real socket, and only where it may."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook as Verifier

from engine.core.webhooks import Event
from engine.flows import hooks, instance, webhooks
from engine.tables import Webhook, WebhookDelivery
from engine.workers.webhooks import Messenger
from tests import smtpd
from tests.people import Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Listener:
    """Another program: keeps what it is told, answers as a test wants."""

    answer: str = NO_CONTENT
    seconds: float = 0.0
    port: int = 0
    requests: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            found = dict(line.lower().split(": ", 1) for line in lines)
            raw = dict(line.split(": ", 1) for line in lines)
            headers = {name: raw[key] for name, key in zip(found, raw, strict=True)}
            body = (await reader.readexactly(int(headers["content-length"]))).decode()
            self.requests.append((first, headers, body))
            await asyncio.sleep(self.seconds)
            writer.write(self.answer.encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None, **how: Any) -> AsyncIterator[Listener]:
    found = Listener(**how)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


async def subscribe(town: Town, url: str, count: int = 1) -> Webhook:
    """Somebody listens, and something happened."""
    async with town.db.transaction() as session:
        row = await webhooks.add(session, url=url, events=[Event.ERASED], plain=True, by=None, now=town.now)
        await hooks.tell(session, Event.ERASED, *map(hooks.Fact, range(1, count + 1)), now=town.now)
    return row


async def one_step(town: Town, **how: Any) -> bool:
    messenger = Messenger(town.db, town.clock, **{"allowed": LOOPBACK, "seconds": 5.0, **how})
    return await messenger.step()


async def log(town: Town) -> list[tuple[str, int | None, str]]:
    async with town.db.reading() as session:
        rows = await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id))
        return [(row.state, row.status, row.answer) for row in rows]


async def test_a_message_arrives_signed_and_is_done(town: Town) -> None:
    town.clock.moment = datetime.now(UTC)  # whoever verifies looks at the real time
    async with listening() as program:
        row = await subscribe(town, f"http://127.0.0.1:{program.port}/hook?from=parcours")
        assert await one_step(town)
        assert not await one_step(town), "nothing is left to send"
    ((first, headers, body),) = program.requests
    assert first == "POST /hook?from=parcours HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert headers["host"] == f"127.0.0.1:{program.port}"
    assert Verifier(row.secret).verify(body, headers) == json.loads(body)
    assert json.loads(body)["type"] == "learner.erased"
    assert await log(town) == [("sent", 204, "")]


async def test_a_redirect_is_not_followed(town: Town) -> None:
    async with listening() as elsewhere:
        answer = (
            f"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{elsewhere.port}/\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        async with listening(answer=answer) as program:
            await subscribe(town, f"http://127.0.0.1:{program.port}/")
            await one_step(town)
    assert (program.connections, elsewhere.connections) == (1, 0)
    assert await log(town) == [("waiting", 307, "")]


async def test_an_endless_answer_is_cut(town: Town) -> None:
    async with listening(answer=f"HTTP/1.1 500 Oops\r\n\r\n{'a' * 10_000_000}") as program:
        await subscribe(town, f"http://127.0.0.1:{program.port}/")
        await one_step(town)
    assert await log(town) == [("waiting", 500, "a" * 300)]


@pytest.mark.parametrize("answer", ["", "what?\r\n\r\n", "HTTP/1.1 99999 No\r\n\r\n"])
async def test_an_answer_that_is_none_is_no_success(town: Town, answer: str) -> None:
    async with listening(answer=answer) as program:
        await subscribe(town, f"http://127.0.0.1:{program.port}/")
        await one_step(town)
    ((state, status, told),) = await log(town)
    assert (state, status) == ("waiting", None)
    assert told


async def test_who_is_slow_is_not_waited_for_and_holds_up_nobody(town: Town) -> None:
    async with listening(seconds=60) as slow, listening() as quick:
        await subscribe(town, f"http://127.0.0.1:{slow.port}/")
        await subscribe(town, f"http://127.0.0.1:{quick.port}/")
        await one_step(town, seconds=0.3)
    assert await log(town) == [
        ("waiting", None, "no answer within 0.3 seconds"),
        ("waiting", None, "no answer within 0.3 seconds"),
        ("sent", 204, ""),
    ]


async def test_nobody_there_is_no_success(town: Town) -> None:
    with socket.socket() as taken:  # bound, and deaf
        taken.bind(("127.0.0.1", 0))
        await subscribe(town, f"http://127.0.0.1:{taken.getsockname()[1]}/")
        await one_step(town)
    ((state, status, told),) = await log(town)
    assert (state, status, bool(told)) == ("waiting", None, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_inside_is_never_called(town: Town, host: str, scheme: str) -> None:
    async with listening() as program:
        await subscribe(town, f"{scheme}://{host}:{program.port}/")
        await one_step(town, allowed=[ip_network("10.0.0.0/8")])
    assert program.connections == 0
    ((state, status, told),) = await log(town)
    assert (state, status) == ("waiting", None)
    assert "adresse privée" in told


async def test_without_encryption_only_into_an_opened_network(town: Town) -> None:
    await subscribe(town, "http://93.184.215.14/")  # public, and not called
    await one_step(town)
    ((_, _, told),) = await log(town)
    assert "adresse privée" in told


async def test_with_encryption_the_certificate_is_checked(town: Town, tmp_path: Path) -> None:
    ours, theirs = smtpd.certificate(tmp_path)
    async with listening(ours) as program:
        await subscribe(town, f"https://localhost:{program.port}/")
        await one_step(town)
        ((state, status, told),) = await log(town)
        assert (state, status) == ("waiting", None)
        assert "CERTIFICATE_VERIFY_FAILED" in told
        town.clock.pass_by(minutes=1)
        await one_step(town, tls=theirs)
    assert await log(town) == [("sent", 204, "")]
    assert len(program.requests) == 1


async def test_stopping_lets_go_at_once_and_loses_nothing(town: Town) -> None:
    async with listening(seconds=60) as program:
        await subscribe(town, f"http://127.0.0.1:{program.port}/")
        messenger = Messenger(town.db, town.clock, allowed=LOOPBACK, seconds=60)
        step = asyncio.create_task(messenger.step())
        while not program.requests:  # noqa: ASYNC110  # the other side has no event to wait for
            await asyncio.sleep(0.01)
        messenger.stopping.set()
        assert not await asyncio.wait_for(step, 5)
    assert await log(town) == [("waiting", None, "")]
    town.clock.moment += hooks.LEASE
    async with town.db.transaction() as session:
        assert len(await hooks.lease(session, limit=9, now=town.now)) == 1


async def test_a_copy_that_rests_tells_nobody(town: Town) -> None:
    async with listening() as program:
        await subscribe(town, f"http://127.0.0.1:{program.port}/")
        async with town.db.transaction() as session:
            await instance.mark_copy(session, now=town.now)
        assert not await one_step(town)
        assert program.connections == 0
        async with town.db.transaction() as session:
            await instance.activate(session)
        assert await one_step(town)
        assert program.connections == 1
