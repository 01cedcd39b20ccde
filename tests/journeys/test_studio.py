"""A newcomer in the studio: a course of three lessons from nothing to ten people who follow it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.journeys.service import Service

COURSE = "/studio/courses/trois-gestes"
PEOPLE = "prénom;adresse;entreprise\n" + "".join(
    f"Alice;alice{number}@example.org;Atelier {number}\n" for number in range(10)
)
LESSON = """\
---
subject: {subject}
module: debuts
minutes: 3
---

Bonjour {{{{ learner.first_name }}}},

{text}
"""


@pytest.fixture
async def demo(database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    running = Service(database_url, tmp_path / "log")
    yield await running.start()
    await running.stop()


async def _press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name).first.click()


async def _write_the_course(page: Page, url: str) -> None:
    await page.goto(f"{url}/studio/courses")
    await page.get_by_label("Titre").first.fill("Trois gestes")
    await page.get_by_label("Adresse").first.fill("trois-gestes")
    await _press(page, "Créer")
    for title in ("Le deuxième geste", "Le troisième geste"):
        await page.goto(url + COURSE)
        await page.get_by_role("region", name="Ajouter une leçon").get_by_label("Titre").fill(title)
        await page.get_by_role("region", name="Ajouter une leçon").get_by_role("button").click()
    await page.goto(url + COURSE)
    lessons = await page.locator("ol.line h3 a").evaluate_all("links => links.map(link => link.href)")
    assert len(lessons) == 3
    for number, address in enumerate(lessons, 1):
        await page.goto(address)
        text = LESSON.format(subject=f"Le geste {number}", text=f"Le geste numéro {number}, et rien d'autre.")
        await page.locator("textarea#text").fill(text)
        await _press(page, "Enregistrer")
        await expect(page.locator("h1")).to_contain_text(f"Le geste {number}")


async def _try_it(page: Page, url: str) -> None:
    """A test to oneself arrives in the mailbox; the simulation tells three lessons with their days."""
    await page.goto(f"{url}{COURSE}")
    await page.get_by_role("link", name="Le geste 1").first.click()
    await _press(page, "M'envoyer un essai".replace("'", "’"))
    newest = page.locator("a[href^='/demo/mail/']").first
    for _ in range(100):
        await page.goto(f"{url}/demo")
        if await newest.count():
            break
    await expect(newest).to_contain_text("Le geste 1")
    await newest.click()
    await expect(page.frame_locator("iframe").locator("body")).to_contain_text("Le geste numéro 1")


async def _publish(page: Page, url: str) -> None:
    await page.goto(f"{url}{COURSE}/publish")
    await expect(page.locator("main")).to_contain_text("Ce qui change")
    await page.locator("form.publish button[type=submit]").click()
    await page.goto(f"{url}{COURSE}/calendar/one")
    for number in (1, 2, 3):
        await expect(page.locator("main")).to_contain_text(f"Le geste {number}")


async def _bring_ten_people(page: Page, url: str) -> None:
    await page.goto(f"{url}/studio/imports")
    file = {"name": "liste.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode("cp1252")}
    await page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]  # a plain dict will do
    await _press(page, "Apporter ce fichier")
    await page.locator("select[name=course]").select_option("trois-gestes")
    await page.locator("#source").fill("Salon de Lyon, 12 mars 2027, fiche signée")
    await page.locator("#agreed-yes").check()
    await _press(page, "Faire un essai")
    await expect(page.locator("main")).to_contain_text("Ce qui se passerait")
    await _press(page, "Lancer l’import")
    await expect(page.locator("main")).to_contain_text("Ce qui s’est passé")
    await expect(page.locator(".counts .is-taken dd")).to_have_text("10")


async def _advance(url: str, *, steps: int) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        for _ in range(steps):
            (await http.post("/demo/clock", headers={"Accept": "application/json"})).raise_for_status()


async def _watch_them(page: Page, url: str) -> None:
    await _advance(url, steps=13)  # welcomes, and everybody's first lesson at a minute of his own
    await page.goto(f"{url}/studio/people?q=atelier&course=trois-gestes")
    await _press(page, "Entrer dans la démonstration")  # a session ends while the clock jumps by days
    await expect(page.locator("table tbody tr")).to_have_count(10)
    await page.locator("table tbody a").first.click()
    await expect(page.locator("main")).to_contain_text("Le geste 1")
    await _advance(url, steps=40)
    await page.goto(f"{url}/studio/people?course=trois-gestes&state=completed")
    await _press(page, "Entrer dans la démonstration")
    await expect(page.locator("table tbody tr")).to_have_count(10)


async def test_a_newcomer_makes_a_course_and_watches_ten_people_follow_it(
    demo: str, browser: Browser
) -> None:
    context = await browser.new_context(locale="fr-FR", timezone_id="Europe/Paris")
    page = await context.new_page()
    await page.goto(f"{demo}/demo")
    await _press(page, "Ouvrir le studio")
    await expect(page).to_have_url(re.compile("/studio/"))
    await _write_the_course(page, demo)
    await _try_it(page, demo)
    await _publish(page, demo)
    await _bring_ten_people(page, demo)
    await _watch_them(page, demo)
