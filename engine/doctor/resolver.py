"""Asking the DNS: what it says, nothing, or no answer, which are three different things."""

import asyncio
from ipaddress import ip_address
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from engine.core import errors

_NOTHING = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)
_NO_NAME = (dns.name.EmptyLabel, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.BadEscape)
_UDP = 1232  # bytes of an answer that travel whole nearly everywhere


class Silent(Exception):
    """The DNS gave no answer that one could rely on; the text tells which."""


class Host(NamedTuple):
    """A mail server of a domain."""

    preference: int
    name: str
    """"" for the null MX: the domain takes no mail (RFC 7505)."""


class Resolver:
    """Asks the servers of this machine, or one `server` (`HOST:PORT`); each question once."""

    def __init__(self, server: str = "", *, seconds: float = 5.0) -> None:
        """Raises `errors.Invalid` for what is no address of a server."""
        self._inner = _resolver(server)
        if self._inner is None:
            return
        self._inner.cache = dns.resolver.LRUCache()
        self._inner.lifetime = seconds
        self._inner.use_edns(0, 0, _UDP)

    async def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records, the strings of each joined."""
        found = [each for each in await self._ask(name, "TXT") if isinstance(each, TXT)]
        return tuple(b"".join(each.strings).decode("ascii", "replace") for each in found)

    async def hosts(self, domain: str) -> tuple[Host, ...]:
        """The mail servers, the preferred first."""
        found = [each for each in await self._ask(domain, "MX") if isinstance(each, MX)]
        return tuple(sorted(Host(each.preference, _name(each.exchange)) for each in found))

    async def addresses(self, name: str) -> tuple[str, ...]:
        """IPv4 and IPv6."""
        found = await asyncio.gather(self._ask(name, "A"), self._ask(name, "AAAA"))
        return tuple(str(each) for kind in found for each in kind)

    async def names(self, address: str) -> tuple[str, ...]:
        """What the PTR of an IP address says."""
        found = await self._ask(dns.reversename.from_address(address).to_text(), "PTR")
        return tuple(str(each).rstrip(".") for each in found)

    async def _ask(self, name: str, kind: str) -> list[object]:
        if self._inner is None:
            raise Silent("This machine names no DNS server (/etc/resolv.conf).")
        try:
            answer = await self._inner.resolve(name.rstrip(".") + ".", kind)
        except (*_NOTHING, *_NO_NAME):
            return []
        except dns.exception.DNSException as error:
            raise Silent(f"The DNS gave no answer about {name} ({type(error).__name__}).") from None
        except OSError as error:
            raise Silent(f"The DNS server cannot be asked ({error.strerror or error}).") from None
        return list(answer)


def _name(found: dns.name.Name) -> str:
    return found.to_text().rstrip(".").lower()


def _resolver(server: str) -> dns.asyncresolver.Resolver | None:
    """None on a machine that knows no server."""
    if not server:
        try:
            return dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            return None
    host, colon, port = server.rpartition(":")
    if not colon:
        host, port = server, "53"
    try:
        address = ip_address(host.strip("[]"))
        if not 0 < int(port) < 65536:
            raise ValueError(port)
    except ValueError:
        raise errors.Invalid(f"--resolver {server}: write it as ADDRESS:PORT, as in 127.0.0.1:53.") from None
    found = dns.asyncresolver.Resolver(configure=False)
    found.nameservers, found.port = [str(address)], int(port)
    return found
