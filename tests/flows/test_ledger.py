"""The ledger as a list: what waits by its hour, what did not leave, and why."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from engine.core import delivery, errors
from engine.core.delivery import State
from engine.flows import ledger
from engine.flows.ledger import Filters, Number, Page, Reason
from engine.tables import Delivery
from tests.people import ALICE, BOB, FULL, NOW, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

GONE: delivery.Outcome = delivery.Refused(550, "5.1.1 no such user", True, "recipient")


async def page(town: Town, after: str = "", **filters: str) -> Page:
    async with town.db.reading() as session:
        return await ledger.find(session, Filters(**filters), after=after)


async def said(town: Town, **filters: str) -> list[str]:
    return [
        f"{mail.address} {mail.kind} {mail.lesson}".strip() for mail in (await page(town, **filters)).mails
    ]


async def test_what_waits_by_its_hour_and_what_was_sent_the_newest_first(town: Town) -> None:
    await town.publish()
    await town.enrol(ALICE)
    await town.sign_up(BOB)
    assert await said(town) == ["bob@example.org confirm"]
    assert await said(town, state="planned") == ["bob@example.org confirm"]
    await town.live("2027-03-23 09:00")
    assert await said(town, state="sent") == [
        "alice@example.org lesson a",
        "alice@example.org welcome",
        "bob@example.org confirm",
        "alice@example.org confirm",
    ]
    assert await said(town) == ["alice@example.org missed a"]
    assert await said(town, state="sent", kind="lesson") == ["alice@example.org lesson a"]
    assert await said(town, state="sent", lesson="a", course="essai") == ["alice@example.org lesson a"]
    for filters in ({"kind": "x"}, {"course": "x"}, {"lesson": "x"}, {"state": "x"}):
        assert await said(town, **filters) == []


async def test_mails_may_be_more_than_32_bits_number(town: Town) -> None:
    town.behind_the_flows = True
    await town.publish()
    await town.enrol(ALICE)
    async with town.db.transaction() as session:
        await session.execute(update(Delivery).values(id=Delivery.id + 2**33))
    (mail,) = (await page(town, state="sent")).mails
    assert mail.id > 2**33
    assert (await page(town, after=str(mail.id + 1), state="sent")).mails == (mail,)
    assert (await page(town, after=str(mail.id), state="sent")).mails == ()


async def test_why_mails_wait_or_did_not_leave(town: Town) -> None:
    await town.publish()
    for who in (ALICE, BOB):
        await town.sign_up(who)
    town.answer = lambda begun: FULL if begun.id % 2 else GONE
    await town.send()
    (waits,) = (await page(town, state="retry")).mails
    assert (waits.reason, waits.tries, waits.try_at > NOW) == ("452 4.2.2 mailbox full", 1, True)
    async with town.db.reading() as session:
        counts = await ledger.counts(session)
        assert counts[State.RETRY] == counts[State.FAILED] == Number(1, exact=True)
        assert counts[State.HELD] == Number(0, exact=True)
        assert await ledger.reasons(session, "") == (Reason("452 4.2.2 mailbox full", 1),)
        assert await ledger.reasons(session, "failed") == (Reason("550 5.1.1 no such user", 1),)


@pytest.mark.parametrize("state", ["", "failed", "sent"])
@pytest.mark.parametrize("filters", [{}, {"kind": "lesson"}, {"course": "essai"}])
async def test_pages_hold_every_mail_once(
    town: Town, monkeypatch: pytest.MonkeyPatch, state: str, filters: dict[str, str]
) -> None:
    monkeypatch.setattr(ledger, "PAGE", 3)
    monkeypatch.setattr(ledger, "STRETCH", 5)
    await town.publish(course(asked=None, also="", words="", **{f"l{number}": "" for number in range(9)}))
    await town.enrol(ALICE)
    await town.live("2027-05-30 09:00")
    async with town.db.transaction() as session:
        if state != "sent":
            values = {"state": state or "retry", "try_at": NOW + timedelta(days=1)}
            await session.execute(update(Delivery).values(**values))
    expected = await town.mails(1, *(["lesson"] if "kind" in filters else []))
    if state == "sent":
        expected = [mail for mail in expected if mail.state == "sent"]
    found, after = [], ""
    while True:
        got = await page(town, after, state=state, **filters)
        found += [mail.id for mail in got.mails]
        after = got.following
        if not after:
            break
    assert len(found) == len(set(found))
    assert set(found) == {mail.id for mail in expected}


@pytest.mark.parametrize(
    "after", ["x", "1.2", "1.2.3.x", "9" * 40 + ".0.1.1", "1.9999.000000." + "9" * 17, "12"]
)
async def test_a_page_that_is_none(town: Town, after: str) -> None:
    with pytest.raises(errors.BadLink):
        await page(town, after)
