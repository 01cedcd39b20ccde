"""What the pages of numbers say, from what was counted."""

from dataclasses import replace
from typing import Any

import pytest

from engine.core import delivery
from engine.core.aggregates import Mean
from engine.flows import numbers, timetable
from engine.tables import AnswerTotal
from engine.workers import counter
from tests import every
from tests.people import ALICE, BOB, CHARLIE, FULL, SLUG, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

GONE = delivery.Refused(550, "5.1.1 user unknown", True, "recipient")
THREE = course(a="", b="", c="")


async def count(town: Town) -> None:
    worker = counter.Counter(town.db, town.clock)
    await worker.count()
    while await worker.step():
        pass


async def of_course(town: Town) -> numbers.OfCourse:
    await count(town)
    async with town.db.reading() as session:
        return await numbers.of_course(session, SLUG, now=town.now)


async def results(town: Town, *totals: tuple[str, str, int, float]) -> dict[str, numbers.Result]:
    await town.publish(every.FILES)
    async with town.db.transaction() as session:
        own = await timetable.course_id(session, SLUG)
        for activity, measure, people, total in totals:
            values: dict[str, Any] = {"activity": activity, "measure": measure}
            session.add(AnswerTotal(course_id=own, people=people, total=total, **values))
    return {each.title: each for each in (await of_course(town)).results}


async def test_a_diagnostic_stands_beside_the_one_that_repeats_it(town: Town) -> None:
    found = await results(
        town,
        ("bilan", "temps", 10, 500.0),
        ("bilan", "total", 10, 420.0),
        ("bilan-final", "temps", 5, 400.0),
        ("bilan-final", "total", 5, 300.0),
    )
    bilan = found["Où en êtes-vous ?"]
    assert bilan.again == "Et maintenant ?"
    assert bilan.people == (10, 5)
    assert bilan.measures == (
        numbers.Measure("Le temps", 0, Mean(50.0, 10), Mean(80.0, 5)),
        numbers.Measure("", 0, Mean(42.0, 10), Mean(60.0, 5)),
    )
    assert "Et maintenant ?" not in found


async def test_a_poll_has_its_scale_and_a_check_in_a_share(town: Town) -> None:
    found = await results(town, ("humeur", "value", 5, 16.0), ("point", "done", 5, 400.0))
    assert found["Votre confiance"].measures == (numbers.Measure("", 5, Mean(3.2, 5), None),)
    assert found["Trois tâches"].measures == (numbers.Measure("", 0, Mean(80.0, 5), None),)


async def test_nothing_is_shown_of_fewer_than_five(town: Town) -> None:
    assert await results(town, ("humeur", "value", 0, 0.0), ("point", "done", 4, 400.0)) == {}


async def test_people_stand_behind_the_lesson_that_came_last(town: Town) -> None:
    await town.publish(THREE)
    await town.enrol(ALICE)
    await town.live("2027-03-30 12:00")
    await town.enrol(BOB)
    await town.sign_up(CHARLIE)
    found = await of_course(town)
    assert found.people == numbers.People(pending=1, waiting=1, active=1)
    assert [(place.key, place.received, place.active) for place in found.places] == [
        ("", 0, 0),
        ("a", 1, 0),
        ("b", 1, 1),
        ("c", 0, 0),
    ]
    await town.live("2027-05-01 12:00")
    found = await of_course(town)
    assert found.people == numbers.People(pending=1, completed=2)
    assert [place.here for place in found.places] == [0] * 4
    (march,) = found.cohorts
    assert (march.month.isoformat(), march.people.completed, march.people.begun) == ("2027-03-01", 2, 2)


async def test_who_waits_for_a_lesson_that_is_gone_is_told_apart(town: Town) -> None:
    await town.publish(THREE)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 12:00")
    await town.change(alice, next_key="nowhere")
    found = await of_course(town)
    assert found.elsewhere == 1
    assert sum(place.here for place in found.places) == 0


async def test_what_waits_and_what_failed_is_told_by_cause(town: Town) -> None:
    await town.publish(THREE)
    alice = await town.enrol(ALICE)
    await town.enrol(BOB)
    await town.live("2027-03-23 07:00")
    town.answer = lambda mail: FULL if mail.enrolment_id == alice else GONE
    await town.live("2027-03-23 08:42")
    found = (await of_course(town)).mails
    assert found.failures == {"address": 1}
    assert found.waiting.causes == {"retry": {"mailbox": 1}}
    assert (found.days[-1].sent, found.days[-1].failed) == (0, 1)
    await town.sleep("2027-03-23 19:00")
    late = (await of_course(town)).mails.waiting
    assert late.causes == {"retry": {"mailbox": 1}}


async def test_a_mail_that_did_not_leave_in_its_hour_is_late(town: Town) -> None:
    await town.publish(THREE)
    await town.enrol(ALICE)
    await town.live("2027-03-23 07:00")
    await town.sleep("2027-03-23 08:45")
    await town.tick()  # planned, and then everything stops
    await town.sleep("2027-03-23 13:00")
    found = (await of_course(town)).mails.waiting
    assert (found.late, found.causes) == (1, {})
    assert found.any
    assert not replace(found, late=0).any


async def test_the_house_is_the_sum_of_its_courses(town: Town) -> None:
    await town.publish(THREE)
    await town.enrol(ALICE)
    await town.live("2027-03-23 12:00")
    own = await of_course(town)
    async with town.db.reading() as session:
        house = await numbers.overview(session, now=town.now)
    assert house.mails == own.mails
    assert [(line.slug, line.people) for line in house.courses] == [(SLUG, own.people)]
    assert house.at == own.at == town.now


async def test_the_timetable_counts_each_mail_once(town: Town) -> None:
    await town.publish(THREE)
    await town.enrol(ALICE)
    await town.live("2027-03-23 12:00")
    await count(town)
    async with town.db.reading() as session:
        found = await timetable.of_course(session, SLUG, now=town.now)
    days = [(day.day.isoformat(), day.groups[0].title) for _, week in found.weeks for day in week]
    assert days == [("2027-03-30", "La leçon b"), ("2027-04-06", "La leçon c"), ("2027-04-13", "")]
    assert [group.people for group, _ in found.rows] == [1, 1, 1]
    await town.sleep("2027-03-30 08:45")
    await town.tick()  # lesson b is in the ledger now, and no more in the forecast
    await count(town)
    async with town.db.reading() as session:
        found = await timetable.of_course(session, SLUG, now=town.now)
    assert next((group.title, group.people) for group, _ in found.rows) == ("La leçon b", 1)
