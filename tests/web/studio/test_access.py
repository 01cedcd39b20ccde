"""Each role at each page: who may, who may not, and what a forged form comes to."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.core import accounts as rules
from engine.core.accounts import Role
from engine.flows import instance
from engine.tables import Audit
from engine.web import studio
from engine.web.studio import access
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk

PAGES = [(page, method) for page in studio.PAGES for method in page.methods]
IDS = [f"{method} {page.path}" for page, method in PAGES]


def somewhere(path: str) -> str:
    """An address that the path fits, of something that is not there."""
    return re.sub(r"\{\w+:int\}", "987654", re.sub(r"\{\w+(:path)?\}", "nowhere", path))


@pytest.mark.parametrize(("page", "method"), PAGES, ids=IDS)
@pytest.mark.parametrize("role", list(Role))
async def test_a_role_opens_what_it_may_and_nothing_else(
    desks: Callable[[Role], Desk], role: Role, page: access.Page, method: str
) -> None:
    desk = desks(role)
    answer = await desk.http.request(method, f"{somewhere(page.path)}?csrf={desk.csrf}")
    may = page.right in rules.RIGHTS[role]
    assert (answer.status_code != 403) == may, answer.text
    assert answer.status_code < 500


async def test_what_goes_wrong_in_the_studio_is_told_to_those_who_work_there(
    desks: Callable[[Role], Desk],
) -> None:
    shut = await desks(Role.VIEWER).get("/studio/accounts", 403)
    assert "Cette page ne vous est pas ouverte" in shut
    gone = await desks(Role.OWNER).get("/studio/courses/nowhere", 404)
    assert "retiré ou renommé" in gone
    for page in (shut, gone):
        assert '<a href="/studio">Ouvrir le studio</a>' in page


@pytest.mark.parametrize(("page", "method"), PAGES, ids=IDS)
async def test_a_stranger_is_led_to_the_sign_in(visit: Visit, page: access.Page, method: str) -> None:
    answer = await visit.http.request(method, somewhere(page.path))
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/studio/sign-in")


FORMS = [(page, method) for page, method in PAGES if method != "GET"]


@pytest.mark.parametrize(("page", "method"), FORMS, ids=[page.path for page, _ in FORMS])
async def test_a_form_without_our_mark_changes_nothing(
    desks: Callable[[Role], Desk], page: access.Page, method: str
) -> None:
    """Without any, with one that is not ours, and with that of somebody else's session."""
    owner, author = desks(Role.OWNER), desks(Role.AUTHOR)
    for mark in ("", "1.AAAAAAAAAAAAAAAA", author.csrf):
        answer = await owner.http.request(method, somewhere(page.path), data={"csrf": mark})
        assert answer.status_code == 403
        answer = await owner.http.request(method, f"{somewhere(page.path)}?csrf={mark}")
        assert answer.status_code == 403


async def test_pages_of_the_studio_are_kept_by_nobody_and_found_by_no_search(owner: Desk) -> None:
    answer = await owner.http.get("/studio/me")
    assert answer.headers["cache-control"] == "no-store"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_a_session_that_nobody_used_for_a_day_is_over(visit: Visit, owner: Desk) -> None:
    visit.clock.moment += timedelta(hours=6)
    await owner.get("/studio/me")
    visit.clock.moment += timedelta(hours=11)
    await owner.get("/studio/me")  # it was seen in between
    visit.clock.moment += timedelta(hours=13)
    await owner.get("/studio/me", 303)


async def test_the_menu_shows_what_one_may_open(desks: Callable[[Role], Desk]) -> None:
    for role in Role:
        shown = await desks(role).get("/studio/me")
        for nav in access.MENU:
            assert (f'href="{nav.path}"' in shown) == (nav.right in rules.RIGHTS[role])


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/studio/me?done=x", "/studio/me?done=x"),
        ("https://example.com/studio", "/studio"),
        ("//example.com/studio", "/studio"),
        ("/\\example.com", "/studio"),
        ("/studio\\@example.com", "/studio"),
        ("/c/essai", "/studio"),
        ("/studio/sign-in?next=/studio", "/studio"),
        ("", "/studio"),
    ],
)
def test_the_sign_in_leads_nowhere_but_to_the_studio(asked: str, led: str) -> None:
    assert access.safe_next(asked) == led


async def audited(visit: Visit) -> list[tuple[str, str]]:
    async with visit.site.db.reading() as session:
        rows = await session.scalars(select(Audit).where(Audit.action != "signed_in").order_by(Audit.id))
        return [(row.action, row.target) for row in rows]


async def test_whoever_looks_changes_nothing(visit: Visit, owner: Desk) -> None:
    before = await audited(visit)
    for page, method in PAGES:
        if method == "GET":
            await owner.http.get(somewhere(page.path))
    assert await audited(visit) == before


async def test_a_restored_copy_says_so_on_every_page(owner: Desk) -> None:
    assert "copie restaurée" not in await owner.get("/studio/courses")
    async with owner.visit.site.db.transaction() as session:
        await instance.mark_copy(session, now=owner.visit.clock.now())
    for path in ("/studio/courses", "/studio/deliveries", "/studio/me"):
        assert "copie restaurée" in await owner.get(path)
