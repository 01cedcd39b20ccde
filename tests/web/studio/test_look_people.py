"""Lists and acts in a real browser: each state of a list, the acts on a person, progress by itself."""

from playwright.async_api import Browser, expect

from engine.flows import imports
from tests.web import course
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk
from tests.web.studio.test_acts import alice
from tests.web.studio.test_imports import TOLD, bring, tried, work
from tests.web.test_browser import faults, serving

__all__ = ["alice"]


async def _every_state(visit: Visit, owner: Desk) -> list[str]:
    """A list in each of its states."""
    new = await bring(owner)
    checked, done, undone = [await tried(visit, owner) for _ in range(3)]
    for url in (done, undone):
        await owner.post(url, 303, do="run")
        await work(visit)
    await owner.post(undone, 303, do="undo")
    await work(visit)
    at_work = await bring(owner)
    await owner.post(at_work, 303, **TOLD)
    return [new, checked, f"{checked}?columns=1", done, undone, at_work]


async def test_each_state_of_a_list_passes_axe_and_fits_a_phone(
    visit: Visit, owner: Desk, browser: Browser
) -> None:
    pages = ["/studio/imports", *await _every_state(visit, owner)]
    assert await faults(visit, browser, pages, dict(owner.http.cookies)) == []


async def test_the_acts_on_a_person_pass_axe_and_fit_a_phone(
    visit: Visit, alice: int, owner: Desk, browser: Browser
) -> None:
    pages = ["/studio/people/1/actions"]
    assert await faults(visit, browser, pages, dict(owner.http.cookies)) == []
    await owner.post(pages[0], 303, do="pause", enrolment=str(alice), reason="en congé", until="")
    assert await faults(visit, browser, pages, dict(owner.http.cookies)) == []


async def test_progress_is_shown_by_itself_until_the_work_is_over(
    visit: Visit, owner: Desk, browser: Browser
) -> None:
    people = "\n".join(["adresse", *(f"p{number}@example.org" for number in range(imports._CHUNK_ALONE + 1))])
    url = await bring(owner, people.encode())
    told = {"do": "check", "column-address": "0", "course": course.SLUG, "source": "Salon"}
    await owner.post(url, 303, **told)
    async with serving(visit.site) as base:
        context = await browser.new_context()
        for name, value in owner.http.cookies.items():
            await context.add_cookies([{"name": name, "value": value, "url": base}])
        page = await context.new_page()
        await page.goto(base + url)
        await expect(page.locator("[data-live]")).to_contain_text("0 lignes sur 151")
        await visit.site.tasks.step()
        await expect(page.locator("[data-live]")).to_contain_text("150 lignes sur 151")
        await work(visit)
        await expect(page.get_by_role("button", name="Lancer l’import")).to_be_visible()
        await context.close()
