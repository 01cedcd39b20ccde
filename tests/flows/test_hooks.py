"""What happens is told to whoever listens: once, in the same transaction, and not for ever."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.core import errors, webhooks
from engine.core.webhooks import Event
from engine.flows import accounts, enrolments, hooks, privacy
from engine.flows import webhooks as listeners
from engine.tables import Webhook, WebhookDelivery
from tests.people import ALICE, BOB, FULL, SLUG, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

URL = "https://crm.example.org/parcours"
TAKEN, BROKEN = hooks.Answer(204, ""), hooks.Answer(500, "Oops\x00\n<b>")


async def listen(town: Town, *events: str, url: str = URL) -> Webhook:
    async with town.db.transaction() as session:
        return await listeners.add(session, url=url, events=events or list(Event), by=None, now=town.now)


async def owed(town: Town) -> list[WebhookDelivery]:
    async with town.db.reading() as session:
        return list(await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


async def told(town: Town) -> list[dict[str, Any]]:
    return [json.loads(row.payload) for row in await owed(town)]


async def hook(town: Town) -> Webhook:
    async with town.db.reading() as session:
        (found,) = await listeners.every(session)
    return found


async def lease(town: Town, limit: int = 20) -> list[hooks.Message]:
    async with town.db.transaction() as session:
        return await hooks.lease(session, limit=limit, now=town.now)


async def answer(town: Town, said: hooks.Answer) -> str:
    """One try of the only message that is due."""
    (message,) = await lease(town)
    async with town.db.transaction() as session:
        return await hooks.record(session, message.id, said, now=town.now)


async def test_a_life_is_told_from_confirming_to_erasing(town: Town) -> None:
    await listen(town)
    await town.publish(course(a="", b=""))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-23 12:00")
    await town.check_in(alice)
    await town.live("2027-04-14 00:00")
    async with town.db.transaction() as session:
        await privacy.erase(session, (await town.learner(alice)).id, now=town.now)
    found = await told(town)
    whose = {"learner_id": 1, "enrolment_id": alice, "course": SLUG}
    assert [(each["type"], each["data"]) for each in found] == [
        ("enrolment.confirmed", whose),
        ("lesson.sent", whose | {"lesson": "a"}),
        ("activity.handed_in", whose | {"activity": "point"}),
        ("lesson.sent", whose | {"lesson": "b"}),
        ("enrolment.completed", whose),
        ("learner.erased", {"learner_id": 1}),
    ]
    assert found[0]["timestamp"] == "2027-03-22T09:00:00+00:00"
    assert "alice" not in json.dumps(found).lower(), "ids and keys, no address and no name"


async def test_leaving_is_told_once(town: Town) -> None:
    await listen(town, Event.STOPPED)
    await town.publish()
    alice = await town.enrol(ALICE)
    for _ in range(2):
        async with town.db.transaction() as session:
            await enrolments.leave(session, alice, scope="all", now=town.now)
    assert [each["type"] for each in await told(town)] == ["enrolment.stopped"]


async def test_a_gate_that_ends_the_course_is_told(town: Town) -> None:
    await listen(town, Event.STOPPED, Event.COMPLETED)
    gate = "requires: {activity: point, limit: 7 days, reminders: 0, then: end}"
    await town.publish(course(a="", b=gate))
    await town.enrol(ALICE)
    await town.live("2027-05-01 00:00")
    assert [each["type"] for each in await told(town)] == ["enrolment.stopped"]


async def test_a_lesson_that_no_server_took_is_not_told(town: Town) -> None:
    await listen(town, Event.LESSON_SENT)
    await town.publish()
    alice = await town.enrol(ALICE)
    town.answer = lambda _: FULL
    await town.live("2027-03-23 12:00")
    assert await town.states(alice, "lesson") == ["a retry 452 4.2.2 mailbox full"]
    assert await told(town) == []


async def test_what_is_rolled_back_is_not_told(town: Town) -> None:
    await listen(town)
    async with town.db.reading() as session:
        await hooks.tell(session, Event.ERASED, hooks.Fact(1), now=town.now)
        assert len((await session.scalars(select(WebhookDelivery))).all()) == 1
    assert await owed(town) == [], "nobody committed"


async def test_each_webhook_hears_what_it_chose(town: Town) -> None:
    await listen(town, Event.CONFIRMED)
    await listen(town, Event.CONFIRMED, Event.ERASED, url="https://other.example.org/")
    off = await listen(town)
    async with town.db.transaction() as session:
        await listeners.disable(session, off.id, by=None, now=town.now)
        await hooks.tell(session, Event.CONFIRMED, hooks.Fact(1), hooks.Fact(2), now=town.now)
        await hooks.tell(session, Event.ERASED, hooks.Fact(1), now=town.now)
    assert [(row.webhook_id, row.event) for row in await owed(town)] == [
        (1, "enrolment.confirmed"),
        (2, "enrolment.confirmed"),
        (1, "enrolment.confirmed"),
        (2, "enrolment.confirmed"),
        (2, "learner.erased"),
    ]
    assert len({row.key for row in await owed(town)}) == 5


async def fact(town: Town, count: int = 1) -> None:
    async with town.db.transaction() as session:
        await hooks.tell(session, Event.CONFIRMED, *map(hooks.Fact, range(1, count + 1)), now=town.now)


async def test_a_message_is_taken_by_one_worker_and_comes_back_when_that_one_dies(town: Town) -> None:
    await listen(town)
    await fact(town)
    (first,) = await lease(town)
    assert await lease(town) == []
    town.clock.moment += hooks.LEASE
    (again,) = await lease(town)
    assert again == first, "the same identity, so that the other side may drop the copy"
    async with town.db.transaction() as session:
        await hooks.record(session, again.id, TAKEN, now=town.now)
    town.clock.pass_by(days=9)
    assert await lease(town) == []
    (row,) = await owed(town)
    assert (row.state, row.tries, row.status, row.done_at) == ("sent", 2, 204, town.now - timedelta(days=9))


async def test_a_late_answer_changes_nothing_that_is_settled(town: Town) -> None:
    await listen(town)
    await fact(town)
    (first,) = await lease(town)
    for said in (TAKEN, BROKEN):
        async with town.db.transaction() as session:
            await hooks.record(session, first.id, said, now=town.now)
    assert [row.state for row in await owed(town)] == ["sent"]
    assert (await hook(town)).failing_since is None


async def test_a_try_that_failed_is_written_down_and_made_again(town: Town) -> None:
    await listen(town)
    await fact(town)
    assert await answer(town, BROKEN) == ""
    (row,) = await owed(town)
    assert (row.state, row.status, row.answer) == ("waiting", 500, "Oops <b>")
    assert row.try_at == town.now + timedelta(seconds=5)
    assert (await hook(town)).failing_since == town.now
    town.clock.pass_by(seconds=5)
    await answer(town, TAKEN)
    assert (await hook(town)).failing_since is None


async def test_ten_tries_over_three_days_then_it_is_switched_off_with_a_note(town: Town) -> None:
    await listen(town)
    await fact(town)
    town.clock.pass_by(days=1)
    await fact(town)
    tries, notes = 0, list[str]()
    for _ in range(200):
        for message in await lease(town):
            tries += message.id == 1
            async with town.db.transaction() as session:
                notes.append(await hooks.record(session, message.id, BROKEN, now=town.now))
        waiting = [row.try_at for row in await owed(town) if row.state == "waiting"]
        if not waiting:
            break
        town.clock.moment = min(waiting)
    assert 8 <= tries <= 10
    assert list(filter(None, notes)) == ["failing"]
    found = await hook(town)
    assert (found.enabled, found.note) == (False, "failing")
    assert found.failing_since
    assert town.now - found.failing_since >= webhooks.PATIENCE
    assert {row.state for row in await owed(town)} <= {"failed", "cancelled"}
    await fact(town)
    assert len(await owed(town)) == 2, "nothing more is owed to it"


async def test_the_last_try_ends_a_message(town: Town) -> None:
    await listen(town)
    await fact(town)
    async with town.db.transaction() as session:
        row = await session.get_one(WebhookDelivery, 1)
        row.tries = 9
    await answer(town, BROKEN)
    (row,) = await owed(town)
    assert (row.state, row.tries, row.done_at) == ("failed", 10, town.now)
    assert (await hook(town)).enabled, "one message is not three days"


async def test_gone_means_gone(town: Town) -> None:
    await listen(town)
    await fact(town)
    assert await answer(town, hooks.Answer(410, "")) == "gone"
    assert [row.state for row in await owed(town)] == ["cancelled"]
    async with town.db.transaction() as session:
        await listeners.enable(session, 1, by=None, now=town.now)
    found = await hook(town)
    assert (found.enabled, found.note, found.failing_since) == (True, "", None)


async def test_who_does_not_answer_delays_nobody_else(town: Town) -> None:
    slow = (await listen(town, url="https://slow.example.org/")).url
    await fact(town, 12)
    quick = (await listen(town, Event.ERASED, url="https://quick.example.org/")).url
    async with town.db.transaction() as session:
        await hooks.tell(session, Event.ERASED, hooks.Fact(1), now=town.now)
    taken = await lease(town)
    by = [message.url for message in taken]
    assert (by.count(slow), by.count(quick)) == (5, 1)
    async with town.db.transaction() as session:
        await hooks.record(session, taken[0].id, BROKEN, now=town.now)
    assert await lease(town) == [], "the slow one rests for a minute"
    town.clock.pass_by(minutes=1)
    by = [message.url for message in await lease(town)]
    assert (by.count(slow), by.count(quick)) == (5, 1)


async def test_a_new_secret_signs_beside_the_old_one_for_a_day(town: Town) -> None:
    old = (await listen(town)).secret
    await fact(town)
    async with town.db.transaction() as session:
        new = await listeners.rotate(session, 1, by=None, now=town.now)
    assert new != old
    assert (await lease(town))[0].secrets == (new, old)
    town.clock.pass_by(days=1)
    assert (await lease(town))[0].secrets == (new,)


async def test_the_log_is_kept_a_month_and_what_waits_for_ever(town: Town) -> None:
    await listen(town)
    await fact(town, 2)
    taken = await lease(town, 1)
    async with town.db.transaction() as session:
        await hooks.record(session, taken[0].id, TAKEN, now=town.now)
        assert await hooks.prune(session, now=town.now + timedelta(days=30)) == 0
        assert await hooks.prune(session, now=town.now + timedelta(days=31)) == 1
    assert [row.state for row in await owed(town)] == ["waiting"]


async def test_webhooks_are_added_changed_tested_and_removed_and_all_is_noted(town: Town) -> None:
    found = await listen(town, Event.CONFIRMED)
    async with town.db.transaction() as session:
        await listeners.choose(session, found.id, events=[Event.ERASED], by=None, now=town.now)
        await listeners.test(session, found.id, now=town.now)
        await listeners.disable(session, found.id, by=None, now=town.now)
        with pytest.raises(errors.NotAllowed):
            await listeners.test(session, found.id, now=town.now)
        with pytest.raises(errors.Invalid):
            await listeners.choose(session, found.id, events=["everything"], by=None, now=town.now)
    async with town.db.reading() as session:
        (row,) = await listeners.log(session, found.id)
        assert (row.event, row.state) == ("webhook.test", "cancelled")
    assert (await hook(town)).events == ["learner.erased"]
    async with town.db.transaction() as session:
        await listeners.remove(session, found.id, by=None, now=town.now)
    assert await owed(town) == []
    async with town.db.reading() as session:
        lines = [line.action for line in await accounts.audit(session)]
    assert lines[::-1] == ["webhook_added", "webhook_events", "webhook_off", "webhook_removed"]


@pytest.mark.parametrize("number", [0, 7, 2**31, 10**30])
async def test_there_is_no_other_webhook(town: Town, number: int) -> None:
    async with town.db.reading() as session:
        with pytest.raises(errors.NotFound):
            await listeners.get(session, number)


async def test_a_bad_webhook_is_refused_whole(town: Town) -> None:
    async with town.db.transaction() as session:
        with pytest.raises(errors.Invalid) as refused:
            await listeners.add(session, url="http://example.org/", events=[], by=None, now=town.now)
    assert set(refused.value.problems) == {"url", "events"}


async def test_somebody_elses_life_is_told_with_his_own_ids(town: Town) -> None:
    await town.publish()
    await town.enrol(ALICE)
    await listen(town, Event.CONFIRMED)
    bob = await town.enrol(BOB)
    assert [each["data"]["enrolment_id"] for each in await told(town)] == [bob]
