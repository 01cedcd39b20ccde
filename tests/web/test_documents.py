"""What a learner takes home: his own browser gets it, a colleague's and a stranger's get no byte."""

import io
import re
import zipfile
from datetime import timedelta
from email import message_from_bytes, policy

import httpx
import pytest

from engine.core.course.effect import Choices
from engine.flows import activities, catalog, leases, letters, publishing, writing
from engine.web import downloads
from tests import ledger, papers
from tests.documents import reading
from tests.documents.templates import ARTICLES, lines
from tests.web import course
from tests.web.conftest import NOW, Visit

ALICE = "alice@example.org"
FILES = ("bilan/rapport.pdf", "bilan/radar.svg", "regles/charte.pdf", "regles/charte.docx")


async def answered(visit: Visit, files: catalog.Files = papers.FILES) -> int:
    """Alice's browser confirmed; she answered everything."""
    async with visit.site.db.transaction() as session:
        await publishing.publish(
            session,
            files,
            slug=course.SLUG,
            house=visit.site.house.dress,
            now=NOW,
            choices=Choices(others="stay"),
        )
    alice = await visit.confirmed(ALICE, first_name="Alice")
    for key, given in papers.ANSWERS.items():
        async with visit.site.db.transaction() as session:
            typed = {name: [value] for name, value in given.items()}
            place = await activities.take(session, alice, key, now=visit.clock.now())
            for step in ["qui"] if key == "regles" else typed:
                await activities.save(session, place, step, typed, now=visit.clock.now())
            await activities.hand_in(session, place, now=visit.clock.now())
    return alice


async def finished(visit: Visit) -> int:
    alice = await answered(visit)
    await visit.live(NOW + timedelta(days=24))
    return alice


def stranger(visit: Visit) -> None:
    """From now on it is somebody else's browser."""
    visit.http.cookies.clear()


def at(visit: Visit, alice: int, file: str) -> str:
    key, _, name = file.partition("/")
    return f"{visit.to('a', alice, key)}/{name}"


async def fetched(visit: Visit, url: str) -> httpx.Response:
    answer = await visit.http.get(url)
    assert answer.status_code == 200, answer.text
    return answer


async def test_each_document_is_a_file_of_its_kind(visit: Visit) -> None:
    alice = await answered(visit)
    report, radar, charter, word = [await fetched(visit, at(visit, alice, file)) for file in FILES]
    assert report.content.startswith(b"%PDF")
    assert charter.content.startswith(b"%PDF")
    assert b"<svg" in radar.content
    assert b"<script" not in radar.content
    assert "word/document.xml" in zipfile.ZipFile(io.BytesIO(word.content)).namelist()
    assert [each.headers["content-type"] for each in (report, radar)] == ["application/pdf", "image/svg+xml"]
    assert charter.headers["content-disposition"] == (
        "attachment; filename=\"charte-de-l-ia.pdf\"; filename*=UTF-8''Charte%20de%20l%E2%80%99IA.pdf"
    )
    assert report.headers["cache-control"] == "no-store"


async def test_an_authors_word_template_is_the_one_that_is_filled(visit: Visit) -> None:
    template = lines("{{ title }}, à notre façon", *ARTICLES)
    alice = await answered(visit, papers.FILES | {"documents/regles.docx": template})
    word = await fetched(visit, at(visit, alice, "regles/charte.docx"))
    assert [text for _, text in reading.paragraphs(reading.word(word.content))] == [
        "Charte de l’IA, à notre façon",
        "Les rôles",
        "Zoé Aubert décide.",
    ]


@pytest.mark.parametrize("file", FILES)
async def test_a_strangers_browser_gets_no_byte_of_it(visit: Visit, file: str) -> None:
    alice = await answered(visit)
    stranger(visit)
    page = await visit.get(at(visit, alice, file), 403)
    assert "Ces documents sont personnels" in page
    assert f'action="{visit.to("a", alice, file.partition("/")[0])}/entry"' in page


async def test_a_colleagues_own_browser_opens_only_his_own(visit: Visit) -> None:
    alice = await finished(visit)
    await visit.post(visit.to("f", alice), 303, name="Alice Aubert")
    stranger(visit)
    bob = await visit.confirmed("bob@example.org")
    assert "Mes documents" in await visit.get(visit.to("f", bob))
    page = await visit.get(visit.to("f", alice))
    assert "Ces documents sont personnels" in page
    assert "Alice" not in page
    assert "Alice" not in await visit.get(f"{visit.to('f', alice)}/attestation.pdf", 403)
    await visit.post(visit.to("f", alice), 403, name="Bob Bertin")
    assert "Bob Bertin" not in await visit.get(visit.to("f", bob))


async def the_only_entry(visit: Visit) -> str:
    """The text of the mail with the link for a device."""
    (owed,) = await visit.deliveries("entry")
    async with visit.site.db.transaction() as session:
        leased = await leases.lease(session, worker="test", limit=9, now=visit.clock.now())
        begun = await ledger.begin(session, leased, worker="test", now=visit.clock.now())
        found = (await letters.gather(session, begun))[owed.id]
    assert isinstance(found, letters.Addressed)
    written = writing.write(found, visit.site.house, now=visit.clock.now())
    part = message_from_bytes(written.data, policy=policy.default).get_body(("plain",))
    assert part
    return str(part.get_content())


async def test_a_mailed_link_opens_the_documents_on_another_device(visit: Visit) -> None:
    alice = await answered(visit)
    stranger(visit)
    page = await visit.get(visit.to("f", alice))
    entry = f"{visit.to('f', alice)}/entry"
    assert f'action="{entry}"' in page
    for _ in range(2):
        assert "Regardez votre boîte" in await visit.post(entry)
    (link,) = re.findall(r"(/w/\S+)", await the_only_entry(visit))
    answer = await visit.http.get(link)
    assert answer.headers["location"] == visit.to("f", alice)
    assert "Charte de l" in await visit.get(visit.to("f", alice))


async def test_the_page_holds_what_there_is_and_says_what_is_missing(visit: Visit) -> None:
    alice = await answered(visit)
    page = await visit.get(visit.to("f", alice))
    for file in FILES[:1] + FILES[2:]:
        assert f'href="{at(visit, alice, file)}"' in page
    assert "Recevoir toutes les leçons" in page
    assert 'name="name"' not in page
    assert 'href="' + visit.to("f", alice) in await visit.get(visit.to("m", alice))
    english = await visit.get(f"{visit.to('f', alice)}?lang=en")
    assert "Receive all lessons" in english


async def test_a_lesson_leads_to_the_page(visit: Visit) -> None:
    alice = await finished(visit)
    assert f'href="{visit.to("f", alice)}"' in await visit.get(visit.to("l", alice, "a"))


async def test_what_was_not_handed_in_is_not_there(visit: Visit) -> None:
    alice = await visit.confirmed(ALICE)
    page = await visit.get(visit.to("f", alice))
    assert "Rien à télécharger" in page
    assert "attestation" not in page.casefold(), "this course gives none"
    await visit.get(f"{visit.to('a', alice, 'point')}/rapport.pdf", 404)
    await visit.get(f"{visit.to('f', alice)}/attestation.pdf", 404)


async def test_the_attestation_is_asked_for_in_a_name_and_downloaded(visit: Visit) -> None:
    alice = await finished(visit)
    url = visit.to("f", alice)
    assert "Votre attestation est prête" in await visit.get(visit.to("m", alice))
    await visit.get(f"{url}/attestation.pdf", 404)
    assert "il ne manque que votre nom" in await visit.get(url)
    refused = await visit.post(url, 422, name="王小明")
    assert "écrivez ce nom en lettres latines" in refused
    assert 'value="王小明"' in refused
    await visit.post(url, 303, name="Élodie Aubert")
    page = await visit.get(url)
    assert "Élodie Aubert" in page
    answer = await fetched(visit, f"{url}/attestation.pdf")
    assert answer.content.startswith(b"%PDF")
    assert "Corriger le nom" in page
    visit.clock.pass_by(days=8)
    assert "Corriger le nom" not in await visit.get(url)
    assert "ne change plus" in await visit.post(url, 422, name="Bob Bertin")


async def test_looking_issues_nothing(visit: Visit) -> None:
    alice = await finished(visit)
    for _ in range(2):
        await visit.get(visit.to("f", alice))
        await visit.get(f"{visit.to('f', alice)}?name=Alice+Aubert")
    assert "il ne manque que votre nom" in await visit.get(visit.to("f", alice))


async def test_the_pages_close_with_the_course(visit: Visit) -> None:
    alice = await finished(visit)
    visit.clock.pass_by(days=91)
    await visit.get(visit.to("f", alice), 410)
    await visit.get(at(visit, alice, FILES[0]), 410)
    await visit.post(visit.to("f", alice), 410, name="Alice Aubert")


@pytest.mark.parametrize(
    ("title", "named"),
    [
        (
            "Où en êtes-vous ?",
            "filename=\"ou-en-etes-vous.pdf\"; filename*=UTF-8''O%C3%B9%20en%20%C3%AAtes-vous.pdf",
        ),
        (
            'a"b\r\nSet-Cookie: x',
            "filename=\"a-b-set-cookie-x.pdf\"; filename*=UTF-8''a%20b%20Set-Cookie%20x.pdf",
        ),
        ("Ωμέγα", "filename=\"parcours.pdf\"; filename*=UTF-8''%CE%A9%CE%BC%CE%AD%CE%B3%CE%B1.pdf"),
    ],
)
def test_a_files_name_is_safe_in_a_header(title: str, named: str) -> None:
    assert downloads.attachment(title, ".pdf") == f"attachment; {named}"
