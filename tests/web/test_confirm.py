"""Behind the links that prove an address: GET shows, POST acts."""

from datetime import UTC, datetime, timedelta

from engine.core import links
from engine.flows import learners
from engine.tables import Learner
from tests.web.conftest import Visit

BOB = "bob@example.org"


async def _asked(visit: Visit) -> str:
    await visit.sign_up(BOB)
    (enrolment,) = await visit.enrolments()
    return visit.to("k", enrolment.id, links.stamp_of(visit.clock.now()))


async def _state(visit: Visit) -> str:
    return (await visit.enrolments())[0].state


async def test_a_scanner_that_opens_the_link_confirms_nothing(visit: Visit) -> None:
    link = await _asked(visit)
    for _ in range(3):
        assert "Je confirme mon inscription" in await visit.get(link)
        assert (await visit.http.head(link)).status_code == 200
    assert await _state(visit) == "pending"


async def test_the_button_confirms_and_tells_the_first_lesson_s_hour(visit: Visit) -> None:
    link = await _asked(visit)
    page = await visit.post(link)
    assert "C’est confirmé" in page
    assert "mardi 23\u00a0mars 2027 à 8\u00a0h\u00a03" in page
    assert "heure de Paris" in page
    assert await _state(visit) == "waiting"
    assert await visit.post(link) == page, "twice is once"
    assert "déjà confirmée" in await visit.get(link)


async def test_the_first_lesson_s_reason_is_told_in_the_page_s_language(visit: Visit) -> None:
    visit.clock.pass_by(days=4)  # Friday; Easter Monday is the 29th
    await visit.sign_up(BOB, weekday="0")
    (enrolment,) = await visit.enrolments()
    link = visit.to("k", enrolment.id, links.stamp_of(visit.clock.now()))
    assert "Lundi de Pâques (lun. 29 mars)\u00a0: reporté au mardi 30 mars" in await visit.post(link)
    english = await visit.post(f"{link}?lang=en")
    assert "Easter Monday (Mon 29\u00a0March): moved to Tuesday 30\u00a0March" in english
    assert "Pâques" not in english


async def _later(visit: Visit, link: str) -> list[str]:
    """What the link says, opened and pressed once more."""
    return [await visit.get(link), await visit.post(link)]


async def test_weeks_later_the_link_speaks_of_the_course_and_not_of_its_first_lesson(visit: Visit) -> None:
    link = await _asked(visit)
    await visit.post(link)
    enrolment = (await visit.enrolments())[0].id
    my = visit.to("m", enrolment)
    await visit.live(datetime(2027, 3, 24, 12, 0, tzinfo=UTC))
    said = [("Votre parcours est en cours", await _later(visit, link))]
    await visit.post(f"{my}/pause", 303, weeks="2")
    said.append(("Votre parcours est en pause", await _later(visit, link)))
    await visit.post(f"{my}/resume", 303)
    await visit.live(datetime(2027, 4, 20, 12, 0, tzinfo=UTC))
    assert await _state(visit) == "completed"
    said.append(("Vous êtes au bout du parcours", await _later(visit, link)))
    for words, pages in said:
        for page in pages:
            assert words in page
            assert f'href="{my}"' in page
            assert "première leçon" not in page
    visit.clock.pass_by(days=91)
    assert "Ce lien a expiré" in await visit.get(link, 410)
    assert "Ce lien a expiré" in await visit.post(link, 410)


async def test_who_left_is_told_so_by_the_link_that_confirmed(visit: Visit) -> None:
    link = await _asked(visit)
    await visit.post(link)
    await visit.post(visit.to("u", (await visit.enrolments())[0].id), scope="course")
    for page in await _later(visit, link):
        assert "Vous avez quitté ce parcours" in page
        assert "première leçon" not in page


async def test_after_seven_days_the_page_offers_a_new_mail_once_a_day(visit: Visit) -> None:
    link = await _asked(visit)
    visit.clock.pass_by(days=7, minutes=1)
    for page in (await visit.get(link, 410), await visit.post(link, 410)):
        assert "Ce lien a plus de sept jours" in page
    first = await visit.post(f"{link}/again")
    assert await visit.post(f"{link}/again") == first
    assert len(await visit.deliveries("confirm")) == 2
    assert await _state(visit) == "pending"


async def test_a_link_that_is_not_ours_is_told_so(visit: Visit) -> None:
    link = await _asked(visit)
    forged = (f"{link[:-1]}{'A' if link[-1] != 'A' else 'B'}", link[:-4], "/k/x", "/k/é", "/k/" + "a" * 5000)
    for url in forged:
        assert "Ce lien n’est pas complet" in await visit.get(url, 404)
        assert "Ce lien n’est pas complet" in await visit.post(url, 404)
    assert "Ce lien n’est pas complet" in await visit.get(link.replace("/k/", "/u/"), 404), "one purpose each"


async def test_a_new_address_is_confirmed_by_a_button_too(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.post(visit.to("m", enrolment) + "/address", 303, address="bob@example.net")
    mark = learners.address_mark("bob@example.net")
    link = visit.to("n", await _learner(visit), links.stamp_of(visit.clock.now()), mark)
    assert "bob@example.net" in await visit.get(link)
    assert BOB in await visit.get(visit.to("m", enrolment)), "showing changes nothing"
    assert "Votre adresse est changée" in await visit.post(link)
    assert "Votre adresse est changée" in await visit.post(link), "twice is once"
    assert "bob@example.net" in await visit.get(visit.to("m", enrolment))


async def test_an_old_link_to_a_new_address_changes_nothing(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.post(visit.to("m", enrolment) + "/address", 303, address="bob@example.net")
    mark = learners.address_mark("bob@example.net")
    link = visit.to("n", await _learner(visit), links.stamp_of(visit.clock.now()), mark)
    visit.clock.pass_by(days=1, minutes=1)
    assert "Ce lien a expiré" in await visit.post(link, 410)
    async with visit.site.db.reading() as session:
        learner = await session.get_one(Learner, await _learner(visit))
    assert learner.address == BOB
    assert visit.clock.now() - learner.created_at >= timedelta(days=1)


async def _learner(visit: Visit) -> int:
    return (await visit.enrolments())[0].learner_id
