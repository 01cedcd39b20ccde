"""What was counted beforehand equals what the ledger and the enrolments say, whatever happened meanwhile."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from engine.core import calendar, delivery, errors, numbers, views
from engine.flows import counting, enrolments, privacy
from engine.tables import AnswerTotal, DailyCount, Delivery, Enrolment, Forecast, Meta, Standing, Submission
from engine.workers import counter
from tests.people import ALICE, BOB, FULL, SENT, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOUR = course(a="", b="", c="", d="", asked={"a": "point", "b": "task", "c": "check"})
GONE = delivery.Refused(550, "5.1.1 user unknown", True, "recipient")


async def count(town: Town) -> None:
    """Count now, and go on until there is nothing more to do."""
    worker = counter.Counter(town.db, town.clock)
    await worker.count()
    while await worker.step():
        pass


async def kept(town: Town, table: Any) -> Counter[tuple[Any, ...]]:
    names = [column.name for column in table.__table__.primary_key]
    async with town.db.reading() as session:
        rows = await session.scalars(select(table))
        return Counter({tuple(getattr(row, name) for name in names): row.n for row in rows})


async def slow_mails(town: Town) -> Counter[tuple[Any, ...]]:
    """Every mail of the ledger, counted one by one."""
    late = town.now - calendar.LATE_AFTER
    found = Counter[tuple[Any, ...]]()
    async with town.db.reading() as session:
        rows = {row.id: row.course_id for row in await session.scalars(select(Enrolment))}
        for mail in await session.scalars(select(Delivery)):
            why = mail.reason if mail.state != delivery.State.SENT else ""
            at = mail.settled_at
            if mail.state in delivery.OPEN:
                assert at is None
                at = mail.due_at
                if mail.state in ("planned", "claimed", "sending"):
                    why = "late" if at < late else ""
            assert at is not None
            cause = numbers.cause(why) if why else ""
            course_id = rows.get(mail.enrolment_id or 0, 0)
            found[course_id, numbers.today(at), mail.kind, mail.lesson_key, mail.state, cause] += 1
    return found


async def slow_standing(town: Town) -> Counter[tuple[Any, ...]]:
    found = Counter[tuple[Any, ...]]()
    async with town.db.reading() as session:
        for row in await session.scalars(select(Enrolment)):
            month = f"{numbers.today(row.starts_at):%Y-%m}" if row.starts_at else ""
            match row.state:
                case "stopped":
                    cause = row.end_reason
                case "active":
                    cause = "gate" if row.gate_since else ""
                case "paused":
                    cause = "pause" if row.due_at else ""
                case _:
                    cause = ""
            kind = row.next_kind
            if row.state == "stopped" and not row.next_key and row.last_day:
                kind = "farewell"
            found[row.course_id, month, row.state, kind, row.next_key, cause] += 1
    return found


async def totals(town: Town) -> dict[tuple[str, str], tuple[int, float]]:
    async with town.db.reading() as session:
        rows = await session.scalars(select(AnswerTotal))
        return {(row.activity, row.measure): (row.people, row.total) for row in rows}


def somebody(number: int) -> views.SignUp:
    return replace(ALICE, address=f"person{number}@example.org", weekday=str(number % 5))


async def stir(town: Town, chance: Random, people: list[int]) -> None:
    """Something happens to somebody."""
    one = chance.choice(people)
    town.answer = lambda _: chance.choice((SENT, SENT, SENT, FULL, GONE))
    match chance.randrange(6):
        case 0:
            await town.enrol(somebody(len(people)))
            people.append(people[-1] + 1)
        case 1 if (await town.row(one)).state == "active":
            async with town.db.transaction() as session:
                until = None if chance.random() < 0.5 else numbers.today(town.now) + timedelta(days=9)
                await enrolments.pause(session, one, until=until, now=town.now)
        case 2 if (await town.row(one)).state == "paused":
            async with town.db.transaction() as session:
                await enrolments.resume(session, one, now=town.now)
        case 3 if chance.random() < 0.5:
            async with town.db.transaction() as session:
                await enrolments.leave(session, one, scope="course", now=town.now)
        case 4 if (await town.row(one)).next_key in ("b", "c"):
            with suppress(errors.Conflict, errors.NotFound):  # he did it before, or was erased
                await town.check_in(one, chance.choice(("done", "no")), "point")
        case 5 if chance.random() < 0.2:
            async with town.db.transaction() as session:
                await privacy.erase(session, (await town.learner(one)).id, now=town.now)


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_counted_now_and_then_is_the_truth(town: Town, seed: int) -> None:
    chance = Random(seed)
    await town.publish(FOUR)
    people = [await town.enrol(somebody(0))]
    for _ in range(30):
        await stir(town, chance, people)
        if chance.random() < 0.6:
            await town.live(
                f"{calendar.local(town.now + timedelta(hours=chance.randrange(60)), numbers.ZONE):%F %H:%M}"
            )
        if chance.random() < 0.3:
            await count(town)
    await count(town)
    by_cause, truth = await kept(town, DailyCount), await slow_mails(town)
    # Why the mails of an erased person failed stays as it was counted; their reasons were blanked since.
    assert Counter({key[:5]: n for key, n in without_causes(by_cause).items()}) == without_causes(truth)
    assert await kept(town, Standing) == await slow_standing(town)
    await again(town)
    assert await kept(town, DailyCount) == await slow_mails(town)


def without_causes(counted: Counter[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    found = Counter[tuple[Any, ...]]()
    for key, n in counted.items():
        found[key[:5]] += n
    return found


async def again(town: Town) -> None:
    """Have everything counted anew."""
    async with town.db.transaction() as session:
        await session.execute(delete(Meta).where(Meta.key == "numbers"))
    await count(town)


async def test_a_mail_settled_just_before_midnight_and_committed_after_it_is_counted(town: Town) -> None:
    await town.publish(FOUR)
    alice = await town.enrol(ALICE)
    mail = update(Delivery).where(Delivery.enrolment_id == alice)
    async with town.db.transaction() as session:
        await session.execute(mail.values(state="sending", settled_at=None))
    await town.sleep("2027-03-23 00:10")
    await count(town)
    async with town.db.transaction() as session:
        before = town.now - timedelta(minutes=11)
        await session.execute(mail.values(state="sent", settled_at=before))
    await count(town)
    assert await kept(town, DailyCount) == await slow_mails(town)


async def test_a_long_history_is_counted_in_pieces(town: Town) -> None:
    await town.publish(FOUR)
    alice = await town.enrol(ALICE)
    await town.live("2027-07-01 12:00")
    assert not await counter.Counter(town.db, town.clock)._count(), "days are left when the process dies"
    worker = counter.Counter(town.db, town.clock)
    while await worker.step():
        pass
    assert await kept(town, DailyCount) == await slow_mails(town)
    assert not await worker.step()
    town.clock.pass_by(seconds=61)
    await town.change(alice, state="stopped", end_reason="left")
    await worker.step()
    assert await kept(town, Standing) == await slow_standing(town)


async def test_what_is_foretold_then_happens(town: Town) -> None:
    await town.publish(course(a="", b="", c="", d=""))
    people = [await town.enrol(somebody(number)) for number in range(5)]
    await town.live("2027-03-24 12:00")
    await count(town)
    foretold = Counter({key[1:]: n for key, n in (await kept(town, Forecast)).items()})
    assert sum(foretold.values()) > 15
    begun = [mail.id for each in people for mail in await town.mails(each)]
    await town.live("2027-06-20 12:00")
    since = [mail for each in people for mail in await town.mails(each) if mail.id not in begun]
    mails = [mail for mail in since if mail.kind != "missed"]  # depends on what people do
    happened = Counter((numbers.today(mail.due_at), mail.kind, mail.lesson_key) for mail in mails)
    assert foretold == happened


async def test_people_at_gates_in_open_pauses_or_gone_are_not_foretold(town: Town) -> None:
    await town.publish(FOUR)
    alice, bob = await town.enrol(ALICE), await town.enrol(BOB)
    await town.live("2027-03-23 12:00")
    async with town.db.transaction() as session:
        await enrolments.pause(session, alice, until=None, now=town.now)
        await enrolments.leave(session, bob, scope="course", now=town.now)
    await count(town)
    assert await kept(town, Forecast) == {}


async def test_where_somebody_left_is_remembered(town: Town) -> None:
    await town.publish(FOUR)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-23 12:00")
    async with town.db.transaction() as session:
        await enrolments.leave(session, alice, scope="course", now=town.now)
    await count(town)
    ((_, month, *place), n) = next(iter((await kept(town, Standing)).items()))
    assert (month, place, n) == ("2027-03", ["stopped", "", "b", "left"], 1)


async def test_an_average_is_of_whole_fives(town: Town) -> None:
    await town.publish(FOUR)
    people = [await town.enrol(somebody(number)) for number in range(7)]
    await town.live("2027-03-26 18:00")
    for number, one in enumerate(people[:4]):
        await town.check_in(one, "done" if number else "no")
    await count(town)
    assert await totals(town) == {}
    await town.check_in(people[4])
    await count(town)
    assert await totals(town) == {("point", "done"): (5, 400.0)}
    await town.check_in(people[5])
    await count(town)
    assert await totals(town) == {("point", "done"): (5, 400.0)}


async def test_who_is_erased_takes_his_five_along_for_ever(town: Town) -> None:
    await town.publish(FOUR)
    people = [await town.enrol(somebody(number)) for number in range(11)]
    await town.live("2027-03-26 18:00")
    for one in people[:10]:
        await town.check_in(one)
        town.clock.pass_by(seconds=1)
    await count(town)
    assert await totals(town) == {("point", "done"): (10, 1000.0)}
    async with town.db.transaction() as session:
        await privacy.erase(session, (await town.learner(people[2])).id, now=town.now)
    assert await totals(town) == {("point", "done"): (5, 500.0)}
    await town.check_in(people[10])
    await count(town)
    assert await totals(town) == {("point", "done"): (5, 500.0)}
    async with town.db.reading() as session:
        fives = list(await session.scalars(select(Submission.five).order_by(Submission.handed_in_at)))
    assert fives == [0] * 5 + [2] * 5 + [None]


async def test_a_row_that_nobody_can_plan_stops_no_count(town: Town) -> None:
    await town.publish(FOUR)
    alice, bob = await town.enrol(ALICE), await town.enrol(BOB)
    await town.live("2027-03-23 12:00")
    await town.change(alice, slot="someday", pace=3)
    await count(town)
    assert {key[3]: n for key, n in (await kept(town, Forecast)).items() if key[2] == "lesson"} == {
        "b": 1,
        "c": 1,
        "d": 1,
    }
    await town.change(bob, zone="Europe/Nowhere")
    await count(town)
    assert await kept(town, Forecast) == {}


async def test_an_older_count_does_not_replace_a_newer_one(town: Town) -> None:
    await town.publish(FOUR)
    async with town.db.reading() as session:
        old = await counting.count(session, now=town.now)
    await town.enrol(ALICE)
    town.clock.pass_by(seconds=1)
    await count(town)
    async with town.db.transaction() as session:
        await counting.keep(session, old, seconds=0)
    assert sum((await kept(town, Standing)).values()) == 1
