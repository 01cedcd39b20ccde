"""What stands before every page."""

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from engine.web import guard
from tests.web import course
from tests.web.conftest import Visit


async def test_every_page_is_closed_to_scripts_frames_and_sniffing(visit: Visit) -> None:
    for url in ("/", "/privacy", f"/c/{course.SLUG}", "/nowhere"):
        headers = (await visit.http.get(url)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in headers


async def test_only_the_embedded_form_may_be_framed(visit: Visit) -> None:
    headers = (await visit.http.get(f"/embed/{course.SLUG}")).headers
    assert "frame-ancestors *" in headers["content-security-policy"]


async def test_private_pages_are_neither_kept_nor_indexed(visit: Visit) -> None:
    enrolment = await visit.confirmed("bob@example.org")
    for url in (visit.to("m", enrolment), visit.to("u", enrolment), "/k/forged"):
        headers = (await visit.http.get(url)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"].startswith("noindex")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_long_gets_a_page(visit: Visit, announced: bool) -> None:
    async def stream() -> object:
        for _ in range(1 + guard.BODY_LIMIT // 4096):
            yield b"a" * 4096

    body = b"a" * (guard.BODY_LIMIT + 1) if announced else stream()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await visit.http.post(f"/c/{course.SLUG}", content=body, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413
    assert "C’est trop long pour nous" in answer.text


async def test_what_a_page_cannot_do_is_told(visit: Visit) -> None:
    answer = await visit.http.delete(f"/c/{course.SLUG}")
    assert answer.status_code == 405
    assert "Ce n’est pas possible ici" in answer.text


async def test_a_crash_is_a_page_of_ours_with_the_same_headers(visit: Visit) -> None:
    async with visit.site.db.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE course RENAME TO elsewhere")
    answer = await visit.http.get(f"/c/{course.SLUG}")
    assert answer.status_code == 500
    assert "Une erreur de notre côté" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_static_files_are_kept_for_ever_under_their_content_s_name(visit: Visit) -> None:
    page = await visit.get("/")
    url = page.split('<link rel="stylesheet" href="')[1].split('"')[0]
    answer = await visit.http.get(url)
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    await visit.get("/static/parcours.000000000000.css", 404)


PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_the_address_behind_proxies_we_trust(peer: str, forwarded: str, found: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert guard.client(request, PROXIES) == found
