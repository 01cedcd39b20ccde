"""Seats: proposed by one person, taken by another, seen by the first only as far as the second agreed."""

import asyncio
import re
from dataclasses import asdict, replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from engine.core import consent, errors, links, team, views
from engine.flows import (
    companies,
    enrolments,
    leases,
    letters,
    privacy,
    searching,
    seats,
    signup,
    teams,
    writing,
)
from engine.mail import builds
from engine.tables import Base, Company, Consent, Learner
from tests import ledger
from tests.people import ALICE, BOB, CHARLIE, DRESS, ORIGIN, Town, fingerprint, paris
from tests.teams import FOLLOWED, Team

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOBS, CHARLIES = BOB.address, CHARLIE.address


@pytest.fixture
def house(town: Town) -> Team:
    return Team(town)


async def opened(house: Team) -> int:
    await house.publish()
    return await house.open()


async def known(house: Team, who: views.SignUp) -> int:
    """Follows the team's course by himself; the enrolment."""
    async with house.town.db.transaction() as session:
        await signup.request(
            session, FOLLOWED, who, origin=ORIGIN, fingerprint=fingerprint, now=house.town.now
        )
    (row,) = await house.enrolments(who.address)
    await house.town.send()
    await house.town.confirm(row.id)
    await house.town.wake()
    return row.id


# Opening


async def test_a_company_is_opened_once_and_its_page_is_mailed(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.open, alice, "Autre nom")
    async with house.town.db.reading() as session:
        (company,) = (await session.scalars(select(Company))).all()
    assert (company.name, company.closed_at) == ("Atelier Aubert", None)
    assert len(await house.town.mails(alice, "team")) == 1


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 81, "www.gagnez", "Gagnez: gagnez.example", "a\nb", "moi@ici"]
)
async def test_a_name_that_will_not_do_is_told(house: Team, name: str) -> None:
    await house.publish()
    alice = await house.town.enrol(ALICE)
    with pytest.raises(errors.Invalid) as told:
        await house.act(companies.open, alice, name)
    assert set(told.value.problems) == {"name"}


async def test_only_a_course_with_a_team_has_one(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    async with house.town.db.reading() as session:
        with pytest.raises(errors.NotFound):
            await teams.door(session, bob, now=house.town.now)
    with pytest.raises(errors.NotFound):
        await house.act(companies.open, bob, "Chez Bob")


async def test_nothing_is_done_before_it_is_open(house: Team) -> None:
    await house.publish()
    alice = await house.town.enrol(ALICE)
    for verb, values in (
        *((companies.invite, (BOBS,)), (companies.remind, ("1",)), (companies.withdraw, ("1",))),
        *((companies.pause, ("2027-08-31",)), (companies.resume, ()), (companies.ask_page, ())),
    ):
        with pytest.raises(errors.NotAllowed):
            await house.act(verb, alice, *values)


async def test_the_link_to_the_page_is_mailed_once_an_hour_and_lasts_a_month(house: Team) -> None:
    alice = await opened(house)
    for _ in range(3):
        await house.act(companies.ask_page, alice)
    assert len(await house.town.mails(alice, "team")) == 1
    fresh = house.fresh(alice)
    assert companies.check_page(fresh, now=house.town.now + timedelta(days=30)) == alice
    with pytest.raises(errors.ExpiredLink):
        companies.check_page(fresh, now=house.town.now + timedelta(days=30, seconds=1))
    with pytest.raises(errors.ExpiredLink):
        companies.check_page(fresh[:1], now=house.town.now)


# Inviting


async def test_addresses_that_can_be_are_invited_and_the_others_told(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    found = await house.act(companies.invite, alice, f"{CHARLIES}\nBOB@example.org, pas une adresse")
    assert found.sent == 1
    assert [(each.entry, each.cause[:15]) for each in found.problems] == [
        ("BOB@example.org", "Cette personne "),
        ("pas une adresse", "Cette adresse n"),
    ]
    assert await house.shown(alice) == [f"{BOBS} invited 0/3", f"{CHARLIES} invited 0/3"]
    (row,) = await house.enrolments(CHARLIES)
    assert (row.state, len(await house.invitations(CHARLIES))) == ("pending", 1)


async def test_nothing_to_invite_is_told(house: Team) -> None:
    alice = await opened(house)
    for text in ("", " ,\n", ",".join(f"p{n}@example.org" for n in range(251))):
        with pytest.raises(errors.Invalid) as told:
            await house.act(companies.invite, alice, text)
        assert set(told.value.problems) == {"addresses"}


async def test_fifty_invitations_leave_in_a_day_and_none_is_lost(house: Team) -> None:
    alice = await opened(house)
    text = "\n".join(f"p{n:02}@example.org" for n in range(52))
    first = await house.act(companies.invite, alice, text)
    assert (first.sent, [each.entry for each in first.problems]) == (
        50,
        ["p50@example.org", "p51@example.org"],
    )
    house.town.clock.pass_by(days=1, seconds=1)
    rest = "\n".join(each.entry for each in first.problems)
    assert (await house.act(companies.invite, alice, rest)).sent == 2


async def test_a_company_has_so_many_seats(house: Team) -> None:
    alice = await opened(house)
    await house.fill(1, team.SEATS - 1)
    await house.join(alice)
    found = await house.act(companies.invite, alice, CHARLIES)
    assert "places sont prises" in found.problems[0].cause
    with pytest.raises(errors.Invalid):
        await house.ask(1, CHARLIES)
    await house.act(companies.withdraw, alice, str((await house.seat_of(BOBS)).id))
    assert (await house.act(companies.invite, alice, CHARLIES)).sent == 1


async def test_an_invitation_goes_again_once_a_day(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    seat = str((await house.seat_of(BOBS)).id)
    for _ in range(3):
        await house.act(companies.remind, alice, seat)
    assert len(await house.invitations(BOBS)) == 1
    house.town.clock.pass_by(days=1, seconds=1)
    await house.act(companies.remind, alice, seat)
    assert len(await house.invitations(BOBS)) == 2
    await house.accept(BOB)
    house.town.clock.pass_by(days=1, seconds=1)
    await house.act(companies.remind, alice, seat)
    assert len(await house.invitations(BOBS)) == 2


@pytest.mark.parametrize("reason", ["left", "hard", "complaint"])
async def test_who_must_not_be_mailed_is_not_and_the_page_says_the_same(house: Team, reason: str) -> None:
    alice = await opened(house)
    async with house.town.db.transaction() as session:
        await enrolments.suppress(session, fingerprint(BOBS), reason, now=house.town.now)
    found = await house.act(companies.invite, alice, f"{BOBS}\n{CHARLIES}")
    await house.town.send()
    assert (found.sent, found.problems) == (2, ())
    assert [mail.state for mail in await house.invitations(BOBS)] == ["cancelled"]
    assert [mail.state for mail in await house.invitations(CHARLIES)] == ["sent"]
    assert [line.split()[1] for line in await house.shown(alice)] == ["invited", "invited"]


async def test_nothing_but_the_invitation_reaches_who_has_not_agreed(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    (row,) = await house.enrolments(BOBS)
    await house.town.live("2027-05-30 00:00")
    assert [mail.kind for mail in await house.town.mails(row.id)] == ["invite"]


# Taking a seat


async def test_an_invitation_says_who_invites_and_one_form_begins_the_course(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    shown = await house.look(await house.link(BOBS))
    assert (shown.inviter, shown.company, shown.over) == ("Alice (Atelier Aubert)", "Atelier Aubert", False)
    bob = await house.accept(BOB, weekday="3", time="09:00", region="FR-57")
    row, person = await house.town.row(bob), await house.town.learner(bob)
    assert (row.state, row.slot, row.company) == ("waiting", "thu 09:00", "Atelier Aubert")
    assert (person.first_name, person.region, person.address) == ("Bob", "FR-57", BOBS)
    await house.town.live("2027-03-26 00:00")
    assert await house.town.sent(bob, "lesson") == ["lesson a thu 2027-03-25 09:00"]
    assert await house.shown(alice) == [f"{BOBS} Bob joined 1/3"]


async def test_consent_tells_what_the_company_sees(house: Team) -> None:
    bob = await house.join(await opened(house))
    async with house.town.db.reading() as session:
        (row,) = (await session.scalars(select(Consent).where(Consent.enrolment_id == bob))).all()
    assert (row.event, row.wording_version) == ("given", consent.WORDING_VERSION)
    assert row.wording == consent.wording("Le permis de l'équipe", "fr", seat=True)
    assert "jamais mes réponses" in row.wording
    assert (row.address, row.network_address, row.at) == (BOBS, ORIGIN.network_address, house.town.now)


async def test_what_is_wrong_is_told_by_field_and_takes_no_seat(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    with pytest.raises(errors.Invalid) as told:
        await house.accept(BOB, first_name="", weekday="6", region="XX", consent=False)
    assert set(told.value.problems) == {"first_name", "weekday", "region", "consent"}
    assert await house.shown(alice) == [f"{BOBS} invited 0/3"]


async def test_taking_a_seat_twice_is_once(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    parts = await house.link(BOBS)
    house.town.clock.pass_by(days=40)
    assert await house.accept(BOB, parts, first_name="Mallory") == bob
    assert (await house.town.learner(bob)).first_name == "Bob"
    async with house.town.db.reading() as session:
        assert len((await session.scalars(select(Consent).where(Consent.enrolment_id == bob))).all()) == 1


async def test_who_has_joined_is_invited_no_more(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    await house.town.send()
    house.town.clock.pass_by(days=2)
    await house.act(companies.remind, alice, str((await house.seat_of(BOBS)).id))
    await house.accept(BOB)
    await house.town.send()
    assert [mail.state for mail in await house.invitations(BOBS)] == ["sent", "cancelled"]


async def test_two_clicks_at_once_take_one_seat(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    parts = await house.link(BOBS)
    first, second = await asyncio.gather(house.accept(BOB, parts), house.accept(BOB, parts))
    assert first == second
    async with house.town.db.reading() as session:
        assert len((await session.scalars(select(Consent).where(Consent.enrolment_id == first))).all()) == 1


async def test_an_invitation_lives_a_month(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    house.town.clock.pass_by(days=30, seconds=1)
    parts = await house.link(BOBS)
    assert (await house.look(parts)).over
    with pytest.raises(errors.ExpiredLink):
        await house.accept(BOB, parts)
    await house.act(companies.remind, alice, str((await house.seat_of(BOBS)).id))
    assert await house.accept(BOB)


async def test_who_declines_is_not_written_to_again_and_the_company_is_not_told(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    parts = await house.link(BOBS)
    async with house.town.db.transaction() as session:
        await seats.decline(session, parts, now=house.town.now)
    assert [mail.state for mail in await house.invitations(BOBS)] == ["cancelled"]
    assert await house.shown(alice) == [f"{BOBS} invited 0/3"]
    seat = str((await house.seat_of(BOBS)).id)
    house.town.clock.pass_by(days=2)
    await house.act(companies.remind, alice, seat)
    await house.act(companies.withdraw, alice, seat)
    assert (await house.act(companies.invite, alice, BOBS)).sent == 1
    assert len(await house.invitations(BOBS)) == 1


async def test_who_declined_may_change_his_mind(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    parts = await house.link(BOBS)
    async with house.town.db.transaction() as session:
        await seats.decline(session, parts, now=house.town.now)
    assert (await house.look(parts)).declined
    await house.accept(BOB, parts)
    assert await house.shown(alice) == [f"{BOBS} Bob joined 0/3"]


async def test_who_declined_and_asks_by_himself_is_invited_after_all(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    async with house.town.db.transaction() as session:
        await seats.decline(session, await house.link(BOBS), now=house.town.now)
    house.town.clock.pass_by(days=1, seconds=1)
    await house.ask(1, BOBS)
    assert [mail.state for mail in await house.invitations(BOBS)] == ["cancelled", "planned"]


# The link to share


async def test_an_address_behind_the_shared_link_gets_an_invitation(house: Team) -> None:
    alice = await opened(house)
    await house.ask(1, BOBS)
    assert await house.shown(alice) == [], "an address that nobody proved is not shown"
    await house.accept(BOB)
    assert await house.shown(alice) == [f"{BOBS} Bob joined 0/3"]
    async with house.town.db.reading() as session:
        events = [row.event for row in await session.scalars(select(Consent).order_by(Consent.id))]
    assert events == ["asked", "given", "asked", "given"], "Alice's own, then Bob's"


async def test_the_shared_link_asks_once_a_day(house: Team) -> None:
    await opened(house)
    for _ in range(3):
        await house.ask(1, BOBS)
    assert len(await house.invitations(BOBS)) == 1


async def test_the_shared_link_knows_the_limits_of_the_form(house: Team) -> None:
    await opened(house)
    for number in range(59):  # Alice's own sign-up was the first from there
        await house.ask(1, f"p{number}@example.org")
    with pytest.raises(errors.TooMany):
        await house.ask(1, BOBS)


async def test_the_shared_link_tells_nobody_who_is_in_the_team(house: Team) -> None:
    bob = await house.join(await opened(house))
    await house.ask(1, BOBS)
    assert [mail.kind for mail in await house.town.mails(bob, "invite", "known")] == ["invite", "known"]
    await house.ask(1, CHARLIES)


async def test_who_signs_up_by_himself_joins_no_team_that_asked_for_him(house: Team) -> None:
    """Charlie types Bob's address behind the link of his own company, and Bob happens to sign up."""
    await house.publish()
    charlie = await house.open(CHARLIE, "Chez Charlie")
    await house.ask(1, BOBS)
    await known(house, BOB)
    assert await house.shown(charlie) == []


async def test_a_closed_company_takes_nobody(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    await house.act(companies.close, alice)
    with pytest.raises(errors.ExpiredLink):
        await house.ask(1, CHARLIES)
    with pytest.raises(errors.ExpiredLink):
        await house.accept(BOB)
    assert [mail.state for mail in await house.invitations(BOBS)] == ["cancelled"]
    async with house.town.db.reading() as session:
        assert (await seats.shared(session, ("1", FOLLOWED))).over


# Somebody who follows the course already


async def test_the_company_does_not_learn_that_somebody_follows_the_course_already(house: Team) -> None:
    alice = await opened(house)
    await known(house, BOB)
    await house.town.live("2027-03-24 00:00")
    assert (await house.act(companies.invite, alice, BOBS)).sent == 1
    assert await house.shown(alice) == [f"{BOBS} invited 0/3"]


async def test_who_follows_the_course_already_only_agrees_to_be_seen(house: Team) -> None:
    alice = await opened(house)
    bob = await known(house, BOB)
    await house.town.live("2027-03-24 00:00")
    await house.act(companies.invite, alice, BOBS)
    assert (await house.look(await house.link(BOBS))).follows
    before = (await house.town.row(bob)).slot, (await house.town.row(bob)).due_at
    with pytest.raises(errors.Invalid):
        await house.accept(BOB, consent=False)
    assert await house.accept(BOB, first_name="", weekday="4") == bob
    assert ((await house.town.row(bob)).slot, (await house.town.row(bob)).due_at) == before
    assert await house.shown(alice) == [f"{BOBS} Bob joined 1/3"]


async def test_a_course_that_did_not_begin_by_the_seat_does_not_end_with_it(house: Team) -> None:
    alice = await opened(house)
    bob = await known(house, BOB)
    await house.join(alice)
    await house.act(companies.move, alice, str((await house.seat_of(BOBS)).id), CHARLIES)
    assert (await house.town.row(bob)).state == "active"
    assert await house.shown(alice) == [f"{CHARLIES} invited 0/3"]


async def test_who_left_his_own_course_begins_it_anew_by_the_seat(house: Team) -> None:
    alice = await opened(house)
    bob = await known(house, BOB)
    await house.act(companies.invite, alice, BOBS)
    async with house.town.db.transaction() as session:
        await enrolments.leave(session, bob, scope="course", now=house.town.now)
    again = await house.accept(BOB)
    assert again != bob
    assert await house.shown(alice) == [f"{BOBS} Bob joined 0/3"]


async def test_two_companies_know_nothing_of_each_other(house: Team) -> None:
    alice = await opened(house)
    charlie = await house.open(CHARLIE, "Chez Charlie")
    bob = await house.join(alice)
    assert (await house.act(companies.invite, charlie, BOBS)).problems == ()
    assert await house.shown(charlie) == [f"{BOBS} invited 0/3"]
    seat = await house.seat_of(BOBS)
    await house.act(companies.withdraw, charlie, str(seat.id))
    assert await house.shown(alice) == [f"{BOBS} Bob joined 0/3"]
    assert (await house.town.row(bob)).state == "waiting"


async def test_withdrawing_cancels_no_other_companys_invitation(house: Team) -> None:
    alice = await opened(house)
    charlie = await house.open(CHARLIE, "Chez Charlie")
    await house.act(companies.invite, alice, BOBS)
    alices = await house.seat_of(BOBS)
    await house.act(companies.invite, charlie, BOBS)
    await house.act(companies.withdraw, alice, str(alices.id))
    assert [mail.state for mail in await house.invitations(BOBS)] == ["cancelled", "planned"]


# Whose seat it is


@pytest.mark.parametrize("verb", [companies.remind, companies.withdraw, companies.move])
async def test_a_stranger_touches_no_seat_but_his_own(house: Team, verb: object) -> None:
    alice = await opened(house)
    await house.join(alice)
    charlie = await house.open(CHARLIE, "Chez Charlie")
    seat = str((await house.seat_of(BOBS)).id)
    values = (seat, "mallory@example.org") if verb is companies.move else (seat,)
    with pytest.raises(errors.NotFound):
        await house.act(verb, charlie, *values)
    for wrong in ("", "x", "-1", "9" * 30, "²", "1 OR 1=1"):
        with pytest.raises(errors.NotFound):
            await house.act(verb, charlie, wrong, *values[1:])
    assert await house.shown(alice) == [f"{BOBS} Bob joined 0/3"]
    assert await house.shown(charlie) == []


async def test_the_whole_company_is_ones_own(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    await house.town.wake()
    charlie = await house.open(CHARLIE, "Chez Charlie")
    await house.act(companies.pause, charlie, "2027-08-31")
    await house.act(companies.close, charlie)
    assert (await house.town.row(bob)).state == "active"
    assert await house.shown(alice) == [f"{BOBS} Bob joined 0/3"]


async def test_a_door_names_nobody_of_the_team(house: Team) -> None:
    alice = await opened(house)
    await house.join(alice)
    async with house.town.db.reading() as session:
        door = await teams.door(session, alice, now=house.town.now)
    assert "bob" not in repr(asdict(replace(door, offer=None))).casefold()  # type: ignore[arg-type]  # the course


async def test_an_invitation_shows_nothing_of_the_team_or_of_ones_address(house: Team) -> None:
    alice = await opened(house)
    await house.join(alice)
    await house.act(companies.invite, alice, CHARLIES)
    shown = repr(await house.look(await house.link(CHARLIES))).casefold()
    for trace in ("bob", "charlie", "alice@"):
        assert trace not in shown


async def test_what_a_person_moves_to_is_not_shown(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    async with house.town.db.transaction() as session:
        person = await session.get_one(Learner, (await house.town.row(bob)).learner_id)
        person.address, person.address_key = "private@example.com", "private@example.com"
        await searching.note(session, [person.id])
    assert await house.shown(alice) == [f"{BOBS} Bob joined 0/3"]


# Mid-course


async def test_a_seat_goes_to_somebody_else(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    await house.town.live("2027-03-24 00:00")
    await house.act(companies.move, alice, str((await house.seat_of(BOBS)).id), CHARLIES)
    row = await house.town.row(bob)
    assert (row.state, row.end_reason, row.due_at) == ("stopped", "seat", None)
    assert await house.shown(alice) == [f"{CHARLIES} invited 0/3"]
    await house.accept(CHARLIE)
    await house.town.live("2027-04-03 00:00")
    assert len(await house.town.sent(bob, "lesson")) == 1
    assert await house.shown(alice) == [f"{CHARLIES} Charlie joined 2/3"]


@pytest.mark.parametrize("address", ["", "pas une adresse", "BOB@example.org"])
async def test_a_seat_that_cannot_be_moved_stays(house: Team, address: str) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    with pytest.raises(errors.Invalid) as told:
        await house.act(companies.move, alice, str((await house.seat_of(BOBS)).id), address)
    assert set(told.value.problems) == {"address"}
    assert await house.shown(alice) == [f"{BOBS} Bob joined 0/3"]
    assert (await house.town.row(bob)).state == "waiting"


async def test_a_withdrawn_invitation_opens_nothing(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    await house.act(companies.withdraw, alice, str((await house.seat_of(BOBS)).id))
    assert await house.shown(alice) == []
    assert (await house.look(await house.link(BOBS))).over
    with pytest.raises(errors.ExpiredLink):
        await house.accept(BOB)


async def test_who_is_no_longer_in_the_team_goes_on_unseen(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    await house.act(companies.withdraw, alice, str((await house.seat_of(BOBS)).id))
    await house.town.live("2027-03-24 00:00")
    assert await house.town.sent(bob, "lesson") == ["lesson a tue 2027-03-23 08:30"]
    assert await house.shown(alice) == []


async def test_each_person_leaves_alone(house: Team) -> None:
    alice = await opened(house)
    bob, charlie = await house.join(alice), await house.join(alice, CHARLIE)
    async with house.town.db.transaction() as session:
        await enrolments.leave(session, bob, scope="course", now=house.town.now)
    await house.town.live("2027-03-26 00:00")
    assert await house.shown(alice) == [f"{BOBS} Bob left 0/3", f"{CHARLIES} Charlie joined 1/3"]
    assert (await house.town.row(charlie)).state == "active"
    assert (await house.act(companies.invite, alice, BOBS)).sent == 1, "who left may be asked once more"
    assert await house.shown(alice) == [f"{CHARLIES} Charlie joined 1/3", f"{BOBS} invited 0/3"]


async def test_completion_is_seen(house: Team) -> None:
    alice = await opened(house)
    await house.join(alice)
    await house.town.live("2027-05-01 00:00")
    assert await house.shown(alice) == [f"{BOBS} Bob completed 3/3"]
    assert (await house.page(alice)).people[0].ended_at


# August


async def test_the_whole_company_is_paused_until_a_day(house: Team) -> None:
    alice = await opened(house)
    bob, charlie = await house.join(alice), await house.join(alice, CHARLIE)
    await house.town.live("2027-03-24 00:00")
    await house.act(companies.pause, alice, "2027-05-03")
    assert (await house.page(alice)).paused_until == paris("2027-05-04 08:30").date()
    await house.town.live("2027-05-08 00:00")
    assert await house.town.sent(bob, "lesson", "paused") == [
        "lesson a tue 2027-03-23 08:30",
        "paused wed 2027-03-24 00:00",
        "lesson b tue 2027-05-04 08:30",
    ]
    assert (await house.town.row(charlie)).state == "active"
    assert (await house.page(alice)).paused_until is None
    assert await house.town.mails(alice, "paused") == [], "the dirigeant's own course goes on"


async def test_who_has_not_begun_begins_after_the_pause(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    await house.act(companies.pause, alice, "2027-05-03")
    await house.town.live("2027-05-05 00:00")
    assert await house.town.sent(bob, "welcome", "lesson") == [
        "welcome mon 2027-05-03 00:00",
        "lesson a tue 2027-05-04 08:30",
    ]


async def test_a_pause_of_ones_own_is_neither_shortened_nor_ended_by_the_company(house: Team) -> None:
    alice = await opened(house)
    bob, charlie = await house.join(alice), await house.join(alice, CHARLIE)
    await house.town.wake()
    async with house.town.db.transaction() as session:
        await enrolments.pause(session, bob, until=None, now=house.town.now)
    await house.act(companies.pause, alice, "2027-05-03")
    assert (await house.town.row(charlie)).state == "paused"
    await house.act(companies.resume, alice)
    assert ((await house.town.row(bob)).state, (await house.town.row(charlie)).state) == ("paused", "active")
    assert len(await house.town.mails(bob, "paused")) == 1


async def test_resuming_begins_at_once_for_who_waited(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    await house.act(companies.pause, alice, "2027-05-03")
    await house.act(companies.resume, alice)
    await house.town.live("2027-03-24 00:00")
    assert await house.town.sent(bob, "lesson") == ["lesson a tue 2027-03-23 08:30"]


async def test_a_person_comes_back_before_the_company(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    await house.town.wake()
    await house.act(companies.pause, alice, "2027-05-03")
    async with house.town.db.transaction() as session:
        await enrolments.resume(session, bob, now=house.town.now)
    assert (await house.page(alice)).paused_until is None
    await house.act(companies.resume, alice)
    assert len(await house.town.mails(bob, "resumed")) == 1


@pytest.mark.parametrize("until", ["", "demain", "2027-03-22", "2020-01-01", "2028-03-23", "9999-12-31"])
async def test_a_pause_ends_on_a_day_to_come(house: Team, until: str) -> None:
    alice = await opened(house)
    with pytest.raises(errors.Invalid) as told:
        await house.act(companies.pause, alice, until)
    assert set(told.value.problems) == {"until"}


# Closing and forgetting


async def test_a_closed_company_sees_nobody_and_stops_nobody(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    for _ in range(2):
        await house.act(companies.close, alice)
    with pytest.raises(errors.NotAllowed):
        await house.page(alice)
    await house.town.live("2027-03-24 00:00")
    assert len(await house.town.sent(bob, "lesson")) == 1
    await house.act(companies.open, alice, "Atelier Aubert")
    assert await house.shown(alice) == [], "what was closed stays closed"
    await house.act(companies.invite, alice, BOBS)
    assert await house.shown(alice) == [f"{BOBS} invited 0/3"]


async def dump(town: Town) -> str:
    async with town.db.reading() as session:
        tables = [(await session.execute(select(table))).all() for table in Base.metadata.sorted_tables]
    return repr([[tuple(row) for row in rows] for rows in tables]).casefold()


async def test_an_erased_person_leaves_no_trace_on_a_seat(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    async with house.town.db.transaction() as session:
        await privacy.erase(session, (await house.town.row(bob)).learner_id, now=house.town.now)
    assert await house.shown(alice) == []
    assert "bob" not in await dump(house.town)
    await house.act(companies.invite, alice, BOBS)
    assert await house.shown(alice) == [f"{BOBS} invited 0/3"]


async def test_an_erased_dirigeant_takes_the_companys_name_along(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    await house.act(companies.invite, alice, CHARLIES)
    parts = await house.link(CHARLIES)
    async with house.town.db.transaction() as session:
        await privacy.erase(session, (await house.town.row(alice)).learner_id, now=house.town.now)
    left = await dump(house.town)
    assert "alice" not in left
    assert "aubert" not in left
    assert (await house.look(parts)).over
    await house.town.live("2027-03-24 00:00")
    assert len(await house.town.sent(bob, "lesson")) == 1
    assert await house.open(), "who comes back begins anew"


async def test_the_export_holds_ones_own_company_and_seats_and_no_other_person(house: Team) -> None:
    alice = await opened(house)
    bob = await house.join(alice)
    owner, colleague = [(await house.town.row(each)).learner_id for each in (alice, bob)]
    async with house.town.db.reading() as session:
        alices, bobs = await privacy.export(session, owner), await privacy.export(session, colleague)
    assert [each["Entreprise"] for each in alices["Équipe"]] == ["Atelier Aubert"]
    assert alices["Places"] == []
    assert "bob" not in repr(alices).casefold()
    assert [(each["Entreprise"], each["Adresse"]) for each in bobs["Places"]] == [("Atelier Aubert", BOBS)]
    assert "alice" not in repr(bobs).casefold()


async def test_the_mail_says_who_invites_and_its_link_opens_the_seat(house: Team) -> None:
    alice = await opened(house)
    await house.act(companies.invite, alice, BOBS)
    ours = links.Links(DRESS.base_url, [b"key"], lasting=b"lasting")
    async with house.town.db.transaction() as session:
        leased = await leases.lease(session, worker="w", limit=9, now=house.town.now)
        begun = await ledger.begin(session, leased, worker="w", now=house.town.now)
        gathered = await letters.gather(session, begun)
    (addressed,) = [gathered[each.id] for each in begun if each.kind == "invite"]
    assert isinstance(addressed, letters.Addressed)
    lodge = letters.House(ours, DRESS, builds.Builds(), "example.org")
    data = writing.write(addressed, lodge, now=house.town.now).data
    written = message_from_bytes(data, policy=policy.default)
    assert str(written["Subject"]).startswith("Alice (Atelier Aubert) vous invite\u00a0: «\u202fLe permis")
    assert (written["To"], "List-Unsubscribe" in written) == (BOBS, False)
    (text, *_) = [part.get_content() for part in written.iter_parts()]
    (token,) = re.findall(r"/i/(\S+)", text)
    assert ours.read("i", token) == await house.link(BOBS)
