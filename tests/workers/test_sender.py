"""The sender, over real SMTP, with a server that misbehaves."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from typing import Literal

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from engine.core import breaker, links, verp
from engine.core.delivery import Kind
from engine.core.lanes import Limit
from engine.flows import catalog, enrolments, instance, letters, outbox
from engine.mail import builds, smtp
from engine.tables import Delivery, Learner, Version
from engine.workers import sender
from tests.people import ALICE, BOB, CHARLIE, DRESS, Town, course, fingerprint
from tests.signatures import SIGNER, valid
from tests.smtpd import HANG, Smtpd

pytestmark = pytest.mark.asyncio(loop_scope="session")

PEOPLE = (ALICE, BOB, CHARLIE)


@asynccontextmanager
async def working(
    town: Town,
    server: Smtpd,
    *,
    connections: int = 2,
    in_doubt: Literal["send", "hold"] = "send",
    limits: Mapping[str, Limit] | None = None,
    sign: sender.Sign | None = None,
    returns: verp.Returns | None = None,
) -> AsyncIterator[sender.Sender]:
    house = letters.House(
        links.Links(DRESS.base_url, [b"key"], lasting=b"for ever"),
        DRESS,
        builds.Builds(),
        "parcours.example.org",
        returns,
    )
    pool = smtp.Pool(smtp.parse(f"smtp://127.0.0.1:{server.port}?starttls=never"), size=connections)
    yield sender.Sender(
        town.db,
        town.clock,
        house,
        pool,
        connections=connections,
        in_doubt=in_doubt,
        sign=sign,
        limits=limits,
    )
    await pool.close()


async def due(town: Town, *people: object) -> list[int]:
    """Lesson a is due for everybody."""
    await town.publish()
    found = [await town.enrol(who) for who in PEOPLE if who in people]
    await town.wake()
    await town.sleep("2027-03-23 08:45")
    await town.change(found[-1], due_at=town.now) if CHARLIE in people else None
    await town.tick()
    return found


async def lessons(town: Town) -> list[Delivery]:
    async with town.db.reading() as session:
        found = select(Delivery).where(Delivery.kind == "lesson").order_by(Delivery.id)
        return list(await session.scalars(found))


async def states(town: Town) -> list[str]:
    return sorted(mail.state for mail in await lessons(town))


async def drain(worker: sender.Sender) -> None:
    while await worker.step():
        pass


async def test_every_mail_that_is_due_arrives_once(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    async with working(town, server) as worker:
        await drain(worker)
        assert not await worker.step()
    assert sorted(mail.rcpt[0] for mail in server.received) == ["alice@example.org", "bob@example.org"]
    assert await states(town) == ["sent", "sent"]
    ids = {mail.message_id for mail in server.received}
    assert ids == {f"<{mail.message_id}@parcours.example.org>" for mail in await lessons(town)}


async def test_failures_are_reported_to_an_address_of_the_mail_itself(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    returns = verp.Returns("bounces.example.org", [b"key"])
    server.misbehave("RCPT", "451 4.7.1 greylisted", times=2)
    async with working(town, server, returns=returns) as worker:
        await drain(worker)
        assert server.received == []
        await town.sleep("2027-03-23 09:00")
        await drain(worker)
    owed = {mail.id for mail in await lessons(town)}
    assert {returns.read(mail.mail_from) for mail in server.received} == owed
    named = [line for _, line in server.commands if line.startswith("MAIL")]
    assert (len(named), len(set(named))) == (4, 2)  # a retry comes from the same address


async def test_mails_arrive_with_signatures_that_hold(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    async with working(town, server, sign=SIGNER.sign) as worker:
        await drain(worker)
    assert len(server.received) == 2
    for mail in server.received:
        assert valid(mail.data, town.now) == [True, True]
        assert mail.data == mail.raw  # no dot had to be doubled after signing
        [signature, _] = message_from_bytes(mail.data).get_all("DKIM-Signature", [])
        assert "list-unsubscribe:list-unsubscribe-post" in "".join(signature.split())


async def test_a_mail_that_cannot_be_signed_is_held(town: Town, server: Smtpd) -> None:
    def sign(mail: bytes, now: datetime) -> bytes:
        raise ValueError("no such key")

    await due(town, ALICE)
    async with working(town, server, sign=sign) as worker:
        await drain(worker)
    assert await states(town) == ["held"]
    assert server.received == []


async def test_two_senders_share_the_work(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    async with working(town, server) as one, working(town, server) as other:
        await asyncio.gather(drain(one), drain(other))
    assert len(server.received) == len({mail.message_id for mail in server.received}) == 2


async def test_who_waits_at_the_screen_is_served_first(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    await town.sign_up(CHARLIE)
    async with working(town, server, connections=1) as worker:
        await drain(worker)
    assert server.received[0].rcpt == ["charlie@example.net"]


async def test_no_more_mails_are_in_doubt_than_connections(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    server.misbehave("dot", HANG)
    async with working(town, server, connections=1) as worker:
        step = asyncio.create_task(worker.step())
        await server.at("dot")
        assert await states(town) == ["claimed", "sending"]
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)


async def test_a_crash_leaves_a_doubt_that_is_sent_again_with_the_same_id(town: Town, server: Smtpd) -> None:
    await due(town, ALICE)
    server.misbehave("dot", HANG, times=1)
    async with working(town, server) as dead, working(town, server) as alive:
        step = asyncio.create_task(dead.step())
        await server.at("dot")
        step.cancel()  # as good as a SIGKILL: nothing is recorded
        await asyncio.gather(step, return_exceptions=True)
        assert await states(town) == ["sending"]
        assert not await alive.step()
        town.clock.pass_by(seconds=31)
        await drain(alive)
    assert await states(town) == ["sent"]
    assert len(server.received) == 2
    assert len({mail.message_id for mail in server.received}) == 1


async def test_a_crash_leaves_a_doubt_that_is_held_where_the_operator_wants_so(
    town: Town, server: Smtpd
) -> None:
    await due(town, ALICE)
    server.misbehave("dot", HANG, times=1)
    async with working(town, server) as dead, working(town, server, in_doubt="hold") as alive:
        step = asyncio.create_task(dead.step())
        await server.at("dot")
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)
        town.clock.pass_by(seconds=31)
        await drain(alive)
    assert await states(town) == ["held"]
    assert len(server.received) == 1


async def test_a_refusal_is_final_and_stops_nobody_else(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    server.misbehave("RCPT", "550 5.1.1 no such user", times=1)
    async with working(town, server, connections=1) as worker:
        await drain(worker)
        town.clock.pass_by(minutes=30)
        await drain(worker)
    assert await states(town) == ["failed", "sent"]
    assert len(server.received) == 1


async def test_what_is_refused_for_now_is_tried_again_by_whoever_comes(town: Town, server: Smtpd) -> None:
    await due(town, ALICE)
    server.misbehave("RCPT", "451 4.7.1 greylisted", times=1)
    async with working(town, server) as worker:
        await drain(worker)
    assert await states(town) == ["retry"]
    town.clock.pass_by(minutes=6)
    async with working(town, server) as worker:  # another process: the backoff is in the database
        await drain(worker)
    assert await states(town) == ["sent"]


async def test_a_server_that_is_away_costs_nobody_a_lesson(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    gone = Smtpd()
    async with gone:
        pass
    async with working(town, gone) as worker:
        await drain(worker)
    assert await states(town) == ["retry", "retry"]
    town.clock.pass_by(minutes=6)
    async with working(town, server) as worker:
        await drain(worker)
    assert await states(town) == ["sent", "sent"]


async def test_a_server_that_refuses_us_costs_nobody_a_lesson(town: Town, server: Smtpd) -> None:
    await due(town, ALICE)
    server.misbehave("RCPT", "550 5.7.1 your address is on a list", times=1)
    async with working(town, server) as worker:
        await drain(worker)
    assert await states(town) == ["retry"]


async def test_a_mail_that_cannot_be_made_holds_only_itself(town: Town, server: Smtpd) -> None:
    alice, _ = await due(town, ALICE, BOB)
    async with town.db.transaction() as session:
        await session.execute(
            update(Delivery).where(Delivery.enrolment_id == alice).values(lesson_key="nowhere")
        )
    async with working(town, server) as worker:
        await drain(worker)
    held, sent = await lessons(town)
    assert (held.state, sent.state) == ("held", "sent")
    assert "nowhere" in held.reason


async def test_whatever_making_a_mail_raises_holds_only_that_mail(town: Town, server: Smtpd) -> None:
    await town.publish()
    alice, _ = await town.enrol(ALICE), await town.enrol(BOB)
    await town.tick()
    await town.change(alice, zone="Europe")  # a folder: zoneinfo raises what open() does
    async with working(town, server) as worker:
        await drain(worker)
    assert (await town.mail(alice, "welcome")).state == "held"
    assert [mail.rcpt for mail in server.received] == [["bob@example.org"]]


async def test_an_unreadable_version_holds_only_its_own(town: Town, server: Smtpd) -> None:
    await town.publish(course(a="", words="d'une version qui sera perdue"))
    alice = await town.enrol(ALICE)
    await town.wake()
    lost = (await town.row(alice)).version_id
    await town.publish(course(a=""), others="stay")
    await town.enrol(BOB)
    await town.wake()
    await town.sleep("2027-03-23 08:45")
    await town.tick()
    async with town.db.transaction() as session:
        await session.execute(update(Version).where(Version.id == lost).values(archive=b"not a zip"))
    catalog._READ.clear()
    async with working(town, server) as worker:
        await drain(worker)
    assert [mail.state for mail in await lessons(town)] == ["held", "sent"]


async def test_an_address_that_cannot_travel_holds_only_itself(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    town.behind_the_flows = True
    async with town.db.transaction() as session:
        await session.execute(
            update(Learner)
            .where(Learner.first_name == "Alice")
            .values(address="alice@example.org\r\nRCPT TO:<x>")
        )
    async with working(town, server) as worker:
        await drain(worker)
    assert await states(town) in (["held", "sent"], ["failed", "sent"])
    assert [mail.rcpt for mail in server.received] == [["bob@example.org"]]


async def test_a_hostile_name_stays_inside_its_header(town: Town, server: Smtpd) -> None:
    await due(town, ALICE)
    town.behind_the_flows = True
    name = "Al\r\nBcc: x@example.org\r\n\r\n.\r\n<b>ice</b>"
    async with town.db.transaction() as session:
        await session.execute(update(Learner).values(first_name=name))
    async with working(town, server) as worker:
        await drain(worker)
    for mail in server.received:
        assert message_from_bytes(mail.data, policy=default)["Bcc"] is None
    assert len(await states(town)) == 1


async def test_leaving_between_lease_and_sending_is_respected(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("alice@example.org"), "left", now=town.now)
    async with working(town, server) as worker:
        await drain(worker)
    assert [mail.rcpt for mail in server.received] == [["bob@example.org"]]


async def test_a_stop_with_nothing_in_hand_gives_back_what_was_leased(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    async with working(town, server) as worker:
        worker.stopping.set()
        await worker.step()
    assert await states(town) == ["planned", "planned"]
    assert server.received == []


async def test_a_stop_finishes_the_mail_in_hand(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    async with working(town, server, connections=1) as worker:
        step = asyncio.create_task(worker.step())
        await server.at("RCPT")
        worker.stopping.set()
        await step
    assert await states(town) == ["planned", "sent"]
    assert len(server.received) == 1


async def test_a_stop_does_not_wait_for_a_server_that_hangs(town: Town, server: Smtpd) -> None:
    await due(town, ALICE, BOB)
    server.misbehave("RCPT", HANG, times=1)
    server.misbehave("dot", HANG, times=1)
    async with working(town, server) as worker:
        step = asyncio.create_task(worker.step())
        await server.at("RCPT")
        await server.at("dot")
        stopped = time.monotonic()
        worker.stopping.set()
        await step
        assert time.monotonic() - stopped < 10
    before, after = sorted(await lessons(town), key=lambda mail: mail.tries)
    assert (before.state, before.tries, before.lease) == ("planned", 0, "")
    assert (after.state, after.tries) == ("in_doubt", 1)
    assert f"<{after.message_id}@parcours.example.org>" == server.received[0].message_id


async def test_a_heart_that_misses_a_beat_goes_on(
    town: Town, server: Smtpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due(town, ALICE)
    monkeypatch.setattr(sender, "_HEARTBEAT", 0.05)
    server.misbehave("dot", HANG)
    async with working(town, server) as worker:
        step = asyncio.create_task(worker.step())
        await server.at("dot")
        async with without_its_table(town):
            await asyncio.sleep(0.2)
        town.clock.pass_by(seconds=25)
        await asyncio.sleep(0.3)
        (mail,) = await lessons(town)
        assert mail.lease_until
        assert (mail.lease_until - town.now).total_seconds() > 25
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)


@pytest.mark.parametrize("connections", [1, 2])  # with one, the other mail is only leased
async def test_what_was_taken_while_the_database_was_away_is_not_sent_again(
    town: Town, server: Smtpd, connections: int
) -> None:
    await due(town, ALICE, BOB)
    server.gate = asyncio.Event()
    async with working(town, server, connections=connections) as worker:
        step = asyncio.create_task(worker.step())
        await server.at("taken", times=connections)
        async with without_its_table(town):
            server.gate.set()
            with pytest.raises(DBAPIError):
                await step
        await drain(worker)
    assert [(mail.state, mail.tries) for mail in await lessons(town)] == [("sent", 1), ("sent", 1)]
    assert len(server.received) == 2


async def test_a_mail_that_hangs_keeps_no_other_from_leaving(
    town: Town, server: Smtpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due(town, ALICE)
    monkeypatch.setattr(sender, "_SLICE", 0.2)
    server.gate = gate = asyncio.Event()
    async with working(town, server) as worker:
        assert await worker.step()  # it ends, and Alice's mail is still on the wire
        assert await states(town) == ["sending"]
        server.gate = None
        await town.sign_up(BOB)
        assert await worker.step()
        assert [mail.rcpt[0] for mail in server.received] == ["alice@example.org", "bob@example.org"]
        gate.set()
        await drain(worker)
    assert await states(town) == ["sent"]
    assert len(server.received) == 2


async def test_what_is_still_on_the_wire_when_all_ends_is_recorded(
    town: Town, server: Smtpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due(town, ALICE)
    monkeypatch.setattr(sender, "_SLICE", 0.1)
    server.gate = asyncio.Event()
    async with working(town, server) as worker:
        await worker.step()
        worker.stopping.set()
        asyncio.get_running_loop().call_later(0.3, server.gate.set)
        await worker.finish()
    assert await states(town) == ["sent"]


@asynccontextmanager
async def without_its_table(town: Town) -> AsyncIterator[None]:
    """As when somebody mends the database by hand while we run."""
    async with town.db.transaction() as session:
        await session.execute(text("ALTER TABLE delivery RENAME TO elsewhere"))
    try:
        yield
    finally:
        async with town.db.transaction() as session:
            await session.execute(text("ALTER TABLE elsewhere RENAME TO delivery"))


async def test_a_copy_that_rests_sends_nothing_that_is_due(town: Town, server: Smtpd) -> None:
    await due(town, ALICE)
    async with town.db.transaction() as session:
        await instance.mark_copy(session, now=town.now)
    async with working(town, server) as worker:
        assert not await worker.step()
        assert server.received == []
        async with town.db.transaction() as session:
            await instance.activate(session)
        await drain(worker)
    assert [mail.rcpt for mail in server.received] == [["alice@example.org"]]


async def test_a_relay_that_refuses_everything_is_asked_once_a_minute(town: Town, server: Smtpd) -> None:
    (alice,) = await due(town, ALICE)
    learner = (await town.row(alice)).learner_id
    async with town.db.transaction() as session:
        more = [
            outbox.row(
                kind=Kind.KNOWN,
                learner_id=learner,
                enrolment_id=alice,
                now=town.now,
                occasion=f"request {number}",
            )
            for number in range(14)
        ]
        await outbox.owe(session, more)
    server.misbehave("MAIL", "421 4.3.2 not now")
    async with working(town, server, connections=2) as worker:
        await drain(worker)
        asked = server.reached["MAIL"]
        assert worker.relay.open
        assert breaker.REFUSALS <= asked <= breaker.REFUSALS + 2, "all mails were tried"
        assert not await worker.step()
        assert server.reached["MAIL"] == asked
        town.clock.pass_by(seconds=61)
        await drain(worker)
        assert server.reached["MAIL"] == asked + 1
        server.behave()
        town.clock.pass_by(seconds=61)
        await drain(worker)
        assert not worker.relay.open
        town.clock.pass_by(minutes=6)
        await drain(worker)
    assert len(server.received) == 15
