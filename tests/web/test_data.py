"""My data: reading, taking away, erasing."""

import json

from engine.core import links
from tests.web.conftest import Visit

BOB = "bob@example.org"


async def _link(visit: Visit) -> str:
    await visit.confirmed(BOB, company="Chez Bob")
    (enrolment,) = await visit.enrolments()
    return visit.to("d", enrolment.learner_id, links.stamp_of(visit.clock.now()))


async def test_the_button_sends_a_link_and_the_page_does_not_show_it(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    await visit.post(f"{visit.to('m', enrolment)}/data", 303)
    assert len(await visit.deliveries("data")) == 1
    assert "/d/" not in await visit.get(f"{visit.to('m', enrolment)}?done=data")


async def test_everything_is_readable_and_can_be_taken_away(visit: Visit) -> None:
    link = await _link(visit)
    page = await visit.get(link)
    for told in (BOB, "Chez Bob", "Accords", "lundi 22\u00a0mars 2027 à 10\u00a0h"):
        assert told in page
    answer = await visit.http.get(f"{link}/export.json")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert json.loads(answer.text)["Vous"]["Adresse"] == BOB


async def test_erasing_asks_for_a_tick_and_is_final(visit: Visit) -> None:
    link = await _link(visit)
    assert "Cochez la case pour confirmer" in await visit.post(f"{link}/erase", 422)
    assert BOB in await visit.get(link), "without the tick nothing is lost"
    assert "J’ai compris" in await visit.get(f"{link}/erase")
    assert BOB in await visit.get(link), "showing erases nothing"
    assert "Vos données sont effacées" in await visit.post(f"{link}/erase", sure="yes")
    for url in (link, f"{link}/export.json", f"{link}/erase"):
        assert BOB not in await visit.get(url, 404)


async def test_the_link_closes_after_a_day(visit: Visit) -> None:
    link = await _link(visit)
    visit.clock.pass_by(days=1, minutes=1)
    assert "Ce lien a expiré" in await visit.get(link, 410)
    assert "Ce lien a expiré" in await visit.post(f"{link}/erase", 410, sure="yes")
