"""What every mail owes its reader, whoever draws it: structure, no outside resource, contrast, reach."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from engine.core.course import markup
from engine.mail import compile, dress, letters
from tests.mail.test_compile import LETTERS, course, filled, letter_of
from tests.mail.test_message import DRESS

EVERYTHING = """Bonjour {{ learner.first_name }}, un [lien](https://exemple.fr), du `code`, du **gras**.

## Deuxième rang

### Troisième rang

1. un
2. deux

> Une citation.

```
un exemple
```

:::encadre Un mot
- une puce
:::

:::attention
Prudence.
:::

:::chiffre 26 % | francenum-2025
des entreprises.
:::

- [ ] à faire

---

:::question point-reperes
:::
"""
NAMES = ("lesson", *(kind.__name__.lower() for kind in LETTERS if kind is not letters.Lesson))


@cache
def html_of(name: str) -> str:
    bundled = course()
    if name == "lesson":
        first = replace(bundled.lessons[0], document=markup.parse(EVERYTHING))
        return filled(compile.lesson(first, course=bundled, dress=DRESS))[1]
    (kind,) = (kind for kind in LETTERS if kind.__name__.lower() == name)
    return filled(compile.letter(letter_of(kind), dress=dress.fitted(DRESS, bundled)))[1]


class Tags(HTMLParser):
    """Every start tag with its attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in names]


@pytest.mark.parametrize("name", NAMES)
def test_structure(name: str) -> None:
    html = html_of(name)
    tags = Tags(html)
    (root,) = tags.named("html")
    assert (root["lang"], root["dir"]) == ("fr", "ltr")
    assert html.startswith("<!doctype html>")
    title = re.search(r"<title>([^<]*)</title>", html)
    assert title
    assert title[1].strip()
    article = next(attributes for attributes in tags.named("div") if attributes.get("role") == "article")
    assert (article["lang"], article["aria-roledescription"]) == ("fr", "email")
    assert len(tags.named("h1")) == 1
    assert all(table.get("role") in {"presentation", "list"} for table in tags.named("table"))
    assert all("alt" in image and image.get("width") for image in tags.named("img"))
    metas = {attributes.get("name") for attributes in tags.named("meta")}
    assert {"color-scheme", "supported-color-schemes", "viewport"} <= metas
    assert "prefers-color-scheme: dark" in html
    assert "[data-ogsc]" in html


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched_hidden_or_run(name: str) -> None:
    html = html_of(name)
    tags = Tags(html)
    assert not tags.named("link", "script", "iframe", "form", "img")
    assert "@import" not in html
    assert "url(" not in html
    assert not re.search(r"display:\s*none|visibility:\s*hidden|opacity:\s*0", html)


@pytest.mark.parametrize("name", NAMES)
def test_links_are_underlined_and_say_where_they_lead(name: str) -> None:
    for attributes, label in re.findall(r"<a ([^>]*)>(.*?)</a>", html_of(name), re.DOTALL):
        assert "text-decoration:underline" in attributes or "background:#0f5c55" in attributes
        assert len(re.sub("<[^>]*>", "", label).strip()) > 3


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, offline."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if not path and not os.environ.get("CI"):
        pytest.skip("Chromium is missing: nobody looked at the mails")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


def opened(browser: Browser, name: str, **options: Any) -> Page:
    page = browser.new_context(offline=True, **options).new_page()
    page.set_content(html_of(name))
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["lesson", "welcome", "reminder", "confirm", "farewell", "address", "paused", "result", "invite"]
)
def test_axe_finds_no_fault_in_light_and_dark(browser: Browser, name: str, scheme: str) -> None:
    page = opened(browser, name, color_scheme=scheme, viewport={"width": 375, "height": 800})
    # A mail is no page of a site: it has no landmarks but its article.
    rules = {"region": {"enabled": False}, "landmark-one-main": {"enabled": False}}
    results = Axe().run(page, options={"rules": rules})
    assert results.response["violations"] == [], results.generate_report()
    unsure = [node["html"] for finding in results.response["incomplete"] for node in finding["nodes"]]
    assert [html for html in unsure if "☐" not in html] == []  # a sign: axe judges the contrast of words
    page.context.close()


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_a_lesson_fits_its_window(browser: Browser, width: int) -> None:
    page = opened(browser, "lesson", viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for link in page.locator("a").all():
        box = link.bounding_box()
        assert box
        assert box["height"] >= 15
    for button in page.locator(".button a").all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44
    page.context.close()
