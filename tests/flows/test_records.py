"""What the JSON API reads is the same on both databases: rows, filters, pages."""

from datetime import timedelta
from typing import Any

import pytest

from engine.core import errors
from engine.flows import privacy, records
from engine.flows.records import Page
from tests.people import ALICE, BOB, CHARLIE, SLUG, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = Page(limit=50)


async def lived(town: Town) -> list[int]:
    """Three people, a day apart; Alice has received a lesson and answered."""
    await town.publish()
    found = []
    for who in (ALICE, BOB, CHARLIE):
        found.append(await town.enrol(who))
        await town.live(f"2027-03-{22 + len(found)} 10:00")
    await town.live("2027-03-30 12:00")
    await town.check_in(found[0])
    return found


async def read(town: Town, what: Any, *arguments: Any, **filters: Any) -> Any:
    async with town.db.reading() as session:
        return await what(session, *arguments, **filters)


async def ids(town: Town, what: Any, page: Page = ALL, **filters: Any) -> list[int]:
    return [row.id for row in await read(town, what, page, **filters)]


async def test_learners_by_address_and_age(town: Town) -> None:
    await lived(town)
    assert await ids(town, records.learners) == [1, 2, 3]
    assert await ids(town, records.learners, address=" ALICE@Example.org ") == [1]
    assert await ids(town, records.learners, address="%") == []
    first = (await read(town, records.learner, 1)).created_at
    assert await ids(town, records.learners, since=first) == [1, 2, 3]
    assert await ids(town, records.learners, since=first + timedelta(seconds=1)) == [2, 3]


async def test_pages_meet_every_row_once(town: Town) -> None:
    await lived(town)
    for what in (records.learners, records.enrolments, records.deliveries):
        whole, seen = await ids(town, what), list[int]()
        assert len(whole) >= 3
        while page := await ids(town, what, Page(2, seen[-1] if seen else 0)):
            assert len(page) <= 2
            seen += page
        assert seen == whole == sorted(whole)


async def test_enrolments_with_their_course_and_version(town: Town) -> None:
    alice, bob, charlie = await lived(town)
    row = await read(town, records.enrolment, alice)
    assert (row.course, row.state, row.next_lesson, bool(row.version)) == (SLUG, "active", "c", True)
    assert row.company == "Atelier Aubert"
    await town.change(bob, state="paused")
    assert await ids(town, records.enrolments, state="paused") == [bob]
    assert await ids(town, records.enrolments, course=SLUG) == [alice, bob, charlie]
    assert await ids(town, records.enrolments, course="another") == []
    assert await ids(town, records.enrolments, learner_id=3) == [charlie]
    await town.change(bob, next_kind="farewell", next_key="", version_id=None)
    row = await read(town, records.enrolment, bob)
    assert (row.next_lesson, row.version) == (None, None)


async def test_deliveries_by_what_they_are(town: Town) -> None:
    alice, bob, _ = await lived(town)
    mails = await read(town, records.deliveries, ALL, enrolment_id=alice, kind="lesson", state="sent")
    assert [(row.lesson, row.course) for row in mails] == [("a", SLUG), ("b", SLUG)]
    assert await ids(town, records.deliveries, learner_id=2, state="failed") == []
    assert await ids(town, records.deliveries, course="another") == []
    since = mails[1].created_at
    assert mails[0].id not in await ids(town, records.deliveries, since=since)
    assert (await read(town, records.delivery, mails[0].id)).enrolment_id == alice
    assert bob not in {row.enrolment_id for row in mails}


async def test_only_what_was_handed_in_is_read(town: Town) -> None:
    alice, bob, _ = await lived(town)
    await town.check_in(bob, "later")
    (row,) = await read(town, records.submissions, ALL)
    assert (row.enrolment_id, row.learner_id, row.activity, row.course) == (alice, 1, "point", SLUG)
    assert (row.answers["status"], row.round) == ("done", 1)
    assert await ids(town, records.submissions, activity="another") == []
    assert await ids(town, records.submissions, since=row.handed_in_at + timedelta(seconds=1)) == []
    assert await ids(town, records.submissions, enrolment_id=alice, course=SLUG) == [row.id]


async def test_of_who_was_erased_only_counts_remain(town: Town) -> None:
    alice, *_ = await lived(town)
    (answers,) = await ids(town, records.submissions)
    async with town.db.transaction() as session:
        await privacy.erase(session, 1, now=town.now)
    assert await ids(town, records.learners) == [2, 3]
    assert await ids(town, records.submissions) == []
    for what, number in ((records.learner, 1), (records.submission, answers)):
        with pytest.raises(errors.NotFound):
            await read(town, what, number)
    row = await read(town, records.enrolment, alice)
    assert (row.state, row.company) == ("stopped", "")


async def test_courses_by_their_current_version(town: Town) -> None:
    await town.publish()
    (shown,) = await read(town, records.courses, ALL)
    assert (shown.course.slug, len(shown.course.lessons), shown.published_at) == (SLUG, 3, town.now)
    assert (await read(town, records.course, SLUG)).version == shown.version
    assert await read(town, records.courses, Page(50, shown.id)) == []
    with pytest.raises(errors.NotFound):
        await read(town, records.course, "another")


async def test_what_a_sign_up_led_to(town: Town) -> None:
    await town.publish()
    assert await read(town, records.asked, SLUG, ALICE.address) == records.Asked(None, None, None)
    await town.sign_up(ALICE)
    found = await read(town, records.asked, SLUG, "Alice@EXAMPLE.org")
    assert (found.learner_id, found.enrolment_id, found.state) == (1, 1, "pending")
    await town.change(1, state="completed")
    assert await read(town, records.asked, SLUG, ALICE.address) == records.Asked(None, None, None)
