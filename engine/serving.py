"""Answering over HTTP: the pages of a site, a socket, a server on it, and a clean end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from engine import app, web
from engine.core import errors
from engine.web import api, failures
from engine.web import demo as demo_pages
from engine.web.site import Demo
from engine.workers import inbox

_PORTS_TRIED = 100


def web_app(site: app.Site, *, demo: Demo | None = None, workers: bool = True) -> Starlette:
    """The pages of a site; with `workers`, its loops live and die with them."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with (
            app.running(site, alone=demo is not None) if workers else _nothing(),
            _inbox(site) if workers and not demo else _nothing(),
        ):
            yield

    pages = Starlette(
        routes=[*web.routes(), api.mount(site), *(demo_pages.routes() if demo else [])],
        middleware=web.middleware(),
        exception_handlers=failures.handlers(),
        lifespan=lifespan,
    )
    pages.state.site, pages.state.demo = site, demo
    return pages


@asynccontextmanager
async def _inbox(site: app.Site) -> AsyncIterator[None]:
    host, _, port = site.settings.lmtp.rpartition(":")
    if not port:
        yield
        return
    taking = inbox.Inbox(site.db, site.clock, site.returns)
    async with inbox.listening(taking, host.strip("[]"), int(port)):
        yield


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def listen(host: str, port: int, *, or_next: bool = False) -> socket.socket:
    """A listening socket; with `or_next` the next free port when `port` is taken. Raises `errors.Invalid`."""
    for candidate in range(port, port + (_PORTS_TRIED if or_next else 1)):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, candidate))
            found.listen(512)
            return found
        except OSError as error:
            found.close()
            if not or_next:
                raise errors.Invalid(
                    f"Cannot listen on {host}:{candidate} ({error.strerror}). Choose another --port."
                ) from None
    raise errors.Invalid(f"No free port from {port} on {host}.")


class _Server(uvicorn.Server):
    """Says when it answers, and when it is told to stop."""

    def __init__(
        self, config: uvicorn.Config, announce: Callable[[], None], stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._announce, self._stopping = announce, stopping
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._stopping)
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


async def serve(
    pages: Starlette,
    listening: socket.socket,
    *,
    announce: Callable[[], None],
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Answer until SIGTERM or SIGINT; requests in hand have 5 seconds to end.

    `announce` is called once pages are answered, `stopping` as soon as the signal comes.
    """
    config = uvicorn.Config(
        pages, log_level="warning", access_log=False, proxy_headers=False, timeout_graceful_shutdown=5
    )
    await _Server(config, announce, stopping).serve(sockets=[listening])
