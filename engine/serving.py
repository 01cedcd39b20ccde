"""Listening: a socket, an HTTP server on it, and a clean end."""

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from engine.core import errors

_PORTS_TRIED = 100


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
    app: Starlette,
    listening: socket.socket,
    *,
    announce: Callable[[], None],
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Answer until SIGTERM or SIGINT; requests in hand have 5 seconds to end.

    `announce` is called once pages are answered, `stopping` as soon as the signal comes.
    """
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, proxy_headers=False, timeout_graceful_shutdown=5
    )
    await _Server(config, announce, stopping).serve(sockets=[listening])
