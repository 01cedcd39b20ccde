"""The editor of a file: saving beside somebody else, checks, and the mail that it becomes."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from engine.core import fictitious
from engine.core.accounts import Role
from engine.core.course import starters
from engine.flows import catalog
from engine.web.studio import course as course_pages
from engine.web.studio import frame
from tests.web import course
from tests.web.conftest import Visit
from tests.web.studio.conftest import ADDRESSES, Desk
from tests.web.studio.test_accounts import mailed
from tests.web.studio.test_courses import files, upload

HERE = f"/studio/courses/{course.SLUG}"
PATH = "lessons/01-debut.md"
FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture
def author(desks: Callable[[Role], Desk]) -> Desk:
    return desks(Role.AUTHOR)


def shown(page: str) -> tuple[str, str]:
    """The text in the editor, and the mark of what was read."""
    text = re.search(r'<textarea id="text"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    seen = re.search(r'name="read" value="([^"]*)"', page)
    assert text
    assert seen
    return html.unescape(text[1]), seen[1]


async def test_a_lesson_is_read_changed_and_read_again(author: Desk, visit: Visit) -> None:
    text, seen = shown(await author.get(f"{HERE}/lessons/debut"))
    assert text.encode() == course.FILES[PATH]
    typed = text.replace("\n", "\r\n") + "Une ligne de plus.\r\n"
    done = await author.post(f"{HERE}/files/{PATH}", text=typed, read=seen, view="dark", learner="nour")
    assert done.headers["location"] == f"{HERE}/lessons/debut?done=saved&view=dark&learner=nour"
    assert (await files(visit))[PATH] == course.FILES[PATH] + b"Une ligne de plus.\n"
    page = await author.get(done.headers["location"])
    assert "enregistré dans le brouillon" in page
    assert "view=dark&amp;learner=nour" in page


async def test_a_script_gets_the_checks_and_the_new_mark(author: Desk, visit: Visit) -> None:
    text, seen = shown(await author.get(f"{HERE}/lessons/debut"))
    wrong = text + "\n[x](lecon:nulle-part)\n"
    form = {"csrf": author.csrf, "text": wrong, "read": seen}
    answer = await author.http.post(f"{HERE}/files/{PATH}", data=form, headers=FETCH)
    assert answer.status_code == 200
    assert f'data-line="{wrong.splitlines().index("[x](lecon:nulle-part)") + 1}"' in answer.text
    assert "<html" not in answer.text
    form |= {"text": text, "read": answer.headers["x-read"]}
    answer = await author.http.post(f"{HERE}/files/{PATH}", data=form, headers=FETCH)
    assert "Rien à corriger" in answer.text


async def test_the_second_author_sees_both_texts_and_decides(author: Desk, owner: Desk, visit: Visit) -> None:
    text, seen = shown(await author.get(f"{HERE}/lessons/debut"))
    await owner.post(f"{HERE}/files/{PATH}", text=text + "Le texte d'Alice.\n", read=seen)
    late = await author.post(f"{HERE}/files/{PATH}", 409, text=text + "Le texte de <Bob>.\n", read=seen)
    assert "Le texte d&#39;Alice." in late.text
    assert "Le texte de &lt;Bob&gt;." in late.text
    assert b"Bob" not in (await files(visit))[PATH]
    again = re.search(r'name="read" value="([^"]*)"', late.text)
    assert again
    await author.post(f"{HERE}/files/{PATH}", text=text + "Les deux.\n", read=again[1])
    assert (await files(visit))[PATH].endswith(b"Les deux.\n")
    form = {"csrf": author.csrf, "text": "x", "read": seen}
    assert (await author.http.post(f"{HERE}/files/{PATH}", data=form, headers=FETCH)).status_code == 409


async def test_a_lesson_that_somebody_removed_can_be_put_back(
    author: Desk, owner: Desk, visit: Visit
) -> None:
    text, seen = shown(await author.get(f"{HERE}/lessons/debut"))
    await owner.post(HERE, do="remove", path=PATH)
    late = await author.post(f"{HERE}/files/{PATH}", 409, text=text + "Encore.\n", read=seen)
    assert "retiré ce fichier" in late.text
    assert 'name="read" value=""' in late.text
    await author.post(f"{HERE}/files/{PATH}", text=text + "Encore.\n", read="")
    assert (await files(visit))[PATH].endswith(b"Encore.\n")


async def test_mine_is_shown_whatever_came_in_its_place(author: Desk, owner: Desk) -> None:
    text, seen = shown(await author.get(f"{HERE}/lessons/debut"))
    await upload(owner, f"{HERE}/upload", "x.zip", catalog.pack({**course.FILES, PATH: b"caf\xe9"}), seen="")
    late = await author.post(f"{HERE}/files/{PATH}", 409, text=text + "Mon texte.", read=seen)
    assert "Mon texte." in late.text


@pytest.mark.parametrize("view", frame.VIEWS)
async def test_the_mail_is_shown_in_every_way(author: Desk, view: str) -> None:
    answer = await author.http.get(f"{HERE}/mails/lesson-debut", params={"view": view, "learner": "nour"})
    assert answer.status_code == 200
    if view in ("text", "source"):
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        return
    assert "Bonjour Nour de Ateliers Vauban" in answer.text
    assert "Parlez-en au CSE" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    assert ("data:image/png" in answer.text) == (view != "bare")
    assert ("@media all" in answer.text) == (view == "dark")


async def test_a_passage_is_shown_to_whom_it_is_for(author: Desk) -> None:
    for learner, sees in (("nour", True), ("camille", False), ("sacha", False), ("", True)):
        url = f"{HERE}/mails/lesson-debut?view=text&learner={learner}"
        assert ("Parlez-en au CSE" in await author.get(url)) == sees
    assert {each.key for each in fictitious.LEARNERS} | {""} == set(frame.LEARNERS)


async def test_welcome_and_farewell_are_seen_beside_course_yaml(author: Desk) -> None:
    page = await author.get(f"{HERE}/files/course.yaml?sheet=farewell")
    assert f"{HERE}/mails/farewell?" in page
    assert "Merci." in await author.get(f"{HERE}/mails/farewell?view=text")
    await author.get(f"{HERE}/mails/nothing", 422)


async def test_an_author_gets_a_test_of_the_draft(author: Desk, visit: Visit) -> None:
    text, seen = shown(await author.get(f"{HERE}/lessons/debut"))
    await author.post(f"{HERE}/files/{PATH}", text=text + "Ceci est un essai.\n", read=seen)
    done = await author.post(f"{HERE}/mails/lesson-debut/test", learner="nour", view="phone")
    assert "done=sent" in done.headers["location"]
    (mail,) = await mailed(visit)
    assert ADDRESSES[Role.AUTHOR] in mail["To"]
    assert mail["Subject"] == "Par où commencer\u202f?"
    plain = mail.get_body(("plain",))
    assert plain
    assert "Ceci est un essai." in plain.get_content()
    assert "Bonjour Nour" in plain.get_content()
    await author.post(f"{HERE}/mails/nothing/test", 404, learner="nour")


async def test_an_activity_and_a_file_that_is_no_text(author: Desk, visit: Visit) -> None:
    page = await author.get(f"{HERE}/files/activities/point.yaml")
    assert "Trois tâches" in page
    assert "<iframe" not in page
    await author.get(f"{HERE}/files/images/chemin.png", 422)
    await author.get(f"{HERE}/files/nowhere.yaml", 404)
    await author.get(f"{HERE}/lessons/nowhere", 404)


async def test_learners_see_nothing_of_a_draft(author: Desk, visit: Visit) -> None:
    text, seen = shown(await author.get(f"{HERE}/lessons/debut"))
    await author.post(f"{HERE}/files/{PATH}", text=text + "SECRET", read=seen)
    async with visit.site.db.reading() as session:
        assert (await catalog.export(session, course.SLUG)) == course.FILES
    bob = await visit.confirmed("bob@example.org")
    await visit.live(datetime(2027, 3, 24, 12, 0, tzinfo=UTC))
    page = await visit.get(visit.to("l", bob, "debut"))
    assert "Prudence" in page
    assert "SECRET" not in page


async def test_every_kind_of_activity_can_be_chosen() -> None:

    assert set(course_pages.KINDS) == set(starters.ACTIVITIES)
