"""Once a person is erased, the address is in nothing that a thief of the database's files would read."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine.core import delivery, verp
from engine.core.feedback import Cause, Recipient, Report, Traces
from engine.core.feedback import Kind as FeedbackKind
from engine.core.webhooks import Event
from engine.flows import enrolments, feedback, learners, privacy, webhooks
from engine.tables import Suppression, db
from tests.flows.test_imports import Desk, listed
from tests.people import ALICE, BOB, ORIGIN, SENT, Town, fingerprint
from tests.teams import Team
from tests.transfer.house import town

_REFUSED = delivery.Refused(550, f"5.1.1 <{BOB.address}>: user unknown", True, "recipient")
_RETURNS = verp.Returns("bounces.example.org", [b"key"])
_MOVED = "bob.moved@example.org"


async def test_an_erased_address_is_found_nowhere_and_still_gets_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with town(database_url, made=True) as lived:
        bob = await _a_long_story(lived)
        before = await _kept(lived.db, tmp_path)
        assert {BOB.address.encode(), _MOVED.encode(), b"Bobinette"} <= set(_found(before))
        async with lived.db.transaction() as session:
            await enrolments.leave(session, bob, scope="all", now=lived.now)
        async with lived.db.transaction() as session:
            await privacy.erase(session, (await lived.learner(bob)).id, now=lived.now)
        assert list(_found(await _kept(lived.db, tmp_path))) == []
        async with lived.db.reading() as session:
            assert await session.get(Suppression, fingerprint(BOB.address))
        desk = Desk(lived)
        number = await desk.bring(listed(BOB.address))
        assert await desk.counts(number) == {"suppressed": 1}


async def _a_long_story(lived: Town) -> int:
    """Alice invites Bob; he is on a list too, a mail to him is refused, and he wants to move."""
    house = Team(lived)
    await house.publish()
    alice = await house.open()
    bob = await house.join(alice, replace(BOB, first_name="Bobinette"))
    async with lived.db.transaction() as session:
        await webhooks.add(session, url="https://example.org/hook", events=[*Event], by=None, now=lived.now)
    lived.answer = lambda mail: _REFUSED if mail.person and mail.person.address == BOB.address else SENT
    await lived.live("2027-04-20 12:00")
    desk = Desk(lived)
    await desk.run(await desk.bring(listed(BOB.address, ALICE.address)))
    (mail,) = await lived.mails(bob, "welcome")
    refusal = Report(
        FeedbackKind.BOUNCE,
        (Recipient(BOB.address, Cause.FULL, said=f"<{BOB.address}> is full"),),
        Traces((_RETURNS.address(mail.id),)),
    )
    async with lived.db.transaction() as session:
        raw = b"To: %s" % BOB.address.encode()
        await feedback.receive(session, refusal, raw, returns=_RETURNS, way="pipe", now=lived.now)
    async with lived.db.transaction() as session:
        await learners.ask_address(session, bob, _MOVED, origin=ORIGIN, now=lived.now)
    return bob


async def _kept(found: db.Database, folder: Path) -> bytes:
    """Everything on the disk, in SQLite's files or in a whole dump."""
    if found.is_sqlite:
        file = Path(found.url.database or "")
        return b"".join(each.read_bytes() for each in sorted(file.parent.glob(f"{file.name}*")))
    address = db.public_address(found.url)
    dump = await asyncio.create_subprocess_exec(
        *("pg_dump", "--dbname", address, "--file", str(folder / "dump.sql")), env=os.environ
    )
    assert await dump.wait() == 0
    return (folder / "dump.sql").read_bytes()


def _found(kept: bytes) -> Iterator[bytes]:
    for word in (BOB.address.encode(), _MOVED.encode(), b"Bobinette", b"bob@"):
        if word in kept:
            yield word
