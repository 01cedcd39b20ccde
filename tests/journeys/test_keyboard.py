"""The course that changes a company, on a phone, with the keyboard alone; axe looks at each kind of page."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect

from tests.journeys.service import Service

PHONE = {"width": 375, "height": 812}
MOST_TABS = 200
DIRIGEANT, COLLEAGUES = "alice@example.org", ("bob@example.org", "charlie@example.org")


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[str]:
    running = Service(f"sqlite:///{tmp_path}/demo.db", tmp_path / "log")
    yield await running.start()
    await running.stop()


class Keys:
    """A person without a mouse: Tab, Space, Enter, arrows and letters."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._seen = set[str]()

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await self.look()

    async def look(self) -> None:
        """Nothing is wider than the screen, and axe has nothing to say; once for each kind of page."""
        kind = await self.page.evaluate(
            "location.pathname.split('/')[1] + document.querySelector('h1').className"
        )
        kind += str(await self.page.locator("form").count())
        if kind in self._seen:
            return
        self._seen.add(kind)
        assert await self.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], (
            self.page.url
        )
        found = await Axe().run(self.page)
        assert found.response["violations"] == [], found.generate_report()

    async def reach(self, target: Locator) -> None:
        """Press Tab until `target` has the focus."""
        for _ in range(MOST_TABS):
            if await target.evaluate("each => each === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} cannot be reached by Tab on {self.page.url}")

    async def press(self, target: Locator, key: str = "Enter") -> None:
        await self.reach(target)
        await self.page.keyboard.press(key)

    async def type(self, target: Locator, text: str) -> None:
        await self.reach(target)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def go(self, name: str) -> None:
        """Press the button of that name; the page that follows is looked at."""
        async with self.page.expect_navigation():
            await self.press(self.page.get_by_role("button", name=name))
        await self.look()


class Post:
    """The demo's mailbox and clock."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=30)
        self._texts: dict[str, str] = {}

    async def wait_for(self, address: str, pattern: str) -> str:
        """The newest link of that kind in a mail to that address."""
        async with asyncio.timeout(30):
            while True:
                if found := await self._find(address, pattern):
                    return found
                await asyncio.sleep(0.2)

    async def _find(self, address: str, pattern: str) -> str | None:
        page = (await self._http.get("/demo")).text
        for number in dict.fromkeys(re.findall(r"/demo/mail/(\d+)", page)):
            if number not in self._texts:
                shown = await self._http.get(f"/demo/mail/{number}?view=text")
                self._texts[number] = html.unescape(shown.text)
        found = (
            link[0]
            for number in sorted(self._texts, key=int, reverse=True)
            if address in self._texts[number] and (link := re.search(pattern, self._texts[number]))
        )
        return next(found, None)

    async def until(self, address: str, pattern: str) -> str:
        """Move the clock until such a mail is there."""
        for _ in range(60):
            if found := await self._find(address, pattern):
                return found
            await self._http.post("/demo/clock")
        raise AssertionError(f"no mail to {address} with {pattern}")

    async def close(self) -> None:
        await self._http.aclose()


async def _begin(keys: Keys) -> None:
    """Open the first question and answer it; the page's script saves it at once."""
    page = keys.page
    async with page.expect_navigation():
        await keys.press(page.get_by_role("link", name="Commencer"))
    if await (first := page.locator("form[data-save] input[type=radio]").first).count():
        async with page.expect_response(lambda answer: answer.request.method == "POST"):
            await keys.press(first, "Space")


async def _answer(keys: Keys, button: str) -> None:
    """Question by question: the first answer each time, until everything is there; then `button`."""
    page = keys.page
    await _begin(keys)
    for _ in range(40):
        proceed = page.get_by_role("button", name="Continuer")
        if not await proceed.count():
            break
        await keys.look()
        open_ones = page.locator("fieldset.answers:has(input[type=radio]):not(:has(:checked))")
        while await open_ones.count():
            await keys.press(open_ones.first.locator("input").first, "Space")
        for needed in await page.locator(".field:has(.optional) :is(textarea, input)").all():
            if not await needed.input_value():
                await keys.type(needed, "12")
        async with page.expect_navigation():
            await keys.press(proceed)
    await keys.look()
    await keys.go(button)


async def _check_in(keys: Keys, post: Post, point: str) -> None:
    """Say that it was done: three lessons without an answer would pause the course."""
    await keys.open(await post.until(DIRIGEANT, rf"http\S+/a/\d+\.point-{point}\.[\w-]+"))
    await keys.press(keys.page.locator("input[name=status]").first, "Space")
    await keys.go("Enregistrer")
    await expect(keys.page.locator("h1")).to_contain_text("Bravo")


async def test_a_company_changes_with_the_keyboard_alone(demo: str, browser: Browser) -> None:
    context = await browser.new_context(viewport=PHONE, locale="fr-FR", timezone_id="Europe/Paris")  # type: ignore[arg-type]  # a plain dict will do
    keys, post = Keys(await context.new_page()), Post(demo)
    page = keys.page

    await keys.open(f"{demo}/c/ia-pme")
    await asyncio.sleep(2.1)  # nobody fills in a form faster
    await keys.type(page.locator("#first_name"), "Alice")
    await keys.type(page.locator("#address"), DIRIGEANT)
    await keys.press(page.locator("input[name=consent]"), "Space")
    await keys.press(page.locator("form button[type=submit]").first)
    await expect(page.locator("h1")).to_contain_text("boîte")
    await keys.open(await post.wait_for(DIRIGEANT, r"http\S+/k/\S+"))
    await keys.press(page.locator("form button[type=submit]"))
    await expect(page.locator("body")).to_contain_text("première leçon")

    await keys.open(await post.until(DIRIGEANT, r"http\S+/a/\d+\.diagnostic\.[\w-]+"))
    await _answer(keys, "Remettre mes réponses")
    await expect(page.locator("body")).to_contain_text("Par quoi commencer")

    await _check_in(keys, post, "essai")
    await keys.open(await post.until(DIRIGEANT, r"http\S+/e/\S+"))
    await keys.type(page.locator("#name"), "Atelier Aubert")
    await keys.go("Ouvrir des places")
    await keys.open(await post.wait_for(DIRIGEANT, r"http\S+/e/\d+\.\w+\.[\w-]+"))
    await keys.reach(page.locator("#addresses"))
    await page.keyboard.type("\n".join(COLLEAGUES))
    await keys.go("Envoyer les invitations")
    for colleague in COLLEAGUES:
        await keys.open(await post.wait_for(colleague, r"http\S+/i/\S+"))
        await keys.type(page.locator("#first_name"), "Bob")
        await keys.press(page.locator("input[name=consent]"), "Space")
        await keys.go("Recevoir les leçons")

    await _check_in(keys, post, "donnees")
    await keys.open(await post.until(COLLEAGUES[0], r"http\S+/a/\d+\.quiz-verifier\.[\w-]+"))
    await _begin(keys)
    await _check_in(keys, post, "atelier")
    await keys.open(await post.until(DIRIGEANT, r"http\S+/a/\d+\.charte\.[\w-]+"))
    await _answer(keys, "Adopter cette charte")
    await expect(page.locator("h1")).to_contain_text("adoptée")
    await keys.open(await post.until(COLLEAGUES[0], r"http\S+/a/\d+\.accord\.[\w-]+"))
    await keys.go("Lu et approuvé")
    await expect(page.locator("body")).to_contain_text("vous avez approuvé la version 1")
    await keys.open(await post.until(DIRIGEANT, r"http\S+/a/\d+\.signature\.[\w-]+"))
    await keys.go("Lu et approuvé")
    await keys.open(await post.until(DIRIGEANT, r"http\S+/a/\d+\.diagnostic-final\.[\w-]+"))
    await _answer(keys, "Remettre mes réponses")
    await expect(page.locator("body")).to_contain_text("La première fois")

    await keys.open(await post.until(DIRIGEANT, r"http\S+/m/\S+"))
    async with page.expect_navigation():
        await keys.press(page.get_by_role("link", name="Mes documents").first)
    await keys.look()
    for name in ("rapport", "charte"):
        link = page.locator(f"a[href$='{name}.pdf']").first
        async with page.expect_download() as download:
            await keys.press(link)
        file = await (await download.value).path()
        assert (await asyncio.to_thread(Path(file).read_bytes)).startswith(b"%PDF")
    await post.close()
    await context.close()
