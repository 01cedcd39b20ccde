"""A missed activity brings one reminder; three silent lessons bring one question and a pause."""

from datetime import date

import pytest

from engine.core import delivery
from engine.flows import enrolments, learners
from tests.people import ALICE, BOB, SENT, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIX = course(asked={key: f"point-{key}" for key in "abcdef"}, a="", b="", c="", d="", e="", f="")


NO_SUCH: delivery.Outcome = delivery.Refused(554, "5.6.0 content refused", True, "recipient")


async def begun(town: Town) -> int:
    await town.publish(SIX)
    return await town.enrol(ALICE)


async def resume(town: Town, enrolment: int) -> None:
    async with town.db.transaction() as session:
        await enrolments.resume(session, enrolment, now=town.now)


COURSE = ("lesson", "missed", "silent")


async def test_after_three_silent_lessons_the_course_asks_once_and_waits(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-05-30 00:00")
    assert await town.sent(alice, *COURSE) == [
        "lesson a tue 2027-03-23 08:30",
        "missed a fri 2027-03-26 08:30",
        "lesson b tue 2027-03-30 08:30",
        "lesson c tue 2027-04-06 08:30",
        "silent d tue 2027-04-13 08:30",
    ]
    row = await town.row(alice)
    assert (row.state, row.paused_until, row.next_key) == ("paused", None, "d")
    assert [event.text for event in await town.events(alice, "paused")] == ["trois leçons sans réponse"]


async def test_who_comes_back_goes_on_and_the_count_starts_anew(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-04-14 12:00")
    await resume(town, alice)
    await town.live("2027-05-30 00:00")
    assert (await town.sent(alice, *COURSE))[5:] == [
        "lesson d tue 2027-04-20 08:30",
        "missed d fri 2027-04-23 08:30",
        "lesson e tue 2027-04-27 08:30",
        "lesson f tue 2027-05-04 08:30",
    ]
    assert (await town.row(alice)).state == "completed"


async def test_an_answer_or_a_draft_is_a_sign_of_life(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-04-07 12:00")
    await town.check_in(alice, "later", "point-b")
    await town.live("2027-04-14 00:00")
    assert (await town.sent(alice, "lesson", "silent"))[3:] == ["lesson d tue 2027-04-13 08:30"]


async def test_a_pause_of_ones_own_is_a_sign_of_life(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-04-07 12:00")
    async with town.db.transaction() as session:
        await enrolments.pause(session, alice, until=None, now=town.now)
    await resume(town, alice)
    await town.live("2027-04-28 00:00")
    assert (await town.sent(alice, "lesson", "silent"))[3:] == [
        "lesson d tue 2027-04-13 08:30",
        "lesson e tue 2027-04-20 08:30",
        "lesson f tue 2027-04-27 08:30",
    ]


async def test_a_pause_that_ends_by_itself_starts_the_count_anew(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-04-07 12:00")
    async with town.db.transaction() as session:
        await enrolments.pause(session, alice, until=date(2027, 4, 12), now=town.now)
    await town.live("2027-04-14 00:00")
    assert (await town.sent(alice, "lesson", "silent"))[3:] == ["lesson d tue 2027-04-13 08:30"]


async def test_asking_for_a_lesson_again_is_a_sign_of_life(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-04-07 12:00")
    async with town.db.transaction() as session:
        await learners.send_again(session, alice, now=town.now)
    await town.live("2027-04-14 00:00")
    assert (await town.sent(alice, "lesson", "silent"))[3:] == ["lesson d tue 2027-04-13 08:30"]


async def test_what_is_handed_in_is_not_reminded_of(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-03-24 12:00")
    await town.check_in(alice, key="point-a")
    await town.live("2027-04-03 00:00")
    assert await town.sent(alice, "missed") == ["missed b fri 2027-04-02 08:30"]
    assert await town.states(alice, "missed") == ["a cancelled overtaken", "b sent"]


async def test_who_answered_something_else_since_is_left_alone(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-03-24 12:00")
    await town.check_in(alice, key="point-b")  # of a lesson to come
    await town.live("2027-03-27 00:00")
    assert await town.states(alice, "missed") == ["a cancelled overtaken"]


async def test_a_draft_is_still_reminded_of(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-03-24 12:00")
    await town.check_in(alice, "later", "point-a")
    await town.live("2027-03-27 00:00")
    assert await town.sent(alice, "missed") == ["missed a fri 2027-03-26 08:30"]


async def test_no_reminder_during_a_pause_nor_after_it(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-03-24 12:00")
    async with town.db.transaction() as session:
        await enrolments.pause(session, alice, until=None, now=town.now)
    await resume(town, alice)
    await town.live("2027-03-29 00:00")
    assert await town.states(alice, "missed") == ["a cancelled paused"]


async def test_no_reminder_of_a_lesson_that_never_came(town: Town) -> None:
    alice = await begun(town)
    town.answer = lambda mail: NO_SUCH if mail.kind == "lesson" else SENT
    await town.live("2027-03-27 00:00")
    assert await town.states(alice, "missed") == ["a cancelled overtaken"]


async def test_a_reminder_is_held_over_a_closed_day(town: Town) -> None:
    await town.publish(SIX)
    bob = await town.enrol(BOB, weekday="4")  # the Friday before Easter; Monday is closed
    await town.live("2027-04-01 00:00")
    assert await town.sent(bob, "lesson", "missed") == [
        "lesson a fri 2027-03-26 08:30",
        "missed a tue 2027-03-30 08:30",
    ]
    assert "Pâques" in (await town.mail(bob, "missed")).due_reason


async def test_after_an_outage_a_reminder_never_meets_the_next_lesson(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-03-24 12:00")
    await town.sleep("2027-03-29 12:00")
    await town.wake()
    await town.live("2027-03-31 00:00")
    assert await town.sent(alice, "lesson", "missed") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-03-30 08:30",
    ]


async def test_a_lesson_that_an_outage_moved_brings_no_reminder_on_its_new_day(town: Town) -> None:
    alice = await begun(town)
    await town.live("2027-03-22 12:00")
    await town.sleep("2027-03-23 08:45")
    await town.tick()
    await town.sleep("2027-03-25 12:00")
    await town.wake()
    await town.live("2027-03-27 00:00")
    assert await town.sent(alice, "lesson", "missed") == ["lesson a fri 2027-03-26 08:30"]
    assert await town.states(alice, "missed") == ["a cancelled rescheduled"]
