"""What the web needs from the application, said from its side; `app.Site` is the one that fits."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Protocol

from starlette.requests import Request

from engine import clock
from engine.core import consent, links
from engine.core.retention import Terms
from engine.mail import dress


class To(StrEnum):
    """The purpose of a link: the first part of its path, signed with it."""

    CONFIRM = "k"
    ADDRESS = "n"
    LESSON = "l"
    ACTIVITY = "a"
    MY = "m"
    LEAVE = "u"
    DATA = "d"
    ENTRY = "w"
    DOCUMENTS = "f"
    TEAM = "e"
    JOIN = "j"
    INVITE = "i"


class Database(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """A session whose work is committed at the end, or undone when an error passes."""

    def reading(self) -> AbstractAsyncContextManager[Any]:
        """A session that changes nothing."""


class Settings(Protocol):
    @property
    def webhook_networks(self) -> Sequence[IPv4Network | IPv6Network]:
        """Private networks that webhooks may call."""

    @property
    def controller(self) -> str:
        """Name and postal address, lines separated by commas."""

    @property
    def trusted_proxies(self) -> Sequence[IPv4Network | IPv6Network]:
        """Networks whose X-Forwarded-For is believed."""

    @property
    def terms(self) -> Terms:
        """How long what is kept about people is kept."""


@dataclass(frozen=True)
class Mail:
    """One message in the demo's mailbox."""

    number: int
    received_at: datetime
    sender: str
    recipient: str
    subject: str
    html: str
    text: str
    source: str


class Demo(Protocol):
    def mails(self) -> Sequence[Mail]: ...

    async def advance(self) -> datetime:
        """Move the clock to the next due time and let everything happen that is due; the new now."""


class Site(Protocol):
    @property
    def db(self) -> Database: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def clock(self) -> clock.Clock: ...

    @property
    def links(self) -> links.Links: ...

    @property
    def fingerprint(self) -> consent.Fingerprint:
        """By which an address is known without being kept."""

    @property
    def dress(self) -> dress.Dress:
        """What all mails and pages of this installation say of sender and tutor."""

    def wake(self) -> None:
        """Tell planner and sender that there is work."""

    async def health(self) -> Mapping[str, object]: ...

    async def ready(self) -> bool: ...


def demo(request: Request) -> Demo | None:
    """What only `serve --demo` has."""
    found: Demo | None = getattr(request.app.state, "demo", None)
    return found


def of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def read(request: Request, purpose: To) -> tuple[str, ...]:
    """The parts of the link that led to this page; errors.BadLink."""
    return of(request).links.read(purpose, request.path_params["token"])


def path(request: Request, purpose: To, *parts: str | int) -> str:
    """The address, on this site, of the page that a link of `purpose` would lead to."""
    return f"/{purpose}/{of(request).links.token(purpose, *parts)}"
