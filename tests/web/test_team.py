"""The team's pages, as their three visitors meet them: Alice the dirigeant, Bob her colleague, a stranger."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Browser
from sqlalchemy import select

from engine.core import links
from engine.flows import companies
from engine.tables import Consent
from tests.documents import reading
from tests.people import ALICE, BOB, CHARLIE, ORIGIN, Town
from tests.teams import FOLLOWED, Team
from tests.web.conftest import Visit
from tests.web.test_browser import faults

BOBS, CHARLIES = BOB.address, CHARLIE.address
FORM = {
    "first_name": "Bob",
    "weekday": "1",
    "time": "08:30",
    "zone": "Europe/Paris",
    "region": "",
    "consent": "yes",
}


class Office:
    """A site with a team in it: what people click, and what a test looks up behind the pages."""

    def __init__(self, visit: Visit) -> None:
        town = Town(visit.site.db)
        town.clock = visit.clock  # type: ignore[assignment]  # a clock in our hands as well
        self.visit, self.town, self.house = visit, town, Team(town)

    def door(self, owner: int) -> str:
        return self.visit.to("e", owner)

    def page(self, owner: int) -> str:
        return self.visit.to("e", *self.house.fresh(owner))

    def shared(self, company: int = 1) -> str:
        return self.visit.to("j", company, FOLLOWED)

    async def invitation(self, address: str = BOBS) -> str:
        return self.visit.to("i", *await self.house.link(address))

    async def act(self, owner: int, action: str, status: int = 303, **fields: str) -> str:
        return await self.visit.post(f"{self.page(owner)}/{action}", status, **fields)

    async def states(self) -> list[tuple[str, str]]:
        return [(row.state, row.end_reason) for row in await self.visit.enrolments()]


@pytest.fixture
async def office(visit: Visit) -> Office:
    found = Office(visit)
    await found.house.publish()
    return found


@pytest.fixture
async def alice(office: Office) -> int:
    return await office.house.open()


async def test_from_the_door_to_a_colleague_on_the_page(office: Office) -> None:
    alice, visit = await office.town.enrol(ALICE), office.visit
    assert "Le nom de votre entreprise" in await visit.get(office.door(alice))
    await visit.post(f"{office.door(alice)}/open", 303, name="Atelier Aubert")
    (mail,) = await visit.deliveries("team")
    page = visit.to("e", alice, mail.occasion)
    assert "Personne pour l’instant" in await visit.get(page)
    await visit.post(f"{page}/invite", 303, addresses=BOBS)
    invitation = await office.invitation()
    shown = await visit.get(invitation)
    assert "Alice (Atelier Aubert) vous invite" in shown
    assert "Ce que voit Atelier Aubert" in shown
    assert "jamais mes réponses" in shown
    done = await visit.post(invitation, 200, **FORM)
    assert "mardi 23\u00a0mars 2027 à 8\u00a0h\u00a03" in done
    shown = await visit.get(page)
    assert BOBS in shown
    assert "1 personne a rejoint le parcours" in shown
    assert "0 leçon reçue sur 3" in shown


async def test_my_course_leads_to_the_door_and_tells_the_team_who_sees(office: Office, alice: int) -> None:
    visit = office.visit
    assert office.door(alice) in await visit.get(visit.to("m", alice))
    bob = await office.house.join(alice)
    shown = await visit.get(visit.to("m", bob))
    assert "avec l’équipe de Atelier Aubert" in shown
    assert "/e/" not in shown
    await office.act(alice, "move", seat="1", address=CHARLIES)
    assert "Votre place est passée à une autre personne" in await visit.get(visit.to("m", bob))


async def test_the_training_record_tells_who_followed_what(office: Office, alice: int) -> None:
    visit, record = office.visit, f"{office.page(alice)}/registre.pdf"
    assert record not in await visit.get(office.page(alice))  # nobody to tell of yet
    await office.house.join(alice)
    assert record in await visit.get(office.page(alice))
    answer = await visit.http.get(record)
    assert 'filename="registre-de-formation.pdf"' in answer.headers["content-disposition"]
    text = reading.pdf(answer.content).text
    assert "Alice" in text
    assert f"Bob ({BOBS})" in text
    assert "0 sur 3" in text


async def test_the_training_record_is_nobody_elses(office: Office, alice: int) -> None:
    """Neither the door, nor a link that is too old, nor a colleague's."""
    bob = await office.house.join(alice)
    record = f"{office.page(alice)}/registre.pdf"
    for page in (office.door(alice), office.visit.to("e", bob)):
        answer = await office.visit.http.get(f"{page}/registre.pdf")
        assert answer.status_code in (404, 410)
    office.visit.clock.moment += timedelta(days=31)
    assert (await office.visit.http.get(record)).status_code == 410


# What may be forwarded


async def test_a_lesson_that_is_forwarded_shows_a_colleague_nobody(office: Office, alice: int) -> None:
    """Its link leads to the door; only the mailed one leads further."""
    await office.house.join(alice)
    door = office.door(alice)
    shown = await office.visit.get(door)
    for trace in ("Bob", BOBS, "alice@", "leçon reçue", "rejoint le parcours ·"):
        assert trace not in shown
    assert office.shared() in shown


@pytest.mark.parametrize("action", ["invite", "remind", "withdraw", "move", "pause", "resume", "close"])
async def test_the_door_changes_nothing_of_the_team(office: Office, alice: int, action: str) -> None:
    await office.house.join(alice)
    await office.town.wake()
    before = await office.house.shown(alice)
    fields = {"addresses": CHARLIES, "seat": "1", "address": CHARLIES, "until": "2027-08-31"}
    await office.visit.post(f"{office.door(alice)}/{action}", 410, **fields)
    assert await office.house.shown(alice) == before
    assert await office.states() == [("active", ""), ("active", "")]


async def test_an_old_link_to_the_page_leads_to_the_door(office: Office, alice: int) -> None:
    await office.house.join(alice)
    page = office.page(alice)
    assert BOBS in await office.visit.get(page)
    office.visit.clock.pass_by(days=30, seconds=1)
    shown = await office.visit.get(page)
    assert BOBS not in shown
    assert "plus de trente jours" in shown
    await office.visit.post(f"{page}/link", 303)
    assert len(await office.visit.deliveries("team")) == 2


async def test_an_invitation_that_is_forwarded_shows_nothing_of_whom_it_was_for(
    office: Office, alice: int
) -> None:
    await office.house.join(alice)
    await office.house.act(companies.invite, alice, CHARLIES)
    shown = await office.visit.get(await office.invitation(CHARLIES))
    for trace in ("harlie", "Bob", BOBS, "alice@"):
        assert trace not in shown


async def test_the_link_to_share_shows_the_company_and_nobody_in_it(office: Office, alice: int) -> None:
    await office.house.join(alice)
    shown = await office.visit.get(office.shared())
    assert "Alice (Atelier Aubert) vous invite" in shown
    for trace in ("Bob", BOBS, "alice@"):
        assert trace not in shown


async def test_no_link_opens_another_ones_door(office: Office, alice: int) -> None:
    visit = office.visit
    bob = await office.house.join(alice)
    charlie = await office.house.open(CHARLIE, "Chez Charlie")
    tokens = {
        "k": visit.to("k", alice, "0"),
        "m": visit.to("m", alice),
        "i": visit.to("i", "1", links.stamp_of(office.town.now)),
        "j": office.shared(),
        "e": office.page(alice),
    }
    for purpose in ("e", "i", "j"):
        for own, url in tokens.items():
            if own != purpose:
                await visit.get(f"/{purpose}/{url[3:]}", 404)
        forged = tokens[purpose][:-2] + "xx"
        await visit.get(forged, 404)
        await visit.post(forged, 405 if purpose == "e" else 404)
    await visit.get(visit.to("e", bob), 404)
    await visit.get(visit.to("e", 4711), 404)
    await visit.get(visit.to("j", 4711, FOLLOWED), 404)
    await visit.get(visit.to("i", 4711, "abc"), 404)
    for action in ("remind", "withdraw", "move"):
        await office.act(charlie, action, 404, seat="1", address="mallory@example.org")
    shown = await visit.get(office.page(charlie))
    assert "Bob" not in shown
    assert await office.house.shown(alice) == [f"{BOBS} Bob joined 0/3"]


async def test_opening_links_changes_nothing(office: Office, alice: int) -> None:
    visit = office.visit
    await office.house.act(companies.invite, alice, BOBS)
    invitation = await office.invitation()
    for url in (office.door(alice), office.page(alice), invitation, office.shared()):
        answer = await visit.http.get(url)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert (await visit.http.head(url)).status_code == 200
    for action in ("open", "link", "invite", "remind", "withdraw", "move", "pause", "resume", "close"):
        await visit.get(f"{office.page(alice)}/{action}", 405)
    await visit.get(f"{invitation}/decline", 405)
    assert await office.states() == [("active", ""), ("pending", "")]
    assert await office.house.shown(alice) == [f"{BOBS} invited 0/3"]


# The page


async def test_what_could_not_be_invited_comes_back_with_its_reason(office: Office, alice: int) -> None:
    shown = await office.act(alice, "invite", 422, addresses=f"{BOBS}\npas une adresse\n<script>, a@b")
    assert "1 invitation part." in shown
    assert "Cette adresse ne semble pas complète" in shown
    (kept,) = re.findall(r"<textarea[^>]*>(.*?)</textarea>", shown, re.DOTALL)
    assert kept.strip().splitlines() == ["pas une adresse", "&lt;script&gt;", "a@b"]
    assert "Écrivez au moins une adresse." in await office.act(alice, "invite", 422, addresses="  ")
    many = "\n".join(f"p{n}@example.org" for n in range(251))
    shown = await office.act(alice, "invite", 422, addresses=many)
    assert "p250@example.org" in shown


async def test_a_seat_that_cannot_be_moved_says_so_beside_the_person(office: Office, alice: int) -> None:
    await office.house.join(alice)
    await office.house.act(companies.invite, alice, CHARLIES)
    shown = await office.act(alice, "move", 422, seat="1", address="pas une adresse")
    assert 'href="#address-1"' in shown
    (field,) = re.findall(r'<input id="address-1"[^>]*>', shown)
    assert 'value="pas une adresse"' in field
    assert 'aria-invalid="true"' in field
    (other,) = re.findall(r'<input id="address-2"[^>]*>', shown)
    assert "aria-invalid" not in other


async def test_everything_the_page_offers_works(office: Office, alice: int) -> None:
    bob = await office.house.join(alice)
    await office.town.wake()
    visit = office.visit
    await office.act(alice, "pause", until="2027-08-31")
    shown = await visit.get(f"{office.page(alice)}?done=pause")
    assert "ne recevra aucune leçon avant ce jour" in shown
    assert "mardi 31\u00a0août 2027" in shown
    assert "Choisissez un jour à venir" in await office.act(alice, "pause", 422, until="hier")
    await office.act(alice, "resume")
    assert (await office.town.row(bob)).state == "active"
    await office.act(alice, "invite", addresses=CHARLIES)
    await office.act(alice, "remind", seat="2")
    await office.act(alice, "withdraw", seat="2")
    assert await office.house.shown(alice) == [f"{BOBS} Bob joined 0/3"]
    await office.act(alice, "close")
    shown = await visit.get(f"{office.page(alice)}?done=close")
    assert "l’équipe est fermée" in shown
    assert BOBS not in shown
    await office.act(alice, "nonsense", 404)
    await visit.get(f"{office.page(alice)}?done=<script>")


async def test_averages_are_shown_in_the_readers_language(office: Office, alice: int) -> None:
    for number in range(1, 6):
        who = replace(BOB, address=f"m{number}@example.org")
        enrolment = await office.house.join(alice, who)
        await office.house.hand_in(enrolment, "aisance", value=min(number, 4))
        await office.house.hand_in(enrolment, "quiz", un=True, deux=number == 1)
    shown = _plain(await office.visit.get(office.page(alice)))
    assert "Votre aisance 2,8 / 5 5 personnes" in shown
    assert "Trois pièges 90\u00a0% 5 personnes" in shown
    assert "2.8 / 5 5 people" in _plain(await office.visit.get(f"{office.page(alice)}?lang=en"))


def _plain(html: str) -> str:
    return re.sub(r"[ \n\u202f]+", " ", re.sub(r"<[^>]*>", " ", html))


async def test_what_people_typed_is_shown_and_never_obeyed(office: Office) -> None:
    alice = await office.house.open(replace(ALICE, first_name="<b>Alice"), "Chez <b>Aubert")
    await office.house.join(alice, replace(BOB, first_name="<i>Bob"))
    await office.house.act(companies.invite, alice, CHARLIES)
    for url in (office.door(alice), office.page(alice), office.shared(), await office.invitation(CHARLIES)):
        shown = await office.visit.get(url)
        assert "Chez &lt;b&gt;Aubert" in shown
        assert "<b>" not in shown
        assert "<i>" not in shown


# The invitation


async def test_an_invitation_comes_back_with_what_was_typed(office: Office, alice: int) -> None:
    await office.house.act(companies.invite, alice, BOBS)
    url = await office.invitation()
    wrong = {**FORM, "first_name": "Bob" * 30, "weekday": "3", "consent": ""}
    shown = await office.visit.post(url, 422, **wrong)
    assert "Cochez cette case" in shown
    assert "Bob" * 30 in shown
    assert '<option value="3" selected>' in shown
    assert (await office.states())[-1] == ("pending", "")


async def test_taking_a_seat_twice_leads_to_my_course(office: Office, alice: int) -> None:
    await office.house.act(companies.invite, alice, BOBS)
    url = await office.invitation()
    await office.visit.post(url, 200, **FORM)
    assert "Vous avez déjà accepté" in await office.visit.get(url)
    answer = await office.visit.http.post(url, data=FORM)
    assert (answer.status_code, answer.headers["location"][:3]) == (303, "/m/")


async def test_the_browser_that_takes_a_seat_is_known_and_no_later_one(office: Office, alice: int) -> None:
    await office.house.act(companies.invite, alice, BOBS)
    url = await office.invitation()
    taken = await office.visit.http.post(url, data=FORM)
    (bob,) = await office.house.enrolments(BOBS)
    assert taken.headers["set-cookie"].startswith(f"parcours-{bob.id}=")
    assert "Mes documents" in await office.visit.get(office.visit.to("f", bob.id))
    office.visit.http.cookies.clear()
    again = await office.visit.http.post(url, data=FORM)
    assert "set-cookie" not in again.headers, "the invitation may have been forwarded"
    assert "Ces documents sont personnels" in await office.visit.get(office.visit.to("f", bob.id))


async def test_declining_is_one_button_and_may_be_undone(office: Office, alice: int) -> None:
    await office.house.act(companies.invite, alice, BOBS)
    url = await office.invitation()
    await office.visit.post(f"{url}/decline", 303)
    shown = await office.visit.get(url)
    assert "nous ne vous enverrons plus cette invitation" in shown
    assert "C’est confirmé" in await office.visit.post(url, 200, **FORM)


async def test_a_withdrawn_invitation_says_so(office: Office, alice: int) -> None:
    await office.house.act(companies.invite, alice, BOBS)
    url = await office.invitation()
    await office.act(alice, "withdraw", seat="1")
    for shown in (await office.visit.get(url, 410), await office.visit.post(url, 410, **FORM)):
        assert "Cette invitation n’est plus ouverte" in shown
    await office.visit.post(f"{url}/decline", 303)


# The link to share


async def ask(office: Office, status: int = 303, **fields: str) -> str:
    form = {"address": BOBS, "stamp": office.visit.stamp(), **fields}
    return await office.visit.post(office.shared(), status, **form)


async def test_the_shared_link_answers_the_same_to_everybody(office: Office, alice: int) -> None:
    await office.house.join(alice)
    answers = [
        await office.visit.http.post(
            office.shared(), data={"address": address, "stamp": office.visit.stamp()}
        )
        for address in (BOBS, CHARLIES, ALICE.address)
    ]
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {
        (303, f"{office.shared()}?done=sent")
    }
    assert "Regardez votre boîte" in await office.visit.get(f"{office.shared()}?done=sent")


async def test_the_shared_link_takes_no_form_that_is_not_ours(office: Office, alice: int) -> None:
    for fields in ({"stamp": ""}, {"website": "http://spam.example"}):
        shown = await ask(office, 200, **fields)
        assert "rien n’est encore enregistré" in shown
        assert BOBS in shown
    assert await office.visit.deliveries("invite") == []


async def test_the_shared_link_tells_what_is_wrong(office: Office, alice: int) -> None:
    assert "ne semble pas complète" in await ask(office, 422, address="bob")
    shown = await ask(office, 200, address="bob@gmial.com")
    assert "Vouliez-vous dire bob@gmail.com" in shown
    await ask(office, address="bob@gmial.com", sure="yes")
    assert len(await office.visit.deliveries("invite")) == 1
    await office.act(alice, "close")
    for shown in (await office.visit.get(office.shared(), 410), await ask(office, 410)):
        assert "n’accueille plus personne" in shown


async def test_the_shared_link_keeps_what_was_typed_when_there_is_too_much(
    office: Office, alice: int
) -> None:
    for number in range(60):
        await ask(office, address=f"p{number}@example{number}.org")
    shown = await ask(office, 429)
    assert BOBS in shown


async def test_consent_keeps_no_token(office: Office, alice: int) -> None:
    await ask(office)
    await office.visit.post(await office.invitation(), 200, **FORM)
    async with office.visit.site.db.reading() as session:
        sources = list(await session.scalars(select(Consent.source).order_by(Consent.id)))
    assert sources == [ORIGIN.source, ORIGIN.source, "/j/", "/i/"]


async def test_the_pages_of_a_team_pass_axe_and_fit_a_phone(
    office: Office, alice: int, browser: Browser
) -> None:
    for number in range(5):
        enrolment = await office.house.join(alice, replace(BOB, address=f"m{number}@example.org"))
        await office.house.hand_in(enrolment, "aisance", value=number + 1)
    await office.house.act(companies.invite, alice, BOBS)
    await office.act(alice, "pause", until="2027-08-31")
    pages = [office.door(alice), office.page(alice), await office.invitation(), office.shared()]
    assert await faults(office.visit, browser, [*pages, f"{office.shared()}?done=sent"]) == []
    charlie = await office.town.enrol(CHARLIE)
    assert await faults(office.visit, browser, [office.door(charlie)]) == []
