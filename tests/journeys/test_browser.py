"""The whole course in a real browser: the form, the mails, the buttons, on a phone-sized screen."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.journeys.service import Service

PHONE = {"width": 375, "height": 812}
LESSONS = 12
CHECK_INS = 9
"""Lessons whose mail asks « c'est fait » itself; the other three lead to more."""


@pytest.fixture
async def demo(database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    running = Service(database_url, tmp_path / "log")
    yield await running.start()
    await running.stop()


async def _sign_up(page: Page, url: str) -> None:
    await page.goto(f"{url}/c/ia-pme")
    await asyncio.sleep(2.1)  # nobody fills in a form faster
    await page.get_by_label(re.compile("prénom", re.IGNORECASE)).first.fill("Alice")
    await page.get_by_label(re.compile("e-mail", re.IGNORECASE)).first.fill("alice@example.org")
    await page.get_by_label(re.compile("accepte")).check()
    await page.locator("form button[type=submit]").first.click()
    await expect(page.locator("h1")).to_contain_text("boîte")


async def _newest_mail(page: Page, url: str) -> None:
    """Open the newest mail in the mailbox page, which does not reload by itself."""
    newest = page.locator("a[href^='/demo/mail/']").first
    async with asyncio.timeout(30):
        await page.goto(f"{url}/demo")
        while not await newest.count():
            await asyncio.sleep(0.2)
            await page.goto(f"{url}/demo")
    await newest.click()


async def _follow(page: Page, label: str) -> Page:
    """Click a link of the mail shown; it opens beside the mailbox."""
    async with page.context.expect_page() as opened:
        await page.frame_locator("iframe").get_by_role("link", name=label).first.click()
    return await opened.value


async def _next_lesson(page: Page, url: str, number: int) -> FrameLocator:
    """Press the clock's button until lesson `number` came; a reminder may come before it."""
    frame = page.frame_locator("iframe")
    for _ in range(3):
        await page.goto(f"{url}/demo")
        await page.get_by_role("button", name="prochaine leçon").click()
        await _newest_mail(page, url)
        if f"Leçon {number} sur {LESSONS}" in await frame.locator("body").inner_text():
            return frame
    raise AssertionError(f"lesson {number} did not come")


async def test_a_course_is_lived_in_a_browser(demo: str, browser: Browser) -> None:
    context = await browser.new_context(viewport=PHONE, locale="fr-FR", timezone_id="Europe/Paris")  # type: ignore[arg-type]  # a plain dict will do
    page = await context.new_page()
    await _sign_up(page, demo)

    await _newest_mail(page, demo)
    confirm = await _follow(page, "Confirmer")
    await confirm.locator("form button[type=submit]").click()
    await expect(confirm.locator("body")).to_contain_text("première leçon")
    await confirm.close()

    done_ones = 0
    for number in range(1, LESSONS + 1):
        frame = await _next_lesson(page, demo, number)
        if not await frame.get_by_role("link", name="C’est fait").count():
            continue  # this one asks for more: see test_keyboard
        done = await _follow(page, "C’est fait")
        await done.get_by_role("button", name="Enregistrer").click()  # the mail's link chose the answer
        await expect(done.locator("body")).to_contain_text("Bravo")
        await done.close()
        done_ones += 1
    assert done_ones == CHECK_INS

    my = await _follow(page, "Mon parcours")
    await expect(my.locator("body")).to_contain_text(f"{LESSONS} leçons reçues sur {LESSONS}")
    await expect(my.locator("body")).to_contain_text(f"{CHECK_INS} actions faites")
    await context.close()
