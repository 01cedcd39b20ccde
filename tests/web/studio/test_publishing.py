"""Publishing from the studio: what is told before, what is done, and undoing."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.async_api import Browser
from sqlalchemy import select

from engine.core.accounts import Role
from engine.flows import catalog, desk
from engine.tables import Audit
from tests.web import course
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk
from tests.web.test_browser import faults

HERE = f"/studio/courses/{course.SLUG}"
ADDED = "---\nsubject: Un détour\nmodule: debut\n---\nUn détour.\n".encode()
LONGER = {
    "lessons/01-detour.md": ADDED,
    **{
        path.replace("/03-", "/04-").replace("/02-", "/03-").replace("/01-", "/02-"): data
        for path, data in course.FILES.items()
    },
}
CORRECTED = course.FILES | {"lessons/03-fin.md": course.LAST.replace("Et voilà.", "C'est fini.").encode()}


@pytest.fixture
def author(desks: Callable[[Role], Desk]) -> Desk:
    return desks(Role.AUTHOR)


async def draft(visit: Visit, files: dict[str, bytes]) -> None:
    async with visit.site.db.transaction() as session:
        seen = (await desk.look(session, course.SLUG)).mark
        await desk.replace(session, course.SLUG, files, seen=seen, by=1, now=visit.clock.now())


async def midway(author: Desk) -> int:
    """Alice has had the first lesson, and the author stayed at the desk."""
    visit = author.visit
    alice = await visit.confirmed("alice@example.org")
    while not any(mail.state == "sent" for mail in await visit.deliveries("lesson")):
        await visit.live(visit.clock.now() + timedelta(hours=6))
        await author.get("/studio/me")
    return alice


def hidden(page: str) -> dict[str, str]:
    """What the form of the page brings along, but for its mark."""
    return dict(re.findall(r'name="(seen|parent|publication)" value="([^"]*)"', page))


def counts(page: str) -> list[str]:
    """`1 suit cette version`, line by line."""
    found = re.findall(r"<li><b>(\d+)</b> <span>(.*?)</span></li>", page)
    return [f"{count} {text}" for count, text in found]


async def current(visit: Visit) -> str:
    async with visit.site.db.reading() as session:
        return (await catalog.current(session, course.SLUG)).hash


async def test_without_a_draft_there_is_nothing_to_publish(author: Desk, visit: Visit) -> None:
    assert "il n’y a pas de brouillon" in await author.get(f"{HERE}/publish")
    await draft(visit, course.FILES)
    assert "mot pour mot la version actuelle" in await author.get(f"{HERE}/publish")


async def test_a_lesson_is_added_and_the_author_chooses_who_receives_it(author: Desk, visit: Visit) -> None:
    alice = await midway(author)
    await draft(visit, LONGER)
    page = await author.get(f"{HERE}/publish")
    assert "La personne en cours de route" in page
    assert '<span class="plus">+Un détour.</span>' in page
    assert "1 leçon suivante\xa0: «\u202fUn détour\u202f», ajoutée" in counts(page)
    assert "0 leçon envoyée une deuxième fois" in counts(page)
    before = await current(visit)

    asked = await author.post(f"{HERE}/publish", 409, **hidden(page))
    assert "Dites ce qui arrive aux personnes en cours de route." in asked.text
    assert await current(visit) == before

    chosen = {"others": "move", "inserted": "send", "finished": "leave"}
    done = await author.post(f"{HERE}/publish", **hidden(page), **chosen)
    assert done.headers["location"] == f"{HERE}/versions?done=published"
    history = await author.get(f"{HERE}/versions?done=published")
    assert "cette version est publiée" in history
    assert "1 suit cette version" in counts(history)
    assert "author" in history
    row = next(row for row in await visit.enrolments() if row.id == alice)
    assert (row.next_key, row.route) == ("detour", "detour suite fin")
    async with visit.site.db.reading() as session:
        assert await desk.files(session, course.SLUG) is None
        audit = await session.scalars(select(Audit.text).where(Audit.action == "course_published"))
        assert list(audit) == [await current(visit)]


async def test_a_correction_asks_nothing(author: Desk, visit: Visit) -> None:
    await midway(author)
    await draft(visit, CORRECTED)
    page = await author.get(f"{HERE}/publish")
    assert "chacun garde sa place" in page
    await author.post(f"{HERE}/publish", **hidden(page))
    assert await current(visit) == catalog.content_hash(CORRECTED)


async def test_what_changed_meanwhile_is_not_published(author: Desk, visit: Visit) -> None:
    await draft(visit, CORRECTED)
    page = await author.get(f"{HERE}/publish")
    await draft(visit, LONGER)
    refused = await author.post(f"{HERE}/publish", 409, **hidden(page), others="move")
    assert "Quelqu’un a modifié ou publié ce parcours" in refused.text
    assert await current(visit) == catalog.content_hash(course.FILES)


async def test_a_page_from_before_another_publication_publishes_nothing(author: Desk, visit: Visit) -> None:
    await draft(visit, CORRECTED)
    early = hidden(await author.get(f"{HERE}/publish"))
    await author.post(f"{HERE}/publish", **early)
    await draft(visit, LONGER)
    late = hidden(await author.get(f"{HERE}/publish"))
    stale = {"seen": late["seen"], "parent": early["parent"]}
    await author.post(f"{HERE}/publish", 409, **stale, others="move")
    assert await current(visit) == catalog.content_hash(CORRECTED)


async def test_a_broken_draft_reaches_nobody(author: Desk, visit: Visit) -> None:
    await draft(
        visit, course.FILES | {"lessons/03-fin.md": course.LAST.replace("suite", "ailleurs").encode()}
    )
    page = await author.get(f"{HERE}/publish")
    assert f'href="{HERE}/files/lessons/03-fin.md#L3"' in page
    assert 'name="seen"' not in page
    seen = catalog.content_hash(await files(visit))
    refused = await author.post(f"{HERE}/publish", 409, seen=seen, parent=await current(visit))
    assert "le brouillon contient des erreurs" in refused.text
    assert await current(visit) == catalog.content_hash(course.FILES)


async def files(visit: Visit) -> dict[str, bytes]:
    async with visit.site.db.reading() as session:
        found = await desk.files(session, course.SLUG)
    assert found is not None
    return found


async def test_a_publication_is_undone_and_its_effect_is_said_first(author: Desk, visit: Visit) -> None:
    alice = await midway(author)
    before = next(row for row in await visit.enrolments() if row.id == alice)
    first = await current(visit)
    await draft(visit, LONGER)
    chosen = {"others": "move", "inserted": "send"}
    await author.post(f"{HERE}/publish", **hidden(await author.get(f"{HERE}/publish")), **chosen)
    page = await author.get(f"{HERE}/undo")
    assert "1 n’a rien reçu depuis, et reprend exactement sa place" in counts(page)
    assert first in page
    await author.post(f"{HERE}/undo", 409, publication="1")
    await author.post(f"{HERE}/undo", 409, publication="x")
    done = await author.post(f"{HERE}/undo", **hidden(page))
    assert done.headers["location"] == f"{HERE}/versions?done=undone"
    assert await current(visit) == first
    after = next(row for row in await visit.enrolments() if row.id == alice)
    assert (after.version_id, after.next_key, after.due_at) == (
        before.version_id,
        before.next_key,
        before.due_at,
    )
    assert await files(visit) == LONGER, "back on the desk"
    history = await author.get(f"{HERE}/versions")
    assert "1 a repris sa place" in counts(history)
    assert "/undo" not in history
    await author.post(f"{HERE}/undo", 409, **hidden(page))


async def test_undoing_leaves_a_draft_that_was_begun_since(author: Desk, visit: Visit) -> None:
    await draft(visit, CORRECTED)
    await author.post(f"{HERE}/publish", **hidden(await author.get(f"{HERE}/publish")))
    await draft(visit, LONGER)
    await author.post(f"{HERE}/undo", **hidden(await author.get(f"{HERE}/undo")))
    assert await files(visit) == LONGER


async def test_any_version_leaves_as_it_was_published(
    desks: Callable[[Role], Desk], visit: Visit, author: Desk
) -> None:
    await draft(visit, CORRECTED)
    await author.post(f"{HERE}/publish", **hidden(await author.get(f"{HERE}/publish")))
    viewer = desks(Role.VIEWER)
    page = await viewer.get(f"{HERE}/versions")
    assert "/undo" not in page
    for files in (course.FILES, CORRECTED):
        path = f"{HERE}/versions/{catalog.content_hash(files)}.zip"
        assert path in page
        answer = await viewer.http.get(path)
        with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
            assert {name: opened.read(name) for name in opened.namelist()} == files
    await viewer.get(f"{HERE}/versions/0000000000000000.zip", 404)


async def test_a_first_version_meets_nobody(author: Desk, visit: Visit) -> None:
    made = await author.post("/studio/courses", title="Bien accueillir", slug="accueil")
    here = made.headers["location"].partition("?")[0]
    await author.get(f"{here}/versions", 404)
    page = await author.get(f"{here}/publish")
    assert "C’est la première version" in page
    await author.post(f"{here}/publish", **hidden(page))
    assert "accueil" in await author.get(f"{here}/versions")


async def test_the_pages_pass_axe_and_fit_a_phone(author: Desk, visit: Visit, browser: Browser) -> None:
    await midway(author)
    await draft(visit, CORRECTED)
    await author.post(f"{HERE}/publish", **hidden(await author.get(f"{HERE}/publish")))
    await draft(visit, LONGER)
    pages = [f"{HERE}/{page}" for page in ("publish", "versions", "undo")]
    assert await faults(visit, browser, pages, dict(author.http.cookies)) == []
