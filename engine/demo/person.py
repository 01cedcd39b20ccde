"""Somebody who follows a course by its mails alone: opens lessons, does what they ask, fetches the files."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from engine.core import answers as answering
from engine.core import errors
from engine.core.course import grammar, model
from engine.demo import answers, pages
from engine.demo.mailbox import Received

PATIENCE = 30.0
"""Seconds that a page or a mail may take."""
_FILES: Mapping[type[grammar.Activity], tuple[str, ...]] = {
    grammar.Diagnostic: ("rapport.pdf",),
    grammar.Charter: ("charte.pdf", "charte.docx"),
}


class Person:
    def __init__(
        self, who: str, address: str, site: str, course: model.Course, said: Callable[[str], None]
    ) -> None:
        self.who, self.address, self.course = who, address, course
        self._said = said
        self._http = httpx.AsyncClient(base_url=site, timeout=PATIENCE, follow_redirects=True)
        self.handed_in: list[str] = []
        self.mails: list[Received] = []
        self.artefacts: list[dict[str, Any]] = []

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, url: str) -> str:
        answer = await self._http.get(url)
        answer.raise_for_status()
        return answer.text

    async def post(self, url: str, values: Mapping[str, str | list[str]]) -> str:
        answer = await self._http.post(url, data=values)
        answer.raise_for_status()
        return answer.text

    async def send_form(
        self, url: str, values: Mapping[str, str], wanted: Callable[[str], bool] = lambda _: True
    ) -> None:
        """Fill in the first form of a page that posts to a `wanted` address, and send it."""
        found = pages.form(await self.get(url), wanted)
        await self.post(urljoin(url, found.action), found.values | dict(values))

    @property
    def lessons(self) -> set[str]:
        """Keys of the lessons that came."""
        return {key for kind, key in map(pages.kind_of, self.mails) if kind == "lesson"}

    def has(self, kind: str) -> bool:
        return any(pages.kind_of(mail)[0] == kind for mail in self.mails)

    async def read(self, mail: Received) -> None:
        """Read a mail as a diligent learner does."""
        self.mails.append(mail)
        kind, key = pages.kind_of(mail)
        day = parsedate_to_datetime(str(mail.message["Date"]))
        self._said(f"{day:%Y-%m-%d} {self.who} {kind} {key}".rstrip())
        if kind in ("lesson", "reminder"):
            for link in dict.fromkeys(link.partition("?")[0] for link in pages.links_of(mail)):
                if pages.purpose(link) == "l":
                    await self.get(link)
                elif pages.purpose(link) == "a":
                    await self._answer(link)

    async def _answer(self, link: str) -> None:
        """Go through an activity screen by screen and hand it in, once; then fetch what it makes."""
        key = urlsplit(link).path.split(".")[1]
        activity = self.course.activities[key]
        if key in self.handed_in:
            return
        self.handed_in.append(key)
        for step in answering.steps(activity):
            page = await self.get(f"{link}?q={step}" if step else link)
            filled = pages.form(page).values | answers.fields(activity, step)
            await self.post(link, filled | {"step": step, "go": "next"})
        if not isinstance(activity, grammar.Checkin | grammar.Poll):
            await self.post(link, {"go": "hand_in", "step": ""})
        if 'value="hand_in"' in await self.get(link):
            raise errors.ParcoursError(f"The activity “{key}” could not be handed in.")
        for name in _FILES.get(type(activity), ()):
            await self.fetch(f"{link}/{name}", key)

    async def fetch(self, url: str, about: str) -> None:
        """Download a file and keep its name and size."""
        answer = await self._http.get(url)
        answer.raise_for_status()
        name = urlsplit(url).path.rpartition("/")[2]
        self.artefacts.append({"who": self.who, "about": about, "file": name, "bytes": len(answer.content)})

    async def certificate(self) -> None:
        """Ask for the attestation with one's name, and fetch it."""
        my = next((link for mail in reversed(self.mails) if (link := pages.link_to(mail, "m"))), None)
        if my is None:
            return
        documents = next(
            (urljoin(my, link) for link in pages.hrefs(await self.get(my)) if link.startswith("/f/")), None
        )
        if documents is None:
            raise errors.ParcoursError("“My course” does not lead to the documents.")
        await self.send_form(documents, {"name": "Camille"})
        await self.fetch(f"{documents}/attestation.pdf", self.course.slug)

    def told(self) -> dict[str, Any]:
        """What to say of this person in the result."""
        return {
            "who": self.who,
            "course": self.course.slug,
            "lessons": len(self.lessons),
            "activities": len(self.handed_in),
            "completed": self.has("farewell"),
        }
