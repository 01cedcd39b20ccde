"""Pausing, coming back, changing one's mind, leaving."""

import asyncio
from datetime import date, time, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from engine.core import calendar, errors, views
from engine.flows import enrolments, learners, mycourse, outbox
from engine.tables import Consent, Suppression
from tests.people import ALICE, BOB, DRESS, FULL, SENT, Town, course, paris

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIVE = course(a="", b="", c="", d="", e="")


async def pause(town: Town, enrolment: int, until: str = "") -> None:
    async with town.db.transaction() as session:
        day = date.fromisoformat(until) if until else None
        await enrolments.pause(session, enrolment, until=day, now=town.now)


async def resume(town: Town, enrolment: int) -> None:
    async with town.db.transaction() as session:
        await enrolments.resume(session, enrolment, now=town.now)


async def leave(town: Town, enrolment: int, scope: str = "course") -> None:
    async with town.db.transaction() as session:
        await enrolments.leave(session, enrolment, scope=scope, now=town.now)


async def midway(town: Town, until: str = "2027-03-31 12:00") -> int:
    """Alice has had lessons a and b."""
    await town.publish(FIVE)
    alice = await town.enrol(ALICE)
    await town.live(until)
    return alice


async def coming(town: Town, enrolment: int, until: str) -> list[str]:
    """Lessons that came after the first two."""
    await town.live(until)
    return (await town.sent(enrolment, "lesson"))[2:]


async def test_a_pause_without_end_lasts_until_the_learner_comes_back(town: Town) -> None:
    alice = await midway(town)
    await pause(town, alice)
    assert await coming(town, alice, "2027-06-30 12:00") == []
    await resume(town, alice)
    assert await coming(town, alice, "2027-07-14 00:00") == [
        "lesson c tue 2027-07-06 08:30",
        "lesson d tue 2027-07-13 08:30",
    ]
    assert await town.sent(alice, "paused", "resumed") == [
        "paused wed 2027-03-31 12:00",
        "resumed wed 2027-06-30 12:00",
    ]


async def test_a_pause_with_an_end_is_over_by_itself(town: Town) -> None:
    alice = await midway(town)
    await pause(town, alice, "2027-04-21")
    assert (await town.row(alice)).state == "paused"
    assert await coming(town, alice, "2027-05-05 00:00") == [
        "lesson c tue 2027-04-27 08:30",
        "lesson d tue 2027-05-04 08:30",
    ]
    assert (await town.row(alice)).state == "active"
    assert await town.events(alice, "resumed")


async def test_pausing_again_changes_the_end(town: Town) -> None:
    alice = await midway(town)
    await pause(town, alice, "2027-04-21")
    await pause(town, alice, "2027-05-12")
    assert await coming(town, alice, "2027-05-19 00:00") == ["lesson c tue 2027-05-18 08:30"]


async def test_coming_back_early_and_twice(town: Town) -> None:
    alice = await midway(town)
    await pause(town, alice, "2027-06-21")
    await town.live("2027-04-14 12:00")
    await resume(town, alice)
    await resume(town, alice)
    assert await coming(town, alice, "2027-04-21 00:00") == ["lesson c tue 2027-04-20 08:30"]
    assert len(await town.mails(alice, "resumed")) == 1


async def test_a_short_pause_brings_no_two_lessons_close_together(town: Town) -> None:
    alice = await midway(town, "2027-03-30 12:00")  # b came this morning
    await pause(town, alice)
    await resume(town, alice)
    assert await coming(town, alice, "2027-04-12 00:00") == ["lesson c tue 2027-04-06 08:30"]


@pytest.mark.parametrize("until", ["", "2027-04-21"])
async def test_a_lesson_that_the_pause_kept_back_leaves_first(town: Town, until: str) -> None:
    await town.publish(FIVE)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-29 00:00")
    await town.sleep("2027-03-30 08:45")
    await town.tick()
    await pause(town, alice, until)
    await town.send()
    assert "b held paused" in await town.states(alice, "lesson")
    await town.live("2027-04-21 00:00")
    if not until:
        await resume(town, alice)
    await town.live("2027-05-12 00:00")
    assert await town.sent(alice, "lesson") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-04-27 08:30",
        "lesson c tue 2027-05-04 08:30",
        "lesson d tue 2027-05-11 08:30",
    ]


async def test_a_lesson_in_retry_outlives_a_pause(town: Town) -> None:
    await town.publish(FIVE)
    alice = await town.enrol(ALICE)
    town.answer = lambda mail: FULL if mail.lesson_key == "b" else SENT
    await town.live("2027-03-30 12:00")
    await pause(town, alice, "2027-04-21")
    town.answer = lambda _: SENT
    await town.live("2027-05-05 00:00")
    assert await town.sent(alice, "lesson") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-04-27 08:30",
        "lesson c tue 2027-05-04 08:30",
    ]


async def test_pausing_before_the_welcome_was_planned_loses_nobody(town: Town) -> None:
    await town.publish(FIVE)
    alice = await town.enrol(ALICE)
    async with town.db.transaction() as session:
        await enrolments.enrol(session, now=town.now)
    await pause(town, alice)
    await town.live("2027-04-14 12:00")
    assert await town.sent(alice, "welcome") == []
    await resume(town, alice)
    await town.live("2027-04-21 00:00")
    assert await town.sent(alice, "welcome", "lesson") == [
        "welcome wed 2027-04-14 12:00",
        "lesson a tue 2027-04-20 08:30",
    ]


async def test_what_is_over_cannot_be_paused(town: Town) -> None:
    alice = await midway(town)
    await leave(town, alice)
    with pytest.raises(errors.NotAllowed):
        await pause(town, alice)
    with pytest.raises(errors.NotAllowed):
        await resume(town, alice)


async def change_slot(
    town: Town, enrolment: int, weekday: str, time: str, zone: str = "Europe/Paris"
) -> None:
    async with town.db.transaction() as session:
        await learners.change_slot(session, enrolment, weekday=weekday, time=time, zone=zone, now=town.now)


async def test_a_new_slot_is_kept_from_the_next_lesson_on(town: Town) -> None:
    alice = await midway(town)
    await change_slot(town, alice, "4", "17:30")
    assert await coming(town, alice, "2027-04-10 00:00") == [
        "lesson c fri 2027-04-02 17:30",
        "lesson d fri 2027-04-09 17:30",
    ]


@pytest.mark.parametrize("weekday", list("01234"))
async def test_a_new_slot_brings_no_two_lessons_close_together(town: Town, weekday: str) -> None:
    alice = await midway(town)
    await change_slot(town, alice, weekday, "09:00")
    due = (await town.row(alice)).due_at
    assert due
    assert due > town.now
    assert timedelta(days=3) <= due.date() - date(2027, 3, 30) <= timedelta(days=9)
    await town.live("2027-05-15 00:00")
    days = [date.fromisoformat(mail.split()[3]) for mail in await town.sent(alice, "lesson")]
    assert len(days) == 5
    assert min(after - before for before, after in pairwise(days)) >= timedelta(days=3)


async def test_a_new_slot_before_the_first_lesson(town: Town) -> None:
    await town.publish(FIVE)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-22 12:00")
    await change_slot(town, alice, "3", "18:00")
    await town.live("2027-03-26 00:00")
    assert await town.sent(alice, "lesson") == ["lesson a thu 2027-03-25 18:00"]


@pytest.mark.parametrize(
    ("weekday", "time", "zone", "field"),
    [
        ("6", "09:00", "Europe/Paris", "weekday"),  # a Sunday
        ("tue", "09:00", "Europe/Paris", "weekday"),
        ("1", "25:00", "Europe/Paris", "time"),
        ("1", "9:00\r\n", "Europe/Paris", "time"),
        ("1", "09:00", "Europe/Nowhere", "zone"),
    ],
)
async def test_a_slot_that_is_none_changes_nothing(
    town: Town, weekday: str, time: str, zone: str, field: str
) -> None:
    alice = await midway(town)
    before = await town.row(alice)
    with pytest.raises(errors.Invalid) as refused:
        await change_slot(town, alice, weekday, time, zone)
    assert set(refused.value.problems) == {field}
    after = await town.row(alice)
    assert (after.slot, after.due_at) == (before.slot, before.due_at)


async def change_pace(town: Town, enrolment: int, pace: int) -> None:
    async with town.db.transaction() as session:
        await learners.change_pace(session, enrolment, pace=pace, now=town.now)


async def test_slower_and_faster_again(town: Town) -> None:
    alice = await midway(town)
    await change_pace(town, alice, 2)
    assert await coming(town, alice, "2027-04-14 00:00") == ["lesson c tue 2027-04-13 08:30"]
    await change_pace(town, alice, 4)
    await town.live("2027-04-21 12:00")
    await change_pace(town, alice, 1)
    assert (await coming(town, alice, "2027-05-05 00:00"))[1:] == [
        "lesson d tue 2027-04-27 08:30",
        "lesson e tue 2027-05-04 08:30",
    ]


async def test_a_pace_that_nobody_offers(town: Town) -> None:
    alice = await midway(town)
    with pytest.raises(errors.Invalid):
        await change_pace(town, alice, 3)


async def test_changes_during_a_pause_count_after_it(town: Town) -> None:
    alice = await midway(town)
    await pause(town, alice, "2027-04-21")
    await change_slot(town, alice, "3", "10:00")
    # Not before the day that the mail named: Tuesday 27 April, the first slot after the 21st.
    assert await coming(town, alice, "2027-04-30 00:00") == ["lesson c thu 2027-04-29 10:00"]


async def test_leaving_stops_everything_and_is_written_down(town: Town) -> None:
    alice = await midway(town)
    await leave(town, alice)
    await leave(town, alice)
    assert await coming(town, alice, "2027-06-01 00:00") == []
    row = await town.row(alice)
    assert (row.state, row.end_reason, row.due_at) == ("stopped", "left", None)
    async with town.db.reading() as session:
        events = list(await session.scalars(select(Consent.event).order_by(Consent.id)))
        assert events == ["asked", "given", "withdrawn"]
        assert list(await session.scalars(select(Suppression))) == []


async def test_leaving_cancels_what_is_owed(town: Town) -> None:
    await town.publish(FIVE)
    alice = await town.enrol(ALICE)
    town.answer = lambda mail: FULL if mail.kind == "lesson" else SENT
    await town.live("2027-03-23 09:00")
    await pause(town, alice)
    await town.send()
    await leave(town, alice)
    assert "a cancelled left" in await town.states(alice, "lesson")
    town.answer = lambda _: SENT
    await town.live("2027-06-01 00:00")
    assert await town.sent(alice, "lesson") == []


async def test_leaving_a_completed_course_cancels_its_farewell(town: Town) -> None:
    await town.publish(course(a=""))
    alice = await town.enrol(ALICE)
    town.answer = lambda mail: FULL if mail.kind == "farewell" else SENT
    await town.live("2027-03-30 09:00")
    assert (await town.row(alice)).state == "completed"
    await leave(town, alice)
    town.answer = lambda _: SENT
    await town.live("2027-06-01 00:00")
    assert await town.sent(alice, "farewell") == []


async def test_leaving_everything_suppresses_the_address_and_nobody_elses(town: Town) -> None:
    alice = await midway(town)
    bob = await town.enrol(BOB)
    await leave(town, alice, "all")
    await town.live("2027-04-14 00:00")
    async with town.db.reading() as session:
        (found,) = await session.scalars(select(Suppression))
    assert (found.address_hash, found.reason) == ((await town.learner(alice)).address_hash, "left")
    assert len(await town.sent(alice, "lesson")) == 2
    assert await town.sent(bob, "lesson")


async def test_who_left_may_come_back_and_start_anew(town: Town) -> None:
    alice = await midway(town)
    await leave(town, alice, "all")
    again = await town.enrol(ALICE)
    assert again != alice
    await town.live("2027-04-07 00:00")
    assert await town.sent(again, "lesson") == ["lesson a tue 2027-04-06 08:30"]


async def test_two_clicks_on_leave_at_once(town: Town) -> None:
    alice = await midway(town)
    await asyncio.gather(leave(town, alice, "all"), leave(town, alice, "all"), leave(town, alice))
    async with town.db.reading() as session:
        events = list(await session.scalars(select(Consent.event)))
    assert events.count("withdrawn") == 1


async def test_the_page_says_exactly_when_the_next_lesson_leaves(town: Town) -> None:
    alice = await midway(town)
    async with town.db.reading() as session:
        page = await mycourse.page(session, alice, house=DRESS, now=town.now)
    assert page.next
    await town.live("2027-04-07 00:00")
    assert (await town.mail(alice, "lesson", "c")).due_at == page.next.at


async def shown(town: Town, enrolment: int) -> views.Next:
    """What "my course" says of the next lesson."""
    async with town.db.reading() as session:
        page = await mycourse.page(session, enrolment, house=DRESS, now=town.now)
    assert page.next
    return page.next


GATED = "requires: {{activity: point, reminders: 2, limit: 16, then: {then}}}"


async def test_the_page_says_when_a_gate_gives_up_waiting(town: Town) -> None:
    await town.publish(course(a="", b=GATED.format(then="continue"), c=""))
    alice = await town.enrol(ALICE)
    told = set()
    # Before the gate's day, after each reminder, and while nothing but its limit is left.
    for day in ("2027-03-29", "2027-03-31", "2027-04-07", "2027-04-14"):
        await town.live(f"{day} 12:00")
        told.add((await shown(town, alice)).anyway_at)
    await town.live("2027-04-16 00:00")
    assert len(await town.sent(alice, "reminder")) == 2
    assert told == {(await town.mail(alice, "lesson", "b")).due_at}


async def test_a_pause_or_another_slot_leaves_that_day_true(town: Town) -> None:
    await town.publish(course(a="", b=GATED.format(then="continue"), c=""))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-31 12:00")
    await change_slot(town, alice, "4", "17:30")
    await pause(town, alice)
    await town.live("2027-05-05 12:00")
    await resume(town, alice)
    told = (await shown(town, alice)).anyway_at
    await town.live("2027-05-22 00:00")
    assert told == (await town.mail(alice, "lesson", "b")).due_at


@pytest.mark.parametrize("then", ["wait", "end"])
async def test_a_gate_that_never_gives_up_promises_nothing(town: Town, then: str) -> None:
    await town.publish(course(a="", b=GATED.format(then=then), c=""))
    alice = await town.enrol(ALICE)
    for day in ("2027-03-29", "2027-03-31"):
        await town.live(f"{day} 12:00")
        assert (await shown(town, alice)).anyway_at is None


async def test_somebody_who_is_not_there(town: Town) -> None:
    for change in (pause, resume, leave):
        with pytest.raises(errors.NotFound):
            await change(town, 4711)


async def test_a_cohort_starts_at_midnight_of_the_learners_own_zone() -> None:
    days = (date(2027, 3, 15), date(2027, 4, 14))
    start = enrolments.cohort_start(days, "Indian/Reunion", paris("2027-03-22 10:00"))
    assert start == calendar.to_utc(date(2027, 4, 14), time(), "Indian/Reunion")
    assert enrolments.cohort_start(days, "Europe/Paris", paris("2027-04-14 10:00")) == paris(
        "2027-04-14 10:00"
    )


async def test_a_mail_kept_back_by_a_pause_is_told_from_one_that_a_human_must_see(town: Town) -> None:
    alice = await midway(town)
    (mail, *_) = await town.mails(alice, "lesson")
    mail.state, mail.reason = "held", "no template"
    assert not outbox.kept_back(mail)
