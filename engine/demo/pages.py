"""What the journey reads: the forms of pages, the links and kinds of mails."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urlsplit

from engine.demo.mailbox import Received


class _Form(HTMLParser):
    """The first form of a page that is `wanted`: where it goes and what it would send as it stands."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        super().__init__()
        self._wanted = wanted
        self._inside = False
        self.found = False
        self._select = ""
        self.action = ""
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = dict(attrs)
        if tag == "form" and not self.found and (got.get("method") or "").lower() == "post":
            action = got.get("action") or ""
            self._inside = self._wanted(action)
            self.action = action if self._inside else self.action
        elif self._inside and tag == "input" and got.get("name"):
            if got.get("type") not in ("checkbox", "radio") or "checked" in got:
                self.values[str(got["name"])] = got.get("value") or ""
        elif self._inside and tag == "select":
            self._select = got.get("name") or ""
        elif self._inside and tag == "option" and self._select and "selected" in got:
            self.values[self._select] = got.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "form" and self._inside:
            self._inside, self.found = False, True


def form(page: str, wanted: Callable[[str], bool] = lambda _: True) -> _Form:
    """The first form of a page that posts to a `wanted` address."""
    parser = _Form(wanted)
    parser.feed(page)
    return parser


def kind_of(mail: Received) -> tuple[str, str]:
    """Kind and lesson of a mail, as its Feedback-ID tells them."""
    parts = str(mail.message["Feedback-ID"]).split(":")
    return (parts[-2], parts[0] if len(parts) == 4 else "")


def links_of(mail: Received) -> list[str]:
    """Every web address in the text part."""
    return [found.rstrip(").,;>") for found in re.findall(r"https?://\S+", mail.part("plain"))]


def purpose(link: str) -> str:
    """The letter that a link of ours begins with: `l` for a lesson."""
    return urlsplit(link).path.strip("/").partition("/")[0]


def link_to(mail: Received, wanted: str) -> str | None:
    """The first link of a purpose in a mail."""
    return next((link for link in links_of(mail) if purpose(link) == wanted), None)


def hrefs(page: str) -> list[str]:
    """Where the links of a page lead."""
    return [found.partition("?")[0] for found in re.findall(r'href="([^"]+)"', page)]
