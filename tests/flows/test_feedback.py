"""What comes back is acted on once, and only where it is about a mail of ours."""

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from engine.core import verp
from engine.core.feedback import Cause, Kind, Recipient, Report, Traces
from engine.flows import enrolments, feedback, installation, learners, privacy
from engine.flows.feedback import Done
from engine.mail import inbound
from engine.tables import Consent, Delivery, Event, Inbound, Suppression
from tests.mail.inbound import mails
from tests.people import ALICE, BOB, ORIGIN, Town, course, fingerprint

pytestmark = pytest.mark.asyncio(loop_scope="session")

OURS = verp.Returns("bounces.example.org", [b"a key for tests"])
THEIRS = verp.Returns("bounces.example.org", [b"another key"])
SIX = course(a="", b="", c="", d="", e="", f="")


async def receive(town: Town, report: Report, raw: bytes = b"raw") -> Done:
    async with town.db.transaction() as session:
        return await feedback.receive(session, report, raw, returns=OURS, way="pipe", now=town.now)


def bounce(mail: Delivery, cause: Cause, address: str = ALICE.address, by: verp.Returns = OURS) -> Report:
    said = Recipient(address, cause, "5.0.0", f"no, <{address}>")
    return Report(Kind.BOUNCE, (said,), Traces((by.address(mail.id),)))


def about(mail: Delivery, kind: Kind, words: str = "") -> Report:
    return Report(kind, (), Traces((OURS.address(mail.id),)), author=ALICE.address, words=words)


async def settled(town: Town, until: str = "2027-03-23 09:00") -> tuple[int, Delivery]:
    """Alice, and the last lesson that she was sent."""
    await town.publish(SIX)
    alice = await town.enrol(ALICE)
    await town.live(until)
    return alice, (await town.mails(alice, "lesson"))[-1]


async def suppression(town: Town, address: str = ALICE.address) -> str:
    async with town.db.reading() as session:
        found = await session.get(Suppression, fingerprint(address))
        return found.reason if found else ""


async def kept(town: Town) -> list[tuple[str, str, bytes]]:
    async with town.db.reading() as session:
        rows = await session.execute(select(Inbound.kind, Inbound.class_, Inbound.raw).order_by(Inbound.id))
        return [(kind, class_, raw) for kind, class_, raw in rows]


async def withdrawn(town: Town) -> int:
    async with town.db.reading() as session:
        return len((await session.scalars(select(Consent.id).where(Consent.event == "withdrawn"))).all())


async def test_nobody_there_means_nothing_more_at_once(town: Town) -> None:
    alice, lesson = await settled(town)
    assert await receive(town, bounce(lesson, Cause.USER_UNKNOWN)) == Done.SUPPRESSED
    assert await suppression(town) == "hard"
    assert await town.states(alice, "lesson") == ["a failed user unknown: no, <alice@example.org>"]
    row = await town.row(alice)
    assert (row.state, row.end_reason, row.due_at) == ("stopped", "hard", None)
    assert await withdrawn(town) == 0
    await town.live("2027-06-01 12:00")
    assert len(await town.mails(alice, "lesson")) == 1


async def test_what_is_told_twice_is_told_once(town: Town) -> None:
    alice, lesson = await settled(town)
    report = bounce(lesson, Cause.FULL)
    assert await receive(town, report) == Done.RECORDED
    assert await receive(town, report, b"on another way") == Done.KNOWN
    assert await kept(town) == [("bounce", "soft_mailbox", b"raw")]
    assert len(await town.events(alice, "bounced")) == 1
    assert await receive(town, about(lesson, Kind.REPLY, "Merci")) == Done.ANSWERED
    assert await receive(town, about(lesson, Kind.REPLY, "Merci")) == Done.KNOWN
    assert await receive(town, about(lesson, Kind.REPLY, "Encore merci")) == Done.ANSWERED


async def test_what_we_did_not_sign_changes_nothing_and_is_counted(town: Town) -> None:
    alice, lesson = await settled(town)
    by_message_id = Traces(("parcours@example.org",), message_ids=(f"{lesson.message_id}@example.org",))
    said = Recipient(ALICE.address, Cause.USER_UNKNOWN)
    for number, report in enumerate(
        (
            bounce(lesson, Cause.USER_UNKNOWN, by=THEIRS),
            Report(Kind.BOUNCE, (said,), by_message_id),
            Report(Kind.COMPLAINT, (said,)),
            Report(Kind.REPLY, (), by_message_id, author=BOB.address, words="STOP"),
            bounce(Delivery(id=lesson.id + 1000), Cause.USER_UNKNOWN),
        )
    ):
        assert await receive(town, report, b"%d" % number) == Done.IGNORED
        assert await receive(town, report, b"%d" % number) == Done.IGNORED
    assert await kept(town) == [("ignored", "", b"")] * 5
    assert await suppression(town) == ""
    assert (await town.row(alice)).state == "active"
    async with town.db.reading() as session:
        assert (await installation.health(session, now=town.now))["reports_ignored"] == 5


async def test_a_full_mailbox_is_asked_about_after_three_lessons_and_left_at_the_fourth(town: Town) -> None:
    alice, first = await settled(town)
    assert await receive(town, bounce(first, Cause.FULL)) == Done.RECORDED
    for day, done in (("2027-03-30", Done.RECORDED), ("2027-04-06", Done.ASKED)):
        await town.live(f"{day} 09:00")
        assert await receive(town, bounce((await town.mails(alice, "lesson"))[-1], Cause.FULL)) == done
    assert (await town.row(alice)).state == "paused"
    await town.send()
    assert await receive(town, bounce(await town.mail(alice, "paused"), Cause.FULL)) == Done.RECORDED
    assert len(await town.events(alice, "unreachable")) == 1
    await town.live("2027-05-31 12:00")
    assert len(await town.mails(alice, "lesson")) == 3
    async with town.db.transaction() as session:
        await enrolments.resume(session, alice, now=town.now)
    await town.live("2027-06-01 09:00")
    assert await receive(town, bounce((await town.mails(alice, "lesson"))[-1], Cause.FULL)) == Done.SUPPRESSED
    assert await suppression(town) == "hard"
    assert (await town.row(alice)).state == "stopped"


async def test_a_lesson_that_arrives_in_between_begins_the_count_anew(town: Town) -> None:
    alice, _ = await settled(town, "2027-04-20 09:00")
    lessons = await town.mails(alice, "lesson")
    assert len(lessons) == 5
    for lesson in (lessons[0], lessons[1], lessons[3], lessons[4]):
        assert await receive(town, bounce(lesson, Cause.FULL)) == Done.RECORDED
    assert await receive(town, bounce(lessons[2], Cause.FULL)) == Done.ASKED


@pytest.mark.parametrize("cause", [Cause.REPUTATION, Cause.AUTHENTICATION, Cause.SENDER, Cause.CONTENT])
async def test_our_own_fault_is_told_to_the_operator_and_never_held_against_a_person(
    town: Town, cause: Cause
) -> None:
    alice, _ = await settled(town, "2027-04-06 09:00")
    for lesson in await town.mails(alice, "lesson"):
        assert await receive(town, bounce(lesson, cause)) == Done.OPERATOR
    assert (await suppression(town), (await town.row(alice)).state) == ("", "active")
    async with town.db.reading() as session:
        assert (await installation.health(session, now=town.now))["mails_refused_by_our_fault"] == 3


async def test_a_fault_of_the_content_names_the_version(town: Town) -> None:
    _, lesson = await settled(town)
    with capture_logs() as logged:
        await receive(town, bounce(lesson, Cause.VIRUS))
    (told,) = logged
    assert (told["log_level"], told["lesson"], bool(told["version"])) == ("error", "a", True)
    assert ALICE.address not in str(told)


@pytest.mark.parametrize("cause", [Cause.NETWORK, Cause.SPEED, Cause.OTHER])
async def test_trouble_on_the_way_is_kept_and_nothing_else(town: Town, cause: Cause) -> None:
    alice, _ = await settled(town, "2027-04-13 09:00")
    for lesson in await town.mails(alice, "lesson"):
        assert await receive(town, bounce(lesson, cause)) == Done.RECORDED
    assert (await suppression(town), (await town.row(alice)).state) == ("", "active")


@pytest.mark.parametrize("kind", [Kind.AUTO_REPLY, Kind.DELIVERED, Kind.UNKNOWN])
async def test_programs_that_answer_change_nothing(town: Town, kind: Kind) -> None:
    alice, lesson = await settled(town)
    assert await receive(town, about(lesson, kind, "STOP")) == Done.RECORDED
    assert await town.states(alice, "lesson") == ["a sent"]
    assert (await suppression(town), (await town.row(alice)).state) == ("", "active")
    assert len(await kept(town)) == 1


async def test_a_complaint_ends_everything_even_for_who_had_left(town: Town) -> None:
    alice, lesson = await settled(town)
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint(ALICE.address), "left", now=town.now)
    assert await receive(town, about(lesson, Kind.COMPLAINT)) == Done.SUPPRESSED
    assert await suppression(town) == "complaint"
    assert ((await town.row(alice)).state, (await town.row(alice)).end_reason) == ("stopped", "complaint")
    assert await withdrawn(town) == 1
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint(ALICE.address), "hard", now=town.now)
    assert await suppression(town) == "complaint"


async def test_who_writes_is_shown_and_who_writes_stop_has_left(town: Town) -> None:
    alice, lesson = await settled(town)
    assert await receive(town, about(lesson, Kind.REPLY, "Une question : pourquoi ?")) == Done.ANSWERED
    assert [event.text for event in await town.events(alice, "replied")] == ["Une question : pourquoi ?"]
    assert (await town.row(alice)).state == "active"
    assert await receive(town, about(lesson, Kind.REPLY, "STOP")) == Done.LEFT
    assert ((await town.row(alice)).state, (await town.row(alice)).end_reason) == ("stopped", "left")
    assert await withdrawn(town) == 1
    assert await suppression(town) == ""  # of this course, not of all


async def test_an_answer_to_the_sender_is_known_by_what_it_answers(town: Town) -> None:
    alice, lesson = await settled(town)
    raw = mails.plain(
        "désabonner",
        sender=ALICE.address,
        subject="Re: La leçon a",
        head=f"In-Reply-To: <{lesson.message_id}@parcours.example.org>\n",
    )
    assert await receive(town, inbound.read(raw), raw) == Done.LEFT
    assert (await town.row(alice)).end_reason == "left"


async def test_the_address_that_somebody_wished_for_is_not_the_one_that_he_has(town: Town) -> None:
    alice, lesson = await settled(town)
    async with town.db.transaction() as session:
        await learners.ask_address(session, alice, "alice.new@example.org", origin=ORIGIN, now=town.now)
    await town.send()
    asked = await town.mail(alice, "address")
    assert await receive(town, bounce(asked, Cause.USER_UNKNOWN, "alice.new@example.org")) == Done.RECORDED
    async with town.db.transaction() as session:
        session.add(Event(learner_id=(await town.learner(alice)).id, at=town.now, kind="address"))
    assert await receive(town, bounce(lesson, Cause.USER_UNKNOWN)) == Done.RECORDED
    assert await suppression(town) == ""


async def test_a_report_is_kept_to_64_kilobytes_and_goes_with_its_person(town: Town) -> None:
    alice, lesson = await settled(town)
    await receive(town, bounce(lesson, Cause.FULL), b"x" * 100_000)
    assert [len(raw) for _, _, raw in await kept(town)] == [65_536]
    async with town.db.transaction() as session:
        await privacy.erase(session, (await town.learner(alice)).id, now=town.now)
    assert await kept(town) == []
    assert await receive(town, bounce(lesson, Cause.USER_UNKNOWN)) == Done.IGNORED
    assert await kept(town) == [("ignored", "", b"")]
