"""Publishing a course while people follow it, and undoing it."""

import asyncio

import pytest
from sqlalchemy import func, select, update

from engine.core import errors
from engine.core.course.effect import Effect
from engine.flows import catalog, enrolments, history, letters, mycourse, planning, publications, publishing
from engine.tables import Delivery, PublicationRow, Suppression, Version
from tests.people import ALICE, BOB, DRESS, SLUG, THREE, Town, course, paris

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = course(a="", b="", c="", words="Un chiffre corrigé.")
WITHOUT_B = course(a="", c="")


async def versions(town: Town) -> list[Version]:
    async with town.db.reading() as session:
        return list(await session.scalars(select(Version).order_by(Version.id)))


async def midway(town: Town) -> int:
    """Alice has had lesson a; b is next."""
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")
    return alice


async def follows(town: Town, enrolment: int) -> str:
    """The hash of the version that an enrolment is pinned to."""
    pinned = (await town.row(enrolment)).version_id
    return next(version.hash for version in await versions(town) if version.id == pinned)


async def test_the_same_content_twice_does_nothing(town: Town) -> None:
    first = await town.publish()
    second = await town.publish(dict(reversed(THREE.items())))
    assert (first.changed, second.changed) == (True, False)
    assert first.hash == second.hash
    assert len(await versions(town)) == 1


async def test_a_correction_moves_everybody(town: Town) -> None:
    alice = await midway(town)
    due = (await town.row(alice)).due_at
    done = await town.publish(WORDS)
    assert (done.effect.moved, done.effect.stay) == (1, 0)
    assert await follows(town, alice) == done.hash
    assert (await town.row(alice)).due_at == due


async def test_a_correction_moves_nobody_who_is_to_stay(town: Town) -> None:
    alice = await midway(town)
    old = await follows(town, alice)
    done = await town.publish(WORDS, others="stay")
    assert (done.effect.moved, done.effect.stay) == (0, 1)
    assert await follows(town, alice) == old


async def test_a_new_structure_asks_and_changes_nothing_before_it_is_answered(town: Town) -> None:
    alice = await midway(town)
    old = await follows(town, alice)
    with pytest.raises(errors.Conflict, match="1 personne"):
        await town.publish(WITHOUT_B)
    assert len(await versions(town)) == 1
    assert await follows(town, alice) == old


async def test_a_new_structure_asks_nothing_when_nobody_is_midway(town: Town) -> None:
    await town.publish()
    assert (await town.publish(WITHOUT_B)).changed


async def test_who_stays_finishes_with_the_version_he_has(town: Town) -> None:
    alice = await midway(town)
    done = await town.publish(WITHOUT_B, others="stay")
    assert (done.effect.moved, done.effect.stay) == (0, 1)
    bob = await town.enrol(BOB)
    await town.live("2027-06-01 00:00")
    assert [mail.split()[1] for mail in await town.sent(alice, "lesson")] == ["a", "b", "c"]
    assert [mail.split()[1] for mail in await town.sent(bob, "lesson")] == ["a", "c"]


async def test_who_moves_goes_on_after_a_lesson_that_is_gone(town: Town) -> None:
    alice = await midway(town)
    done = await town.publish(WITHOUT_B, others="move")
    assert (done.effect.moved, done.effect.stay) == (1, 0)
    await town.live("2027-06-01 00:00")
    assert await town.sent(alice, "lesson", "farewell") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson c tue 2027-03-30 08:30",
        "farewell tue 2027-04-06 08:30",
    ]


async def test_who_moves_past_the_last_lesson_gets_the_farewell(town: Town) -> None:
    alice = await midway(town)
    await town.publish(course(a=""), others="move")
    await town.live("2027-06-01 00:00")
    assert await town.sent(alice, "lesson", "farewell") == [
        "lesson a tue 2027-03-23 08:30",
        "farewell tue 2027-03-30 08:30",
    ]
    assert (await town.row(alice)).state == "completed"


async def test_a_lesson_put_before_is_never_sent_late_and_none_is_sent_twice(town: Town) -> None:
    alice = await midway(town)
    await town.publish(course(zero="", b="", a="", c=""), others="move")
    await town.live("2027-07-01 00:00")
    keys = [mail.split()[1] for mail in await town.sent(alice, "lesson")]
    assert keys == ["a", "b", "c"]


async def test_publishing_can_be_undone(town: Town) -> None:
    alice = await midway(town)
    first = (await versions(town))[0]
    await town.publish(WORDS)
    done = await town.publish(THREE)
    assert (done.changed, done.hash, done.effect.moved) == (True, first.hash, 1)
    assert (await town.row(alice)).version_id == first.id
    assert len(await versions(town)) == 2


async def test_newcomers_get_the_current_version(town: Town) -> None:
    await midway(town)
    done = await town.publish(WITHOUT_B, others="stay")
    bob = await town.enrol(BOB)
    await town.live("2027-03-25 00:00")
    assert await follows(town, bob) == done.hash


async def test_an_edit_made_in_the_studio_is_not_overwritten_by_accident(town: Town) -> None:
    first = await town.publish()
    async with town.db.transaction() as session:
        await session.execute(update(Version).values(origin="studio"))
    with pytest.raises(errors.Conflict) as refused:
        await town.publish(WORDS)
    assert f"--parent {first.hash}" in str(refused.value)
    assert "+Bonjour {{ learner.first_name }}, voici la leçon a. Un chiffre corrigé." in str(refused.value)
    assert (await town.publish(WORDS, parent=first.hash)).changed


async def test_a_parent_that_is_not_the_current_version(town: Town) -> None:
    first = await town.publish()
    await town.publish(WORDS)
    with pytest.raises(errors.Conflict):
        await town.publish(WITHOUT_B, parent=first.hash)


async def test_a_course_with_errors_is_not_published(town: Town) -> None:
    with pytest.raises(errors.Invalid) as refused:
        await town.publish(course(a="module: nowhere", b="minutes: many"))
    assert "lessons/01-a.md:" in str(refused.value)
    assert "lessons/02-b.md:" in str(refused.value)
    assert await versions(town) == []


WAITING = course(a="", b="requires: {activity: point, reminders: 1, limit: 7, then: wait}", c="")


@pytest.mark.parametrize("without", [THREE, WITHOUT_B])
async def test_a_gate_that_is_taken_away_lets_go_who_waited_there(
    town: Town, without: dict[str, bytes]
) -> None:
    await town.publish(WAITING)
    alice = await town.enrol(ALICE)
    await town.live("2027-05-05 12:00")  # a Wednesday
    assert (await town.row(alice)).due_at is None
    await town.publish(without, others="move")
    await town.live("2027-05-14 00:00")
    came = (await town.sent(alice, "lesson"))[1:]
    assert came
    assert all(mail.endswith("08:30") for mail in came)


async def test_a_gate_passes_nothing_on_to_the_lesson_that_follows(town: Town) -> None:
    gate = "requires: {activity: point, reminders: 2, limit: 21}"
    await town.publish(course(a="", b=gate, c=gate))
    alice = await town.enrol(ALICE)
    await town.live("2027-04-14 00:00")
    assert len(await town.sent(alice, "reminder")) == 2
    await town.publish(course(a="", c=gate), others="move")
    await town.live("2027-04-28 00:00")
    assert await town.sent(alice, "lesson", "reminder") == [
        "lesson a tue 2027-03-23 08:30",
        "reminder b tue 2027-03-30 08:30",
        "reminder b tue 2027-04-06 08:30",
        "reminder c tue 2027-04-20 08:30",
        "reminder c tue 2027-04-27 08:30",
    ]


LONGER = course(a="", x="", b="", c="", z="")


async def lines(town: Town, enrolment: int) -> dict[str, str]:
    """Each lesson as "my course" shows it."""
    async with town.db.reading() as session:
        page = await mycourse.page(session, enrolment, house=DRESS, now=town.now)
    return {line.key: str(line.progress) for module in page.modules for line in module.lessons}


async def test_who_is_past_an_added_lesson_skips_it(town: Town) -> None:
    alice = await midway(town)
    await town.live("2027-03-31 00:00")  # c is next
    done = await town.publish(LONGER, others="move")
    assert (done.effect.inserted, done.effect.skipping) == ({}, 1)
    assert await lines(town, alice) == {"a": "sent", "x": "skipped", "b": "sent", "c": "next", "z": "later"}
    async with town.db.reading() as session:
        told = await history.why(session, await town.learner(alice), "x")
    assert "behind this learner" in told[0].answer


async def test_who_is_past_an_added_lesson_receives_it_next_and_loses_no_week(town: Town) -> None:
    alice = await midway(town)
    await town.live("2027-03-31 00:00")  # c is next
    await town.publish(LONGER, others="move", inserted="send")
    assert await lines(town, alice) == {"a": "sent", "x": "next", "b": "sent", "c": "later", "z": "later"}
    await town.live("2027-07-01 00:00")
    assert await town.sent(alice, "lesson", "farewell") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-03-30 08:30",
        "lesson x tue 2027-04-06 08:30",
        "lesson c tue 2027-04-13 08:30",
        "lesson z tue 2027-04-20 08:30",
        "farewell tue 2027-04-27 08:30",
    ]


async def test_a_lesson_that_comes_back_does_not_come_again(town: Town) -> None:
    alice = await midway(town)
    await town.live("2027-03-31 00:00")
    await town.publish(WITHOUT_B, others="move")
    done = await town.publish(course(b="", a="", c="", y=""), others="move", inserted="send")
    assert (done.effect.inserted, done.effect.skipping) == ({}, 0)
    await town.live("2027-07-01 00:00")
    assert await town.sent(alice, "lesson") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-03-30 08:30",
        "lesson c tue 2027-04-06 08:30",
        "lesson y tue 2027-04-13 08:30",
    ]


async def test_another_order_loses_no_lesson_and_no_week(town: Town) -> None:
    alice = await midway(town)
    await town.publish(course(c="", a="", b=""), others="move")
    await town.live("2027-07-01 00:00")
    assert await town.sent(alice, "lesson") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson c tue 2027-03-30 08:30",
        "lesson b tue 2027-04-06 08:30",
    ]


async def test_a_mail_that_is_under_way_leaves_as_it_was_planned(town: Town) -> None:
    """Its lesson is gone when the sender takes it up."""
    alice = await midway(town)
    await town.sleep("2027-03-30 08:40")
    await town.tick()
    await town.publish(WITHOUT_B, others="move")
    begun = await town._begun()
    async with town.db.reading() as session:
        found = await letters.gather(session, begun)
    (mail,) = (each for each in begun if each.lesson_key == "b")
    under_way = found[mail.id]
    assert isinstance(under_way, letters.Addressed)
    assert under_way.pinned.course.lesson("b")
    assert (await town.row(alice)).next_key == "c"


async def test_nobody_is_reminded_of_what_is_gone(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")
    assert await town.states(alice, "missed") == ["a planned"]
    await town.publish(course(b="", c="", asked={}), others="move")
    assert await town.states(alice, "missed") == ["a cancelled republished"]


async def finished(town: Town, *, days: int = 0) -> int:
    """Alice has had everything, some days ago."""
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-04-14 00:00")
    assert (await town.row(alice)).state == "completed"
    town.clock.pass_by(days=days)
    return alice


async def test_who_finished_is_offered_what_was_added_and_nothing_else(town: Town) -> None:
    alice = await finished(town)
    done = await town.publish(LONGER, finished="offer")
    assert (done.effect.reopened, done.effect.finished) == (1, 0)
    await town.live("2027-07-01 00:00")
    assert await town.sent(alice, "lesson", "farewell") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-03-30 08:30",
        "lesson c tue 2027-04-06 08:30",
        "farewell tue 2027-04-13 08:30",
        "lesson x tue 2027-04-20 08:30",
        "lesson z tue 2027-04-27 08:30",
    ]
    assert (await town.row(alice)).state == "completed"


async def test_who_is_still_owed_the_farewell_receives_what_was_added_in_its_place(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.live("2027-04-07 00:00")
    await town.wake()
    row = await town.row(alice)
    assert (row.state, row.next_kind) == ("completed", "farewell")
    await town.publish(LONGER, finished="offer")
    await town.live("2027-07-01 00:00")
    assert (await town.sent(alice, "lesson", "farewell"))[3:] == [
        "lesson x tue 2027-04-13 08:30",
        "lesson z tue 2027-04-20 08:30",
        "farewell tue 2027-04-27 08:30",
    ]


async def test_who_finished_long_ago_is_left_in_peace(town: Town) -> None:
    alice = await finished(town, days=91)
    done = await town.publish(LONGER, finished="offer")
    assert (done.effect.reopened, done.effect.finished) == (0, 1)
    assert (await town.row(alice)).state == "completed"


async def test_who_wants_no_mail_any_more_is_offered_nothing(town: Town) -> None:
    alice = await finished(town)
    address_hash = (await town.learner(alice)).address_hash
    async with town.db.transaction() as session:
        session.add(Suppression(address_hash=address_hash, reason="left", at=town.now))
    assert (await town.publish(LONGER, finished="offer")).effect.reopened == 0


async def test_who_began_again_is_offered_nothing_twice(town: Town) -> None:
    alice = await finished(town)
    again = await town.enrol(ALICE)
    await town.wake()
    done = await town.publish(LONGER, others="move", finished="offer")
    assert (done.effect.moved, done.effect.reopened, done.effect.finished) == (1, 0, 1)
    await town.live("2027-07-01 00:00")
    assert len(await town.sent(alice, "lesson")) == 3
    assert len(await town.sent(again, "lesson")) == 5


async def test_counting_changes_nothing(town: Town) -> None:
    alice = await midway(town)
    before = await town.row(alice)
    found = await town.preview(LONGER)
    assert found.asks
    assert found.added == ("x", "z")
    assert [(each.key, each.what) for each in found.changes] == [("x", ("added",)), ("z", ("added",))]
    assert len(await versions(town)) == 1
    after = await town.row(alice)
    assert (after.version_id, after.next_key) == (before.version_id, before.next_key)
    broken = await town.preview(course(a="module: nowhere"))
    assert broken.errors
    assert not broken.effects


async def test_the_first_version_meets_nobody(town: Town) -> None:
    found = await town.preview(THREE)
    assert (found.parent, found.asks) == ("", False)
    assert all(each == Effect() for each in found.effects.values())
    assert len(found.changes) == len(THREE)


async def test_a_correction_can_be_undone_too(town: Town) -> None:
    alice = await midway(town)
    first = (await versions(town))[0]
    await town.publish(WORDS)
    undone = await town.undo()
    assert (undone.hash, undone.restored, undone.kept) == (first.hash, 1, 0)
    assert (await town.row(alice)).version_id == first.id
    bob = await town.enrol(BOB)
    await town.wake()
    assert (await town.row(bob)).version_id == first.id


async def test_undoing_leaves_what_a_learner_chose_since(town: Town) -> None:
    alice = await midway(town)
    bob = await town.enrol(BOB)
    await town.live("2027-03-31 00:00")
    await town.publish(LONGER, others="move", inserted="send")
    async with town.db.transaction() as session:
        await enrolments.pause(session, alice, until=None, now=town.now)
    async with town.db.transaction() as session:
        await enrolments.leave(session, bob, scope="course", now=town.now)
    undone = await town.undo()
    assert (undone.restored, undone.kept) == (1, 1)
    row = await town.row(alice)
    assert (row.state, row.due_at, row.next_key, row.route) == ("paused", None, "c", "")
    assert (await town.row(bob)).state == "stopped"


async def test_undoing_leaves_a_pause_of_who_was_let_go_from_a_gate(town: Town) -> None:
    await town.publish(WAITING)
    alice = await town.enrol(ALICE)
    await town.live("2027-05-05 12:00")
    await town.publish(THREE, others="move")
    async with town.db.transaction() as session:
        until = paris("2027-06-01 00:00").date()
        await enrolments.pause(session, alice, until=until, now=town.now)
    ends = (await town.row(alice)).due_at
    await town.undo()
    row = await town.row(alice)
    assert (row.state, row.due_at) == ("paused", ends)
    assert ends is not None


async def test_undoing_closes_what_was_opened_again(town: Town) -> None:
    alice = await finished(town)
    before = await town.row(alice)
    await town.publish(LONGER, finished="offer")
    assert (await town.row(alice)).state == "active"
    await town.undo()
    after = await town.row(alice)
    for name in ("state", "version_id", "next_kind", "next_key", "route", "due_at", "ended_at"):
        assert getattr(after, name) == getattr(before, name)


async def test_who_answered_in_between_does_not_wait_for_ever_after_undoing(town: Town) -> None:
    await town.publish(WAITING)
    alice = await town.enrol(ALICE)
    await town.live("2027-05-05 12:00")
    since = (await town.row(alice)).gate_since
    await town.publish(THREE, others="move")
    town.clock.pass_by(hours=1)
    await town.check_in(alice)
    await town.undo()
    assert (await town.row(alice)).gate_since == since
    await town.live("2027-05-08 00:00")  # the 6th is a holiday
    assert (await town.sent(alice, "lesson"))[1:] == ["lesson b fri 2027-05-07 08:30"]


async def test_who_did_not_answer_waits_again_after_undoing(town: Town) -> None:
    await town.publish(WAITING)
    alice = await town.enrol(ALICE)
    await town.live("2027-05-05 12:00")
    before = await town.row(alice)
    await town.publish(THREE, others="move")
    assert (await town.row(alice)).due_at is not None
    await town.undo()
    after = await town.row(alice)
    for name in ("version_id", "next_key", "due_at", "gate_since", "reminders"):
        assert getattr(after, name) == getattr(before, name)


async def test_what_cannot_be_undone(town: Town) -> None:
    with pytest.raises(errors.NotFound):
        await town.undo()
    await town.publish()
    with pytest.raises(errors.NotAllowed):
        await town.undo()
    await town.publish(WORDS)
    town.clock.pass_by(days=31)
    with pytest.raises(errors.NotAllowed):
        await town.undo()
    await town.publish(LONGER)
    async with town.db.transaction() as session:
        with pytest.raises(errors.Conflict):
            await publications.undo(session, SLUG, last=1, now=town.now)
    await town.undo()
    with pytest.raises(errors.NotAllowed):
        await town.undo()


async def noted(town: Town) -> int:
    async with town.db.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(PublicationRow)) or 0)


async def test_where_people_stood_is_forgotten_with_the_next_publication(town: Town) -> None:
    await midway(town)
    await town.publish(WORDS)
    assert await noted(town) == 1
    await town.publish(WITHOUT_B, others="stay")
    assert await noted(town) == 0


async def test_the_history_tells_what_each_publication_did(town: Town) -> None:
    await midway(town)
    await town.publish(LONGER, others="move")
    await town.undo()
    async with town.db.reading() as session:
        found = await publications.history(session, SLUG, now=town.now)
    undone, first = found.lines
    assert (found.current, found.undoable) == (first.hash, False)
    assert (undone.effect["moved"], undone.restored, undone.kept, undone.who) == (1, 1, 0, "")
    assert undone.undone_at == town.now
    async with town.db.reading() as session:
        assert await catalog.export(session, SLUG, undone.hash) == LONGER


@pytest.mark.parametrize("town_database", ["postgresql"], indirect=True)  # on SQLite a writer is alone
async def test_who_is_being_planned_is_waited_for_and_moved_from_where_he_then_is(town: Town) -> None:
    alice = await midway(town)
    await town.sleep("2027-03-30 08:40")
    async with town.db.transaction() as session:
        assert await planning.plan_due(session, now=town.now) == 1
        publishing_meanwhile = asyncio.create_task(
            town.publish(course(a="", x="", b="", c=""), others="move", inserted="send")
        )
        await asyncio.sleep(1)
        assert not publishing_meanwhile.done()
    done = await publishing_meanwhile
    assert done.effect.inserted == {"x": 1}
    row = await town.row(alice)
    assert (row.next_key, row.route) == ("x", "x c")
    assert (await town.undo()).restored == 1
    assert (await town.row(alice)).next_key == "c"


@pytest.mark.parametrize("town_database", ["postgresql"], indirect=True)
async def test_whom_a_publication_holds_is_passed_over(town: Town) -> None:
    await midway(town)
    await town.sleep("2027-03-30 08:40")
    async with town.db.transaction() as session:
        await publishing.publish(session, WORDS, slug=SLUG, house=DRESS, now=town.now)
        async with town.db.transaction() as other, asyncio.timeout(3):
            assert await planning.plan_due(other, now=town.now) == 0
            assert await enrolments.finish(other, now=town.now) == 0
    await town.tick()
    async with town.db.reading() as session:
        keys = await session.scalars(select(Delivery.lesson_key).where(Delivery.kind == "lesson"))
        assert sorted(keys) == ["a", "b"]
