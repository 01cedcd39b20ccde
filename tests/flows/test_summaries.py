"""The weekly summary: to whom it goes, when, once, and what it tells."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from engine.core import links
from engine.core.accounts import Role
from engine.flows import accounts, enrolments, leases, letters, summaries, writing
from engine.mail import builds
from engine.tables import Delivery
from engine.workers import counter
from tests import ledger
from tests.people import ALICE, BOB, DRESS, Town, course, told

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOUR = course(a="", b="", c="", d="")
HOUSE = letters.House(
    links.Links("https://parcours.example.org", (b"key",), lasting=b"lasting"),
    DRESS,
    builds.Builds(),
    "parcours.example.org",
)


async def account(town: Town, name: str, *, weekly: bool = True, language: str = "fr") -> int:
    async with town.db.transaction() as session:
        made = await accounts.create(session, f"{name}@example.org", name, Role.VIEWER, by=None, now=town.now)
        made.language = language
        await accounts.set_weekly(session, made.id, weekly)
        return made.id


async def summaries_of(town: Town, account_id: int) -> list[Delivery]:
    query = select(Delivery).where(Delivery.account_id == account_id, Delivery.kind == "summary")
    async with town.db.reading() as session:
        return list(await session.scalars(query.order_by(Delivery.id)))


def plain(data: bytes) -> str:
    """Subject and text."""
    mail = message_from_bytes(data, policy=policy.default)
    body = mail.get_body(("plain",))
    assert body
    return f"{mail['Subject']}\n{body.get_content()}"


async def a_week(town: Town) -> None:
    """Alice and Bob begin; Bob leaves after his first lesson."""
    await town.publish(FOUR)
    await town.enrol(ALICE)
    bob = await town.enrol(BOB)
    await town.live("2027-03-24 12:00")
    async with town.db.transaction() as session:
        await enrolments.leave(session, bob, scope="course", now=town.now)
    worker = counter.Counter(town.db, town.clock)
    await worker.count()
    while await worker.step():
        pass


async def test_who_asks_for_it_gets_one_mail_a_week(town: Town) -> None:
    await town.publish(FOUR)
    asked, other = await account(town, "claire"), await account(town, "denis", weekly=False)
    await town.sleep("2027-03-24 12:00")
    await town.tick()
    assert await summaries_of(town, asked) == []
    for moment in ("2027-03-29 07:59", "2027-03-29 08:00", "2027-03-29 08:10", "2027-03-30 20:00"):
        await town.sleep(moment)
        await town.wake()
    (mail,) = await summaries_of(town, asked)
    assert (told(mail), mail.state) == ("summary mon 2027-03-29 08:00", "sent")
    await town.sleep("2027-04-05 09:00")
    await town.wake()
    assert len(await summaries_of(town, asked)) == 2
    assert await summaries_of(town, other) == []


async def test_a_closed_account_gets_none(town: Town) -> None:
    claire = await account(town, "claire")
    await town.sleep("2027-03-29 08:00")
    await town.tick()
    async with town.db.transaction() as session:
        await accounts.close(session, claire, by=None, now=town.now)
    await town.send()
    assert [mail.state for mail in await summaries_of(town, claire)] == ["cancelled"]
    await town.sleep("2027-04-05 09:00")
    await town.tick()
    assert len(await summaries_of(town, claire)) == 1


async def test_it_tells_of_the_week_before_its_monday(town: Town) -> None:
    await a_week(town)
    async with town.db.reading() as session:
        found = await summaries.of_week(session, "2027-03-29", now=town.now + timedelta(days=5))
        assert found.lines == (summaries.Line("L'essai", began=2, lessons=2, completed=0, left=1),)
        assert (found.failed, found.held) == (0, 0)
        assert found.expected == 1, "Alice's second lesson; Bob left"
        before = await summaries.of_week(session, "2027-03-22", now=town.now)
        assert before.lines == ()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", ("Bonjour claire,", "Ont commencé\u00a0: 2", "La_semaine_du_lundi_22")),
        ("en", ("Hello claire,", "Began: 2", "The week from Monday 22")),
    ],
)
async def test_it_is_written_in_the_language_of_the_account(
    town: Town, language: str, said: tuple[str, ...]
) -> None:
    await a_week(town)
    claire = await account(town, "claire", language=language)
    await town.sleep("2027-03-29 08:00")
    await town.tick()
    async with town.db.transaction() as session:
        leased = await leases.lease(session, worker="w", limit=50, now=town.now)
        begun = await ledger.begin(session, leased, worker="w", now=town.now)
        (mail,) = [each for each in begun if each.account_id == claire]
        addressed = (await letters.gather(session, [mail]))[mail.id]
    assert isinstance(addressed, letters.ToAccount)
    assert addressed.summary
    written = writing.write(addressed, HOUSE, now=town.now)
    assert written.recipient == "claire@example.org"
    text = plain(written.data)
    for each in said:
        assert each.replace("_", " ") in text.replace("\u202f", "\u00a0")
    assert b"List-Unsubscribe" not in written.data
    assert "https://parcours.example.org/studio/me" in text
