"""Pictures on their way into a draft."""

import html
import io
import re
from collections.abc import Callable

import pytest
from PIL import Image

from engine.core.accounts import Role
from engine.flows import catalog
from tests.web import course
from tests.web.conftest import Visit
from tests.web.studio.conftest import Desk
from tests.web.studio.test_courses import files, upload

HERE = f"/studio/courses/{course.SLUG}/images"


@pytest.fixture
def author(desks: Callable[[Role], Desk]) -> Desk:
    return desks(Role.AUTHOR)


def png(width: int = 2400, height: int = 100) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (15, 92, 85)).save(out, "PNG")
    return out.getvalue()


async def test_a_picture_is_made_fit_and_its_line_can_be_copied(author: Desk, visit: Visit) -> None:
    done = await upload(author, f"{HERE}/upload", "Mon schéma.PNG", png(), alt="Un   rectangle vert")
    page = await author.get(done.headers["location"])
    assert "![Un rectangle vert](images/mon-schema.png)" in page
    kept = (await files(visit))["images/mon-schema.png"]
    assert Image.open(io.BytesIO(kept)).size == (1200, 50)
    shown = await author.http.get(f"{HERE}/mon-schema.png")
    assert (shown.content, shown.headers["content-type"]) == (kept, "image/png")
    assert "sandbox" in shown.headers["content-security-policy"]
    await author.post(HERE, path="images/mon-schema.png")
    assert "images/mon-schema.png" not in await files(visit)


async def test_a_picture_without_words_is_refused(author: Desk) -> None:
    page = (await upload(author, f"{HERE}/upload", "x.png", png(), 422, alt="  ")).text
    assert "Décrivez l’image" in page


@pytest.mark.parametrize("data", [b"<svg/>", b"MZ" + bytes(100), bytes(11_000_000)])
async def test_a_false_or_heavy_picture_is_refused(author: Desk, data: bytes) -> None:
    page = (await upload(author, f"{HERE}/upload", "x.png", data, 422, alt="Une image")).text
    assert "Une image" in page


async def test_fifty_megabytes_are_not_even_read(author: Desk) -> None:
    await upload(author, f"{HERE}/upload", "x.png", bytes(50_000_000), 413, alt="Une image")


async def test_what_is_no_picture_cannot_be_taken_away_here(author: Desk) -> None:
    await author.post(HERE, 404, path="course.yaml")
    await author.get(f"{HERE}/nowhere.png", 404)
    await author.get(f"{HERE}/course.yaml", 404)
    page = await author.get(HERE)
    assert f"/studio/courses/{course.SLUG}/lessons/debut" in page


async def test_a_picture_of_an_odd_name_in_a_folder_of_its_own_is_found(author: Desk, visit: Visit) -> None:
    odd = {**course.FILES, "images/vues/l'été #1 à 50 %.png": png(10, 10)}
    await upload(author, f"/studio/courses/{course.SLUG}/upload", "x.zip", catalog.pack(odd), seen="")
    page = await author.get(HERE)
    sources = [html.unescape(found) for found in re.findall(r'<img src="([^"]+)"', page)]
    assert len(sources) == 2
    for source in sources:
        assert (await author.http.get(source)).status_code == 200
