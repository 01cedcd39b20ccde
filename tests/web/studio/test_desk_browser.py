"""The author's desk in a real browser: written in, saved by itself, shared by two, and without scripts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from engine.core.course import editing
from engine.flows import desk
from tests.web import course
from tests.web.studio.conftest import Desk
from tests.web.studio.test_courses import files, upload
from tests.web.studio.test_images import png
from tests.web.test_browser import WCAG, faults, serving

HERE = f"/studio/courses/{course.SLUG}"
PATH = "lessons/01-debut.md"
_CHOSEN = "text => text.value.slice(text.selectionStart, text.selectionEnd)"


@asynccontextmanager
async def sitting(owner: Desk, browser: Browser, base: str, *, scripts: bool = True) -> AsyncIterator[Page]:
    context = await browser.new_context(java_script_enabled=scripts)
    await context.add_cookies([{"name": "studio", "value": owner.http.cookies["studio"], "url": base}])
    page = await context.new_page()
    blocked: list[str] = []
    page.on("console", partial(_note_blocked, blocked))
    yield page
    await context.close()
    assert blocked == []


def _note_blocked(found: list[str], message: ConsoleMessage) -> None:
    if "Content Security" in message.text:
        found.append(message.text)


async def test_pages_pass_axe_and_fit_a_phone_in_both_lights(owner: Desk, browser: Browser) -> None:
    await upload(owner, f"{HERE}/images/upload", "schema.png", png(), alt="Un rectangle")
    await owner.post(HERE, do="activity", kind="quiz", title="Vérifier")
    text = course.FILES["lessons/02-suite.md"].decode()
    gated = text.replace(
        "minutes: 6\n", "minutes: 6\nwhen: learner.size >= 50\nrequires: {activity: point}\n"
    )
    async with owner.visit.site.db.transaction() as session:
        path, now = "lessons/02-suite.md", owner.visit.clock.now()
        seen = await desk.file(session, course.SLUG, path)
        wrong = gated + "\n[x](lecon:nulle-part)\n"
        await desk.save(session, course.SLUG, path, wrong, read=seen.hash, by=1, now=now)
    places = ["", "/lessons/suite", "/files/course.yaml", "/files/activities/point.yaml", "/images"]
    addresses = [f"{HERE}{place}" for place in places]
    assert await faults(owner.visit, browser, addresses, dict(owner.http.cookies)) == []


async def test_what_one_writes_is_saved_checked_and_shown(owner: Desk, browser: Browser) -> None:
    async with serving(owner.visit.site) as base, sitting(owner, browser, base) as page:
        await page.goto(f"{base}{HERE}/lessons/debut")
        status, frame = page.locator(".saved"), page.frame_locator("#frame")
        await expect(frame.locator("body")).to_contain_text("Bonjour Camille")
        await page.locator("#text").press("Control+End")
        await page.get_by_text("Blocs et emplacements").click()
        await page.get_by_role("button", name="Encadré").click()
        await expect(status).to_have_text("Enregistré")
        await expect(frame.locator("body")).to_contain_text("Le texte de l’encadré.")
        assert b":::encadre \xc3\x80 retenir\n" in (await files(owner.visit))[PATH]
        await page.keyboard.type("\n[x](lecon:nulle-part)\n")
        await expect(page.locator("#checks")).to_contain_text("nulle-part")
        await page.get_by_role("link", name="Ligne").click()
        assert await page.locator("#text").evaluate(_CHOSEN) == "[x](lecon:nulle-part)"
        await page.get_by_label("Pour qui").select_option("nour")
        await expect(frame.locator("body")).to_contain_text("Bonjour Nour")
        await page.get_by_text("Source", exact=True).click()
        await expect(frame.locator("body")).to_contain_text("List-Unsubscribe")


async def test_two_authors_at_one_lesson_lose_nothing(owner: Desk, browser: Browser) -> None:
    before = course.FILES[PATH].decode()
    async with (
        serving(owner.visit.site) as base,
        sitting(owner, browser, base) as ada,
        sitting(owner, browser, base) as ben,
    ):
        for page in (ada, ben):
            await page.goto(f"{base}{HERE}/lessons/debut")
        for page, name, said in ((ada, "Ada", "Enregistré"), (ben, "Ben", "Quelqu’un d’autre")):
            await page.locator("#text").press("Control+End")
            await page.keyboard.type(f"Le texte de {name}.")
            await expect(page.locator(".saved")).to_contain_text(said)
        await ben.get_by_role("button", name="Enregistrer").click()
        await expect(ben.locator("#mine")).to_have_value(f"{before}Le texte de Ben.")
        await expect(ben.locator("#theirs")).to_have_value(f"{before}Le texte de Ada.")
        result = await Axe().run(ben, options=WCAG)
        assert [each["id"] for each in result.response["violations"]] == []
        await ben.locator("#mine").press("Control+End")
        await ben.keyboard.type(" Et le sien.")
        await ben.get_by_role("button", name="Enregistrer mon texte").click()
        await expect(ben.get_by_role("status").first).to_contain_text("enregistré")
    assert (await files(owner.visit))[PATH].endswith(b"Le texte de Ben. Et le sien.")


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_newcomer_writes_a_course_of_three_lessons(
    owner: Desk, browser: Browser, scripts: bool
) -> None:
    async with serving(owner.visit.site) as base, sitting(owner, browser, base, scripts=scripts) as page:
        await page.goto(f"{base}/studio")
        await page.get_by_label("Titre").fill("Bien accueillir")
        await page.get_by_role("button", name="Créer").click()
        for title in ("Un deuxième pas", "Un dernier pas"):
            await page.locator("#title").fill(title)
            await page.get_by_role("button", name="Ajouter", exact=True).click()
            await page.get_by_label("lessons/").fill(
                f"---\nsubject: {title}\nmodule: debuts\n---\nBonjour {{{{ learner.first_name }}}}.\n"
            )
            await page.get_by_text("Texte", exact=True).click()
            await page.get_by_role("button", name="Enregistrer").click()
            await expect(page.get_by_role("status").first).to_contain_text("enregistré")
            await expect(page.frame_locator("#frame").locator("body")).to_contain_text("Bonjour Camille.")
            await page.get_by_role("button", name="M’envoyer un essai").click()
            await expect(page.get_by_role("status").first).to_contain_text("essai part")
            await page.get_by_role("link", name="Bien accueillir").click()
        await page.get_by_role("button", name="Monter « Un dernier pas »").click()
        await expect(page.locator(".line h3")).to_have_count(3)
        await expect(page.locator(".line h3").nth(1)).to_contain_text("Un dernier pas")
    made = await files(owner.visit, "bien-accueillir")
    assert list(editing.lessons(made)) == ["premier-pas", "un-dernier-pas", "un-deuxieme-pas"]
    assert desk.check(made, slug="bien-accueillir", house=owner.visit.site.dress).course
