"""Who receives what and when, on both databases: the course's rules, lived."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from engine.core import delivery, errors
from engine.flows import activities, catalog, enrolments, leases, planning
from engine.tables import Delivery, Version
from tests import ledger
from tests.people import ALICE, BOB, CHARLIE, FULL, SENT, Town, course, paris, told

pytestmark = pytest.mark.asyncio(loop_scope="session")

GATE = "requires: {{activity: point, reminders: {reminders}, limit: {limit}, then: {then}}}"


def gate(*, reminders: int = 2, limit: int = 21, then: str = "continue") -> str:
    return GATE.format(reminders=reminders, limit=limit, then=then)


async def test_a_course_is_welcome_a_lesson_a_week_and_farewell(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-05-01 00:00")
    assert await town.sent(alice, "welcome", "lesson", "farewell") == [
        "welcome mon 2027-03-22 10:00",
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-03-30 08:30",
        "lesson c tue 2027-04-06 08:30",
        "farewell tue 2027-04-13 08:30",
    ]
    assert (await town.row(alice)).state == "completed"


async def test_the_hour_is_the_learners_own(town: Town) -> None:
    await town.publish()
    charlie = await town.enrol(CHARLIE)
    await town.live("2027-03-31 00:00")
    lesson = await town.mail(charlie, "lesson", "a")
    assert told(lesson, "Indian/Reunion") == "lesson a thu 2027-03-25 17:00"
    assert told(lesson, "Europe/Paris") == "lesson a thu 2027-03-25 14:00"
    assert timedelta() <= lesson.due_at - paris("2027-03-25 14:00") <= timedelta(minutes=9)  # the spread


async def test_a_holiday_moves_one_lesson_and_the_next_returns_to_its_slot(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE, weekday="0")  # Easter Monday is 29 March
    await town.live("2027-04-30 00:00")
    assert await town.sent(alice, "lesson") == [
        "lesson a tue 2027-03-30 08:30",
        "lesson b mon 2027-04-05 08:30",
        "lesson c mon 2027-04-12 08:30",
    ]
    assert "Lundi de Pâques" in (await town.mail(alice, "lesson", "a")).due_reason


async def test_the_course_is_completed_when_the_last_lesson_is_sent_not_before(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-04-05 00:00")
    assert (await town.row(alice)).state == "active"
    await town.live("2027-04-06 09:00")
    await town.tick()
    assert (await town.row(alice)).state == "completed"
    assert await town.mails(alice, "farewell") == []
    await town.live("2027-04-14 00:00")
    assert (await town.mail(alice, "farewell")).state == "sent"


async def test_a_last_lesson_that_failed_still_ends_in_a_farewell(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    gone = delivery.Refused(550, "5.1.1 no such user", True, "recipient")
    town.answer = lambda mail: gone if mail.lesson_key == "c" else SENT
    await town.live("2027-04-14 00:00")
    assert (await town.row(alice)).state == "completed"
    assert await town.sent(alice, "farewell") == ["farewell tue 2027-04-13 08:30"]


async def test_a_course_whose_only_lesson_failed_comes_to_its_end(town: Town) -> None:
    await town.publish(course(a=""))
    alice = await town.enrol(ALICE)
    gone = delivery.Refused(550, "5.1.1 no such user", True, "recipient")
    town.answer = lambda mail: gone if mail.kind == "lesson" else SENT
    await town.live("2027-04-01 00:00")
    assert (await town.row(alice)).state == "completed"


async def test_planning_twice_owes_once(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-03-23 09:00")
    before = await town.mails(alice)
    await town.change(alice, next_kind="lesson", next_key="a", due_at=town.now)
    await town.wake()
    assert [mail.id for mail in await town.mails(alice)] == [mail.id for mail in before]
    assert (await town.row(alice)).next_key == "b"


async def test_two_planners_at_once_plan_nobody_twice(town: Town) -> None:
    await town.publish()
    alice, bob = await town.enrol(ALICE), await town.enrol(BOB)
    await town.tick()
    await town.send()
    await town.sleep("2027-03-23 08:45")

    async def plan() -> list[int]:
        found = []
        while True:
            async with town.db.transaction() as session:
                found.append(await planning.plan_due(session, now=town.now, limit=1))
                await asyncio.sleep(0.01)
            if not found[-1]:
                return found

    planned = await asyncio.gather(plan(), plan(), plan())
    assert sum(map(sum, planned)) == 2
    for person in (alice, bob):
        assert len(await town.mails(person, "lesson")) == 1


@pytest.mark.parametrize("town_database", ["postgresql"], indirect=True)  # on SQLite a writer is alone
async def test_a_row_that_another_planner_holds_is_passed_over(town: Town) -> None:
    await town.publish()
    await town.enrol(ALICE)
    await town.enrol(BOB)
    async with town.db.transaction() as setup:
        await enrolments.enrol(setup, now=town.now)
    async with town.db.transaction() as one, town.db.transaction() as other:
        assert await planning.plan_due(one, now=town.now, limit=1) == 1
        async with asyncio.timeout(3):
            assert await planning.plan_due(other, now=town.now) == 1


# Lesson b is due on Tuesday 30 March 2027 at 08:30; Easter Monday was the day before.
OUTAGES = [
    ("2027-03-30 10:00", "tue 2027-03-30 08:30", "tue 2027-04-06 08:30"),  # not late yet
    ("2027-03-30 14:00", "wed 2027-03-31 08:30", "tue 2027-04-06 08:30"),
    ("2027-03-31 07:00", "wed 2027-03-31 08:30", "tue 2027-04-06 08:30"),  # its hour is still ahead
    ("2027-03-31 14:00", "thu 2027-04-01 08:30", "tue 2027-04-06 08:30"),  # a day
    ("2027-04-02 14:00", "mon 2027-04-05 08:30", "tue 2027-04-13 08:30"),  # three, and a weekend
    ("2027-04-06 14:00", "tue 2027-04-13 08:30", "tue 2027-04-20 08:30"),  # a week: too late, the next slot
    ("2027-04-13 14:00", "tue 2027-04-20 08:30", "tue 2027-04-27 08:30"),  # two weeks
]


@pytest.mark.parametrize(("back", "leaves", "next_leaves"), OUTAGES)
async def test_after_an_outage_lessons_leave_at_their_hour(
    town: Town, back: str, leaves: str, next_leaves: str
) -> None:
    await town.publish(course(a="", b="", c="", d=""))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-29 00:00")
    await town.sleep(back)
    await town.wake()
    await town.live("2027-04-28 00:00")
    assert (await town.sent(alice, "lesson"))[1:3] == [f"lesson b {leaves}", f"lesson c {next_leaves}"]


@pytest.mark.parametrize(("back", "leaves", "next_leaves"), OUTAGES[1:])
async def test_an_outage_of_the_sender_follows_the_same_rules(
    town: Town, back: str, leaves: str, next_leaves: str
) -> None:
    await town.publish(course(a="", b="", c="", d=""))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-29 00:00")
    await town.sleep("2027-03-30 08:45")
    await town.tick()
    assert (await town.mail(alice, "lesson", "b")).state == "planned"
    await town.sleep(back)
    await town.wake()
    await town.live("2027-04-28 00:00")
    assert (await town.sent(alice, "lesson"))[1:3] == [f"lesson b {leaves}", f"lesson c {next_leaves}"]


async def test_late_mails_are_moved_a_few_at_a_time(town: Town) -> None:
    await town.publish(course(a="", b="", c="", d=""))
    people = [await town.enrol(who) for who in (ALICE, BOB, CHARLIE)]
    await town.live("2027-03-29 00:00")
    await town.sleep("2027-03-30 08:45")
    await town.tick()
    late = [mail for one in people for mail in await town.mails(one) if mail.state == "planned"]
    assert len({mail.enrolment_id for mail in late}) > 1
    await town.sleep("2027-03-30 18:00")
    moved: list[int] = []
    while not moved or moved[-1]:
        async with town.db.transaction() as session:
            moved.append(await planning.postpone_late(session, now=town.now, limit=1))
    assert moved == [*[1] * len(late), 0]


async def test_whoever_is_planned_keeps_his_minutes(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.wake()
    assert (await town.row(alice)).spread == enrolments.spread(alice).seconds // 60


async def test_a_farewell_outlives_an_outage(town: Town) -> None:
    await town.publish(course(a=""))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-30 00:00")
    await town.sleep("2027-03-30 08:45")
    await town.tick()
    assert (await town.mail(alice, "farewell")).state == "planned"
    await town.sleep("2027-04-07 14:00")
    await town.wake()
    await town.live("2027-04-30 00:00")
    assert await town.sent(alice, "farewell") == ["farewell tue 2027-04-13 08:30"]


async def test_a_lesson_in_a_dead_workers_hands_is_waited_for_and_the_next_keeps_its_hour(town: Town) -> None:
    await town.publish(course(a="", b="", c="", d=""))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-29 00:00")
    await town.sleep("2027-03-30 08:45")
    await town.tick()
    async with town.db.transaction() as session:
        leased = await leases.lease(session, worker="dead", limit=5, now=town.now)
        await ledger.begin(session, leased, worker="dead", now=town.now)
    await town.sleep("2027-04-06 08:45")
    await town.tick()
    assert len(await town.mails(alice, "lesson")) == 2  # c waits
    await town.sleep("2027-04-06 14:00")
    async with town.db.transaction() as session:
        await leases.reap(session, now=town.now, in_doubt="send")
    await town.live("2027-04-30 00:00")
    later = [mail for mail in await town.sent(alice, "lesson") if mail > "lesson b"]
    assert all(mail.endswith("08:30") for mail in later), later
    assert len({mail.split()[-2] for mail in later}) == len(later), later


async def test_lesson_n_plus_1_waits_while_n_is_in_a_workers_hands(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-03-29 00:00")
    await town.sleep("2027-03-30 08:45")
    await town.tick()
    async with town.db.transaction() as session:
        assert await leases.lease(session, worker="slow", limit=5, now=town.now)
    await town.sleep("2027-04-06 08:45")
    await town.tick()
    assert await town.states(alice, "lesson") == ["a sent", "b claimed"]


async def test_a_lesson_refused_until_then_expires_before_the_next(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    town.answer = lambda mail: FULL if mail.lesson_key == "a" else SENT
    await town.live("2027-04-07 00:00")
    assert (await town.states(alice, "lesson"))[0].startswith("a failed expired")
    assert await town.sent(alice, "lesson") == [
        "lesson b tue 2027-03-30 08:30",
        "lesson c tue 2027-04-06 08:30",
    ]


async def test_a_mailbox_that_stays_full_does_not_hold_up_the_course(town: Town) -> None:
    await town.publish(course(a="", b="", c="", d=""))
    alice = await town.enrol(ALICE)
    town.answer = lambda mail: FULL if mail.lesson_key == "b" else SENT
    await town.live("2027-04-30 00:00")
    a, b, *others = await town.states(alice, "lesson")
    assert (a, others) == ("a sent", ["c sent", "d sent"])
    assert b.startswith("b failed expired: 452")


async def test_a_lesson_refused_on_the_first_day_leaves_on_the_next_at_its_hour(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    town.answer = lambda mail: (
        FULL if town.now < paris("2027-03-24 00:00") and mail.kind == "lesson" else SENT
    )
    await town.live("2027-04-01 00:00")
    assert await town.sent(alice, "lesson") == [
        "lesson a wed 2027-03-24 08:30",
        "lesson b tue 2027-03-30 08:30",
    ]


async def test_a_held_lesson_is_superseded_by_the_next(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")
    async with town.db.transaction() as session:
        await session.execute(
            update(Delivery).where(Delivery.lesson_key == "a").values(state="held", reason="in doubt")
        )
    await town.live("2027-03-31 00:00")
    assert await town.states(alice, "lesson") == ["a cancelled superseded", "b sent"]


async def test_a_lesson_whose_condition_is_false_takes_no_week(town: Town) -> None:
    await town.publish(course(a="", b="when: learner.size >= 50", c="when: learner.size < 50", d=""))
    alice, bob = await town.enrol(ALICE), await town.enrol(BOB)  # Alice's company has 50 people
    await town.live("2027-05-01 00:00")
    days = ["tue 2027-03-23 08:30", "tue 2027-03-30 08:30", "tue 2027-04-06 08:30"]
    assert await town.sent(alice, "lesson") == [
        f"lesson {key} {day}" for key, day in zip("abd", days, strict=True)
    ]
    assert await town.sent(bob, "lesson") == [
        f"lesson {key} {day}" for key, day in zip("acd", days, strict=True)
    ]


async def test_a_course_may_end_on_a_lesson_that_is_not_for_everybody(town: Town) -> None:
    await town.publish(course(a="", b="when: learner.size >= 50"))
    bob = await town.enrol(BOB)
    await town.live("2027-05-01 00:00")
    assert await town.sent(bob, "lesson", "farewell") == [
        "lesson a tue 2027-03-23 08:30",
        "farewell tue 2027-03-30 08:30",
    ]
    assert (await town.row(bob)).state == "completed"


async def hand_in(town: Town, enrolment: int) -> None:
    await town.check_in(enrolment)


async def test_an_open_gate_costs_nothing(town: Town) -> None:
    await town.publish(course(a="", b=gate()))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-25 00:00")
    await hand_in(town, alice)
    await town.live("2027-04-01 00:00")
    assert await town.sent(alice, "lesson", "reminder") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-03-30 08:30",
    ]


async def test_a_shut_gate_reminds_at_the_slot_then_goes_on_at_its_limit(town: Town) -> None:
    await town.publish(course(a="", b=gate(reminders=2, limit=21)))
    alice = await town.enrol(ALICE)
    await town.live("2027-06-01 00:00")
    assert await town.sent(alice, "lesson", "reminder", "farewell") == [
        "lesson a tue 2027-03-23 08:30",
        "reminder b tue 2027-03-30 08:30",
        "reminder b tue 2027-04-06 08:30",
        "lesson b tue 2027-04-20 08:30",
        "farewell tue 2027-04-27 08:30",
    ]


async def test_a_gate_may_wait_for_ever(town: Town) -> None:
    await town.publish(course(a="", b=gate(reminders=1, limit=7, then="wait")))
    alice = await town.enrol(ALICE)
    await town.live("2027-09-01 12:00")
    assert (await town.row(alice)).due_at is None
    await hand_in(town, alice)
    await town.wake()
    assert await town.sent(alice, "lesson") == ["lesson a tue 2027-03-23 08:30"]  # nothing at once
    await town.live("2027-09-10 00:00")
    assert (await town.sent(alice, "lesson"))[1:] == ["lesson b tue 2027-09-07 08:30"]


async def test_a_gate_may_end_the_course(town: Town) -> None:
    await town.publish(course(a="", b=gate(reminders=1, limit=7, then="end")))
    alice = await town.enrol(ALICE)
    await town.live("2027-06-01 00:00")
    row = await town.row(alice)
    assert (row.state, row.end_reason, row.due_at) == ("stopped", "gate", None)
    assert await town.sent(alice, "lesson", "farewell") == ["lesson a tue 2027-03-23 08:30"]
    assert await town.events(alice, "stopped")


async def test_handing_in_opens_the_gate_at_the_next_slot(town: Town) -> None:
    await town.publish(course(a="", b=gate()))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-31 12:00")
    await hand_in(town, alice)
    await town.wake()
    assert await town.sent(alice, "lesson", "reminder") == [
        "lesson a tue 2027-03-23 08:30",
        "reminder b tue 2027-03-30 08:30",
    ]
    await town.live("2027-04-14 00:00")
    assert (await town.sent(alice, "lesson", "reminder"))[2:] == ["lesson b tue 2027-04-06 08:30"]


async def test_a_reminder_not_sent_yet_is_dropped_once_the_answer_is_there(town: Town) -> None:
    await town.publish(course(a="", b=gate()))
    alice = await town.enrol(ALICE)
    town.answer = lambda mail: FULL if mail.kind == "reminder" else SENT
    await town.live("2027-03-30 09:00")
    await hand_in(town, alice)
    town.answer = lambda _: SENT
    await town.live("2027-04-05 00:00")
    assert await town.sent(alice, "reminder") == []


async def test_handing_in_twice_is_once(town: Town) -> None:
    await town.publish(course(a="", b=gate()))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-31 12:00")
    await hand_in(town, alice)
    due = (await town.row(alice)).due_at
    await town.sleep("2027-04-06 08:00")
    with pytest.raises(errors.Conflict):
        await hand_in(town, alice)
    async with town.db.transaction() as session:
        place = await activities.take(session, alice, "point", now=town.now)
        await activities.hand_in(session, place, now=town.now)
    assert (await town.row(alice)).due_at == due
    assert len(await town.events(alice, "handed_in")) == 1


async def test_a_cohort_waits_for_its_day(town: Town) -> None:
    await town.publish(course(a="", also="cohorts: [2027-03-15, 2027-04-14]\n"))
    alice = await town.enrol(ALICE)
    await town.live("2027-04-13 23:00")
    assert (await town.row(alice)).state == "waiting"
    await town.live("2027-04-30 00:00")
    assert await town.sent(alice, "welcome", "lesson") == [
        "welcome wed 2027-04-14 00:00",
        "lesson a tue 2027-04-20 08:30",
    ]


BAD_ROWS: dict[str, dict[str, object]] = {
    "an unknown lesson": {"next_key": "nowhere"},
    "a broken slot": {"slot": "someday"},
    "an unknown zone": {"zone": "Europe/Nowhere"},
    "a pace that nobody offers": {"pace": 3},
    "an unknown calendar": {"state": "active"},
}


@pytest.mark.parametrize("what", BAD_ROWS)
async def test_a_bad_row_stops_nobody_and_leaves_its_reason(town: Town, what: str) -> None:
    await town.publish()
    alice, bob = await town.enrol(ALICE), await town.enrol(BOB)
    await town.live("2027-03-29 00:00")
    await town.change(alice, **BAD_ROWS[what])
    if what == "an unknown calendar":
        async with town.db.transaction() as session:
            await session.execute(text("UPDATE learner SET region = 'XX' WHERE first_name = 'Alice'"))
    await town.live("2027-03-31 00:00")
    assert (await town.sent(bob, "lesson"))[1:] == ["lesson b tue 2027-03-30 08:30"]
    assert await town.sent(alice, "lesson") == ["lesson a tue 2027-03-23 08:30"]
    assert (await town.events(alice, "held"))[0].text


async def test_an_unreadable_version_stops_only_its_own(town: Town) -> None:
    await town.publish(course(a="", b="", words="de la version illisible"))
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")
    await town.publish(course(a="", b="", c=""), others="stay")
    bob = await town.enrol(BOB)
    old = (await town.row(alice)).version_id
    async with town.db.transaction() as session:
        await session.execute(update(Version).where(Version.id == old).values(archive=b"not a zip"))
    catalog._READ.clear()
    await town.live("2027-03-31 00:00")
    assert await town.sent(bob, "lesson") == ["lesson a tue 2027-03-30 08:30"]
    assert await town.events(alice, "held")


async def test_a_late_mail_of_an_unreadable_version_stops_only_its_own(town: Town) -> None:
    await town.publish(course(a="", words="d'une autre version illisible"))
    alice = await town.enrol(ALICE)
    await town.tick()
    await town.sleep("2027-03-23 08:45")
    await town.tick()
    await town.publish(course(a="", b=""), others="stay")
    old = (await town.row(alice)).version_id
    async with town.db.transaction() as session:
        await session.execute(update(Version).where(Version.id == old).values(archive=b"not a zip"))
    catalog._READ.clear()
    await town.sleep("2027-03-24 14:00")
    bob = await town.enrol(BOB)
    await town.live("2027-04-01 00:00")
    assert await town.sent(bob, "lesson") == ["lesson a tue 2027-03-30 08:30"]
    held = await town.mail(alice, "lesson")
    assert held.state == "held"
    assert held.reason


async def test_a_row_that_was_repaired_leaves_at_its_hour_on_an_open_day(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-03-29 00:00")
    await town.change(alice, next_key="nowhere")
    await town.sleep("2027-04-02 08:00")  # a Friday
    await town.live("2027-04-02 20:00")
    await town.change(alice, next_key="b")
    await town.live("2027-04-30 00:00")
    assert (await town.sent(alice, "lesson"))[1:] in (
        ["lesson b mon 2027-04-05 08:30", "lesson c tue 2027-04-13 08:30"],
        ["lesson b tue 2027-04-06 08:30", "lesson c tue 2027-04-13 08:30"],
    )


CURSE = {
    "sqlite": [
        "CREATE TRIGGER curse BEFORE INSERT ON delivery WHEN NEW.enrolment_id = {id} AND NEW.kind = 'lesson' "
        "BEGIN SELECT RAISE(ABORT, 'this one is cursed'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION curse() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE 'this one is cursed'; END $$",
        "CREATE TRIGGER curse BEFORE INSERT ON delivery FOR EACH ROW "
        "WHEN (NEW.enrolment_id = {id} AND NEW.kind = 'lesson') EXECUTE FUNCTION curse()",
    ],
}
LIFT = {"sqlite": "DROP TRIGGER curse", "postgresql": "DROP FUNCTION curse CASCADE"}


@asynccontextmanager
async def cursed(town: Town, enrolment: int) -> AsyncIterator[None]:
    """The database refuses this person's lessons."""
    name = town.db.engine.dialect.name
    async with town.db.engine.begin() as connection:
        for statement in CURSE[name]:
            await connection.exec_driver_sql(statement.format(id=enrolment))
    try:
        yield
    finally:
        async with town.db.engine.begin() as connection:
            await connection.exec_driver_sql(LIFT[name])


async def test_a_row_that_the_database_refuses_stops_nobody(town: Town) -> None:
    await town.publish()
    alice, bob = await town.enrol(ALICE), await town.enrol(BOB)
    async with cursed(town, alice):
        await town.live("2027-03-24 00:00")
    assert await town.sent(bob, "lesson") == ["lesson a tue 2027-03-23 08:30"]
    assert await town.mails(alice, "lesson") == []
    assert "cursed" in (await town.events(alice, "held"))[0].text
