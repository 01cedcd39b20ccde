"""From the form to a confirmed enrolment: what the person is told never depends on who is known."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from engine.core import consent, errors, links, views
from engine.flows import enrolments, learners, signup
from engine.tables import Consent, Delivery, Enrolment, Learner, Suppression
from tests.people import ALICE, BOB, CHARLIE, ORIGIN, SLUG, THREE, Town, course, fingerprint, paris

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def everybody(town: Town) -> list[Enrolment]:
    async with town.db.reading() as session:
        return list(await session.scalars(select(Enrolment).order_by(Enrolment.id)))


async def owed(town: Town, kind: str) -> list[Delivery]:
    async with town.db.reading() as session:
        return list(
            await session.scalars(select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id))
        )


async def consents(town: Town) -> list[Consent]:
    async with town.db.reading() as session:
        return list(await session.scalars(select(Consent).order_by(Consent.id)))


async def pending(town: Town, who: views.SignUp = ALICE) -> int:
    await town.sign_up(who)
    return (await everybody(town))[-1].id


async def resend(town: Town, parts: list[str]) -> None:
    async with town.db.transaction() as session:
        await signup.resend(session, parts, now=town.now)


async def test_a_form_leaves_a_learner_a_consent_an_enrolment_and_a_mail(town: Town) -> None:
    await town.publish()
    await town.sign_up(ALICE)
    (row,) = await everybody(town)
    (mail,) = await owed(town, "confirm")
    learner = await town.learner(row.id)
    assert (learner.first_name, learner.address) == ("Alice", "alice@example.org")
    assert (row.state, row.slot, row.zone, row.company, row.size) == (
        "pending",
        "tue 08:30",
        "Europe/Paris",
        "Atelier Aubert",
        50,
    )
    assert (mail.state, mail.enrolment_id, mail.priority) == ("planned", row.id, 0)


async def test_consent_says_what_was_agreed_to_when_and_from_where(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    asked, given = await consents(town)
    assert [asked.event, given.event] == ["asked", "given"]
    for row in (asked, given):
        assert row.enrolment_id == alice
        assert row.wording == consent.wording("L'essai", "fr")
        assert (row.wording_version, row.purpose) == (consent.WORDING_VERSION, f"course:{SLUG}")
        assert (row.address, row.domain, row.at) == ("alice@example.org", "example.org", town.now)
        assert row.address_hash == fingerprint("alice@example.org")
        assert (row.network_address, row.agent, row.source) == (
            ORIGIN.network_address,
            ORIGIN.agent,
            ORIGIN.source,
        )


async def test_consents_are_only_ever_added(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    (first,) = await consents(town)
    town.clock.pass_by(hours=1)
    await town.sign_up(ALICE, views.Origin("198.51.100.4", "Autre", ""))
    await town.confirm(alice)
    async with town.db.transaction() as session:
        await enrolments.leave(session, alice, scope="course", now=town.now)
    found = await consents(town)
    assert [row.event for row in found] == ["asked", "asked", "given", "withdrawn"]
    columns = [column.name for column in Consent.__table__.columns]
    assert [getattr(found[0], name) for name in columns] == [getattr(first, name) for name in columns]


async def test_only_a_confirmed_person_receives_lessons(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    await town.live("2027-04-30 00:00")
    assert await town.sent(alice, "welcome", "lesson") == []


async def test_somebody_known_gets_a_way_in_once_a_day_and_nothing_changes(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    before = (await town.row(alice)).slot, (await town.learner(alice)).first_name
    for _ in range(3):
        await town.sign_up(ALICE, first_name="Mallory", weekday="4", address="ALICE@Example.org")
        town.clock.pass_by(hours=7)
    assert len(await owed(town, "known")) == 1
    town.clock.pass_by(hours=7)
    await town.sign_up(ALICE)
    assert len(await owed(town, "known")) == 2
    assert ((await town.row(alice)).slot, (await town.learner(alice)).first_name) == before
    assert len(await everybody(town)) == 1


async def test_the_confirmation_is_sent_once_a_day(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    parts = [str(alice), links.stamp_of(town.now)]
    for _ in range(3):
        await town.sign_up(ALICE)
        await resend(town, parts)
        town.clock.pass_by(hours=7)
    assert len(await owed(town, "confirm")) == 1
    town.clock.pass_by(hours=4)
    await resend(town, parts)
    await resend(town, parts)
    assert len(await owed(town, "confirm")) == 2


async def test_resending_after_the_confirmation_sends_nothing(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    town.clock.pass_by(days=2)
    await resend(town, [str(alice), links.stamp_of(town.now)])
    assert len(await owed(town, "confirm")) == 1


async def test_the_last_form_counts_until_it_is_confirmed(town: Town) -> None:
    await town.publish()
    await town.sign_up(ALICE)
    await town.sign_up(ALICE, weekday="3", time="18:00", first_name="Alicia")
    (row,) = await everybody(town)
    assert (row.slot, (await town.learner(row.id)).first_name) == ("thu 18:00", "Alicia")


async def test_two_clicks_at_once_are_one_sign_up(town: Town) -> None:
    await town.publish()
    await asyncio.gather(*(town.sign_up(ALICE) for _ in range(4)))
    assert len(await everybody(town)) == 1
    assert len(await owed(town, "confirm")) == 1


async def test_confirming_twice_is_once(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    first = await town.confirm(alice)
    second, third = await asyncio.gather(town.confirm(alice), town.confirm(alice))
    assert first == second == third
    assert [row.event for row in await consents(town)] == ["asked", "given"]


async def test_the_page_after_confirming_tells_the_true_hour(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    told = await town.confirm(alice)
    await town.live("2027-03-24 00:00")
    assert (await town.mail(alice, "lesson")).due_at == told.first_lesson_at


async def test_until_the_first_lesson_leaves_its_true_hour_is_told_again(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    await town.confirm(alice)
    await town.live("2027-03-22 12:00")
    async with town.db.transaction() as session:
        await learners.change_slot(
            session, alice, weekday="3", time="18:00", zone="Europe/Paris", now=town.now
        )
    await town.live("2027-03-25 17:30")  # too near for a lesson that was not planned yet
    told = await town.confirm(alice)
    await town.live("2027-03-26 00:00")
    assert (await town.mail(alice, "lesson")).due_at == told.first_lesson_at
    assert (await town.confirm(alice)).first_lesson_at is None


async def test_somebody_who_waits_for_a_planner_that_stands_still_is_told_no_day_gone(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    await town.confirm(alice)
    await town.sleep("2027-04-01 12:00")
    told = await town.confirm(alice)
    await town.wake()
    await town.live("2027-04-07 00:00")
    assert (await town.mail(alice, "lesson")).due_at == told.first_lesson_at


async def test_a_confirmation_expires_after_seven_days_and_may_be_asked_again(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    parts = [str(alice), links.stamp_of(town.now)]
    town.clock.pass_by(days=7, seconds=1)
    with pytest.raises(errors.ExpiredLink):
        async with town.db.transaction() as session:
            await signup.confirm(session, parts, origin=ORIGIN, now=town.now)
    async with town.db.transaction() as session:
        assert (await signup.pending(session, parts, now=town.now)).expired
    assert (await town.row(alice)).state == "pending"
    await resend(town, parts)
    await town.confirm(alice)
    assert (await town.row(alice)).state == "waiting"


async def test_a_confirmation_lasts_seven_days(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    parts = [str(alice), links.stamp_of(town.now)]
    town.clock.pass_by(days=7)
    async with town.db.transaction() as session:
        await signup.confirm(session, parts, origin=ORIGIN, now=town.now)


async def test_a_cohort_begins_on_its_day(town: Town) -> None:
    await town.publish(course(also="cohorts: [2027-04-14]\n", a=""))
    alice = await pending(town)
    told = await town.confirm(alice)
    row = await town.row(alice)
    assert (row.state, row.starts_at) == ("waiting", paris("2027-04-14 00:00"))
    assert told.first_lesson_at
    assert told.first_lesson_at - enrolments.spread(alice) == paris("2027-04-20 08:30")


@pytest.mark.parametrize(
    ("reason", "days", "mails"),
    [("left", 0, 1), ("complaint", 400, 0), ("hard", 29, 0), ("hard", 31, 1)],
)
async def test_what_a_suppressed_address_gets(town: Town, reason: str, days: int, mails: int) -> None:
    await town.publish()
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("alice@example.org"), reason, now=town.now)
    town.clock.pass_by(days=days)
    await town.sign_up(ALICE)
    await town.send()
    assert [mail.state for mail in await owed(town, "confirm")] == ["sent"] * mails
    assert len(await everybody(town)) == mails


async def test_asking_again_does_not_go_round_a_bounce(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("alice@example.org"), "hard", now=town.now)
    town.clock.pass_by(days=2)
    await resend(town, [str(alice), links.stamp_of(town.now)])
    assert len(await owed(town, "confirm")) == 1


@pytest.mark.parametrize(("reason", "lifted"), [("left", True), ("hard", True), ("complaint", False)])
async def test_a_confirmed_consent_lifts_a_suppression_but_never_a_complaint(
    town: Town, reason: str, lifted: bool
) -> None:
    await town.publish()
    alice = await pending(town)
    async with town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint("alice@example.org"), reason, now=town.now)
    await town.confirm(alice)
    async with town.db.reading() as session:
        assert (await session.get(Suppression, fingerprint("alice@example.org")) is None) == lifted


async def many_asked(town: Town, count: int, **values: str) -> None:
    """Forms from the hour that is past."""
    await town.sign_up(BOB, views.Origin("203.0.113.9", "", ""), address="bob@elsewhere.example.com")
    (one,) = await consents(town)
    async with town.db.transaction() as session:
        shared = {"learner_id": one.learner_id, "event": "asked", "purpose": "course:x", "at": town.now}
        session.add_all(Consent(**{"address_hash": "", **shared, **values}) for _ in range(count))


async def test_a_network_address_may_ask_sixty_times_an_hour(town: Town) -> None:
    await town.publish()
    await many_asked(town, 59, network_address=ORIGIN.network_address)
    await town.sign_up(ALICE)
    with pytest.raises(errors.TooMany):
        await town.sign_up(CHARLIE)
    await town.sign_up(CHARLIE, views.Origin("198.51.100.4", "", ""))
    town.clock.pass_by(hours=1, seconds=1)
    await town.sign_up(BOB)


@pytest.mark.parametrize(("domain", "refused"), [("example.org", True), ("gmail.com", False)])
async def test_a_domain_is_protected_from_a_flood_a_large_provider_is_none(
    town: Town, domain: str, refused: bool
) -> None:
    await town.publish()
    await many_asked(town, 100, domain=domain)
    if refused:
        with pytest.raises(errors.TooMany):
            await town.sign_up(ALICE, address=f"alice@{domain}")
    else:
        await town.sign_up(ALICE, address=f"alice@{domain}")
    await town.sign_up(CHARLIE)


HOSTILE = {
    "a header in the name": ("first_name", "Alice\r\nBcc: everybody@example.org"),
    "a NUL in the name": ("first_name", "Al\0ice"),
    "half a character in the name": ("first_name", "Al\ud800ice"),
    "ten kilobytes of name": ("first_name", "A" * 10_000),
    "no name": ("first_name", "   "),
    "a header in the address": ("address", "alice@example.org\r\nBcc: everybody@example.org"),
    "two addresses": ("address", "alice@example.org, bob@example.org"),
    "a NUL in the address": ("address", "alice\0@example.org"),
    "half a character in the address": ("address", "al\ud800ice@example.org"),
    "ten kilobytes of address": ("address", "a" * 10_000 + "@example.org"),
    "no address": ("address", ""),
    "an address without domain": ("address", "alice@"),
    "an address in brackets": ("address", "<alice@example.org>"),
    "a header in the company": ("company", "Aubert\nSubject: Bonjour"),
    "ten kilobytes of company": ("company", "A" * 10_000),
    "an unknown size": ("size", "51"),
    "a Sunday": ("weekday", "6"),
    "an hour that is none": ("time", "08:61"),
    "an unknown zone": ("zone", "../../etc/passwd"),
    "an unknown region": ("region", "FR-XXX"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_cannot_be_kept_is_told_at_its_field(town: Town, what: str) -> None:
    await town.publish()
    field, value = HOSTILE[what]
    with pytest.raises(errors.Invalid) as refused:
        await town.sign_up(ALICE, ORIGIN, **{field: value})
    assert set(refused.value.problems) == {field}
    assert await everybody(town) == []


async def test_every_problem_is_told_at_once(town: Town) -> None:
    await town.publish()
    with pytest.raises(errors.Invalid) as refused:
        async with town.db.transaction() as session:
            await signup.request(
                session, SLUG, views.SignUp(), origin=ORIGIN, fingerprint=fingerprint, now=town.now
            )
    assert set(refused.value.problems) == {"first_name", "address", "weekday", "time", "zone", "consent"}


@pytest.mark.parametrize(
    "name", ["Zoë 👩🏽‍🚒", "عليّ", "Ngọc Ánh", "O'Brien-Ménard", "<b>Alice</b>", "'; DROP TABLE learner; --"]
)
async def test_names_of_the_whole_world_are_kept_as_they_are(town: Town, name: str) -> None:
    await town.publish()
    alice = await pending(town, views.SignUp(**{**vars(ALICE), "first_name": name}))
    assert (await town.learner(alice)).first_name == name


async def test_one_mailbox_is_one_learner_however_it_is_spelt(town: Town) -> None:
    await town.publish()
    for address in ("alice@example.org", " ALICE@EXAMPLE.ORG ", "Alice@Example.Org"):
        await town.sign_up(ALICE, address=address)
    async with town.db.reading() as session:
        assert len(list(await session.scalars(select(Learner)))) == 1


async def test_a_course_that_is_not_there(town: Town) -> None:
    await town.publish(THREE)
    with pytest.raises(errors.NotFound):
        async with town.db.transaction() as session:
            await signup.request(
                session, "autre", ALICE, origin=ORIGIN, fingerprint=fingerprint, now=town.now
            )


@pytest.mark.parametrize("parts", [[], ["1"], ["1", "2", "3"], ["1", "!"], ["1", "z" * 60]])
async def test_a_link_that_is_not_whole(town: Town, parts: list[str]) -> None:
    await town.publish()
    await pending(town)
    for use in (signup.pending, signup.resend):
        with pytest.raises(errors.BadLink):
            async with town.db.transaction() as session:
                await use(session, parts, now=town.now)


async def test_an_erased_persons_link_opens_nothing(town: Town) -> None:
    await town.publish()
    alice = await pending(town)
    async with town.db.transaction() as session:
        await session.execute(update(Learner).values(erased_at=town.now))
    with pytest.raises(errors.NotFound):
        await town.confirm(alice)


async def test_the_hour_of_the_first_lesson_is_at_least_an_hour_ahead(town: Town) -> None:
    await town.publish()
    town.clock.moment = paris("2027-03-23 07:31")
    alice = await pending(town)
    told = await town.confirm(alice)
    assert told.first_lesson_at
    assert told.first_lesson_at - town.now > timedelta(days=6)
