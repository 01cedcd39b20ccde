"""Three people hold the same link: the learner, a colleague it was forwarded to, a stranger."""

from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from typing import Any

import pytest

from engine.core import links
from engine.flows import leases, letters, writing
from tests import every, ledger
from tests.documents import reading
from tests.web.conftest import Visit
from tests.web.playing import Player, another_browser, begin

ALICE = "alice@example.org"
PERSONAL = "Ces réponses sont personnelles"
SECRET = "nous perdons notre meilleur client"
EMPTY: dict[str, dict[str, Any]] = {
    "bilan": {"liste": "orale"},
    "point": {"status": "done"},
    "humeur": {"value": "1"},
}


@pytest.fixture
async def alice(visit: Visit) -> Player:
    """She confirmed in this browser."""
    return await begin(visit, ALICE)


@pytest.fixture
async def phone(alice: Player) -> AsyncIterator[Player]:
    """Alice's other device, or a colleague's: nobody can know which."""
    async with another_browser(alice) as found:
        yield found


async def mailed(player: Player) -> list[tuple[str, str]]:
    """What leaves now: recipient and text."""
    site, now = player.visit.site, player.visit.clock.now()
    async with site.db.transaction() as session:
        leased = await leases.lease(session, worker="test", limit=50, now=now)
        begun = await ledger.begin(session, leased, worker="test", now=now)
        found = await letters.gather(session, begun)
    out = []
    for each in found.values():
        assert isinstance(each, letters.Addressed)
        if each.mail.kind == "entry":
            mail = writing.write(each, site.house, now=now)
            plain, _ = message_from_bytes(mail.data, policy=policy.default).iter_parts()
            out.append((mail.recipient, str(plain.get_content())))
    return out


async def test_a_colleague_sees_no_answer(alice: Player, phone: Player) -> None:
    await alice.send("point", status="later", text=SECRET)
    await alice.bilan()
    await alice.quiz()
    await alice.send("regles", "qui", decideur=SECRET)
    for key, queries in (
        ("point", ("", "a=done", "lang=en")),
        ("bilan", ("", "q=liste", "q=fin")),
        ("quiz", ("", "q=seul")),
        ("regles", ("", "q=qui", "q=fin")),
    ):
        for query in queries:
            page = await phone.page(key, query)
            assert PERSONAL in page or "These answers are personal" in page
            for told in (SECRET, "perdons", "Aucune", "checked", "Le cas", "Un robot"):
                assert told not in page
            assert f'href="/c/{every.SLUG}' in page, "he may have the course in his own name"


async def test_a_forwarded_agreement_shows_no_charter(alice: Player, phone: Player) -> None:
    """The agreement itself was not answered: what it shows is the company's."""
    await alice.send("regles", "qui", entreprise="Atelier", decideur=SECRET, robot="false")
    await alice.send("regles", "suite", relus=["pages"], mois="12")
    await alice.send("regles", go="hand_in")
    assert SECRET in await alice.page("accord")
    page = await phone.page("accord")
    assert SECRET not in page
    assert "Ces documents sont personnels" in page
    await phone.send("accord", go="hand_in", expected=403)
    assert await alice.rounds("accord") == []


async def test_a_colleague_changes_nothing(alice: Player, phone: Player) -> None:
    await alice.send("point", status="later", text=SECRET)
    await alice.send("regles", "qui", decideur="Alice")
    await alice.bilan()
    before = [(row.activity, row.answers, row.updated_at, row.handed_in_at) for row in await alice.rounds()]
    for go in ("next", "save", "hand_in", "again", "answer_again", ""):
        for key, step, typed in (
            ("point", "", {"status": "done"}),
            ("bilan", "liste", {"liste": "ecrite"}),
            ("regles", "qui", {"decideur": "Charlie"}),
        ):
            answer = await phone.visit.http.post(phone.link(key), data={"step": step, "go": go, **typed})
            assert answer.status_code == 403
            assert PERSONAL in answer.text
            assert SECRET not in answer.text
            assert "set-cookie" not in answer.headers
    assert before == [
        (row.activity, row.answers, row.updated_at, row.handed_in_at) for row in await alice.rounds()
    ]


async def test_the_first_answer_makes_a_browser_known_for_that_activity(alice: Player, phone: Player) -> None:
    """The phone that reads the mails is seldom the browser that confirmed."""
    await phone.bilan()
    assert ">50</span>" in await phone.page("bilan")
    assert ">50</span>" in await alice.page("bilan"), "who confirmed sees everything"


@pytest.mark.parametrize("key", list(EMPTY))
async def test_who_answers_one_activity_first_sees_no_other(alice: Player, phone: Player, key: str) -> None:
    """A colleague to whom a lesson was forwarded presses a button in it."""
    await alice.send("regles", "qui", decideur=SECRET)
    await alice.bilan("bilan-final")
    await alice.quiz()
    step = "liste" if key == "bilan" else ""
    await phone.send(key, step, **EMPTY[key])
    assert PERSONAL not in await phone.page(key)
    for other in ("regles", "bilan-final", "quiz"):
        page = await phone.page(other)
        assert PERSONAL in page
        assert SECRET not in page
        await phone.send(other, "qui", go="again", expected=403)


async def test_the_first_time_is_not_shown_to_who_begins_the_second(alice: Player, phone: Player) -> None:
    await alice.bilan(liste="ecrite")
    await alice.send("humeur", value="2")
    await phone.bilan("bilan-final")
    await phone.send("humeur-apres", value="4")
    result, mood = await phone.page("bilan-final"), await phone.page("humeur-apres")
    assert ">50</span>" in result
    assert "4 sur 5" in mood
    for page in (result, mood):
        assert "La première fois" not in page
        assert "avant" not in page
    assert "La première fois" in await alice.page("bilan-final")
    assert "La première fois\u00a0: 2 sur 5" in await alice.page("humeur-apres")


async def test_a_file_shows_no_more_than_its_page(alice: Player, phone: Player) -> None:
    await alice.bilan(liste="ecrite")
    await phone.bilan("bilan-final")
    report = f"{alice.link('bilan-final')}/rapport.pdf"
    mine, his = [(await each.visit.http.get(report)).content for each in (alice, phone)]
    assert "votre total était" in reading.pdf(mine).text
    assert "votre total était" not in reading.pdf(his).text
    await alice.send("regles", "qui", decideur=SECRET)
    await alice.send("regles", "suite", relus=["devis"])
    await alice.send("regles", go="hand_in")
    for file in (f"{alice.link('bilan')}/rapport.pdf", f"{alice.link('regles')}/charte.pdf"):
        assert (await alice.visit.http.get(file)).content.startswith(b"%PDF")
        answer = await phone.visit.http.get(file)
        assert answer.status_code == 403
        assert not answer.content.startswith(b"%PDF")


async def test_the_same_phone_compares_both_times(phone: Player) -> None:
    await phone.bilan()
    await phone.bilan("bilan-final")
    assert "La première fois, vous étiez à 50." in await phone.page("bilan-final")


async def test_a_link_for_this_device_reaches_the_learner_alone_and_opens_there(
    alice: Player, phone: Player
) -> None:
    await alice.send("point", status="later", text=SECRET)
    await alice.send("regles", "qui", decideur="Alice")
    page = await phone.visit.post(f"{phone.link('point')}/entry")
    assert "Regardez votre boîte" in page
    assert ALICE not in page, "a colleague does not learn the address"
    assert "/w/" not in page
    ((recipient, text),) = await mailed(phone)
    assert recipient == ALICE
    await phone.visit.post(f"{phone.link('regles')}/entry")
    assert await mailed(phone) == [], "at most one an hour"
    asked = phone.visit.to("w", phone.enrolment, "point", links.stamp_of(phone.visit.clock.now()))
    assert asked in text
    async with another_browser(alice) as stranger:
        token = asked.removeprefix("/w/")
        for forged in (f"{token[:-1]}x", token.replace("point", "regles"), "x"):
            answer = await stranger.visit.http.get(f"/w/{forged}")
            assert answer.status_code == 404
            assert "set-cookie" not in answer.headers
        assert PERSONAL in await stranger.page("point")
    entered = await phone.visit.http.get(asked)
    assert entered.headers["location"] == phone.link("point")
    assert "perdons" in await phone.page("point")
    assert PERSONAL not in await phone.page("regles"), "everything of this enrolment"
    assert (await alice.rounds("point"))[0].handed_in_at is None, "a scanner that opens it changes nothing"


async def test_that_link_is_over_after_a_day(alice: Player, phone: Player) -> None:
    await alice.send("point", status="later", text=SECRET)
    link = phone.visit.to("w", phone.enrolment, "point", links.stamp_of(phone.visit.clock.now()))
    phone.visit.clock.pass_by(days=1, seconds=1)
    answer = await phone.visit.http.get(link)
    assert answer.status_code == 410
    assert "set-cookie" not in answer.headers
    assert PERSONAL in await phone.page("point")


async def test_the_cookie_of_one_learner_opens_nothing_of_another(alice: Player) -> None:
    await alice.send("point", status="later", text=SECRET)
    async with another_browser(alice) as other:
        bob = await begin(other.visit, "bob@example.net")
        await bob.send("point", status="later", text="celle de Bob")
        assert "celle de Bob" in await bob.page("point")
        assert PERSONAL in await Player(other.visit, alice.enrolment).page("point")
        assert PERSONAL in await Player(alice.visit, bob.enrolment).page("point")
        jar = {cookie.name: cookie.value or "" for cookie in other.visit.http.cookies.jar}
        assert set(jar) == {f"parcours-{bob.enrolment}"}
    async with another_browser(alice) as thief:
        stolen = jar[f"parcours-{bob.enrolment}"]
        for name in (f"parcours-{alice.enrolment}", f"parcours-{alice.enrolment}-point"):
            thief.visit.http.cookies.set(name, stolen)
        assert PERSONAL in await thief.page("point")


async def test_the_cookie_is_kept_from_scripts_and_other_sites(alice: Player, phone: Player) -> None:
    answer = await phone.visit.http.post(phone.link("humeur"), data={"step": "", "go": "next", "value": "3"})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"parcours-{alice.enrolment}-humeur=")
    for word in ("HttpOnly", "SameSite=lax", "Max-Age=15552000", "Path=/"):
        assert word in cookie


async def test_an_answer_that_was_refused_makes_nobody_known(phone: Player) -> None:
    answer = await phone.visit.http.post(phone.link("humeur"), data={"step": "", "go": "next", "value": "9"})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers
    for url in (phone.link("humeur"), phone.link("humeur", "a=3")):
        assert "set-cookie" not in (await phone.visit.http.get(url)).headers, "nor does looking"


@pytest.mark.parametrize("go", ["again", "answer_again", "hand_in"])
async def test_who_answered_nothing_is_not_taken_for_the_learner(phone: Player, go: str) -> None:
    for key in ("quiz", "regles", "point"):
        answer = await phone.visit.http.post(phone.link(key), data={"step": "vrai", "go": go})
        assert "set-cookie" not in answer.headers
    assert await phone.rounds() == []


async def test_a_stranger_without_a_link_has_nothing_to_try(alice: Player, phone: Player) -> None:
    await alice.send("point", status="later", text=SECRET)
    own = links.Links("http://parcours.test", [b"somebody else's key"], lasting=b"x")
    for purpose, parts in (("a", (alice.enrolment, "point")), ("w", (alice.enrolment, "point", "sc0000"))):
        await phone.visit.get(f"/{purpose}/{own.token(purpose, *parts)}", 404)
    phone.visit.http.cookies.set(f"parcours-{alice.enrolment}", own.token("device", alice.enrolment))
    assert PERSONAL in await phone.page("point")
