"""A whole site on a fresh SQLite file, its clock in our hands, its planner and sender at rest."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from engine import app, serving, settings
from engine.core import delivery, links
from engine.flows import publishing
from engine.tables import Delivery, Enrolment, db, schema
from tests.web import course

NOW = datetime(2027, 3, 22, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Paris


class HandClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **lapse: float) -> None:
        self.moment += timedelta(**lapse)


class Visit:
    """A browser without scripts, and what a test looks up behind the pages."""

    def __init__(self, site: app.Site, clock: HandClock, http: httpx.AsyncClient) -> None:
        self.site, self.clock, self.http = site, clock, http

    async def get(self, url: str, status: int = 200) -> str:
        answer = await self.http.get(url)
        assert answer.status_code == status, answer.text
        return answer.text

    async def post(self, url: str, expected: int = 200, /, **fields: str | list[str]) -> str:
        answer = await self.http.post(url, data=fields)
        assert answer.status_code == expected, answer.text
        return answer.text

    def to(self, purpose: str, *parts: str | int) -> str:
        return f"/{purpose}/{self.site.links.token(purpose, *parts)}"

    def stamp(self) -> str:
        """That of a form shown ten seconds ago."""
        return self.site.links.stamp(self.clock.now() - timedelta(seconds=10))

    async def sign_up(self, address: str, **fields: str) -> str:
        status = int(fields.pop("status", "200"))
        form = {**course.FORM, "stamp": self.stamp(), "address": address, **fields}
        return await self.post(f"/c/{course.SLUG}", status, **form)

    async def confirmed(self, address: str, **fields: str) -> int:
        """Sign up and confirm; the enrolment's id."""
        await self.sign_up(address, **fields)
        enrolment = (await self.enrolments())[-1].id
        await self.post(self.to("k", enrolment, links.stamp_of(self.clock.now())))
        return enrolment

    async def enrolments(self) -> list[Enrolment]:
        async with self.site.db.reading() as session:
            return list(await session.scalars(select(Enrolment).order_by(Enrolment.id)))

    async def deliveries(self, kind: str) -> list[Delivery]:
        async with self.site.db.reading() as session:
            found = select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)
            return list(await session.scalars(found))

    async def live(self, until: datetime) -> None:
        """Let the days pass: what is planned on the way counts as sent."""
        while self.clock.moment < until:
            self.clock.moment = min(self.clock.moment + timedelta(hours=1), until)
            await self.site.planner.tick()
            async with self.site.db.transaction() as session:
                await session.execute(
                    update(Delivery)
                    .where(Delivery.state == delivery.State.PLANNED, Delivery.due_at <= self.clock.now())
                    .values(state=delivery.State.SENT, sent_at=self.clock.now(), settled_at=self.clock.now())
                )


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one course, made once and copied for each test."""
    path = tmp_path_factory.mktemp("published") / "parcours.db"
    asyncio.run(_publish(path))
    return path


async def _publish(path: Path) -> None:
    site = app.Site(_settings(path), db.Database(f"sqlite:///{path}"), HandClock())
    await schema.upgrade(site.db)
    async with site.db.transaction() as session:
        await publishing.publish(session, course.FILES, slug=course.SLUG, house=site.house.dress, now=NOW)
    await site.db.close()


def _settings(path: Path) -> settings.Settings:
    return settings.load(
        database_url=f"sqlite:///{path}",
        controller="Association Parcours, 12 rue des Tilleuls, 13001 Marseille",
        trusted_proxies="10.0.0.0/8",
        secret_key="a-secret-for-tests",
        suppression_key="another-one",
    )


@pytest.fixture
async def site(published: Path, tmp_path: Path) -> AsyncIterator[app.Site]:
    path = tmp_path / "parcours.db"
    shutil.copy(published, path)
    found = app.Site(_settings(path), db.Database(f"sqlite:///{path}"), HandClock())
    yield found
    await found.db.close()


@pytest.fixture
async def visit(site: app.Site) -> AsyncIterator[Visit]:
    clock = site.clock
    assert isinstance(clock, HandClock)
    wire = httpx.ASGITransport(serving.web_app(site, workers=False), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=wire, base_url="http://parcours.test") as http:
        yield Visit(site, clock, http)
