"""The newcomer's pages: mailbox and clock."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest

from engine import app, serving
from engine.web.site import Mail
from tests.web.conftest import NOW

HTML = '<html><head lang="fr"><title>x</title></head><body><a href="http://parcours.test/k/x">Oui</a></body></html>'


class Mailbox:
    """What `engine.demo` offers the pages, without SMTP: two mails, and a clock that counts its steps."""

    def __init__(self) -> None:
        self.now = NOW

    def mails(self) -> list[Mail]:
        mail = ("Parcours <a@example.org>", "bob@example.org")
        first = Mail(
            1, NOW, *mail, "Confirmez <b>", HTML, "Bonjour\nà tous", "Received: from x\r\n\r\n<script>"
        )
        return [first, Mail(2, NOW, *mail, "Bienvenue", "", "Texte seul", "Source")]

    async def advance(self) -> datetime:
        self.now += timedelta(days=7)
        return self.now


@pytest.fixture
async def http(site: app.Site) -> AsyncIterator[httpx.AsyncClient]:
    wire = httpx.ASGITransport(
        serving.web_app(site, demo=Mailbox(), workers=False), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=wire, base_url="http://parcours.test") as client:
        yield client


async def test_the_page_leads_to_the_form_the_mails_and_the_clock(http: httpx.AsyncClient) -> None:
    page = (await http.get("/demo")).text
    assert 'href="/c/essai"' in page
    assert page.index("/demo/mail/2") < page.index("/demo/mail/1"), "newest first"
    assert "lundi 22\u00a0mars 2027 à 10\u00a0h" in page
    assert "Confirmez &lt;b&gt;" in page


async def test_a_mail_shows_in_a_closed_frame_whose_links_open_beside_it(http: httpx.AsyncClient) -> None:
    page = (await http.get("/demo/mail/1")).text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    frame = await http.get("/demo/mail/1/html")
    assert '<head lang="fr"><base target="_blank">' in frame.text
    policy = frame.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


async def test_text_and_source_are_shown_as_they_came(http: httpx.AsyncClient) -> None:
    assert "Bonjour\nà tous" in (await http.get("/demo/mail/1?view=text")).text
    assert "&lt;script&gt;" in (await http.get("/demo/mail/1?view=source")).text
    assert "Texte seul" in (await http.get("/demo/mail/2")).text, "a mail without HTML shows its text"
    assert (await http.get("/demo/mail/3")).status_code == 404


async def test_the_clock_moves_by_its_button_only(http: httpx.AsyncClient) -> None:
    assert (await http.get("/demo/clock")).status_code == 405
    pressed = await http.post("/demo/clock")
    assert (pressed.status_code, pressed.headers["location"]) == (303, "/demo")
    machine = await http.post("/demo/clock", headers={"accept": "application/json"})
    assert machine.json() == {"now": (NOW + timedelta(days=14)).isoformat()}


async def test_without_the_demo_its_pages_do_not_exist(site: app.Site) -> None:
    wire = httpx.ASGITransport(serving.web_app(site, workers=False))
    async with httpx.AsyncClient(transport=wire, base_url="http://parcours.test") as client:
        for url in ("/demo", "/demo/mail/1", "/demo/mail/1/html"):
            assert (await client.get(url)).status_code == 404
        assert (await client.post("/demo/clock")).status_code == 404
        assert "Démonstration" not in (await client.get("/")).text
