"""One gesture each: the last lesson again, the next one sooner, catching up."""

from datetime import date

import pytest

from engine.core import errors, views
from engine.core import links as signed
from engine.flows import enrolments, learners, letters, mycourse, writing
from engine.mail import builds
from engine.tables import Delivery
from tests import ledger
from tests.people import ALICE, DRESS, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUSE = letters.House(
    signed.Links(DRESS.base_url, [b"a secret"], lasting=b"another"), DRESS, builds.Builds(), "example.org"
)
SEVEN = course(a="", b="", c="", d="", e="", f="", g="")


async def midway(town: Town, until: str = "2027-03-31 12:00") -> int:
    """Alice has had lessons a and b."""
    await town.publish(SEVEN)
    alice = await town.enrol(ALICE)
    await town.live(until)
    return alice


async def again(town: Town, enrolment: int) -> None:
    async with town.db.transaction() as session:
        await learners.send_again(session, enrolment, now=town.now)


async def hasten(town: Town, enrolment: int, *, catch_up: bool = False) -> None:
    async with town.db.transaction() as session:
        await learners.hasten(session, enrolment, catch_up=catch_up, now=town.now)


async def later(town: Town, enrolment: int, until: str) -> list[str]:
    """Lessons that came after the first two."""
    await town.live(until)
    return (await town.sent(enrolment, "lesson"))[2:]


async def test_the_last_lesson_comes_again_at_once_and_first(town: Town) -> None:
    alice = await midway(town)
    await again(town, alice)
    mail = await town.mail(alice, "again")
    assert (mail.lesson_key, mail.priority, mail.due_at) == ("b", 0, town.now)
    await town.send()
    assert await town.sent(alice, "again") == ["again b wed 2027-03-31 12:00"]
    assert await later(town, alice, "2027-04-07 00:00") == ["lesson c tue 2027-04-06 08:30"]


async def test_again_at_most_once_an_hour(town: Town) -> None:
    alice = await midway(town)
    await again(town, alice)
    town.clock.pass_by(minutes=59)
    with pytest.raises(errors.Invalid, match="une heure"):
        await again(town, alice)
    town.clock.pass_by(minutes=2)
    await again(town, alice)
    assert len(await town.mails(alice, "again")) == 2


async def test_before_the_first_lesson_nothing_comes_again_or_sooner(town: Town) -> None:
    alice = await midway(town, "2027-03-22 10:30")
    with pytest.raises(errors.Invalid, match="Aucune"):
        await again(town, alice)
    await town.live("2027-03-22 12:00")
    await hasten(town, alice)  # lesson a leaves tomorrow as it is
    assert await town.events(alice, "sooner") == []


async def test_sooner_is_the_next_open_day_once_and_then_the_slot_again(town: Town) -> None:
    alice = await midway(town)
    await hasten(town, alice)
    await hasten(town, alice)
    assert await later(town, alice, "2027-04-14 00:00") == [
        "lesson c thu 2027-04-01 08:30",
        "lesson d tue 2027-04-06 08:30",
        "lesson e tue 2027-04-13 08:30",
    ]
    assert len(await town.events(alice, "sooner")) == 1


async def test_pressed_every_day_it_is_one_lesson_a_day(town: Town) -> None:
    alice = await midway(town)
    for day in ("2027-04-01", "2027-04-02"):
        await hasten(town, alice)
        await town.live(f"{day} 12:00")
    assert await later(town, alice, "2027-04-03 00:00") == [
        "lesson c thu 2027-04-01 08:30",
        "lesson d fri 2027-04-02 08:30",
    ]


async def test_a_gate_is_not_hastened(town: Town) -> None:
    await town.publish(course(a="", b="requires: {activity: point}"))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 12:00")
    with pytest.raises(errors.Invalid, match="attend"):
        await hasten(town, alice)
    await town.check_in(alice)
    await hasten(town, alice)
    await town.live("2027-03-26 00:00")
    assert (await town.sent(alice, "lesson"))[1:] == ["lesson b thu 2027-03-25 08:30"]


async def test_sooner_leaves_no_reminder_on_its_day(town: Town) -> None:
    alice = await midway(town, "2027-03-25 12:00")  # the reminder of lesson a is due tomorrow
    await hasten(town, alice)
    await town.live("2027-03-27 00:00")
    assert await town.sent(alice, "lesson", "missed") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b fri 2027-03-26 08:30",
    ]


async def test_what_a_pause_held_is_caught_up_with_one_an_open_day(town: Town) -> None:
    alice = await midway(town)
    async with town.db.transaction() as session:
        await enrolments.pause(session, alice, until=None, now=town.now)
    await town.live("2027-04-21 12:00")  # c, d and e would have come
    async with town.db.transaction() as session:
        await enrolments.resume(session, alice, now=town.now)
    page = await course_page(town, alice)
    assert page.gestures.missed == 3
    await hasten(town, alice, catch_up=True)
    assert (await course_page(town, alice)).gestures.missed == 0
    assert await later(town, alice, "2027-05-12 00:00") == [
        "lesson c thu 2027-04-22 08:30",
        "lesson d fri 2027-04-23 08:30",
        "lesson e mon 2027-04-26 08:30",
        "lesson f tue 2027-05-04 08:30",
        "lesson g tue 2027-05-11 08:30",
    ]


async def test_another_choice_ends_the_catching_up(town: Town) -> None:
    alice = await midway(town)
    await town.change(alice, last_day=date(2027, 3, 9))
    await hasten(town, alice, catch_up=True)
    assert (await town.row(alice)).catching_up == 2
    async with town.db.transaction() as session:
        await learners.change_pace(session, alice, pace=2, now=town.now)
    await town.live("2027-04-08 00:00")
    assert (await town.sent(alice, "lesson"))[2:] == ["lesson c tue 2027-04-06 08:30"]


async def course_page(town: Town, enrolment: int) -> views.CoursePage:
    async with town.db.reading() as session:
        return await mycourse.page(session, enrolment, house=DRESS, now=town.now)


async def test_my_course_offers_what_would_do_something(town: Town) -> None:
    alice = await midway(town)
    found = (await course_page(town, alice)).gestures
    assert (found.again, found.missed, found.slower, found.faster) == ("La leçon b", 0, 2, None)
    assert found.sooner
    await hasten(town, alice)
    page = await course_page(town, alice)
    assert page.gestures.sooner is None
    assert page.next
    assert page.next.at == found.sooner


async def test_my_course_says_what_keeps_it_from_pausing_itself(town: Town) -> None:
    await town.publish(course(asked={key: f"point-{key}" for key in "abcd"}, a="", b="", c="", d=""))
    alice = await town.enrol(ALICE)
    await town.live("2027-04-07 12:00")
    page = await course_page(town, alice)
    assert page.next
    assert page.next.needs
    assert page.next.needs.key == "point-c"
    assert page.gestures.sooner is None


async def test_a_lesson_sent_again_is_the_lesson_word_for_word(town: Town) -> None:
    alice = await midway(town)
    await again(town, alice)
    first, copy = await town.mail(alice, "lesson", "b"), await town.mail(alice, "again")
    assert first.message_id != copy.message_id
    bodies = [await written(town, mail.id) for mail in (first, copy)]
    assert bodies[0] == bodies[1]
    assert "List-Unsubscribe" in bodies[1]


async def written(town: Town, delivery_id: int) -> str:
    """A mail as it travels, but for what is its own: date and Message-ID."""
    async with town.db.transaction() as session:
        mail = await session.get_one(Delivery, delivery_id)
        mail.state, mail.lease = "claimed", "w"  # as before it left
        (begun,) = await ledger.begin(session, [delivery_id], worker="w", now=town.now)
        addressed = (await letters.gather(session, [begun]))[begun.id]
    assert isinstance(addressed, letters.Addressed)
    source = writing.write(addressed, HOUSE, now=town.now).data.decode()
    return "\n".join(line for line in source.splitlines() if not line.startswith("Message-ID"))
