"""What we keep about a person can be read, taken away and forgotten."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from engine.core import delivery, errors, links
from engine.flows import enrolments, learners, privacy
from engine.tables import Base, Consent, Delivery, Learner, Suppression
from tests import ledger
from tests.people import ALICE, BOB, ORIGIN, SENT, Town, course, fingerprint

pytestmark = pytest.mark.asyncio(loop_scope="session")

GATED = course(a="", b="requires: {activity: point}")
SAID = delivery.Refused(450, "4.2.0 <alice@example.org> is greylisted, Alice", False, "recipient")


async def lived(town: Town) -> int:
    """Alice used everything: a lesson, an answer, a refusal, another address, a pause."""
    await town.publish(GATED)
    alice = await town.enrol(ALICE, region="FR-974")
    await town.live("2027-03-24 00:00")
    await town.check_in(alice)
    async with town.db.transaction() as session:
        await learners.ask_address(session, alice, "alice@new.example.com", origin=ORIGIN, now=town.now)
    await town.live("2027-03-29 00:00")
    town.answer = lambda mail: SAID if mail.kind == "lesson" else SENT
    await town.live("2027-03-30 09:00")
    return alice


async def erase(town: Town, learner: int = 1) -> None:
    async with town.db.transaction() as session:
        await privacy.erase(session, learner, now=town.now)


async def dump(town: Town) -> str:
    """Every column of every table, as text."""
    async with town.db.reading() as session:
        tables = [(await session.execute(select(table))).all() for table in Base.metadata.sorted_tables]
    return repr([[tuple(row) for row in rows] for rows in tables])


async def test_the_export_holds_everything(town: Town) -> None:
    await lived(town)
    async with town.db.reading() as session:
        found = await privacy.export(session, 1)
    text = json.dumps(found, ensure_ascii=False)
    for fact in (
        *("Alice", "alice@example.org", "alice@new.example.com", "Atelier Aubert", "FR-974", "50"),
        *(
            ORIGIN.network_address,
            ORIGIN.agent,
            ORIGIN.source,
            "tue 08:30 Europe/Paris",
            "point",
            "greylisted",
        ),
        *("welcome", "lesson", "handed_in", "donné", "J’accepte"),
    ):
        assert fact in text, fact
    async with town.db.reading() as session:
        assert len(found["Messages"]) == len(list(await session.scalars(select(Delivery.id))))
        assert len(found["Accords"]) == len(list(await session.scalars(select(Consent.id))))


async def test_an_export_is_about_one_person(town: Town) -> None:
    await lived(town)
    await town.enrol(BOB)
    async with town.db.reading() as session:
        assert "alice" not in json.dumps(await privacy.export(session, 2)).casefold()


async def test_after_erasing_nothing_names_the_person(town: Town) -> None:
    alice = await lived(town)
    assert (await town.mail(alice, "lesson", "b")).reason
    await erase(town)
    left = (await dump(town)).casefold()
    for trace in ("alice", "aubert", "new.example.com", "192.0.2.7", "navigateur", "fr-974", "greylisted"):
        assert trace not in left, trace


async def test_after_erasing_nothing_is_owed(town: Town) -> None:
    alice = await lived(town)
    await erase(town)
    town.answer = lambda _: SENT
    before = len(await town.sent(alice))
    await town.live("2027-06-01 00:00")
    assert len(await town.sent(alice)) == before
    assert (await town.row(alice)).state == "stopped"
    assert not [mail for mail in await town.mails(alice) if mail.state in delivery.OPEN]


async def test_erasing_keeps_the_proof_of_consent(town: Town) -> None:
    await lived(town)
    await erase(town)
    async with town.db.reading() as session:
        rows = list(await session.scalars(select(Consent).order_by(Consent.id)))
    assert [row.event for row in rows] == ["asked", "given", "withdrawn"]
    assert rows[0].wording
    assert {row.address_hash for row in rows} == {fingerprint("alice@example.org")}


async def test_erasing_leaves_others_alone(town: Town) -> None:
    await lived(town)
    bob = await town.enrol(BOB)
    await erase(town)
    assert (await town.learner(bob)).address == "bob@example.org"
    town.answer = lambda _: SENT
    await town.live("2027-04-07 00:00")
    assert await town.sent(bob, "lesson")


async def test_erasing_twice_is_once(town: Town) -> None:
    await lived(town)
    await erase(town)
    once = await dump(town)
    town.clock.pass_by(days=1)
    await erase(town)
    assert await dump(town) == once
    await erase(town, 4711)


async def test_nothing_is_exported_after_erasing(town: Town) -> None:
    await lived(town)
    await erase(town)
    async with town.db.reading() as session:
        with pytest.raises(errors.NotFound):
            await privacy.export(session, 1)


async def test_a_suppression_outlives_erasing(town: Town) -> None:
    alice = await lived(town)
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("alice@example.org"), "complaint", now=town.now)
    await erase(town)
    await town.sign_up(ALICE)
    async with town.db.reading() as session:
        assert await session.get(Suppression, fingerprint("alice@example.org"))
        assert len(list(await session.scalars(select(Learner)))) == 1
    assert alice


async def test_who_was_erased_may_begin_anew(town: Town) -> None:
    await lived(town)
    await erase(town)
    again = await town.enrol(ALICE)
    town.answer = lambda _: SENT
    await town.live("2027-04-07 00:00")
    assert await town.sent(again, "lesson") == ["lesson a tue 2027-04-06 08:30"]


async def test_a_mail_in_a_workers_hands_does_not_leave_after_erasing(town: Town) -> None:
    alice = await lived(town)
    await town.sleep("2027-03-30 09:30")
    async with town.db.transaction() as session:
        await session.execute(
            update(Delivery).where(Delivery.state == "retry").values(state="claimed", lease="town")
        )
    await erase(town)
    assert "sending" not in await town.states(alice)
    async with town.db.transaction() as session:
        ids = list(await session.scalars(select(Delivery.id).where(Delivery.state == "claimed")))
        assert ids
        assert await ledger.begin(session, ids, worker="town", now=town.now) == []


async def test_the_link_to_ones_data_is_sent_once_an_hour_and_lasts_a_day(town: Town) -> None:
    await town.publish(GATED)
    alice = await town.enrol(ALICE)
    for _ in range(3):
        async with town.db.transaction() as session:
            await privacy.ask_data(session, alice, now=town.now)
    assert len(await town.mails(alice, "data")) == 1
    parts = ("1", links.stamp_of(town.now))
    assert privacy.check_link(parts, now=town.now + timedelta(days=1)) == 1
    with pytest.raises(errors.ExpiredLink):
        privacy.check_link(parts, now=town.now + timedelta(days=1, seconds=1))
    with pytest.raises(errors.BadLink):
        privacy.check_link(parts[:1], now=town.now)
