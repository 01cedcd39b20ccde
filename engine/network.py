"""Calling out into the world: never a private network, whatever a name resolves to."""

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from typing import Any

import httpcore

from engine.core import network


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects to public addresses, and to those in `allowed` networks.

    The name is resolved here, every address that it has must pass, and what was checked is what is used: a
    name that changes its mind between check and call gains nothing. With `public` False only `allowed`
    networks are called.
    """

    def __init__(self, allowed: network.Networks = (), *, public: bool = True) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._allowed, self._public = allowed, public

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(map(self._passes, addresses)):
            raise httpcore.ConnectError(f"{host} est une adresse privée")
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._inner.connect_tcp(address, port, timeout=timeout)
        return await self._inner.connect_tcp(addresses[-1], port, timeout=timeout)

    def _passes(self, address: str) -> bool:
        return network.may_call(address, self._allowed, public=self._public)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
