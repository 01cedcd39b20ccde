"""A thousand people follow a course that is edited: what was counted happens, and can be undone."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from engine.core.course import change, reading
from engine.core.course.effect import Choices
from engine.core.progress import State
from engine.flows import enrolments
from engine.tables import Course, Delivery, Enrolment, Learner, Publication, Submission
from tests.people import NOW, SLUG, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

PEOPLE = 1_000
GATE = "requires: {activity: point, reminders: 1, limit: 7, then: wait}"
OLD = course(a="", b="", c="", d=GATE, e="", f="")
# x is put in, e is gone, d and c change places and the gate goes with d, z comes at the end
NEW = course(a="", b="", x="", d=GATE, c="", f="", z="")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")


async def crowd(town: Town, people: int = PEOPLE) -> None:
    """People who begin one after the other, and nine weeks of their lives."""
    await town.publish(OLD)
    town.behind_the_flows = True
    async with town.db.transaction() as session:
        found = await session.scalar(select(Course.id).where(Course.slug == SLUG))
        numbers = range(1, people + 1)
        persons = [
            {
                "id": number,
                "address": f"p{number}@example.org",
                "address_key": f"p{number}@example.org",
                "address_hash": f"{number:064x}",
                "first_name": "Alice",
                "created_at": NOW,
            }
            for number in numbers
        ]
        await session.execute(insert(Learner), persons)
        rows = [
            {
                "id": number,
                "learner_id": number,
                "course_id": found,
                "state": State.WAITING if number % 50 else State.PENDING,
                "slot": f"{WEEKDAYS[number % 5]} 08:30",
                "zone": "Europe/Paris",
                "pace": 1,
                "starts_at": NOW + timedelta(days=number % 67),
                "created_at": NOW,
            }
            for number in numbers
        ]
        await session.execute(insert(Enrolment), rows)
        handed_in = [number for number in numbers if number % 10 < 7]
        await session.execute(insert(Submission), [submission(number) for number in handed_in])
    await live(town, days=32)
    async with town.db.transaction() as session:
        active = select(Enrolment.id).where(Enrolment.state == State.ACTIVE).order_by(Enrolment.id)
        for number, one in enumerate(list(await session.scalars(active))):
            if number % 9 == 0:
                until = (town.now + timedelta(days=50)).date() if number % 2 else None
                await enrolments.pause(session, one, until=until, now=town.now)
            elif number % 9 == 1:
                await enrolments.leave(session, one, scope="course", now=town.now)
    await live(town, days=30)
    town.clock.pass_by(hours=3)
    async with town.db.transaction() as session:  # these have begun, and are still owed their welcome
        await enrolments.enrol(session, now=town.now)


def submission(enrolment: int) -> dict[str, object]:
    return {
        "enrolment_id": enrolment,
        "activity": "point",
        "answers": {"status": "done"},
        "updated_at": NOW,
        "handed_in_at": NOW,
    }


async def live(town: Town, *, days: int) -> None:
    """Working day after working day, just after the hour of the lessons: whatever is owed leaves."""
    for _ in range(days):
        # 08:30 in Paris and the nine minutes after it are past, summer and winter.
        town.clock.moment = town.now.replace(hour=7, minute=45) + timedelta(days=1)
        if town.now.weekday() > 4:
            continue
        await town.tick()
        async with town.db.transaction() as session:
            await session.execute(
                update(Delivery)
                .where(Delivery.state == "planned", Delivery.due_at <= town.now)
                .values(state="sent", sent_at=town.now)
            )


async def rows(town: Town) -> dict[int, Enrolment]:
    async with town.db.reading() as session:
        return {row.id: row for row in await session.scalars(select(Enrolment))}


async def came(town: Town, *, after: int = 0) -> dict[int, list[str]]:
    """The lessons that each one received, in order; `after` that delivery."""
    found: dict[int, list[str]] = defaultdict(list)
    async with town.db.reading() as session:
        mails = await session.execute(
            select(Delivery.enrolment_id, Delivery.lesson_key)
            .where(Delivery.kind == "lesson", Delivery.state == "sent", Delivery.id > after)
            .order_by(Delivery.sent_at, Delivery.id)
        )
        for enrolment, key in mails:
            found[enrolment or 0].append(key)
    return found


async def ledger(town: Town) -> int:
    async with town.db.reading() as session:
        found = await session.scalar(select(Publication.ledger).order_by(Publication.id.desc()).limit(1))
    return found or 0


async def set_free(town: Town) -> None:
    """Everybody comes back and hands in, so that nothing but the course decides what comes next."""
    async with town.db.transaction() as session:
        paused = await session.scalars(select(Enrolment.id).where(Enrolment.state == State.PAUSED))
        for one in list(paused):
            await enrolments.resume(session, one, now=town.now)
        have = set(await session.scalars(select(Submission.enrolment_id)))
        everybody = await session.scalars(select(Enrolment.id))
        late = [submission(one) for one in everybody if one not in have]
        await session.execute(insert(Submission), late)
        waits = Enrolment.gate_since.is_not(None), Enrolment.state == State.ACTIVE
        await session.execute(update(Enrolment).where(*waits).values(due_at=town.now))


def position(row: Enrolment) -> Mapping[str, object]:
    names = (
        *("version_id", "state", "next_kind", "next_key", "route", "due_at", "due_reason"),
        *("gate_since", "reminders", "ended_at", "end_reason"),
    )
    return {name: getattr(row, name) for name in names}


CHOICES = [
    (Choices("move", "send", "offer"), PEOPLE),
    (Choices("move", "skip", "leave"), 300),
    (Choices("stay", "skip", "offer"), 300),
]


@pytest.mark.parametrize(("choices", "people"), CHOICES)
async def test_what_was_counted_happens_to_the_person(town: Town, choices: Choices, people: int) -> None:
    await crowd(town, people)
    before, had = await rows(town), await came(town)
    stages = Counter((row.state, row.next_kind, row.next_key) for row in before.values())
    assert {state for state, *_ in stages} == set(State), "all stages"
    assert {key for state, _, key in stages if state == State.ACTIVE} >= {*"abcdef", ""}
    told = (await town.preview(NEW)).effects[choices]
    done = await town.publish(NEW, **choices.__dict__)
    assert done.effect == told
    mark = await ledger(town)
    await set_free(town)
    await live(town, days=90)
    after, came_since = await rows(town), await came(town, after=mark)

    midway = [row for row in before.values() if row.state in (State.ACTIVE, State.PAUSED)]
    moved = [row for row in midway if after[row.id].version_id != row.version_id]
    assert (len(moved), len(midway) - len(moved)) == (told.moved, told.stay)
    planned = {row.id: row.next_key for row in moved if row.next_kind != "welcome"}
    other = Counter(
        came_since[one][0] for one, key in planned.items() if came_since[one] and came_since[one][0] != key
    )
    assert other == Counter(told.inserted) + Counter(told.forward)
    assert sum(1 for row in moved if row.next_kind == "lesson" and not came_since[row.id]) == told.farewell
    everything = {one: had[one] + came_since[one] for one in before}
    skipping = [row.id for row in moved if not {"x", "z"} <= set(everything[row.id])]
    assert len(skipping) == told.skipping
    finished = [row.id for row in before.values() if row.state == State.COMPLETED]
    reopened = [one for one in finished if came_since[one]]
    assert (len(reopened), len(finished) - len(reopened)) == (told.reopened, told.finished)
    assert all(came_since[one] == ["x", "z"] for one in reopened)
    begun = [row.id for row in before.values() if row.state == State.WAITING]
    pending = [row.id for row in before.values() if row.state == State.PENDING]
    assert len(begun) + len(pending) == told.waiting
    assert all(came_since[one] == [*"abxdcfz"] for one in begun)
    assert not any(len(keys) != len(set(keys)) for keys in everything.values()), "nothing again"
    assert not any(came_since[row.id] for row in before.values() if row.state == State.STOPPED)
    whole = [*"abxdcfz"] if choices.others == "move" else [*"abcdef"]
    lost = [row.id for row in midway if set(whole) - {"e", "x"} - set(everything[row.id])]
    assert lost == [], "nothing lost"
    assert all(row.state in (State.COMPLETED, State.STOPPED, State.PENDING) for row in after.values())


async def test_undoing_puts_back_who_has_received_nothing_since(town: Town) -> None:
    await crowd(town)
    before = await rows(town)
    done = await town.publish(NEW, others="move", inserted="send", finished="offer")
    mark = await ledger(town)
    await live(town, days=4)
    async with town.db.reading() as session:
        since = await session.scalars(select(Delivery.enrolment_id).where(Delivery.id > mark))
        received = set(since)
    between = await rows(town)
    undone = await town.undo()
    after = await rows(town)

    taken = {
        one for one, row in before.items() if between[one].version_id != row.version_id and row.version_id
    }
    assert len(taken) == done.effect.moved + done.effect.reopened
    quiet = taken - received
    assert len(quiet) > 100
    assert len(taken & received) > 100
    assert (undone.restored, undone.kept) == (len(quiet), len(taken & received))
    for one in quiet:
        assert position(after[one]) == position(before[one]) or before[one].state == State.ACTIVE
        names = ("version_id", "next_kind", "next_key", "route", "due_at")
        assert [getattr(after[one], name) for name in names] == [getattr(before[one], name) for name in names]
    for one in taken & received:
        assert position(after[one]) == position(between[one])
    await set_free(town)
    await live(town, days=90)
    finally_ = await came(town)
    assert all(finally_[one] == [*"abcdef"] for one in quiet if before[one].state != State.STOPPED)
    assert not any(len(keys) != len(set(keys)) for keys in finally_.values()), "nothing again"


async def test_the_edit_has_something_for_everybody() -> None:
    old, new = (reading.read(files, slug=SLUG).course for files in (OLD, NEW))
    assert old
    assert new
    assert change.added(old, new) == ("x", "z")
    assert not change.keeps_structure(old, new)
