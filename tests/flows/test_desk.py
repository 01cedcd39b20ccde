"""The draft of a course: two authors, no lost word, and learners who see none of it."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from engine.core import errors
from engine.core.accounts import Role
from engine.core.course import editing, parcel, reading
from engine.flows import accounts, catalog, desk, publishing, shelf
from engine.tables import Course, Draft, DraftFile
from engine.workers import counter
from tests.people import ALICE, DRESS, SLUG, THREE, Town, course

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADA, BEN = 1, 2
A = "lessons/01-a.md"


async def files(town: Town, slug: str = SLUG) -> dict[str, bytes]:
    async with town.db.reading() as session:
        found = await desk.files(session, slug)
    assert found is not None
    return found


async def read(town: Town, path: str) -> desk.File:
    async with town.db.reading() as session:
        return await desk.file(session, SLUG, path)


async def save(town: Town, path: str, text: str, seen: str, by: int = ADA) -> desk.File:
    async with town.db.transaction() as session:
        return await desk.save(session, SLUG, path, text, read=seen, by=by, now=town.now)


async def discard(town: Town, slug: str = SLUG) -> None:
    async with town.db.transaction() as session:
        await desk.discard(session, slug, seen=(await desk.look(session, slug)).mark)


async def keys(town: Town) -> list[str]:
    return list(editing.lessons(await files(town)))


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def authors(town: Town) -> None:
    async with town.db.transaction() as session:
        for name in ("Ada", "Ben"):
            await accounts.create(session, f"{name}@example.org", name, Role.AUTHOR, by=None, now=town.now)


async def test_looking_begins_no_draft_and_the_first_change_does(town: Town) -> None:
    done = await town.publish()
    async with town.db.reading() as session:
        seen = await desk.look(session, SLUG)
        assert (seen.is_draft, seen.current, dict(seen.files)) == (False, done.hash, THREE)
        assert await desk.files(session, SLUG) is None
        assert await desk.parent(session, SLUG) is None
    before = await read(town, A)
    await save(town, A, before.text + "Un mot.\n", before.hash)
    assert await files(town) == {**THREE, A: THREE[A] + b"Un mot.\n"}
    async with town.db.reading() as session:
        seen = await desk.look(session, SLUG)
        assert await desk.parent(session, SLUG) == done.hash
    assert (seen.is_draft, seen.parent, seen.changed_by, seen.changed_at) == (
        True,
        done.hash,
        "Ada",
        town.now,
    )


async def test_a_course_that_is_not_there(town: Town) -> None:
    async with town.db.reading() as session:
        with pytest.raises(errors.NotFound):
            await desk.look(session, "autre")
        with pytest.raises(errors.NotFound):
            await desk.file(session, "autre", A)
    with pytest.raises(errors.NotFound):
        await save(town, A, "x", "")


async def test_the_second_author_is_shown_both_texts_and_nothing_is_lost(town: Town) -> None:
    await town.publish()
    seen = await read(town, A)
    first = await save(town, A, "le texte d'Ada", seen.hash, ADA)
    with pytest.raises(desk.Overtaken) as refused:
        await save(town, A, "le texte de Ben", seen.hash, BEN)
    assert refused.value.mine == "le texte de Ben"
    assert refused.value.theirs == first
    assert (await read(town, A)).text == "le texte d'Ada"
    merged = await save(town, A, "les deux", first.hash, BEN)
    assert (await read(town, A)) == merged


async def test_of_two_who_save_at_one_moment_one_is_first(town: Town) -> None:
    await town.publish()
    seen = await read(town, A)
    saves = [save(town, A, f"le texte de {by}", seen.hash, by) for by in (ADA, BEN)]
    done = await asyncio.gather(*saves, return_exceptions=True)
    assert {type(each) for each in done} == {desk.File, desk.Overtaken}
    (kept,) = [each for each in done if isinstance(each, desk.File)]
    assert await read(town, A) == kept


async def test_saving_the_same_text_twice_is_saving_it_once(town: Town) -> None:
    await town.publish()
    seen = await read(town, A)
    first = await save(town, A, "un texte", seen.hash)
    assert await save(town, A, "un texte", seen.hash) == first


async def test_two_authors_on_two_files_do_not_meet(town: Town) -> None:
    await town.publish()
    mine, theirs = await read(town, A), await read(town, "lessons/02-b.md")
    await save(town, A, "un", mine.hash, ADA)
    await save(town, "lessons/02-b.md", "deux", theirs.hash, BEN)
    found = await files(town)
    assert (found[A], found["lessons/02-b.md"]) == (b"un", b"deux")


async def test_a_lesson_that_was_moved_meanwhile_is_still_the_one_that_is_saved(town: Town) -> None:
    await town.publish()
    seen = await read(town, A)
    async with town.db.transaction() as session:
        await desk.step(session, SLUG, "a", 1, by=BEN, now=town.now)
    saved = await save(town, A, "le texte d'Ada", seen.hash)
    assert saved.path == "lessons/02-a.md"
    assert await keys(town) == ["b", "a", "c"]
    assert (await files(town))["lessons/02-a.md"] == b"le texte d'Ada"


async def test_a_lesson_that_was_deleted_meanwhile_comes_back_only_when_its_author_insists(
    town: Town,
) -> None:
    await town.publish()
    path = "lessons/02-b.md"
    seen = await read(town, path)
    async with town.db.transaction() as session:
        await desk.remove(session, SLUG, path, by=BEN, now=town.now)
    assert await keys(town) == ["a", "c"]
    with pytest.raises(desk.Overtaken) as refused:
        await save(town, path, "mon texte", seen.hash)
    assert (refused.value.mine, refused.value.theirs) == ("mon texte", None)
    await save(town, path, "mon texte", "")
    assert await keys(town) == ["a", "b", "c"]
    assert (await files(town))[path] == b"mon texte"


async def test_ends_of_lines_stay_as_the_file_had_them(town: Town) -> None:
    windows = "notes.txt"
    await town.publish({**THREE, windows: b"un\r\ndeux\r\n"})
    for path, after in ((A, b"un\nDEUX\n"), (windows, b"un\r\nDEUX\r\n")):
        seen = await read(town, path)
        await save(town, path, "un\r\nDEUX\r\n", seen.hash)
        assert (await files(town))[path] == after


async def test_a_new_course_is_a_draft_and_newcomers_see_none_of_it(town: Town) -> None:
    async with town.db.transaction() as session:
        await desk.create(session, "accueil", "Bien accueillir", by=ADA, now=town.now)
    begun = await files(town, "accueil")
    assert desk.check(begun, slug="accueil", house=DRESS).course
    async with town.db.reading() as session:
        assert await catalog.slugs(session) == []
        assert await desk.parent(session, "accueil") == ""
        assert [(each.slug, each.title, each.published_at) for each in await shelf.courses(session)] == [
            ("accueil", "Bien accueillir", None)
        ]
    async with town.db.transaction() as session:
        with pytest.raises(errors.Conflict):
            await desk.create(session, "accueil", "Encore", by=ADA, now=town.now)
    async with town.db.transaction() as session:
        await publishing.publish(session, begun, slug="accueil", house=DRESS, now=town.now)
        await desk.clear(session, "accueil")
    async with town.db.reading() as session:
        assert await catalog.slugs(session) == ["accueil"]
        assert not (await desk.look(session, "accueil")).is_draft


@pytest.mark.parametrize("slug", ["", "Été", "a/b", "a b", "-a", "x" * 41, "a\n"])
async def test_an_address_that_cannot_be_one(town: Town, slug: str) -> None:
    async with town.db.transaction() as session:
        with pytest.raises(errors.Invalid) as refused:
            await desk.create(session, slug, "Essai", by=ADA, now=town.now)
    assert list(refused.value.problems) == ["slug"]


async def test_throwing_a_draft_away(town: Town) -> None:
    await town.publish()
    async with town.db.transaction() as session:
        await desk.create(session, "accueil", "Accueillir", by=ADA, now=town.now)
        await desk.add_lesson(session, SLUG, "Encore une", by=ADA, now=town.now)
    await discard(town)
    await discard(town, "accueil")
    async with town.db.reading() as session:
        assert list(await session.scalars(select(Course.slug))) == [SLUG]
        for table in (Draft, DraftFile):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_what_somebody_else_wrote_meanwhile_is_neither_replaced_nor_thrown_away(town: Town) -> None:
    await town.publish()
    before = await read(town, A)
    await save(town, A, "le texte d'Ada", before.hash)
    async with town.db.reading() as session:
        seen = (await desk.look(session, SLUG)).mark
    await save(town, "lessons/02-b.md", "le texte de Ben", (await read(town, "lessons/02-b.md")).hash, BEN)
    for mark in (seen, ""):
        with pytest.raises(errors.Conflict):
            async with town.db.transaction() as session:
                await desk.discard(session, SLUG, seen=mark)
        with pytest.raises(errors.Conflict):
            async with town.db.transaction() as session:
                await desk.replace(session, SLUG, THREE, seen=mark, by=ADA, now=town.now)
    assert (await files(town))["lessons/02-b.md"] == b"le texte de Ben"
    await discard(town)


async def test_lessons_are_added_named_moved_and_taken_away(town: Town) -> None:
    await town.publish()
    async with town.db.transaction() as session:
        how: dict[str, Any] = {"by": ADA, "now": town.now}
        assert await desk.add_lesson(session, SLUG, "Un dernier pas", "debut", **how) == "un-dernier-pas"
        await desk.step(session, SLUG, "un-dernier-pas", -1, **how)
        await desk.retitle(session, SLUG, "un-dernier-pas", "L'avant-dernier pas", **how)
        path = await desk.add_activity(session, SLUG, "quiz", "Vérifier", **how)
        await desk.remove(session, SLUG, "lessons/02-b.md", **how)
        with pytest.raises(errors.Invalid):
            await desk.remove(session, SLUG, "course.yaml", **how)
        with pytest.raises(errors.NotFound):
            await desk.remove(session, SLUG, "activities/nulle-part.yaml", **how)
    found = await files(town)
    assert list(editing.lessons(found)) == ["a", "un-dernier-pas", "c"]
    assert b"subject: L'avant-dernier pas\n" in found["lessons/02-un-dernier-pas.md"]
    assert (path, path in found) == ("activities/verifier.yaml", True)
    async with town.db.transaction() as session:
        await desk.remove(session, SLUG, path, **how)
    assert path not in await files(town)


async def test_a_key_that_learners_know_does_not_come_back_for_another_lesson(town: Town) -> None:
    await town.publish()
    async with town.db.transaction() as session:
        await desk.remove(session, SLUG, "lessons/02-b.md", by=ADA, now=town.now)
        assert await desk.add_lesson(session, SLUG, "B", by=ADA, now=town.now) == "b-2"


async def test_a_picture_is_kept_under_a_free_name(town: Town) -> None:
    await town.publish()
    async with town.db.transaction() as session:
        how: dict[str, Any] = {"by": ADA, "now": town.now}
        first = await desk.add_image(session, SLUG, "C:\\Été\\Le Schéma.png", b"one", **how)
        second = await desk.add_image(session, SLUG, "le-schema.gif", b"two", **how)
    assert (first, second) == ("images/le-schema.png", "images/le-schema-2.gif")
    assert (await files(town))[first] == b"one"
    async with town.db.reading() as session:
        assert (await desk.look(session, SLUG)).files[first] == b""


async def test_a_course_does_not_grow_without_end(town: Town) -> None:
    await town.publish()
    room = catalog.MAX_BYTES - sum(map(len, THREE.values()))
    full = {**THREE, "images/large.png": bytes(room - 100)}
    async with town.db.transaction() as session:
        await desk.replace(session, SLUG, full, seen="", by=ADA, now=town.now)
    seen = await read(town, A)
    fits = await save(town, A, seen.text + "x" * 90, seen.hash)
    with pytest.raises(errors.Invalid, match="Mo"):
        await save(town, A, seen.text + "x" * 110, fits.hash)
    assert (await read(town, A)) == fits
    async with town.db.transaction() as session:
        with pytest.raises(errors.Invalid, match="Mo"):
            await desk.replace(
                session, SLUG, full | {"images/b.png": bytes(200)}, seen="", by=ADA, now=town.now
            )


async def test_what_comes_in_a_zip_goes_out_byte_for_byte(town: Town) -> None:
    done = await town.publish()
    other = {**course(z=""), "images/vide.png": b"\x89PNG\r\n\x1a\n\x00", "notes.txt": b"caf\xe9\r\n"}
    async with town.db.transaction() as session:
        arrived = parcel.unpack(catalog.pack(other))
        await desk.replace(session, SLUG, arrived, seen="", by=ADA, now=town.now)
        await desk.create(session, "venu-d-ailleurs", "", arrived, by=ADA, now=town.now)
    assert await files(town) == other
    assert parcel.unpack(catalog.pack(await files(town, "venu-d-ailleurs"))) == other
    async with town.db.reading() as session:
        assert await desk.parent(session, SLUG) == done.hash
        with pytest.raises(errors.Invalid, match="UTF-8"):
            assert (await desk.file(session, SLUG, "notes.txt")).text


async def test_a_version_that_was_published_meanwhile_is_told(town: Town) -> None:
    await town.publish()
    seen = await read(town, A)
    await save(town, A, "autre", seen.hash)
    async with town.db.reading() as session:
        assert not (await desk.look(session, SLUG)).overtaken
    await town.publish(course(a="", b="", c="", words="Corrigé."))
    async with town.db.reading() as session:
        assert (await desk.look(session, SLUG)).overtaken


async def test_a_broken_draft_reaches_no_learner(town: Town) -> None:
    await town.publish()
    alice = await town.enrol(ALICE)
    for path in THREE:
        seen = await read(town, path)
        await save(town, path, "---\nsubject: [\n", seen.hash)
    async with town.db.reading() as session:
        broken = await desk.files(session, SLUG)
    assert broken is not None
    found = desk.check(broken, slug=SLUG, house=DRESS)
    assert found.course is None
    assert {problem.path for problem in found.errors} >= set(THREE)
    await town.live("2027-03-24 00:00")
    assert await town.sent(alice, "lesson") == ["lesson a tue 2027-03-23 08:30"]


async def test_courses_are_listed_with_their_people(town: Town) -> None:
    await town.publish()
    await town.enrol(ALICE)
    town.clock.pass_by(hours=1)
    async with town.db.transaction() as session:
        await desk.add_lesson(session, SLUG, "Encore", by=ADA, now=town.now)
    await counter.Counter(town.db, town.clock).count()
    async with town.db.reading() as session:
        (found,) = await shelf.courses(session)
    assert (found.slug, found.title, found.people) == (SLUG, "L'essai", {"waiting": 1})
    assert found.changed_at == town.now
    assert found.published_at is not None
    assert found.published_at <= town.now - timedelta(hours=1)


_ACTS = ("add", "remove", "up", "down", "save", "stale")


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_two_authors_do_keys_stay_unique_and_files_readable(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    await town.publish()
    before: dict[str, desk.File] = {}
    for _ in range(15):
        await _act(
            town, chance.choice(_ACTS), chance.randrange(9), by=chance.choice((ADA, BEN)), before=before
        )
        found = await files(town)
        paths = editing.in_order(found)
        assert len({editing.lesson_key(path) for path in paths}) == len(paths)
        assert {each.cause for each in reading.read(found, slug=SLUG).errors} <= {"aucune leçon"}


async def _act(town: Town, act: str, which: int, *, by: int, before: dict[str, desk.File]) -> None:
    async with town.db.transaction() as session:
        seen = await desk.look(session, SLUG)
        places = editing.lessons(list(seen.files))
        how: dict[str, Any] = {"by": by, "now": town.now}
        if act == "add" or not places:
            await desk.add_lesson(session, SLUG, f"Leçon {which}", **how)
            return
        key = list(places)[which % len(places)]
        now = await desk.file(session, SLUG, places[key])
        old = before.setdefault(key, now)
        if act == "remove":
            await desk.remove(session, SLUG, places[key], **how)
        elif act in ("up", "down"):
            await desk.step(session, SLUG, key, -1 if act == "up" else 1, **how)
        elif act == "save" or old.hash == now.hash:
            await desk.save(session, SLUG, now.path, now.text + "Encore.\n", read=now.hash, **how)
        else:
            with pytest.raises(desk.Overtaken):
                await desk.save(session, SLUG, old.path, old.text + "?", read=old.hash, **how)
