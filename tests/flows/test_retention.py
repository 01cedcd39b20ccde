"""Nobody is kept for longer than the terms say, and nobody for less."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.core.retention import Terms
from engine.flows import companies, outbox, retention
from engine.tables import Account, AccountSession, Audit, Event, Learner
from engine.workers import keeper
from tests.people import ALICE, BOB, CHARLIE, Town
from tests.teams import Team

pytestmark = pytest.mark.asyncio(loop_scope="session")

TERMS = Terms(unconfirmed=7, inactive=1095, logs=365)
MOMENT = timedelta(seconds=1)


async def known(town: Town) -> list[str]:
    async with town.db.reading() as session:
        rows = await session.scalars(
            select(Learner.address).where(Learner.erased_at.is_(None)).order_by(Learner.id)
        )
        return list(rows)


async def due(town: Town) -> retention.Due:
    async with town.db.reading() as session:
        return await retention.due(session, TERMS, now=town.now)


async def keep(town: Town) -> None:
    """As the worker does, from one hour to the next."""
    worker = keeper.Keeper(town.db, town.clock, TERMS)
    while await worker.step():
        pass


async def test_who_never_confirms_is_erased_after_seven_days(town: Town) -> None:
    await town.publish()
    await town.sign_up(ALICE)
    town.clock.pass_by(days=7)
    assert (await due(town)).unconfirmed == 0
    await keep(town)
    assert await known(town) == [ALICE.address]
    town.clock.moment += MOMENT
    assert (await due(town)).unconfirmed == 1
    assert await known(town) == [ALICE.address]  # to look changes nothing
    await keep(town)
    assert await known(town) == []


async def test_who_asks_again_has_seven_days_more(town: Town) -> None:
    await town.publish()
    await town.sign_up(ALICE)
    town.clock.pass_by(days=6)
    await town.sign_up(ALICE)
    town.clock.pass_by(days=6)
    await keep(town)
    assert await known(town) == [ALICE.address]


async def test_who_confirmed_once_is_not_taken_for_a_stranger(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.change(alice, state="stopped")
    town.clock.pass_by(days=30)
    await keep(town)
    assert await known(town) == [ALICE.address]


async def test_three_years_after_the_last_act_a_person_is_erased(town: Town) -> None:
    await town.publish()
    for who in (ALICE, BOB, CHARLIE):
        await town.change(await town.enrol(who), state="completed")
    alice, bob, charlie = 1, 2, 3
    town.clock.pass_by(days=100)
    await _line(town, bob, "slot")  # his own act
    await _line(town, charlie, "operator_moved")  # somebody else's
    await town.change(alice, state="active")  # lessons are on their way
    town.clock.pass_by(days=995)
    town.clock.moment += MOMENT
    assert (await due(town)).inactive == 1
    await keep(town)
    assert await known(town) == [ALICE.address, BOB.address]
    town.clock.pass_by(days=100)
    await keep(town)
    assert await known(town) == [ALICE.address]


async def _line(town: Town, place: int, kind: str) -> None:
    row = await town.row(place)
    async with town.db.transaction() as session:
        session.add(outbox.event(learner_id=row.learner_id, enrolment_id=place, kind=kind, now=town.now))


async def test_old_lines_go_but_those_that_tell_of_the_last_act(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    await town.change(alice, state="completed")
    for kind in ("slot", "silent"):
        await _line(town, alice, kind)
    account = Account(address="a@example.org", address_key="a@example.org", name="A", role="owner")
    account.created_at = town.now
    async with town.db.transaction() as session:
        session.add(account)
        await session.flush()
        token = AccountSession(account_id=account.id, token_hash="t", created_at=town.now, seen_at=town.now)
        session.add_all([token, Audit(account_id=account.id, at=town.now, action="course_published")])
    town.clock.pass_by(days=365)
    await keep(town)
    assert await _logs(town) == ({"confirmed", "slot", "silent"}, 1, 1)
    town.clock.moment += MOMENT
    assert await due(town) == retention.Due(
        unconfirmed=0, inactive=0, history=1, audit=1, sessions=1, reports=0
    )
    await keep(town)
    assert await _logs(town) == ({"confirmed", "slot"}, 0, 0)
    town.clock.pass_by(days=1095)
    await keep(town)
    assert await _logs(town) == (set(), 0, 0)


async def _logs(town: Town) -> tuple[set[str], int, int]:
    async with town.db.reading() as session:
        kinds = set(await session.scalars(select(Event.kind)))
        counts = [len((await session.scalars(select(table.id))).all()) for table in (Audit, AccountSession)]
    return kinds, counts[0], counts[1]


async def test_an_invitation_may_be_answered_for_a_month(town: Town) -> None:
    house = Team(town)
    await house.publish()
    alice = await house.open()
    await house.act(companies.invite, alice, BOB.address)
    town.clock.pass_by(days=30)
    await keep(town)
    assert await known(town) == [ALICE.address, BOB.address]
    town.clock.moment += MOMENT
    await keep(town)
    assert await known(town) == [ALICE.address]
