"""The ledger: owed once, leased to one, never lost, put aside when something stands against it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from engine.core import delivery, sending
from engine.core.delivery import Kind
from engine.flows import enrolments, leases, outbox
from engine.tables import Delivery, Enrolment
from tests import ledger
from tests.people import ALICE, BOB, FULL, SENT, Town, fingerprint

pytestmark = pytest.mark.asyncio(loop_scope="session")

GONE = delivery.Refused(550, "5.1.1 no such user", True, "recipient")
DOWN = delivery.Refused(0, "no connection to smtp.example.org:25: refused", False, "server")
OURS = delivery.Refused(552, "5.3.4 message too big", True, "server")
LOST = delivery.Unknown("connection lost after the final dot")


async def owed(town: Town, enrolment: int, kind: Kind = Kind.LESSON, key: str = "a", **more: object) -> int:
    """The number of one mail that is due now."""
    row = await town.row(enrolment)
    mail = outbox.row(
        kind=kind,
        learner_id=row.learner_id,
        enrolment_id=enrolment,
        now=town.now,
        lesson_key=key,
        **more,  # type: ignore[arg-type]  # the tests know what they hand over
    )
    async with town.db.transaction() as session:
        await outbox.owe(session, [mail])
        found = await session.scalar(select(Delivery.id).where(Delivery.dedup_key == mail["dedup_key"]))
    assert found
    return found


async def active(town: Town) -> int:
    """Alice in the middle of the course, nothing owed."""
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.change(alice, state="active", next_kind="lesson", next_key="b")
    return alice


async def lease(town: Town, worker: str, limit: int = 10) -> list[int]:
    async with town.db.transaction() as session:
        return await leases.lease(session, worker=worker, limit=limit, now=town.now)


async def begin(town: Town, ids: list[int], worker: str = "one") -> list[leases.Begun]:
    async with town.db.transaction() as session:
        return await ledger.begin(session, ids, worker=worker, now=town.now)


async def begun(town: Town, worker: str = "one") -> list[leases.Begun]:
    return await begin(town, await lease(town, worker), worker)


async def record(
    town: Town, mail: leases.Begun, outcome: delivery.Outcome, worker: str = "one", in_doubt: str = "send"
) -> Delivery:
    """What the ledger says after `outcome`."""
    how = {"worker": worker, "now": town.now, "in_doubt": in_doubt}
    async with town.db.transaction() as session:
        await ledger.record(session, [(mail, outcome)], **how)  # type: ignore[arg-type]
    return await stored(town, mail.id)


async def stored(town: Town, mail: int) -> Delivery:
    async with town.db.reading() as session:
        return await session.get_one(Delivery, mail)


async def reap(town: Town, in_doubt: str = "send") -> int:
    async with town.db.transaction() as session:
        return await leases.reap(session, now=town.now, in_doubt=in_doubt)  # type: ignore[arg-type]


async def test_a_mail_owed_twice_is_written_once(town: Town) -> None:
    alice = await active(town)
    assert await owed(town, alice) == await owed(town, alice)
    assert len(await town.mails(alice, "lesson")) == 1


async def test_the_database_itself_refuses_a_second_one(town: Town) -> None:
    alice = await active(town)
    first = await stored(town, await owed(town, alice))
    columns = {name: getattr(first, name) for name in first.__table__.c.keys() if name != "id"}  # noqa: SIM118
    with pytest.raises(IntegrityError):
        async with town.db.transaction() as session:
            session.add(Delivery(**columns))


async def test_two_workers_never_get_the_same_row(town: Town) -> None:
    alice = await active(town)
    for key in "abcdef":
        await owed(town, alice, key=key)
    one, two, three = await lease(town, "one", 4), await lease(town, "two", 4), await lease(town, "three", 4)
    assert [len(one), len(two), len(three)] == [4, 2, 0]
    assert not set(one) & set(two)


@pytest.mark.parametrize("town_database", ["postgresql"], indirect=True)  # on SQLite a writer is alone
async def test_two_workers_that_lease_at_the_same_moment_pass_over_each_other(town: Town) -> None:
    alice = await active(town)
    for key in "abcd":
        await owed(town, alice, key=key)
    async with town.db.transaction() as one, town.db.transaction() as two:
        first = await leases.lease(one, worker="one", limit=2, now=town.now)
        async with asyncio.timeout(3):
            second = await leases.lease(two, worker="two", limit=4, now=town.now)
    assert len(first) == len(second) == 2
    assert not set(first) & set(second)


async def test_who_waits_at_the_screen_comes_first(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice, key="b", due_at=town.now - timedelta(minutes=5))
    await owed(town, alice, key="a", due_at=town.now - timedelta(minutes=9))
    await owed(town, alice, Kind.DATA, key="")
    assert [(await stored(town, mail)).lesson_key for mail in await lease(town, "one")] == ["", "a", "b"]


async def test_what_is_not_due_is_not_leased(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice, due_at=town.now + timedelta(minutes=1))
    assert await lease(town, "one") == []
    town.clock.pass_by(minutes=1)
    assert len(await lease(town, "one")) == 1


async def test_a_lesson_that_missed_its_hour_is_not_leased_a_letter_is(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    letter = await owed(town, alice, Kind.WELCOME, key="")
    town.clock.pass_by(hours=2, minutes=1)
    assert await lease(town, "one") == [letter]


async def test_a_lease_that_ended_is_taken_up(town: Town) -> None:
    alice = await active(town)
    mail = await owed(town, alice)
    assert await lease(town, "dead") == [mail]
    town.clock.pass_by(seconds=29)
    assert await reap(town) == 0
    town.clock.pass_by(seconds=2)
    assert await reap(town) == 1
    assert await begin(town, [mail], "dead") == []  # too late to wake up
    assert await lease(town, "alive") == [mail]


async def test_a_sign_of_life_prolongs_a_lease(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    await lease(town, "slow")
    town.clock.pass_by(seconds=20)
    async with town.db.transaction() as session:
        await leases.keep(session, worker="slow", now=town.now)
    town.clock.pass_by(seconds=20)
    assert await reap(town) == 0


@pytest.mark.parametrize("town_database", ["postgresql"], indirect=True)
async def test_a_sign_of_life_waits_for_no_mail_that_is_being_begun(town: Town) -> None:
    """Two transactions that lock many mails, each in its own order, would block each other."""
    alice = await active(town)
    first, second = await owed(town, alice), await owed(town, alice, key="b")
    await lease(town, "busy")
    town.clock.pass_by(seconds=20)
    async with town.db.transaction() as beginning, asyncio.timeout(10):
        assert len(await ledger.begin(beginning, [first], worker="busy", now=town.now)) == 1
        async with town.db.transaction() as beating:
            await leases.keep(beating, worker="busy", now=town.now)
    assert {(await stored(town, id)).lease_until for id in (first, second)} == {town.now + leases.LEASE}


async def test_a_worker_begins_only_what_is_its_own(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    assert await begin(town, await lease(town, "one"), "two") == []


async def test_a_mail_is_begun_once(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    leased = await lease(town, "one")
    assert len(await begin(town, leased)) == 1
    assert await begin(town, leased) == []


async def test_a_dead_worker_leaves_its_mail_in_doubt_and_it_is_sent_again_as_the_same(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (first,) = await begun(town, "dead")
    town.clock.pass_by(seconds=31)
    assert await reap(town) == 1
    assert (await stored(town, first.id)).state == "in_doubt"
    (again,) = await begun(town, "alive")
    assert (again.id, again.message_id, again.tries) == (first.id, first.message_id, 2)


async def test_what_is_in_doubt_is_held_where_the_operator_wants_so(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town, "dead")
    town.clock.pass_by(seconds=31)
    await reap(town, "hold")
    found = await stored(town, mail.id)
    assert (found.state, found.reason) == ("held", "in doubt: the worker died while sending")
    assert await lease(town, "alive") == []


@pytest.mark.parametrize(("in_doubt", "state"), [("send", "in_doubt"), ("hold", "held")])
async def test_no_reply_after_the_dot_is_a_doubt(town: Town, in_doubt: str, state: str) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town)
    assert (await record(town, mail, LOST, in_doubt=in_doubt)).state == state


async def test_what_was_leased_and_not_begun_is_given_back(town: Town) -> None:
    alice = await active(town)
    for key in "ab":
        await owed(town, alice, key=key)
    one, other = await lease(town, "one")
    await begin(town, [one])
    async with town.db.transaction() as session:
        await leases.release(session, worker="one")
    assert (await stored(town, one)).state == "sending"
    assert await lease(town, "two") == [other]


async def test_what_was_begun_and_had_not_left_is_given_back_as_if_never_tried(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town)
    async with town.db.transaction() as session:
        await leases.release(session, worker="one", unsent=[mail])
    found = await stored(town, mail.id)
    assert (found.state, found.tries, found.lease) == ("planned", 0, "")


async def test_sent_is_final(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town)
    found = await record(town, mail, SENT)
    assert (found.state, found.sent_at, found.lease) == ("sent", town.now, "")
    assert (await record(town, mail, GONE)).state == "sent"


async def test_5xx_is_final_and_says_why(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town)
    found = await record(town, mail, GONE)
    assert (found.state, found.reason) == ("failed", "550 5.1.1 no such user")


@pytest.mark.parametrize("refusal", [FULL, DOWN])
async def test_what_is_refused_for_now_is_tried_again_ever_later(
    town: Town, refusal: delivery.Outcome
) -> None:
    alice = await active(town)
    await owed(town, alice, Kind.WELCOME, key="")
    waits = []
    for _ in range(5):
        (mail,) = await begun(town)
        found = await record(town, mail, refusal)
        assert found.state == "retry"
        waits.append((found.try_at - town.now) / timedelta(minutes=1))
        assert await lease(town, "eager") == []
        town.clock.moment = found.try_at
    assert waits == sorted(waits)
    assert waits[0] >= 5
    assert waits[-1] > waits[0]
    assert found.tries == 5


async def test_patience_ends_before_the_next_lesson(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice, expires_at=town.now + timedelta(minutes=4))
    (mail,) = await begun(town)
    found = await record(town, mail, FULL)
    assert (found.state, found.reason) == ("failed", "expired: 452 4.2.2 mailbox full")


async def test_what_expired_while_it_waited_does_not_leave(town: Town) -> None:
    alice = await active(town)
    mail = await owed(town, alice, expires_at=town.now + timedelta(minutes=4))
    town.clock.pass_by(minutes=5)
    assert await begun(town) == []
    assert (await stored(town, mail)).reason == "expired"


async def test_our_own_fault_is_held_for_a_human(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town)
    found = await record(town, mail, OURS)
    assert (found.state, found.reason) == ("held", "552 5.3.4 message too big")


async def test_who_was_taken_for_dead_still_ends_the_doubt(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town, "slow")
    town.clock.pass_by(seconds=31)
    await reap(town)
    assert (await record(town, mail, SENT, "slow")).state == "sent"
    assert await lease(town, "other") == []


async def test_who_was_taken_for_dead_ends_the_doubt_of_a_mail_that_another_one_leased(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town, "slow")
    town.clock.pass_by(seconds=31)
    await reap(town)
    leased = await lease(town, "other")
    await record(town, mail, SENT, "slow")
    assert await begin(town, leased, "other") == []
    assert (await stored(town, mail.id)).state == "sent"


async def test_who_was_taken_for_dead_says_nothing_of_a_mail_that_is_being_sent_again(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town, "slow")
    town.clock.pass_by(seconds=31)
    await reap(town)
    assert await begun(town, "other")
    for outcome in (SENT, GONE, LOST):
        assert (await record(town, mail, outcome, "slow")).state == "sending"


async def test_a_refusal_told_too_late_changes_nothing(town: Town) -> None:
    alice = await active(town)
    await owed(town, alice)
    (mail,) = await begun(town, "slow")
    town.clock.pass_by(seconds=31)
    await reap(town)
    assert (await record(town, mail, GONE, "slow")).state == "in_doubt"


COURSE_MAIL = {Kind.WELCOME, Kind.LESSON, Kind.REMINDER, Kind.RESUMED, Kind.FAREWELL}
LETTERS = {Kind.KNOWN, Kind.ADDRESS, Kind.DATA}


@pytest.mark.parametrize(
    ("reason", "leaves"), [("left", LETTERS | {Kind.CONFIRM}), ("hard", {Kind.CONFIRM}), ("complaint", set())]
)
async def test_what_a_suppression_stops(town: Town, reason: str, leaves: set[Kind]) -> None:
    alice = await active(town)
    for kind in COURSE_MAIL | LETTERS:
        await owed(town, alice, kind, key="")
    leased = await lease(town, "one", 20)  # between the lease and the beginning
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("alice@example.org"), reason, now=town.now)
    assert {mail.kind for mail in await begin(town, leased)} == leaves - {Kind.CONFIRM}
    stopped = [mail for mail in await town.mails(alice) if mail.state == "cancelled"]
    assert {mail.reason for mail in stopped} == {"suppressed"}
    await town.change(alice, state="pending")
    await owed(town, alice, Kind.CONFIRM, key="", occasion="again")
    assert {mail.kind for mail in await begun(town)} == leaves & {Kind.CONFIRM}


async def test_a_suppression_is_about_one_address(town: Town) -> None:
    alice = await active(town)
    bob = await town.enrol(BOB)
    await town.change(bob, state="active")
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("alice@example.org"), "complaint", now=town.now)
    await owed(town, alice)
    await owed(town, bob)
    assert [mail.enrolment_id for mail in await begun(town)] == [bob]


@pytest.mark.parametrize(
    ("state", "leaves"),
    [
        ("pending", set()),
        ("active", COURSE_MAIL),
        ("paused", {Kind.WELCOME, Kind.PAUSED}),
        ("completed", {Kind.LESSON, Kind.FAREWELL}),
        ("stopped", set()),
    ],
)
async def test_what_may_leave_where_the_learner_stands(town: Town, state: str, leaves: set[Kind]) -> None:
    alice = await active(town)
    for kind in COURSE_MAIL | {Kind.PAUSED}:
        await owed(town, alice, kind, key="")
    leased = await lease(town, "one", 20)
    await town.change(alice, state=state)
    assert {mail.kind for mail in await begin(town, leased)} == leaves
    held = {mail.kind for mail in await town.mails(alice) if (mail.state, mail.reason) == ("held", "paused")}
    assert held == ({Kind.LESSON, Kind.REMINDER, Kind.FAREWELL} if state == "paused" else set())


@pytest.mark.parametrize("scope", ["course", "all"])
async def test_leaving_stops_what_a_worker_has_in_hand(town: Town, scope: str) -> None:
    alice = await active(town)
    for key in "ab":
        await owed(town, alice, key=key)
    leased = await lease(town, "one", 1)
    async with town.db.transaction() as session:
        await enrolments.leave(session, alice, scope=scope, now=town.now)
    assert await begin(town, leased) == []
    assert {mail.state for mail in await town.mails(alice, "lesson")} == {"cancelled"}


async def test_the_ledger_knows_when_it_has_something_to_do_again(town: Town) -> None:
    alice = await active(town)

    async def moment() -> object:
        async with town.db.reading() as session:
            return await outbox.next_moment(session)

    assert await moment() is None
    due = town.now + timedelta(hours=3)
    await owed(town, alice, due_at=due)
    assert await moment() == due
    town.clock.moment = due
    await lease(town, "one")
    assert await moment() == due + leases.LEASE
    async with town.db.transaction() as session:
        await session.execute(update(Enrolment).values(due_at=None))


async def test_nobody_gets_more_than_twenty_mails_a_day_but_his_lessons(town: Town) -> None:
    alice = await active(town)
    for number in range(20):  # with the confirmation that she had
        await owed(town, alice, Kind.KNOWN, "", occasion=f"k{number}")
        found = await begun(town)
        if number < 19:
            assert (await record(town, found[0], SENT)).state == "sent"
    assert found == []
    async with town.db.reading() as session:
        held = (await session.scalars(select(Delivery).where(Delivery.state == "held"))).one()
        assert held.reason == sending.TOO_MANY
    await owed(town, alice, Kind.LESSON, "b")
    assert [mail.kind for mail in await begun(town)] == ["lesson"]
    town.clock.pass_by(hours=25)
    await owed(town, alice, Kind.KNOWN, "", occasion="next day")
    assert "known" in [mail.kind for mail in await begun(town)]
