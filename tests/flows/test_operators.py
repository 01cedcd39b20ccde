"""What an operator does about one person: by the person's own flows, each with its reason."""

import csv
import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from engine.core import csvfile, errors
from engine.flows import enrolments, learners, operators, roster
from engine.flows.operators import Newcomer
from engine.tables import Audit, Consent, Event, Learner
from tests.people import ALICE, BOB, SLUG, Town, course, fingerprint

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIVE = course(a="", b="", c="", d="", e="", asked={})
WHO = operators.by(None, "au téléphone, ce matin")


async def does(town: Town, act: Callable[..., Awaitable[Any]], *parts: Any, **how: Any) -> Any:
    async with town.db.transaction() as session:
        return await act(session, *parts, WHO, now=town.now, **how)


async def told(town: Town) -> list[tuple[str, str, str]]:
    """Kind, lesson and reason in the history; the audit log must say the same."""
    async with town.db.reading() as session:
        events = await session.scalars(
            select(Event).where(Event.kind.startswith("operator_")).order_by(Event.id)
        )
        audited = await session.scalars(
            select(Audit).where(Audit.action.startswith("operator_")).order_by(Audit.id)
        )
        history = [(row.kind, row.lesson_key, row.text) for row in events]
        assert [(kind, text) for kind, _, text in history] == [(row.action, row.text) for row in audited]
    return history


async def active(town: Town) -> int:
    """Alice, who received the welcome and the first lesson."""
    await town.publish(FIVE)
    enrolment = await town.enrol(ALICE)
    await town.live("2027-03-23 12:00")
    assert (await town.row(enrolment)).next_key == "b"
    return enrolment


def newcomer(address: str = "new@example.org", **more: Any) -> Newcomer:
    return Newcomer(address, SLUG, "Bulletin papier, mars 2027", "Nina", "Atelier", **more)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301, "sur\x00place"])
async def test_a_reason_is_asked_for(reason: str) -> None:
    with pytest.raises(errors.Invalid) as problem:
        operators.by(1, reason)
    assert set(problem.value.problems) == {"reason"}


async def test_enrolling_asks_the_person(town: Town) -> None:
    await town.publish()
    learner = await does(town, operators.enrol, newcomer(), fingerprint=fingerprint)
    async with town.db.reading() as session:
        asked = (await session.scalars(select(Consent))).one()
        assert (await session.get_one(Learner, learner)).first_name == "Nina"
    assert (asked.event, asked.source) == ("asked", "Bulletin papier, mars 2027")
    enrolment = asked.enrolment_id or 0
    assert (await town.mail(enrolment, "confirm")).priority == 0
    await town.send()
    await town.confirm(enrolment)
    assert (await town.row(enrolment)).state == "waiting"
    assert await told(town) == [("operator_enrolled", "", WHO.reason)]


async def test_enrolling_with_proof_begins_at_once(town: Town) -> None:
    await town.publish()
    await does(town, operators.enrol, newcomer(agreed=True), fingerprint=fingerprint)
    await town.tick()
    async with town.db.reading() as session:
        given = (await session.scalars(select(Consent))).one()
    assert given.event == "given"
    assert (await town.row(given.enrolment_id or 0)).state == "active"


async def test_who_left_this_course_may_be_asked_but_not_put_back(town: Town) -> None:
    await town.publish()
    enrolment = await town.enrol(ALICE)
    async with town.db.transaction() as session:
        await enrolments.leave(session, enrolment, scope="course", now=town.now)
    with pytest.raises(errors.Invalid) as problem:
        await does(town, operators.enrol, newcomer("alice@example.org", agreed=True), fingerprint=fingerprint)
    assert set(problem.value.problems) == {"agreed"}
    await does(town, operators.enrol, newcomer("alice@example.org"), fingerprint=fingerprint)
    assert (await town.row(enrolment + 1)).state == "pending"


@pytest.mark.parametrize("reason", ["left", "hard", "complaint"])
async def test_nobody_enrols_a_suppressed_address(town: Town, reason: str) -> None:
    await town.publish()
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("new@example.org"), reason, now=town.now)
    for agreed in (False, True):
        with pytest.raises(errors.Invalid) as problem:
            await does(town, operators.enrol, newcomer(agreed=agreed), fingerprint=fingerprint)
        assert set(problem.value.problems) == {"address"}
    assert await told(town) == []


async def test_every_wrong_field_is_told_at_once(town: Town) -> None:
    await town.publish()
    wrong = Newcomer("nowhere", SLUG, "", "N" * 61, "A" * 121)
    with pytest.raises(errors.Invalid) as problem:
        await does(town, operators.enrol, wrong, fingerprint=fingerprint)
    assert set(problem.value.problems) == {"address", "source", "first_name", "company"}


async def test_pausing_until_a_day_and_resuming(town: Town) -> None:
    enrolment = await active(town)
    await does(town, operators.pause, enrolment, "2027-04-12")
    row = await town.row(enrolment)
    assert (row.state, row.paused_until is not None) == ("paused", True)
    await does(town, operators.resume, enrolment)
    assert (await town.row(enrolment)).state == "active"
    await does(town, operators.resume, enrolment)
    assert await told(town) == [
        ("operator_paused", "", WHO.reason),
        ("operator_resumed", "", WHO.reason),
    ]
    await town.send()
    assert [mail.split()[0] for mail in await town.sent(enrolment, "paused", "resumed")] == ["resumed"]


@pytest.mark.parametrize("until", ["2027-03-23", "2020-01-01", "2029-01-01", "demain"])
async def test_a_pause_ends_on_a_day_to_come(town: Town, until: str) -> None:
    enrolment = await active(town)
    with pytest.raises(errors.Invalid) as problem:
        await does(town, operators.pause, enrolment, until)
    assert set(problem.value.problems) == {"until"}
    assert (await town.row(enrolment)).state == "active"


async def test_moving_forward_leaves_out_and_never_sends_twice(town: Town) -> None:
    enrolment = await active(town)
    await does(town, operators.move, enrolment, "d")
    await does(town, operators.move, enrolment, "c")
    await town.live("2027-04-30 00:00")
    assert await town.sent(enrolment, "lesson") == [
        "lesson a tue 2027-03-23 08:30",
        "lesson c tue 2027-03-30 08:30",
        "lesson d tue 2027-04-06 08:30",
        "lesson e tue 2027-04-13 08:30",
    ]
    assert [line[:2] for line in await told(town)] == [("operator_moved", "d"), ("operator_moved", "c")]


@pytest.mark.parametrize("key", ["a", "b", "nulle-part", ""])
async def test_a_place_that_is_past_or_none_is_refused(town: Town, key: str) -> None:
    enrolment = await active(town)
    with pytest.raises(errors.Invalid) as problem:
        await does(town, operators.move, enrolment, key)
    assert set(problem.value.problems) == {"lesson"}
    assert (await town.row(enrolment)).next_key == "b"


async def test_nobody_goes_back_before_a_lesson_that_left(town: Town) -> None:
    enrolment = await active(town)
    await does(town, operators.move, enrolment, "d")
    await town.live("2027-03-31 00:00")
    with pytest.raises(errors.Invalid):
        await does(town, operators.move, enrolment, "c")
    await does(town, operators.resend, enrolment, "c")
    await town.send()
    assert len(await town.sent(enrolment, "again")) == 1


async def test_moving_through_a_pause_keeps_it(town: Town) -> None:
    enrolment = await active(town)
    await does(town, operators.pause, enrolment, "")
    await does(town, operators.move, enrolment, "d")
    row = await town.row(enrolment)
    assert (row.state, row.next_key, row.due_at) == ("paused", "d", None)


async def test_the_page_offers_what_is_allowed_and_nothing_else(town: Town) -> None:
    enrolment = await active(town)
    await does(town, operators.move, enrolment, "d")
    learner = (await town.learner(enrolment)).id
    async with town.db.reading() as session:
        (line,) = (await operators.person(session, learner)).courses
    for lesson in line.lessons:
        if lesson.movable:
            await does(town, operators.move, enrolment, lesson.key)
            await does(town, operators.move, enrolment, "d")
        elif lesson.key != "d":
            with pytest.raises(errors.Invalid):
                await does(town, operators.move, enrolment, lesson.key)
        if lesson.came:
            await does(town, operators.resend, enrolment, lesson.key)
        else:
            with pytest.raises(errors.Invalid):
                await does(town, operators.resend, enrolment, lesson.key)


async def test_a_lesson_is_sent_again_as_another_mail(town: Town) -> None:
    enrolment = await active(town)
    await does(town, operators.resend, enrolment, "a")
    with pytest.raises(errors.Invalid):
        await does(town, operators.resend, enrolment, "a")
    await town.send()
    first, again = await town.mail(enrolment, "lesson", "a"), await town.mail(enrolment, "again", "a")
    assert again.message_id != first.message_id
    assert (again.state, again.priority) == ("sent", 0)


async def test_a_new_address_counts_once_it_is_confirmed(town: Town) -> None:
    enrolment = await active(town)
    learner = await town.learner(enrolment)
    await does(town, operators.change_address, learner.id, "neuve@example.org", fingerprint=fingerprint)
    mail = await town.mail(enrolment, "address")
    assert (await town.learner(enrolment)).address == "alice@example.org"
    parts = [str(learner.id), mail.occasion, learners.address_mark("neuve@example.org")]
    async with town.db.transaction() as session:
        await learners.confirm_address(session, parts, fingerprint=fingerprint, now=town.now)
    assert (await town.learner(enrolment)).address == "neuve@example.org"


async def test_an_address_that_is_taken_or_suppressed_is_told(town: Town) -> None:
    enrolment = await active(town)
    await town.enrol(BOB)
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("gone@example.org"), "hard", now=town.now)
    learner = (await town.learner(enrolment)).id
    for address in ("Bob@example.org", "gone@example.org", "nowhere"):
        with pytest.raises(errors.Invalid) as problem:
            await does(town, operators.change_address, learner, address, fingerprint=fingerprint)
        assert set(problem.value.problems) == {"address"}


async def test_stopping_one_course_or_everything(town: Town) -> None:
    enrolment = await active(town)
    await does(town, operators.stop, enrolment, "all")
    assert (await town.row(enrolment)).state == "stopped"
    with pytest.raises(errors.Invalid):
        await does(town, operators.enrol, newcomer("alice@example.org"), fingerprint=fingerprint)


async def test_exporting_and_erasing(town: Town) -> None:
    enrolment = await active(town)
    learner = (await town.learner(enrolment)).id
    found = await does(town, operators.export, learner)
    assert found["Vous"]["Adresse"] == "alice@example.org"
    await does(town, operators.erase, learner)
    assert (await town.learner(enrolment)).address == ""
    with pytest.raises(errors.NotFound):
        await does(town, operators.export, learner)
    with pytest.raises(errors.NotFound):
        await does(town, operators.erase, learner)
    async with town.db.reading() as session:
        audited = [row.action for row in await session.scalars(select(Audit).order_by(Audit.id))]
    assert audited == ["operator_exported", "operator_erased"]


async def test_everybody_is_exported_chunk_by_chunk(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "CHUNK", 2)
    enrolment = await active(town)
    await does(town, operators.enrol, newcomer(), fingerprint=fingerprint)
    await does(town, operators.enrol, newcomer("other@example.org"), fingerprint=fingerprint)
    gone = await does(town, operators.enrol, newcomer("gone@example.org"), fingerprint=fingerprint)
    await does(town, operators.erase, gone)
    town.behind_the_flows = True
    await town.change(enrolment, company="=HYPERLINK(0)")
    rows: list[tuple[object, ...]] = []
    after: int | None = 0
    while after is not None:
        async with town.db.reading() as session:
            chunk = await roster.read(session, after=after)
        assert len(chunk.rows) <= 2
        rows, after = [*rows, *chunk.rows], chunk.last
    text = csvfile.written([roster.COLUMNS, *rows])
    alice, *others = csv.DictReader(io.StringIO(text, newline=""), delimiter=";")
    assert (alice["adresse"], alice["parcours"], alice["etat"]) == ("alice@example.org", SLUG, "active")
    assert (alice["lecons_envoyees"], alice["prochaine_lecon"]) == ("1", "b")
    assert alice["entreprise"] == "'=HYPERLINK(0)"
    assert [row["adresse"] for row in others] == ["new@example.org", "other@example.org"]
    async with town.db.reading() as session:
        assert (await roster.read(session, slug="autre")).rows == ()
