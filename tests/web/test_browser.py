"""The pages in a real browser: readable by everyone, on a phone, in the dark, with and without scripts."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage

from engine import app
from engine import serving as listening
from engine.core import links
from tests.journeys.background import background
from tests.web import course
from tests.web.conftest import Visit

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@asynccontextmanager
async def serving(site: app.Site) -> AsyncIterator[str]:
    """The site on a free port; its address."""
    with listening.listen("127.0.0.1", 0) as opened:
        async with background(listening.web_app(site, workers=False), opened) as url:
            yield url


async def _addresses(visit: Visit) -> list[str]:
    """One address of every page."""
    enrolment = await visit.confirmed("bob@example.org", size="50")
    await visit.live(datetime(2027, 3, 24, 12, 0, tzinfo=UTC))
    learner = (await visit.enrolments())[0].learner_id
    await visit.sign_up("alice@example.org")
    (*_, asked) = await visit.enrolments()
    data = visit.to("d", learner, links.stamp_of(visit.clock.now()))
    return [
        "/",
        "/privacy",
        "/nowhere",
        f"/c/{course.SLUG}",
        f"/c/{course.SLUG}?lang=en",
        f"/embed/{course.SLUG}",
        visit.to("k", asked.id, links.stamp_of(visit.clock.now())),
        visit.to("l", enrolment, "debut"),
        visit.to("a", enrolment, "point"),
        f"{visit.to('m', enrolment)}?done=slot",
        visit.to("u", enrolment),
        data,
        f"{data}/erase",
    ]


def _note_blocked(found: list[str], message: ConsoleMessage) -> None:
    if "Content Security" in message.text:
        found.append(message.text)


async def test_pages_pass_axe_and_fit_a_phone_in_both_lights(visit: Visit, browser: Browser) -> None:
    assert await faults(visit, browser, await _addresses(visit)) == []


async def faults(
    visit: Visit, browser: Browser, addresses: Sequence[str], cookies: Mapping[str, str] | None = None
) -> list[str]:
    """What axe, the security policy or a phone's width have against these pages, in both lights."""
    found: list[str] = []
    async with serving(visit.site) as base:
        for scheme in ("light", "dark"):
            context = await browser.new_context(
                viewport={"width": 375, "height": 800},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            for name, value in (cookies or {}).items():
                await context.add_cookies([{"name": name, "value": value, "url": base}])
            page = await context.new_page()
            page.on("console", partial(_note_blocked, found))
            for address in addresses:
                await page.goto(base + address)
                await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
                found += [f"{address} is wider than the screen"] * bool(wide)
                result = await Axe().run(page, options=WCAG)
                for violation in result.response["violations"]:
                    nodes = "; ".join(node["html"][:120] for node in violation["nodes"])
                    found.append(f"{scheme} {address} {violation['id']}: {nodes}")
            await context.close()
    return found


async def test_the_browser_s_zone_is_proposed_and_a_page_without_scripts_works(
    visit: Visit, browser: Browser
) -> None:
    async with serving(visit.site) as base:
        for scripts, zone in ((True, "America/Sao_Paulo"), (False, "Europe/Paris")):
            context = await browser.new_context(java_script_enabled=scripts, timezone_id="America/Sao_Paulo")
            page = await context.new_page()
            await page.goto(f"{base}/c/{course.SLUG}")
            assert await page.locator("#zone").input_value() == zone
            await page.fill("#first_name", "Bob")
            await page.fill("#address", f"bob{scripts}@example.org")
            await page.check("#consent")
            visit.clock.pass_by(seconds=10)
            await page.get_by_role("button", name="Envoyer mon inscription").click()
            assert "Regardez votre boîte" in await page.locator("h1").inner_text()
            assert (await visit.enrolments())[-1].zone == zone
            await context.close()


async def test_the_keyboard_reaches_everything_in_order(visit: Visit, browser: Browser) -> None:
    async with serving(visit.site) as base:
        page = await browser.new_page()
        await page.goto(f"{base}/c/{course.SLUG}")
        reached = []
        for _ in range(12):
            await page.keyboard.press("Tab")
            reached.append(
                await page.evaluate("document.activeElement.id || document.activeElement.className")
            )
        wanted = ["skip", "first_name", "address", "weekday", "time", "zone", "consent"]
        assert [name for name in reached if name in wanted] == wanted
        assert "website" not in reached, "the trap is out of the way"
        trap = await page.locator("#website").bounding_box()
        assert trap
        assert trap["x"] < 0, "and out of sight"
        await page.close()
