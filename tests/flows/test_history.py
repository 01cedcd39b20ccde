"""An operator asks why a lesson came or did not."""

import pytest

from engine.core import delivery, errors
from engine.flows import enrolments, history
from tests.people import ALICE, BOB, FULL, SENT, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

GATED = course(a="", b="requires: {activity: point, reminders: 1, limit: 30}", c="when: learner.size >= 50")


async def answer(town: Town, enrolment: int, key: str) -> str:
    async with town.db.reading() as session:
        learner = await history.find(session, str((await town.learner(enrolment)).id))
        (found,) = await history.why(session, learner, key)
    assert found.course == "essai"
    return found.answer


async def test_the_answer_follows_the_learner_through_the_course(town: Town) -> None:
    await town.publish(GATED)
    await town.sign_up(ALICE)
    assert await answer(town, 1, "a") == "Not sent: the address is not confirmed."
    await town.confirm(1)
    assert (await answer(town, 1, "a")).startswith("Not yet: the course begins on 2027-03-22")
    await town.live("2027-03-22 12:00")
    assert (await answer(town, 1, "a")).startswith("Not yet: it leaves on 2027-03-23 at 07:3")
    assert await answer(town, 1, "b") == "Not yet: “a” comes first."
    await town.live("2027-03-24 00:00")
    assert (await answer(town, 1, "a")).startswith("Sent on 2027-03-23 at 07:3")
    await town.live("2027-03-31 00:00")
    assert (await answer(town, 1, "b")).startswith(
        "Not yet: it waits for the activity “point” since 2027-03-30"
    )
    async with town.db.transaction() as session:
        await enrolments.pause(session, 1, until=None, now=town.now)
    assert await answer(town, 1, "b") == "Not yet: the course is paused."
    async with town.db.transaction() as session:
        await enrolments.leave(session, 1, scope="course", now=town.now)
    assert await answer(town, 1, "b") == "Not sent: the enrolment stopped on 2027-03-30 (left)."


async def test_a_condition_that_does_not_hold_is_named(town: Town) -> None:
    await town.publish(course(a="", b="when: learner.size >= 50", c=""))
    bob = await town.enrol(BOB)
    await town.live("2027-03-31 00:00")
    assert await answer(town, bob, "b") == "Not for this learner: “learner.size >= 50” does not hold."


async def test_what_the_server_said_is_told(town: Town) -> None:
    await town.publish(GATED)
    alice, bob = await town.enrol(ALICE), await town.enrol(BOB)
    gone = delivery.Refused(550, "5.1.1 no such user", True, "recipient")
    answers = {alice: FULL, bob: gone}
    town.answer = lambda mail: answers[mail.enrolment_id or 0] if mail.kind == "lesson" else SENT
    await town.live("2027-03-23 08:50")
    assert "refused for now (452 4.2.2 mailbox full)" in await answer(town, alice, "a")
    assert await answer(town, bob, "a") == "Not sent: failed (550 5.1.1 no such user)."


async def test_every_fact_stands_below_the_answer(town: Town) -> None:
    await town.publish(GATED)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-31 00:00")
    async with town.db.reading() as session:
        learner = await history.find(session, "ALICE@example.org")
        (found,) = await history.why(session, learner, "b")
    told = [fact.text for fact in found.facts]
    assert any(text.startswith("reminder, sent, tries 1") for text in told)
    assert "confirmed" in told
    assert alice


async def test_a_bad_row_tells_its_reason(town: Town) -> None:
    await town.publish(GATED)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-22 12:00")
    await town.change(alice, slot="someday")
    await town.live("2027-03-24 00:00")
    async with town.db.reading() as session:
        (found,) = await history.why(session, await history.find(session, "1"), "a")
    assert any(fact.text.startswith("held") and "someday" in fact.text for fact in found.facts)


@pytest.mark.parametrize("who", ["2", "nobody@example.org", "99999999999999999999", "", "%"])
async def test_nobody_by_that_name(town: Town, who: str) -> None:
    await town.publish(GATED)
    await town.enrol(ALICE)
    async with town.db.reading() as session:
        with pytest.raises(errors.NotFound):
            await history.find(session, who)


async def test_a_lesson_that_no_course_has(town: Town) -> None:
    await town.publish(GATED)
    await town.enrol(ALICE)
    async with town.db.reading() as session:
        with pytest.raises(errors.NotFound):
            await history.why(session, await history.find(session, "1"), "nowhere")
