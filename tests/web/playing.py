"""A learner of the course that has an activity of every kind, and a reader of the forms on its pages."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import httpx
from sqlalchemy import select

from engine import serving
from engine.core import links
from engine.flows import publishing
from engine.tables import Submission
from tests import every
from tests.web import course
from tests.web.conftest import Visit

WEDNESDAY = datetime(2027, 3, 24, 12, 0, tzinfo=UTC)  # the day after the first lesson
BILAN = {"liste": "aucune", "essai": "unknown", "relecture": "chacun", "robot": "oui"}
RIGHT: dict[str, dict[str, Any]] = {
    "seul": {"seul": "cas"},
    "vrai": {"vrai": "true"},
    "plusieurs": {"plusieurs": ["devis", "dates"]},
    "somme": {"somme": "2,5"},
    "ordre": {"ordre-lire": "1", "ordre-corriger": "2", "ordre-envoyer": "3"},
}


class Player:
    """One learner, and the browser that he uses."""

    def __init__(self, visit: Visit, enrolment: int) -> None:
        self.visit, self.enrolment = visit, enrolment

    def link(self, key: str, query: str = "") -> str:
        return self.visit.to("a", self.enrolment, key) + (f"?{query}" if query else "")

    async def page(self, key: str, query: str = "", status: int = 200) -> str:
        return await self.visit.get(self.link(key, query), status)

    async def send(
        self, key: str, step: str = "", go: str = "next", expected: int = 303, query: str = "", **typed: Any
    ) -> str:
        return await self.visit.post(self.link(key, query), expected, step=step, go=go, **typed)

    async def bilan(self, key: str = "bilan", **others: str) -> None:
        """Answer a diagnostic, question by question, and hand it in."""
        for step, given in (BILAN | others).items():
            answer: dict[str, Any] = {step: given}
            await self.send(key, step, **answer)
        await self.send(key, go="hand_in")

    async def quiz(self, **wrong: Any) -> None:
        for step, given in RIGHT.items():
            await self.send("quiz", step, **(given | {step: wrong[step]} if step in wrong else given))
        await self.send("quiz", go="hand_in")

    async def rounds(self, key: str | None = None) -> list[Submission]:
        """What the database holds of this learner."""
        found = select(Submission).where(Submission.enrolment_id == self.enrolment).order_by(Submission.id)
        async with self.visit.site.db.reading() as session:
            return [row for row in await session.scalars(found) if key in (None, row.activity)]

    async def answers(self, key: str) -> dict[str, Any]:
        (row,) = await self.rounds(key)
        return row.answers


async def begin(
    visit: Visit,
    address: str = "alice@example.org",
    *,
    files: Mapping[str, bytes] = every.FILES,
    slug: str = every.SLUG,
) -> Player:
    """Publish a course, sign up for it, confirm; no lesson has come yet."""
    async with visit.site.db.transaction() as session:
        house = visit.site.house.dress
        await publishing.publish(session, files, slug=slug, house=house, now=visit.clock.now())
    form = {**course.FORM, "stamp": visit.stamp(), "address": address, "first_name": "Alice"}
    await visit.post(f"/c/{slug}", 200, **form)
    enrolment = (await visit.enrolments())[-1].id
    await visit.post(visit.to("k", enrolment, links.stamp_of(visit.clock.now())))
    return Player(visit, enrolment)


@asynccontextmanager
async def another_browser(player: Player) -> AsyncIterator[Player]:
    """The same links in a browser that was never here."""
    visit = player.visit
    wire = httpx.ASGITransport(serving.web_app(visit.site, workers=False), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=wire, base_url="http://parcours.test") as http:
        yield Player(Visit(visit.site, visit.clock, http), player.enrolment)


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self._name = self._text = ""
        self._options: list[tuple[str, bool]] = []

    def _add(self, name: str | None, value: str | None) -> None:
        if name:
            self.values.setdefault(name, []).append(value or "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = dict(attrs)
        if tag == "input" and (got.get("type") not in ("radio", "checkbox") or "checked" in got):
            self._add(got.get("name"), got.get("value"))
        elif tag in ("select", "textarea"):
            self._name, self._text, self._options = got.get("name") or "", "", []
        elif tag == "option":
            self._options.append((got.get("value") or "", "selected" in got))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._add(self._name, self._text.removeprefix("\n"))
        elif tag == "select":
            chosen = [value for value, selected in self._options if selected]
            self._add(self._name, (chosen or [value for value, _ in self._options[:1]])[-1])


def fields(html: str) -> dict[str, list[str]]:
    """What a browser would send of the forms on a page, as they stand."""
    parser = _Fields()
    parser.feed(html)
    return parser.values
