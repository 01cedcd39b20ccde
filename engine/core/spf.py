"""SPF records (RFC 7208): what they say, and which of their terms ask the DNS."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Literal

MOST_LOOKUPS = 10
"""§4.6.4: more, and a receiver reads the record as an error."""
MOST_VOID = 2
"""Look-ups among them that may find nothing."""
MOST_HOSTS = 10
"""Hosts that one `mx` may name."""

Result = Literal["pass", "fail", "softfail", "neutral"]
_RESULTS: dict[str, Result] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_MECHANISM = re.compile(
    r"(?P<sign>[-+~?]?)(?P<name>[a-z0-9]+)(?::(?P<value>(?:%\{[^}\s]*\}|[^/\s])+))?"
    r"(?:/(?P<v4>\d{1,3}))?(?://(?P<v6>\d{1,3}))?",
    re.IGNORECASE,
)
_MODIFIER = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>\S*)", re.IGNORECASE)
_KNOWN = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")
_NEED_VALUE = ("include", "ip4", "ip6", "exists")


@dataclass(frozen=True)
class Term:
    """One mechanism."""

    name: str
    result: Result
    """What it says of an address that it matches."""
    value: str = ""
    """The domain or network that it names; "": the domain of the record."""
    v4: int = 32
    v6: int = 128

    @property
    def network(self) -> IPv4Network | IPv6Network:
        """Of `ip4` and `ip6`."""
        return ip_network(self.value, strict=False)

    @property
    def is_macro(self) -> bool:
        """Whether its domain differs from mail to mail."""
        return "%" in self.value

    def covers(self, host: IPv4Address | IPv6Address, address: IPv4Address | IPv6Address) -> bool:
        """Whether `address` is in the network around a host that it led to."""
        if host.version != address.version:
            return False
        return address in ip_network(f"{host}/{self.v4 if host.version == 4 else self.v6}", strict=False)


@dataclass(frozen=True)
class Record:
    terms: tuple[Term, ...]
    """Up to `all`: nothing behind it is read."""
    redirect: str = ""
    """The domain whose record goes on; "" where `all` ends this one."""


def records(texts: Iterable[str]) -> tuple[str, ...]:
    """The SPF records among the TXT of a domain: there must be one."""
    return tuple(text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 "))


def parse(text: str) -> Record:
    """Raises ValueError with what a receiver could not read."""
    terms, redirects = list[Term](), list[str]()
    for word in text.split()[1:]:
        if found := _MODIFIER.fullmatch(word):
            if found["name"].lower() == "redirect":
                redirects.append(found["value"])
            continue
        terms.append(_term(word))
    if len(redirects) > 1 or "" in redirects:
        raise ValueError("redirect= must stand there once, with a domain")
    names = [term.name for term in terms]
    if "all" in names:
        return Record(tuple(terms[: names.index("all") + 1]))
    return Record(tuple(terms), "".join(redirects))


def _term(word: str) -> Term:
    found = _MECHANISM.fullmatch(word)
    name = found["name"].lower() if found else ""
    if found is None or name not in _KNOWN:
        raise ValueError(f"{word!r} is nothing that SPF knows")
    value, v4, v6 = found["value"] or "", found["v4"], found["v6"]
    if name in _NEED_VALUE and not value:
        raise ValueError(f"{word!r} is not complete")
    if name in ("ip4", "ip6"):
        value, v4 = f"{value}/{v4}" if v4 else value, None
    term = Term(name, _RESULTS[found["sign"] or "+"], value, int(v4 or 32), int(v6 or 128))
    if term.v4 > 32 or term.v6 > 128 or (name in ("ip4", "ip6") and term.network.version != int(name[-1])):
        raise ValueError(f"{word!r} names no network of its kind")
    return term
