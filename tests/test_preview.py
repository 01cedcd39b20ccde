"""An author's preview: the mails as they would leave, and every problem, after each save."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from engine import preview, serving
from engine.mail import dress
from tests.journeys.background import background

MINI = Path(__file__).parent / "courses" / "mini"
HOUSE = dress.Dress("fr", "https://parcours.example.org", "Association\nParis", "Parcours <p@example.org>")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINI, tmp_path / "mini"))


@pytest.fixture
async def http(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    wire = httpx.ASGITransport(preview.app(preview.Desk(folder, HOUSE)))
    async with httpx.AsyncClient(transport=wire, base_url="http://preview.test") as client:
        yield client


async def test_every_mail_is_shown_as_html_and_as_text(http: httpx.AsyncClient) -> None:
    page = (await http.get("/")).text
    for name in ("welcome", "lesson-regarder", "lesson-equipe", "lesson-tenir", "farewell"):
        assert f"/?mail={name}" in page
        assert (await http.get(f"/mail/{name}/html")).text.startswith("<!doctype html>")
        assert (await http.get(f"/mail/{name}/text")).status_code == 200
    assert "Camille" in (await http.get("/mail/lesson-regarder/html")).text
    assert (await http.get("/mail/nothing/html")).status_code == 404


async def test_a_spoilt_course_shows_its_problems(http: httpx.AsyncClient, folder: Path) -> None:
    lesson = folder / "lessons" / "01-regarder.md"
    lesson.write_text(lesson.read_text() + "\n[x](lecon:nulle-part)\n")
    page = (await http.get("/")).text
    assert "nulle-part" in page
    assert "lessons/01-regarder.md:" in page
    assert (await http.get("/mail/welcome/html")).status_code == 422


async def test_the_page_reloads_when_a_file_is_saved(folder: Path, browser: Browser) -> None:
    app = preview.app(preview.Desk(folder, HOUSE))
    with serving.listen("127.0.0.1", 0) as listening:
        async with background(app, listening) as url:
            page = await browser.new_page()
            await page.goto(url)
            course = folder / "course.yaml"
            course.write_text(course.read_text().replace("Trier ses mails", "Trier son courrier"))
            await expect(page.locator("h1")).to_have_text("Trier son courrier")
