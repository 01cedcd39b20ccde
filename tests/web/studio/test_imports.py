"""The pages of lists: a file is brought, told, tried, run and taken back, by the owner's own hand."""

import asyncio
import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from engine import app
from engine.core import csvfile, words
from engine.tables import Audit, Delivery, Import, Learner
from tests.web import course
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk

LIST = "Adresse;Prénom;Entreprise\nnina@example.org;Nina;=1+1\nNINA@example.org;Nina;\nnowhere;;\n".encode(
    "cp1252"
)
TOLD = {
    "do": "check",
    "column-address": "0",
    "column-first_name": "1",
    "column-company": "2",
    "course": course.SLUG,
    "source": "Salon de Lyon, fiche signée",
    "agreed": "no",
}


async def bring(desk: Desk, data: bytes = LIST, status: int = 303) -> str:
    """Upload a file; the address of its page, or the page when it was refused."""
    answer = await desk.http.post(
        f"/studio/imports/upload?csrf={desk.csrf}", files={"file": ("liste.csv", data, "text/csv")}
    )
    assert answer.status_code == status, answer.text
    return str(answer.headers["location"]) if status == 303 else answer.text


async def work(visit: Visit) -> None:
    while await visit.site.tasks.step():
        pass


async def tried(visit: Visit, owner: Desk) -> str:
    """A file through its dry run; the address of its page."""
    url = await bring(owner)
    await owner.post(url, 303, **TOLD)
    await work(visit)
    return url


async def learners(visit: Visit) -> list[str]:
    async with visit.site.db.reading() as session:
        return list(await session.scalars(select(Learner.address)))


def counts(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))


async def test_an_empty_list_of_lists_teaches_the_next_step(owner: Desk) -> None:
    assert "Aucune liste pour l’instant" in await owner.get("/studio/imports")


async def test_from_file_to_people_and_back(visit: Visit, owner: Desk) -> None:
    url = await bring(owner)
    told = await owner.get(url)
    assert "nina@example.org" in told
    assert 'value="0" selected' in told  # the address was guessed
    await owner.post(url, 303, **TOLD)
    page = await owner.get(url)
    assert 'http-equiv="refresh"' in page
    assert "data-live" in page
    await work(visit)
    page = await owner.get(url)
    assert counts(page) == {
        "nouvelles personnes": "1",
        "en double dans le fichier": "1",
        "lignes inutilisables": "1",
    }
    assert await learners(visit) == []
    await owner.post(url, 303, do="run")
    await work(visit)
    assert await learners(visit) == ["nina@example.org"]
    assert "Annuler cet import" in await owner.get(url)
    await owner.post(url, 303, do="undo")
    await work(visit)
    assert await learners(visit) == []
    removed = words.gettext("fr")("retirées sans trace : rien n'était parti")
    assert counts(await owner.get(url))[removed] == "1"
    async with visit.site.db.reading() as session:
        noted = await session.scalars(select(Audit.action).where(Audit.target == "import:1"))
        assert list(noted) == ["import_run", "import_undone"]


async def test_the_lines_that_are_not_taken_are_a_safe_file(visit: Visit, owner: Desk) -> None:
    data = b"Adresse\n=cmd|x@example\nnina@example.org\n"
    url = await bring(owner, data)
    await owner.post(
        url,
        303,
        **{name: value for name, value in TOLD.items() if "name" not in name and "company" not in name},
    )
    await work(visit)
    answer = await owner.http.get(f"{url}/lines.csv")
    assert "attachment" in answer.headers["content-disposition"]
    text = answer.content.decode()
    assert text.startswith(csvfile.BOM)
    rows = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))
    assert [row[:2] for row in rows[1:]] == [["2", "'=cmd|x@example"]]


async def test_a_wrong_form_comes_back_as_typed(owner: Desk) -> None:
    url = await bring(owner)
    answer = await owner.post(url, 422, **{**TOLD, "column-address": "", "source": " "})
    assert "Dites quelle colonne contient les adresses." in answer.text
    assert "Dites où et quand ces personnes ont donné leur accord." in answer.text
    assert '<option value="1" selected>' in answer.text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "Ce fichier est vide"),
        (b"PK\x03\x04", "classeur"),
        (b"\x89PNG\r\n\x1a\n\0\0", "pas un fichier CSV"),
        (b'adresse\n"a@example.org\n' + b"x\n" * 40, "ligne"),
    ],
)
async def test_a_file_that_is_none_is_refused_in_words(
    visit: Visit, owner: Desk, data: bytes, told: str
) -> None:
    assert told in await bring(owner, data, 422)
    async with visit.site.db.reading() as session:
        assert (await session.scalars(select(Import))).all() == []


async def test_a_file_that_is_far_too_long_is_refused_at_the_door(owner: Desk) -> None:
    assert "20 Mo" in await bring(owner, b"a@example.org\n" * 1_500_000, 422)
    await bring(owner, b"a@example.org\n" * 2_000_000, 413)


async def test_columns_can_be_told_again_after_the_dry_run(visit: Visit, owner: Desk) -> None:
    url = await tried(visit, owner)
    again = await owner.get(f"{url}?columns=1")
    assert "Salon de Lyon, fiche signée" in again
    await owner.post(url, 303, **{**TOLD, "column-address": "1"})
    await work(visit)
    assert counts(await owner.get(url)) == {"lignes inutilisables": "3"}


async def test_steps_out_of_order_are_told_on_the_page(visit: Visit, owner: Desk) -> None:
    url = await tried(visit, owner)
    answer = await owner.post(url, 409, do="undo")
    assert "rechargez sa page" in answer.text
    await owner.post(url, 303, do="discard")
    await owner.get(url, 404)
    await owner.post("/studio/imports/1", 404, do="run")
    await owner.get("/studio/imports/99999999999999999999", 404)


async def test_everybody_is_exported_and_noted(visit: Visit, owner: Desk) -> None:
    url = await tried(visit, owner)
    await owner.post(url, 303, do="run")
    await work(visit)
    answer = await owner.post("/studio/people/export", 200)
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()[1:], newline=""), delimiter=";")
    assert (row["adresse"], row["entreprise"]) == ("nina@example.org", "'=1+1")
    async with visit.site.db.reading() as session:
        assert await session.scalar(select(Audit.id).where(Audit.action == "people_exported"))


async def test_the_link_of_somebody_taken_back_says_so(visit: Visit, owner: Desk) -> None:
    url = await tried(visit, owner)
    await owner.post(url, 303, do="run")
    await work(visit)
    await visit.live(visit.clock.now() + timedelta(hours=1))  # the confirmation counts as sent
    async with visit.site.db.transaction() as session:
        await session.execute(update(Delivery).values(tries=1))
    (mail,) = await visit.deliveries("confirm")
    await owner.post(url, 303, do="undo")
    await work(visit)
    link = visit.to("k", mail.enrolment_id or 0, mail.occasion)
    assert "Cette inscription a été annulée" in await visit.get(link)
    assert "Cette inscription a été annulée" in await visit.post(link)


async def test_the_worker_of_the_service_does_it_by_itself(visit: Visit, owner: Desk) -> None:
    url = await bring(owner)
    async with app.running(visit.site):
        await owner.post(url, 303, **TOLD)
        for _ in range(200):
            if "Ce qui se passerait" in await owner.get(url):
                return
            await asyncio.sleep(0.05)
    pytest.fail("nobody did the dry run")
