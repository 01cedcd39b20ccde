"""My data: reading, taking away, erasing."""

import csv
import json
import re
from datetime import UTC, datetime

from sqlalchemy import update

from engine.core import links
from engine.tables import Learner
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


async def test_it_can_be_taken_away_to_be_read_and_as_a_spreadsheet(visit: Visit) -> None:
    link = await _link(visit)
    files = {kind: await visit.http.get(f"{link}/export.{kind}?lang=en") for kind in ("html", "csv")}
    for kind, answer in files.items():
        assert (answer.status_code, f".{kind}" in answer.headers["content-disposition"]) == (200, True)
        assert "no-store" in answer.headers["cache-control"]
    page, table = files["html"].text, files["csv"].text
    assert BOB in page
    assert not re.search(r"(src|href)=", page), "it needs nothing else"
    rows = list(csv.reader(table.removeprefix("\ufeff").splitlines(), delimiter=";"))
    assert ["You", "1", "Address", BOB] in rows
    assert {row[0] for row in rows} >= {"You", "Agreements", "Messages"}


async def test_in_english_only_what_people_and_authors_wrote_is_french(visit: Visit) -> None:
    visit.clock.pass_by(days=4)  # Friday; Easter Monday is the 29th
    enrolment = await visit.confirmed(BOB, weekday="0", company="Message")
    await visit.live(datetime(2027, 3, 31, 12, 0, tzinfo=UTC))
    await visit.post(visit.to("a", enrolment, "point"), 303, step="", go="next", status="done")
    (row,) = await visit.enrolments()
    link = visit.to("d", row.learner_id, links.stamp_of(visit.clock.now()))
    page = await visit.get(f"{link}?lang=en")
    for told in (
        "Easter Monday (Mon 29\u00a0March): moved to Tuesday 30\u00a0March",
        "Friday 26\u00a0March 2027 at 10:00\u00a0am",
        "Answers · done",
        '<dd dir="auto">given</dd>',
        '<dt>Company</dt><dd dir="auto">Message</dd>',
    ):
        assert told in page
    for french in ("Réponses", "Pâques", "reporté", "vendredi", "Quand", "donné"):
        assert french not in page
    assert "Lundi de Pâques (lun. 29 mars)\u00a0: reporté" in await visit.get(link)


async def test_the_page_speaks_the_learner_s_language(visit: Visit) -> None:
    link = await _link(visit)
    async with visit.site.db.transaction() as session:
        await session.execute(update(Learner).values(language="en"))
    assert "My data" in await visit.get(link)
    assert "Mes données" in await visit.get(f"{link}?lang=fr")
    assert "I understand" in await visit.get(f"{link}/erase")
    assert "Tick the box" in await visit.post(f"{link}/erase", 422)
    assert "Your data is erased" in await visit.post(f"{link}/erase", sure="yes")


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
