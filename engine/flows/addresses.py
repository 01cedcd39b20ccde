"""Whether the outside addresses of a course still answer; private networks are never touched."""

import asyncio
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin

import httpcore

from engine import network
from engine.core.course import markup, model
from engine.core.course.yamlfile import Problem

_TIMEOUT = {"connect": 10.0, "read": 15.0, "write": 10.0, "pool": 60.0}
_HEADERS = [("User-Agent", "Parcours course check"), ("Accept", "*/*")]
_REDIRECTS = 5
_AT_ONCE = 8


def outside(course: model.Course) -> Iterator[tuple[str, int, str]]:
    """Path, line in the lesson's text, and address of every link that leaves the course."""
    for lesson in course.lessons:
        for source in lesson.sources:
            yield lesson.path, 1, source.url
        for block in markup.walk(lesson.document.blocks):
            hrefs = [
                piece.href
                for piece in markup.flatten(markup.inlines(block))
                if isinstance(piece, markup.Link)
            ]
            if isinstance(block, markup.Button):
                hrefs.append(block.href)
            yield from ((lesson.path, block.line, href) for href in hrefs if href.startswith("http"))


async def check(places: Iterable[tuple[str, int, str]]) -> list[Problem]:
    """A warning for each address that does not answer well; each is asked once."""
    listed = list(places)
    room = asyncio.Semaphore(_AT_ONCE)
    async with httpcore.AsyncConnectionPool(network_backend=network.Guarded()) as pool:

        async def trouble(url: str) -> str:
            async with room:
                return await _trouble(pool, url)

        urls = sorted({url for _, _, url in listed})
        answers = dict(zip(urls, await asyncio.gather(*map(trouble, urls)), strict=True))
    cure = "vérifiez l'adresse dans un navigateur"
    return [
        Problem(path, line, f"{url} : {answers[url]}", cure, "warning")
        for path, line, url in listed
        if answers[url]
    ]


async def _trouble(pool: httpcore.AsyncConnectionPool, url: str) -> str:
    """What is wrong with an address; empty when it answers."""
    try:
        for _ in range(_REDIRECTS):
            async with pool.stream("GET", url, headers=_HEADERS, extensions={"timeout": _TIMEOUT}) as answer:
                moved = dict(answer.headers).get(b"Location") or dict(answer.headers).get(b"location")
                if answer.status in (301, 302, 303, 307, 308) and moved:
                    url = urljoin(url, moved.decode("ascii", "replace"))
                    continue
                return "" if answer.status < 400 else f"répond {answer.status}"
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        return f"ne répond pas ({str(error)[:80] or type(error).__name__})"
    except (httpcore.UnsupportedProtocol, ValueError):
        return "n'est pas une adresse web"
    return "redirige sans fin"
