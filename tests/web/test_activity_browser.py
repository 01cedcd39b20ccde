"""Activities in a real browser, on a phone: by keyboard alone, on a slow line, closed too soon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine import serving as listening
from engine.core import answers
from tests import every
from tests.journeys.background import background
from tests.web.conftest import Visit
from tests.web.playing import BILAN, WEDNESDAY, Player, begin
from tests.web.test_browser import WCAG, serving

PHONE: Any = {"width": 375, "height": 800}


@pytest.fixture
async def alice(visit: Visit) -> Player:
    return await begin(visit)


@asynccontextmanager
async def phone(browser: Browser, **options: Any) -> AsyncIterator[Page]:
    """A phone that was never here."""
    context = await browser.new_context(viewport=PHONE, **options)
    yield await context.new_page()
    await context.close()


async def until(player: Player, key: str, expected: dict[str, Any]) -> dict[str, Any]:
    """What is saved, at the latest after some seconds."""
    found: dict[str, Any] = {}
    for _ in range(100):
        found = {name: value for row in await player.rounds(key) for name, value in row.answers.items()}
        if expected.items() <= found.items():
            break
        await asyncio.sleep(0.05)
    return found


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something that matches has the focus."""
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


async def test_the_keyboard_alone_answers_a_diagnostic_and_hands_it_in(
    alice: Player, browser: Browser
) -> None:
    async with serving(alice.visit.site) as base, phone(browser) as page:
        await page.goto(base + alice.link("bilan"))
        await tab_to(page, "a.button")
        await page.keyboard.press("Enter")
        for step, given in BILAN.items():
            await expect(page.locator(f"#{step}")).to_be_visible()
            await tab_to(page, "input[type=radio]")
            await page.keyboard.press("Space")
            while not await page.locator(f"input[name={step}][value={given}]").is_checked():
                await page.keyboard.press("ArrowDown")
            await tab_to(page, "button[value=next]")
            await page.keyboard.press("Enter")
        await expect(page.locator("body")).to_contain_text("Tout est là")
        await tab_to(page, "button[value=hand_in]")
        await page.keyboard.press("Enter")
        await expect(page.locator("#total")).to_contain_text("50")
    (row,) = await alice.rounds("bilan")
    assert row.answers == BILAN
    assert row.handed_in_at


async def test_closing_the_tab_after_choosing_loses_nothing(alice: Player, browser: Browser) -> None:
    async with serving(alice.visit.site) as base, phone(browser) as page:
        await page.goto(base + alice.link("bilan", "q=liste"))
        await page.check("input[value=orale]")
        await page.close()
        assert await until(alice, "bilan", {"liste": "orale"}) == {"liste": "orale"}


async def test_leaving_in_the_middle_of_a_word_loses_nothing(alice: Player, browser: Browser) -> None:
    async with serving(alice.visit.site) as base, phone(browser) as page:
        await page.goto(base + alice.link("point"))
        await page.check("input[value=later]")
        await expect(page.locator(".saved")).to_have_text("Enregistré")
        await page.locator("#text").press_sequentially("lund")
        await page.goto("about:blank")
        assert (await until(alice, "point", {"text": "lund"}))["text"] == "lund"


def slow_replies(app: ASGIApp) -> ASGIApp:
    """What is posted is recorded at once, and the browser hears of it half a second later."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_later(message: Message) -> None:
            if scope.get("method") == "POST" and message["type"] == "http.response.start":
                await asyncio.sleep(0.5)
            await send(message)

        await app(scope, receive, send_later)

    return slow


async def test_a_quick_first_answer_on_a_slow_line_stays_one_s_own(alice: Player, browser: Browser) -> None:
    """The reply to the first save brings the cookie; « Continuer » waits for it."""
    slow: Any = slow_replies(listening.web_app(alice.visit.site, workers=False))
    with listening.listen("127.0.0.1", 0) as opened:
        async with background(slow, opened) as base, phone(browser) as page:
            await page.goto(base + alice.link("bilan", "q=liste"))
            await page.check("input[value=orale]")
            await page.click("button[value=next]")
            await expect(page.locator("#essai")).to_be_visible()
    assert await alice.answers("bilan") == {"liste": "orale"}


async def test_an_older_answer_never_overtakes_a_newer_one(alice: Player, browser: Browser) -> None:
    delays = [0.6, 0.0, 0.0]

    async def slow(route: Route) -> None:
        if route.request.method == "POST":
            await asyncio.sleep(delays.pop(0))
        await route.continue_()

    async with serving(alice.visit.site) as base, phone(browser) as page:
        await page.route("**/a/**", slow)
        await page.goto(base + alice.link("bilan", "q=liste"))
        for choice in ("aucune", "orale", "ecrite"):
            await page.check(f"input[value={choice}]")
        await expect(page.locator(".saved")).to_have_text("Enregistré")
        await page.wait_for_timeout(900)
    assert await alice.answers("bilan") == {"liste": "ecrite"}


async def test_a_line_that_is_cut_is_told_and_the_button_still_works(alice: Player, browser: Browser) -> None:
    async with serving(alice.visit.site) as base, phone(browser) as page:
        await page.goto(base + alice.link("bilan", "q=liste"))
        await page.route("**/a/**", lambda route: route.abort())
        await page.check("input[value=orale]")
        await expect(page.locator(".saved")).to_contain_text("Pas encore enregistré")
        await page.unroute("**/a/**")
        await page.click("button[value=next]")
        await expect(page.locator("#essai")).to_be_visible()
    assert await alice.answers("bilan") == {"liste": "orale"}


async def test_what_was_handed_in_elsewhere_shows_itself(alice: Player, browser: Browser) -> None:
    async with serving(alice.visit.site) as base, phone(browser) as page:
        await page.goto(base + alice.link("humeur"))
        await page.check("input[value='3']")
        await expect(page.locator(".saved")).to_have_text("Enregistré")
        await alice.send("humeur", value="4")
        await page.click("input[value='1']")  # `check` would look for it on a page that is no more
        await expect(page.locator("h1")).to_contain_text("Bravo")
    assert await alice.answers("humeur") == {"value": 4}


async def test_the_charter_s_preview_follows_what_is_written(alice: Player, browser: Browser) -> None:
    async with serving(alice.visit.site) as base, phone(browser) as page:
        await page.goto(base + alice.link("regles", "q=qui"))
        sheet = page.locator("[data-preview]")
        await expect(sheet).to_contain_text("[à compléter]")
        await expect(sheet).not_to_contain_text("Le robot")
        await page.fill("#decideur", "Alice <b>Aubert</b>\net Bob")
        await expect(sheet.locator("strong")).to_have_text("Alice <b>Aubert</b>\net Bob")
        await page.check("input[name=robot][value=true]")
        await expect(sheet).to_contain_text("Le robot")
        await expect(page.locator("#decideur")).to_have_value("Alice <b>Aubert</b>\net Bob")
        await page.reload()
        await expect(page.locator("#decideur")).to_have_value("Alice <b>Aubert</b>\net Bob")


async def test_without_scripts_the_buttons_do_everything(alice: Player, browser: Browser) -> None:
    async with serving(alice.visit.site) as base, phone(browser, java_script_enabled=False) as page:
        await page.goto(base + alice.link("humeur", "a=2"))
        await page.click("button[value=next]")
        assert "Bravo" in await page.locator("h1").inner_text()
        await page.goto(base + alice.link("oral"))
        await page.click("a.button")
        await page.check("input[value=true]")
        await page.click("button[value=next]")
        await page.click("button[value=hand_in]")
        assert "Réussi" in await page.locator("h1").inner_text()


async def _fault(page: Page, what: str) -> list[str]:
    """What axe or the ruler finds on the page that is open."""
    await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    found = [f"{what} is wider than the screen"] * bool(wide)
    result = await Axe().run(page, options=WCAG)
    for violation in result.response["violations"]:
        nodes = "; ".join(node["html"][:120] for node in violation["nodes"])
        found.append(f"{what} {violation['id']}: {nodes}")
    return found


async def _lived(alice: Player) -> list[str]:
    """One address of every page that there is, once something was answered."""
    await alice.visit.live(WEDNESDAY)
    await alice.bilan()
    await alice.bilan("bilan-final", liste="ecrite")
    await alice.quiz(vrai="false", somme="1")
    await alice.visit.live(WEDNESDAY.replace(month=4, day=7))
    await alice.send("quiz", "vrai", go="answer_again", vrai="false")
    await alice.send("humeur", value="2")
    await alice.send("point", status="later", text="lundi")
    await alice.send("regles", "qui", decideur="Alice", robot="true", nom="Hal")
    cells: dict[str, Any] = {"outils-0-nom": "Dictée", "outils-0-usage": "x" * 300}
    await alice.send("regles", "quoi", **cells)
    queries = [
        *(
            ("bilan", ""),
            ("bilan-final", ""),
            ("quiz", ""),
            ("quiz", "q=vrai"),
            ("humeur", ""),
            ("point", ""),
        ),
        *(
            ("accord", ""),
            ("regles", "q=qui"),
            ("regles", "q=quoi"),
            ("regles", "q=suite"),
            ("regles", "q=fin"),
        ),
        ("humeur-apres", ""),
    ]
    return [alice.link(key, query) for key, query in queries]


@pytest.mark.parametrize("light", ["light", "dark"])
async def test_axe_finds_nothing_before_anything_is_answered(
    alice: Player, browser: Browser, light: Any
) -> None:
    addresses = [alice.link("bilan"), alice.link("quiz"), alice.link("regles")]
    for key, activity in every.COURSE.activities.items():
        addresses += [alice.link(key, f"q={step}" if step else "") for step in answers.steps(activity)]
    found: list[str] = []
    async with serving(alice.visit.site) as base, phone(browser, color_scheme=light) as page:
        for address in addresses:
            await page.goto(base + address)
            found += await _fault(page, f"{light} {address}")
    assert not found


@pytest.mark.parametrize("light", ["light", "dark"])
async def test_axe_finds_nothing_when_something_is(alice: Player, browser: Browser, light: Any) -> None:
    addresses = await _lived(alice)
    found: list[str] = []
    async with serving(alice.visit.site) as base, phone(browser, color_scheme=light) as page:
        await page.goto(base + alice.link("point"))
        found += await _fault(page, f"{light} personal")
        assert "personnelles" in await page.locator("h1").inner_text()
        jar = alice.visit.http.cookies
        cookies: Any = [{"name": name, "value": value, "url": base} for name, value in jar.items()]
        await page.context.add_cookies(cookies)
        for address in addresses:
            await page.goto(base + address)
            found += await _fault(page, f"{light} {address}")
        await page.goto(base + alice.link("regles", "q=fin"))
        await page.click("button[value=hand_in]")
        found += await _fault(page, f"{light} something is missing")
        await page.goto(base + alice.link("regles", "q=suite"))
        await page.fill("#mois", "beaucoup")
        await page.click("button[value=next]")
        await expect(page.locator(".error")).to_be_visible()
        found += await _fault(page, f"{light} something is wrong")
        await alice.send("regles", "suite", relus=["devis"])
        await alice.send("regles", go="hand_in")
        await page.goto(base + alice.link("regles"))
        found += await _fault(page, f"{light} adopted")
        await page.goto(base + alice.link("accord"))
        found += await _fault(page, f"{light} to be agreed to")
        await page.click("button[value=hand_in]")
        await expect(page.locator(".note-done")).to_be_visible()
        found += await _fault(page, f"{light} agreed to")
    assert not found
