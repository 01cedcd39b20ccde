"""The attestation is issued to who did what it asks for, verified by its code, and can be taken back."""

from typing import Any

import pytest
from sqlalchemy import select

from engine.core import errors, views
from engine.flows import activities, certificates, documents, privacy
from engine.tables import Certificate
from tests import papers
from tests.people import ALICE, BOB, DRESS, Town
from tests.people import course as plain

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENDED = "2027-04-14 00:00"
CHANGED: dict[str, Any] = {"vrai": "false", "nombre": "3"}


async def answer(town: Town, enrolment: int, key: str, typed: dict[str, str] | None = None) -> None:
    """Answer an activity whole and hand it in."""
    given = {name: [value] for name, value in (typed or papers.ANSWERS[key]).items()}
    steps = ["qui"] if key == "regles" else list(given)
    async with town.db.transaction() as session:
        place = await activities.take(session, enrolment, key, now=town.now)
        for step in steps:
            await activities.save(session, place, step, given, now=town.now)
        await activities.hand_in(session, place, now=town.now)


async def again(town: Town, enrolment: int, key: str) -> None:
    async with town.db.transaction() as session:
        place = await activities.take(session, enrolment, key, now=town.now)
        await activities.again(session, place, now=town.now)


async def finished(town: Town) -> int:
    """Alice did everything and received the last lesson."""
    await town.publish(papers.FILES)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")
    for key in papers.ANSWERS:
        await answer(town, alice, key)
    await town.live(ENDED)
    return alice


async def page(town: Town, enrolment: int) -> views.Documents:
    async with town.db.reading() as session:
        return await documents.page(session, enrolment, now=town.now)


async def standing(town: Town, enrolment: int) -> views.Attestation:
    found = (await page(town, enrolment)).attestation
    assert found
    return found


async def issue(town: Town, enrolment: int, name: str = "Alice Aubert") -> views.Issued:
    async with town.db.transaction() as session:
        await certificates.issue(session, enrolment, name, now=town.now)
    issued = (await standing(town, enrolment)).issued
    assert issued
    return issued


async def verify(town: Town, code: str) -> views.Verified:
    async with town.db.reading() as session:
        return await certificates.verify(session, code)


async def revoke(town: Town, code: str, reason: str = "wrong person") -> None:
    async with town.db.transaction() as session:
        await certificates.revoke(session, code, reason=reason, now=town.now)


async def test_what_is_missing_goes_one_by_one(town: Town) -> None:
    await town.publish(papers.FILES)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")

    async def missing() -> list[str]:
        return [each.key or each.kind for each in (await standing(town, alice)).missing]

    assert await missing() == ["course", "bilan", "quiz", "regles"]
    await answer(town, alice, "bilan")
    await answer(town, alice, "quiz", CHANGED)
    assert await missing() == ["course", "quiz", "regles"], "handed in is not passed"
    await again(town, alice, "quiz")
    await answer(town, alice, "quiz")
    assert await missing() == ["course", "regles"]
    await again(town, alice, "quiz")
    await answer(town, alice, "quiz", CHANGED)
    assert await missing() == ["course", "regles"], "the best attempt counts"
    await answer(town, alice, "regles")
    await town.live(ENDED)
    assert await missing() == []


async def test_nothing_is_issued_before_everything_is_done(town: Town) -> None:
    await town.publish(papers.FILES)
    alice = await town.enrol(ALICE)
    await town.live(ENDED)
    assert (await town.row(alice)).state == "completed"
    async with town.db.transaction() as session:
        with pytest.raises(errors.NotAllowed):
            await certificates.issue(session, alice, "Alice Aubert", now=town.now)


async def test_a_course_without_attestation_gives_none(town: Town) -> None:
    await town.publish(plain(a=""))
    alice = await town.enrol(ALICE)
    await town.live(ENDED)
    assert (await page(town, alice)).attestation is None
    async with town.db.transaction() as session:
        with pytest.raises(errors.NotAllowed):
            await certificates.issue(session, alice, "Alice Aubert", now=town.now)


async def test_it_carries_what_is_true_of_the_course(town: Town) -> None:
    alice = await finished(town)
    issued = await issue(town, alice, "Élodie Ωmega")
    async with town.db.reading() as session:
        found = await documents.certificate(session, alice, house=DRESS, now=town.now)
    assert (found.name, found.lessons, found.code) == ("Élodie Ωmega", 3, issued.code)
    days = [day.isoformat() for day in (found.began, found.completed, found.issued)]
    assert days == ["2027-03-23", "2027-04-06", "2027-04-14"]
    assert found.verify_url == f"https://parcours.example.org/v/{issued.code}"


async def test_issuing_twice_is_once_and_the_name_may_be_mended_for_a_week(town: Town) -> None:
    alice = await finished(town)
    first = await issue(town, alice, "Alice Aubret")
    town.clock.pass_by(days=7)
    assert await issue(town, alice, "Alice Aubert") == views.Issued(
        first.code, "Alice Aubert", first.at, revoked=False, correct_until=first.correct_until
    )
    town.clock.pass_by(seconds=1)
    assert (await issue(town, alice, "Alice Aubert")).correct_until is None
    async with town.db.transaction() as session:
        with pytest.raises(errors.Invalid, match="ne change plus"):
            await certificates.issue(session, alice, "Charlie", now=town.now)
    async with town.db.reading() as session:
        assert len(list(await session.scalars(select(Certificate)))) == 1
    assert len(await town.events(alice, "certificate")) == 1


async def test_a_name_that_does_not_print_issues_nothing(town: Town) -> None:
    alice = await finished(town)
    async with town.db.transaction() as session:
        with pytest.raises(errors.Invalid, match="en lettres latines"):
            await certificates.issue(session, alice, "王小明", now=town.now)
    assert (await standing(town, alice)).issued is None


async def test_anybody_with_the_code_learns_name_course_and_day_only(town: Town) -> None:
    alice = await finished(town)
    code = (await issue(town, alice)).code
    found = await verify(town, code.lower().replace("-", " "))
    assert (found.name, found.course, found.revoked) == ("Alice Aubert", "L'essai", False)
    assert found.issued_on.isoformat() == "2027-04-14"
    assert not {"alice@example.org", "Atelier Aubert"} & set(map(str, vars(found).values()))
    with pytest.raises(errors.NotFound):
        await verify(town, "BCDF-GHJK-MNPR-STVW")
    with pytest.raises(errors.NotFound):
        await verify(town, "")


async def test_a_revoked_one_says_so_and_does_not_come_back(town: Town) -> None:
    alice = await finished(town)
    code = (await issue(town, alice)).code
    await revoke(town, code)
    at = (await certificate(town, code)).revoked_at
    town.clock.pass_by(days=1)
    await revoke(town, code.lower(), "another reason")
    row = await certificate(town, code)
    assert (row.revoked_at, row.revoked_reason) == (at, "wrong person")
    assert len(await town.events(alice, "certificate_revoked")) == 1
    assert (await verify(town, code)).revoked
    assert not (await standing(town, alice)).ready
    async with town.db.transaction() as session:
        with pytest.raises(errors.NotAllowed):
            await certificates.issue(session, alice, "Alice Aubert", now=town.now)
        with pytest.raises(errors.NotFound):
            await documents.certificate(session, alice, house=DRESS, now=town.now)
        with pytest.raises(errors.NotFound):
            await certificates.revoke(session, "BCDF", reason="", now=town.now)


async def certificate(town: Town, code: str) -> Certificate:
    async with town.db.reading() as session:
        return await certificates.find(session, code)


async def test_it_can_be_verified_when_the_learners_own_pages_are_closed(town: Town) -> None:
    alice = await finished(town)
    code = (await issue(town, alice)).code
    town.clock.pass_by(days=91)
    with pytest.raises(errors.ExpiredLink):
        await page(town, alice)
    assert not (await verify(town, code)).revoked


async def test_ones_data_hold_it_and_erasing_blanks_and_revokes_it(town: Town) -> None:
    alice = await finished(town)
    code = (await issue(town, alice, "Zoé Martin")).code
    async with town.db.reading() as session:
        (told,) = (await privacy.export(session, 1))["Attestations"]
    assert (told["Nom"], told["Code"], told["Retirée"]) == ("Zoé Martin", code, "")
    async with town.db.transaction() as session:
        await privacy.erase(session, 1, now=town.now)
    row = await certificate(town, code)
    assert (row.name, row.revoked_at, row.revoked_reason) == ("", town.now, "erased")
    found = await verify(town, code)
    assert (found.name, found.revoked) == ("", True)


async def test_erasing_one_leaves_the_others_certificate(town: Town) -> None:
    alice = await finished(town)
    code = (await issue(town, alice)).code
    bob = await town.enrol(BOB)
    async with town.db.transaction() as session:
        await privacy.erase(session, (await town.row(bob)).learner_id, now=town.now)
    assert not (await verify(town, code)).revoked


async def test_the_page_shows_what_was_handed_in_last(town: Town) -> None:
    await town.publish(papers.FILES)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")
    assert (await page(town, alice)).papers == ()
    await answer(town, alice, "bilan")
    town.clock.pass_by(hours=1)
    await answer(town, alice, "regles")
    await again(town, alice, "regles")
    kept = [(each.key, each.kind, each.version) for each in (await page(town, alice)).papers]
    assert kept == [("bilan", "report", 1), ("regles", "charter", 1)], "a new version is not adopted yet"
    async with town.db.reading() as session:
        found = await documents.charter(session, alice, "regles", now=town.now)
    assert (found.written.version, found.written.adopted_at, found.zone) == (1, town.now, "Europe/Paris")
    await answer(town, alice, "regles", {"nom": "Charlie"})
    async with town.db.reading() as session:
        found = await documents.charter(session, alice, "regles", now=town.now)
    assert found.written.version == 2
    assert "'Charlie'" in repr(found.written.articles)


async def test_the_report_tells_the_answers_in_words_by_axis(town: Town) -> None:
    await town.publish(papers.FILES)
    alice = await town.enrol(ALICE)
    await town.live("2027-03-24 00:00")
    async with town.db.reading() as session:
        with pytest.raises(errors.NotFound):
            await documents.report(session, alice, "bilan", now=town.now)
    await answer(town, alice, "bilan")
    async with town.db.reading() as session:
        found = await documents.report(session, alice, "bilan", now=town.now)
        with pytest.raises(errors.NotFound):
            await documents.charter(session, alice, "bilan", now=town.now)
    assert [(each.axis, each.answer) for each in found.answers] == [
        ("Le temps", "Assez long"),
        ("Les outils", "Non"),
        ("Les règles", "Oui"),
        ("", "Oui"),
    ]
    assert (found.first_name, found.company, found.diagnosis.total) == ("Alice", "Atelier Aubert", 67)
    assert found.on.isoformat() == "2027-03-24"
