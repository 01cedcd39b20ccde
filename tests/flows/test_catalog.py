"""Reading a course, checking it, finding it again."""

from pathlib import Path

import pytest

from engine.core import errors
from engine.flows import catalog
from tests import papers
from tests.documents.templates import ARTICLES, lines
from tests.people import DRESS, SLUG, THREE, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = course(a="", b="", c="", words="Un chiffre corrigé.")
WITHOUT_B = course(a="", c="")


@pytest.mark.parametrize(
    ("path", "template", "told"),
    [
        ("documents/regles.docx", lines("{{ company }}", *ARTICLES), ""),
        ("documents/regles.docx", lines("{{ entreprise }}", *ARTICLES), "emplacement « entreprise » inconnu"),
        ("documents/regles.docx", b"%PDF-1.7", "n'est pas un document Word"),
        ("documents/quiz.docx", lines("{{ company }}"), "modèle Word sans charte « quiz »"),
    ],
)
async def test_a_word_template_is_checked_with_its_course(path: str, template: bytes, told: str) -> None:
    found = catalog.check(papers.FILES | {path: template}, slug=SLUG, house=DRESS)
    assert [each.path for each in found.errors] == ([path] if told else [])
    assert all(told in each.cause for each in found.errors)


async def test_an_export_equals_the_files_byte_for_byte(town: Town, tmp_path: Path) -> None:
    written = {**THREE, "images/vide.png": b"\x89PNG\r\n\x1a\n\x00", "notes.txt": b"caf\xe9\r\n"}
    await town.publish(written)
    async with town.db.reading() as session:
        assert await catalog.export(session, SLUG) == written
        with pytest.raises(errors.NotFound):
            await catalog.export(session, "autre")
    for path, data in written.items():
        file = tmp_path / "exported" / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(data)
    assert catalog.read_directory(tmp_path / "exported") == written


async def test_a_mail_that_clients_would_cut_is_an_error() -> None:
    files = course(a="", words="mot " * 30_000)
    found = catalog.check(files, slug=SLUG, house=DRESS)
    assert found.course is None
    assert "102 ko" in str(found.errors[0])


async def test_the_hash_is_that_of_the_content_alone() -> None:
    assert catalog.content_hash(THREE) == catalog.content_hash(dict(reversed(THREE.items())))
    assert catalog.content_hash({"a": b"bc"}) != catalog.content_hash({"ab": b"c"})
    assert catalog.content_hash({"a": b"1"}) != catalog.content_hash({"a": b"1", "b": b""})


async def test_courses_are_listed_by_name(town: Town) -> None:
    await town.publish()
    async with town.db.reading() as session:
        assert await catalog.slugs(session) == [SLUG]
        assert (await catalog.current(session, SLUG)).course.title == "L'essai"
        with pytest.raises(errors.NotFound):
            await catalog.current(session, "autre")
        with pytest.raises(errors.NotFound):
            await catalog.version(session, 4711)
