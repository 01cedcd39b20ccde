"""The studio in a real browser: readable by everyone, on a phone, in the dark, under our strict policy."""

from playwright.async_api import Browser

from engine.core import links
from engine.flows import accounts
from engine.web import studio
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk
from tests.web.test_browser import faults

# Those of one thing, such as a learner, are looked at by the tests of their own module.
LISTS = [page.path for page in studio.PAGES if "GET" in page.methods and "{" not in page.path]


async def test_the_way_in_passes_axe_and_fits_a_phone(visit: Visit, browser: Browser) -> None:
    async with visit.site.db.transaction() as session:
        now = visit.clock.now()
        new = await accounts.create(session, "bob@example.org", "Bob", "author", by=None, now=now)
    choose = accounts.choose_path(visit.site.links, new, links.stamp_of(visit.clock.now()))
    assert await faults(visit, browser, ["/studio/sign-in", "/studio/forgot", choose]) == []


async def test_pages_pass_axe_and_fit_a_phone_in_both_lights(owner: Desk, browser: Browser) -> None:
    cookies = dict(owner.http.cookies)
    assert await faults(owner.visit, browser, LISTS, cookies) == []
