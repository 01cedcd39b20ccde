"""The author's pages: courses, the line of lessons, what goes in and out as a zip."""

import io
import re
import zipfile
from collections.abc import Callable

import httpx
import pytest

from engine.core.accounts import Role
from engine.core.course.effect import Choices
from engine.flows import catalog, desk, publishing
from tests.web import course
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk

HERE = f"/studio/courses/{course.SLUG}"


@pytest.fixture
def author(desks: Callable[[Role], Desk]) -> Desk:
    return desks(Role.AUTHOR)


async def files(visit: Visit, slug: str = course.SLUG) -> dict[str, bytes]:
    async with visit.site.db.reading() as session:
        found = await desk.files(session, slug)
    assert found is not None
    return found


async def upload(
    browser: Desk, url: str, name: str, data: bytes, expected: int = 303, **typed: str
) -> httpx.Response:
    answer = await browser.http.post(
        url, params={"csrf": browser.csrf}, data=typed, files={"file": (name, data)}
    )
    assert answer.status_code == expected, answer.text
    return answer


def mark(page: str) -> str:
    """What the forms that change the whole draft saw of it."""
    found = re.search(r'name="seen" value="([^"]*)"', page)
    assert found
    return found[1]


def lessons(page: str) -> list[str]:
    """Keys, as they stand on the line."""
    return re.findall(r'<li id="([^"]+)"', page)


async def test_a_course_is_made_lesson_by_lesson(visit: Visit, author: Desk) -> None:
    made = await author.post("/studio/courses", title="Bien accueillir", slug="")
    here = made.headers["location"].partition("?")[0]
    assert here == "/studio/courses/bien-accueillir"
    first = await author.post(here, do="lesson", title="Un deuxième pas")
    assert first.headers["location"] == f"{here}/lessons/un-deuxieme-pas"
    await author.post(here, do="lesson", title="Un troisième pas")
    await author.post(here, do="up", key="un-troisieme-pas")
    await author.post(here, do="title", key="un-deuxieme-pas", title="Le dernier pas")
    page = await author.get(here)
    assert lessons(page) == ["premier-pas", "un-troisieme-pas", "un-deuxieme-pas"]
    assert "Le dernier pas" in page
    assert [f"Semaine {week}" in page for week in (1, 2, 3, 4)] == [True, True, True, False]
    listed = await author.get("/studio/courses")
    assert "Bien accueillir" in listed
    assert "jamais" in listed
    assert "bien-accueillir" not in await visit.get("/")


async def test_a_course_that_cannot_be_made_is_told_and_keeps_what_was_typed(author: Desk) -> None:
    page = (await author.post("/studio/courses", 422, title="Essai", slug="L'été")).text
    assert "minuscules sans accent" in page
    assert 'value="L&#39;été"' in page
    page = (await author.post("/studio/courses", 422, title="Essai", slug=course.SLUG)).text
    assert "a déjà cette adresse" in page
    assert "70 caractères" in (await author.post("/studio/courses", 422, title="", slug="x")).text


async def test_the_line_shows_gates_conditions_and_activities(author: Desk, visit: Visit) -> None:
    async with visit.site.db.transaction() as session:
        text = course.FILES["lessons/02-suite.md"].decode()
        gated = text.replace(
            "minutes: 6\n",
            "minutes: 6\nwhen: learner.size >= 50\nrequires: {activity: point, reminders: 2, then: end}\n",
        )
        changed = {**course.FILES, "lessons/02-suite.md": gated.encode()}
        await publishing.publish(
            session,
            changed,
            slug=course.SLUG,
            house=visit.site.house.dress,
            now=visit.clock.now(),
            choices=Choices(others="stay"),
        )
    page = await author.get(HERE)
    assert "Attend «\u202fTrois tâches\u202f»" in page
    assert "2 rappels" in page
    assert "puis le parcours s’arrête" in page
    assert "<code>learner.size &gt;= 50</code>" in page
    assert "is-maybe" in page


async def test_problems_lead_to_their_file_and_line(author: Desk, visit: Visit) -> None:
    async with visit.site.db.transaction() as session:
        path, now = "lessons/03-fin.md", visit.clock.now()
        seen = await desk.file(session, course.SLUG, path)
        text = seen.text + "\n[x](lecon:nulle-part)\n"
        await desk.save(session, course.SLUG, path, text, read=seen.hash, by=2, now=now)
    page = await author.get(HERE)
    line = text.count("\n", 0, text.index("[x]")) + 1
    assert f'href="{HERE}/files/{path}#L{line}"' in page
    assert "1 erreur" in page
    moved = await author.http.get(f"{HERE}/files/{path}")
    assert (moved.status_code, moved.headers["location"]) == (303, f"{HERE}/lessons/fin")


async def test_readers_see_the_line_and_no_button(desks: Callable[[Role], Desk]) -> None:
    for role in (Role.TUTOR, Role.VIEWER):
        page = await desks(role).get(HERE)
        assert lessons(page) == ["debut", "suite", "fin"]
        assert 'name="do"' not in page
        editor = await desks(role).get(f"{HERE}/lessons/debut")
        assert "readonly" in editor
        assert "Enregistrer</button>" not in editor
        await desks(role).post(f"{HERE}/files/lessons/01-debut.md", 403, text="x", read="")


async def test_a_course_goes_out_and_comes_in_byte_for_byte(author: Desk, visit: Visit) -> None:
    out = await author.http.get(f"{HERE}/export.zip")
    assert out.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(out.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == course.FILES
    made = await upload(author, "/studio/new-course/upload", "Mon Cours.zip", out.content)
    assert made.headers["location"].startswith("/studio/courses/mon-cours?")
    assert await files(visit, "mon-cours") == course.FILES
    other = catalog.pack({**course.FILES, "notes.txt": b"\xff\r\n"})
    await upload(author, f"{HERE}/upload", "x.zip", other, seen="")
    assert "Quelqu’un d’autre" in (await upload(author, f"{HERE}/upload", "x.zip", other, 422, seen="")).text
    assert (await files(visit))["notes.txt"] == b"\xff\r\n"
    assert (await author.http.get(f"{HERE}/export.zip")).content == other
    page = await author.get(HERE)
    assert "notes.txt" in page


@pytest.mark.parametrize("url", ["/studio/new-course/upload", f"{HERE}/upload"])
async def test_a_zip_that_is_none_is_told(author: Desk, url: str) -> None:
    assert "pas un zip" in (await upload(author, url, "x.zip", b"not a zip", 422)).text
    empty = await author.http.post(url, params={"csrf": author.csrf}, files={"other": b""})
    assert empty.status_code == 422
    assert "Choisissez un fichier" in empty.text


async def test_a_draft_is_thrown_away(author: Desk, visit: Visit) -> None:
    await author.post(HERE, do="lesson", title="Encore")
    assert "Jeter le brouillon" in await author.get(HERE)
    page = await author.get(HERE)
    await author.post(HERE, do="activity", kind="poll", title="Encore")
    late = await author.post(HERE, 422, do="discard", seen=mark(page))
    assert "Quelqu’un d’autre a modifié ce brouillon" in late.text
    await author.post(HERE, do="discard", seen=mark(late.text))
    page = await author.get(HERE)
    assert lessons(page) == ["debut", "suite", "fin"]
    assert 'value="discard"' not in page


async def test_activities_are_added_and_removed(author: Desk, visit: Visit) -> None:
    made = await author.post(HERE, do="activity", kind="quiz", title="Vérifier")
    assert made.headers["location"] == f"{HERE}/files/activities/verifier.yaml"
    page = await author.get(HERE)
    assert "proposée par aucune leçon" in page
    await author.post(HERE, do="remove", path="activities/verifier.yaml")
    assert "activities/verifier.yaml" not in await files(visit)
    await author.post(HERE, 422, do="activity", kind="novel", title="Un roman")
    await author.post(HERE, 404, do="dance")
    await author.post(HERE, 422, do="remove", path="course.yaml")


async def test_a_course_that_cannot_be_read_at_all_can_still_be_mended(author: Desk, visit: Visit) -> None:
    broken = {"course.yaml": b"\xff", "lessons/01-a.md": b"no header", "lessons/x.md": b"", "a.bin": b"\xff"}
    await upload(author, f"{HERE}/upload", "x.zip", catalog.pack(broken))
    page = await author.get(HERE)
    assert lessons(page) == ["a"]
    assert "ne se lit pas" in page
    assert "no header" in await author.get(f"{HERE}/lessons/a")
    await author.get("/studio/courses")
    await author.get(f"{HERE}/images")
    await author.get(f"{HERE}/mails/lesson-a", 422)
    for path in broken:
        assert (await author.http.get(f"{HERE}/files/{path}")).status_code in (200, 303, 422)


async def test_a_course_is_typeset_in_its_own_language(author: Desk, visit: Visit) -> None:
    english = course.FILES["course.yaml"].decode().replace("language: fr", "language: en")
    files = {**course.FILES, "course.yaml": english.replace("L'essai en trois leçons", "What's up?").encode()}
    await upload(author, f"{HERE}/upload", "x.zip", catalog.pack(files), seen="")
    assert '<h1 dir="auto" lang="en">What&#39;s up?</h1>' in await author.get(HERE)
