"""Leaving: one click for mail programs (RFC 8058), buttons for people, nothing by opening a link."""

from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from engine.doctor import web
from engine.mail import proof
from engine.tables import Suppression
from tests.web.conftest import Visit

BOB = "bob@example.org"

# The bodies of RFC 8058, sections 8.2 and 8.3, as printed there.
URLENCODED = ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click")
MULTIPART = (
    "multipart/form-data; boundary=---FormBoundaryjWmhtjORrn",
    b"-----FormBoundaryjWmhtjORrn\r\n"
    b'Content-Disposition: form-data; name="List-Unsubscribe"\r\n'
    b"\r\n"
    b"One-Click\r\n"
    b"-----FormBoundaryjWmhtjORrn--\r\n",
)


async def _state(visit: Visit) -> str:
    return (await visit.enrolments())[0].state


async def _suppressed(visit: Visit) -> bool:
    async with visit.site.db.reading() as session:
        return bool((await session.scalars(select(Suppression))).all())


@pytest.mark.parametrize(("content_type", "body"), [URLENCODED, MULTIPART])
async def test_one_click_leaves_without_redirect_or_cookie(
    visit: Visit, content_type: str, body: bytes
) -> None:
    enrolment = await visit.confirmed(BOB)
    for _ in range(2):
        answer = await visit.http.post(
            visit.to("u", enrolment), content=body, headers={"content-type": content_type}
        )
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert "set-cookie" not in answer.headers
        assert await _state(visit) == "stopped"
    assert not await _suppressed(visit), "the link means one course"


async def test_any_token_gets_the_same_answer(visit: Visit) -> None:
    content_type, body = URLENCODED
    enrolment = await visit.confirmed(BOB)
    known, forged = visit.to("u", enrolment), visit.to("u", enrolment)[:-2] + "xx"
    answers = [
        await visit.http.post(url, content=body, headers={"content-type": content_type})
        for url in (known, forged, "/u/nonsense", visit.to("u", 9999))
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "OK\n")}


async def test_the_doctor_hears_what_a_mail_program_would(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    path = urlsplit(proof.nowhere(visit.site.house.dress)).path
    answer = await visit.http.post(path, files=web.FORM)
    assert (answer.status_code, answer.content[: len(web.OURS)]) == (200, web.OURS)
    left = await visit.http.post(visit.to("u", enrolment), files=web.FORM)
    assert (left.text, await _state(visit)) == (answer.text, "stopped")


async def test_opening_the_link_leaves_nothing(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    page = await visit.get(visit.to("u", enrolment))
    await visit.http.head(visit.to("u", enrolment))
    assert "Quitter ce parcours" in page
    assert "Quitter tous les parcours" in page
    assert await _state(visit) == "waiting"


async def test_people_get_a_page_with_a_way_back(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    page = await visit.post(visit.to("u", enrolment), scope="course")
    assert "Vous ne recevrez plus ce parcours" in page
    assert 'href="/c/essai"' in page
    assert "C’était une erreur" in page
    assert await _state(visit) == "stopped"
    assert "Vous avez déjà quitté ce parcours" in await visit.get(visit.to("u", enrolment))


async def test_leaving_everything(visit: Visit) -> None:
    enrolment = await visit.confirmed(BOB)
    page = await visit.post(visit.to("u", enrolment), scope="all")
    assert "Plus aucun parcours" in page
    assert await _state(visit) == "stopped"
    assert await _suppressed(visit)


async def test_what_could_not_be_stored_is_not_pretended(visit: Visit) -> None:
    """A mail program that reads 503 tries again; one that reads 200 does not."""
    enrolment = await visit.confirmed(BOB)
    link = visit.to("u", enrolment)
    async with visit.site.db.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE event")
    content_type, body = URLENCODED
    answer = await visit.http.post(link, content=body, headers={"content-type": content_type})
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert await _state(visit) == "waiting"
