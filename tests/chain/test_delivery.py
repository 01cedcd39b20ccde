"""What the ledger sends arrives once, signed and unanswered, by way of real mail servers."""

import asyncio
import re
import smtplib
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from engine import app
from engine.clock import MovableClock
from engine.core import links, views
from engine.core.delivery import State
from engine.flows import outbox, signup
from engine.tables import Delivery, Enrolment
from tests.chain.conftest import installation
from tests.chain.servers import Chain
from tests.people import ALICE, BOB, CHARLIE, ORIGIN

COURSE = "demo-en"
AWAY = 'require ["vacation"]; vacation :days 7 "Away until Monday.";'


async def sign_up(site: app.Site, who: views.SignUp) -> None:
    """The form is filled in, and the mail that asks for the confirmation sent."""
    async with site.db.transaction() as session:
        now, fingerprint = site.clock.now(), site.fingerprint
        await signup.request(session, COURSE, who, origin=ORIGIN, fingerprint=fingerprint, now=now)
    await site.send()


async def confirm(site: app.Site) -> None:
    """Everybody confirms, and is made welcome."""
    async with site.db.transaction() as session:
        for place in await session.scalars(select(Enrolment.id)):
            parts = [str(place), links.stamp_of(site.clock.now())]
            await signup.confirm(session, parts, origin=ORIGIN, now=site.clock.now())
    await site.plan()
    await site.send()


async def ledger(site: app.Site) -> Sequence[Delivery]:
    async with site.db.reading() as session:
        return (await session.scalars(select(Delivery).order_by(Delivery.id))).all()


def pass_on(chain: Chain, mail: bytes, *, to: str, sender: str = "parcours@example.org") -> None:
    with smtplib.SMTP("127.0.0.1", chain.port) as smtp:
        smtp.sendmail(sender, [to], mail)
    chain.settle()


async def test_mails_arrive_once_and_opendkim_finds_both_signatures_right(
    chain: Chain, folder: Path, tmp_path: Path
) -> None:
    async with installation(tmp_path, chain.port, folder) as site:
        await sign_up(site, ALICE)
        await confirm(site)
        owed = await ledger(site)
    chain.settle()
    found = chain.mailbox("alice")
    assert [(mail.kind, mail.state) for mail in owed] == [("confirm", State.SENT), ("welcome", State.SENT)]
    assert sorted(mail["Message-ID"].strip("<>") for mail in found) == sorted(
        f"{mail.message_id}@example.org" for mail in owed
    )
    for mail in found:
        passed = re.findall(r"dkim=pass .*?header\.s=([\w-]+)", mail["Authentication-Results"])
        assert sorted(passed) == ["ed-2027", "rsa-2027"]
        assert mail["Return-Path"] == "<parcours@example.org>"
    pass_on(
        chain, chain.raw("alice")[0].replace(b"\nSubject: ", b"\nSubject: No, "), to="alice.2@example.org"
    )
    (changed,) = chain.mailbox("alice.2")
    assert "dkim=pass" not in changed["Authentication-Results"]


async def test_greylisting_delays_a_mail_and_doubles_nothing(
    chain: Chain, folder: Path, tmp_path: Path
) -> None:
    async with installation(tmp_path, chain.grey, folder) as site:
        assert isinstance(site.clock, MovableClock)
        await sign_up(site, BOB)
        (mail,) = await ledger(site)
        assert (mail.state, "reylisted" in mail.reason) == (State.RETRY, True), mail.reason
        assert chain.mailbox("bob") == []
        async with asyncio.timeout(60):
            while mail.state == State.RETRY:
                await asyncio.sleep(1)  # postgrey's clock is its own
                async with site.db.reading() as session:
                    moment = await outbox.next_moment(session)
                assert moment
                site.clock.move_to(moment + timedelta(seconds=1))
                await site.send()
                (mail,) = await ledger(site)
        assert (mail.state, mail.tries > 1) == (State.SENT, True)
    chain.settle()
    assert [each["Message-ID"] for each in chain.mailbox("bob")] == [f"<{mail.message_id}@example.org>"]


async def test_who_is_away_answers_people_and_not_us(chain: Chain, folder: Path, tmp_path: Path) -> None:
    """Dovecot's vacation (RFC 5230)."""
    chain.sieve("charlie", AWAY)
    async with installation(tmp_path, chain.port, folder) as site:
        await sign_up(site, CHARLIE)
        await confirm(site)
    chain.settle()
    assert len(chain.mailbox("charlie")) == 2
    assert chain.mailbox("parcours") == []

    chain.sieve("parcours", AWAY)
    ours = next(mail for mail in chain.raw("charlie") if b"List-Unsubscribe" not in mail)
    pass_on(chain, human(ours), to="charlie@example.net")
    (answer,) = chain.mailbox("parcours")
    assert str(answer["Auto-Submitted"]).startswith("auto-replied")
    assert len(chain.mailbox("charlie")) == 3  # nobody answered the answer


def human(mail: bytes) -> bytes:
    """Without what says that a machine wrote it."""
    return re.sub(rb"(?m)^(Auto-Submitted|X-Auto-Response-Suppress): .*\r?\n", b"", mail)


async def test_nor_does_the_older_vacation(chain: Chain, folder: Path, tmp_path: Path) -> None:
    """The program of that name, run as somebody's `.forward` runs it."""
    async with installation(tmp_path, chain.port, folder) as site:
        await sign_up(site, replace(ALICE, address="alice.away@example.org"))
        await confirm(site)
    chain.settle()
    ours = chain.raw("alice.away")
    assert len(ours) == 2
    before = len(chain.mailbox("parcours"))
    for mail in ours:
        vacation(chain, mail, tmp_path)
    assert len(chain.mailbox("parcours")) == before
    for mail in ours:
        vacation(chain, human(mail), tmp_path)
    assert len(chain.mailbox("parcours")) == before + 1
    assert len(chain.raw("alice.away")) == 2


def vacation(chain: Chain, mail: bytes, folder: Path) -> None:
    (folder / "answer").write_text("Subject: Away\n\nUntil Monday.\n")
    subprocess.run(
        ["/usr/bin/vacation", "-f", folder / "db", "-m", folder / "answer", "-a", "alice.away", "-z", "mail"],
        input=b"From parcours@example.org Mon Mar 22 09:00:00 2027\n" + mail,
        env=chain.postfix,
        capture_output=True,  # what is captured is waited for: it does not wait for its own sendmail
        check=True,
        timeout=30,
    )
    chain.settle()
