"""Where mail is handed over: the address of an SMTP server, as a setting spells it."""

import contextlib
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from engine.core import errors

Tls = Literal["implicit", "required", "opportunistic", "never"]


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over. `implicit` is TLS from the first byte (smtps, RFC 8314)."""

    host: str
    port: int
    tls: Tls = "opportunistic"
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse(url: str) -> Server:
    """Read `smtp://user:password@host:587?starttls=required|opportunistic|never` or `smtps://…`.

    Without `starttls`, and where it is `opportunistic`, a password makes TLS required: it never travels in
    clear unless `never` says so. Raises `errors.Invalid`, whose text does not hold the password.
    """
    try:
        return _parse(url.strip())
    except ValueError as error:
        raise errors.Invalid(
            {"PARCOURS_SMTP_URL": f"This is no address of an SMTP server: {error}"}
        ) from None


def _parse(url: str) -> Server:
    if re.search(r"[\x00-\x20\x7f]", url):
        raise ValueError("it holds a space or a control character; write %20 and the like.")
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError("it must begin with smtp:// or smtps://.")
    if parts.path not in ("", "/") or parts.fragment or not parts.hostname:
        raise ValueError("after smtp:// come user:password@host:port; in a password write / ? # @ % as %2F …")
    user, password = _credentials(parts)
    port = _port(parts)
    tls = _tls(parts, port, bool(user))
    return Server(
        parts.hostname, port or {"implicit": 465, "required": 587}.get(tls, 25), tls, user, password
    )


def _credentials(parts: SplitResult) -> tuple[str, str]:
    user, password = (unquote(part or "", errors="strict") for part in (parts.username, parts.password))
    if bool(user) != bool(password):
        raise ValueError("a user and a password go together, as in smtp://user:password@host.")
    if "\0" in user + password:
        raise ValueError("a user or a password cannot hold a NUL.")
    return user, password


def _tls(parts: SplitResult, port: int | None, has_password: bool) -> Tls:
    options = parse_qsl(parts.query, keep_blank_values=True)
    if [name for name, _ in options] not in ([], ["starttls"]):
        raise ValueError("the only option is starttls=required, opportunistic or never, once.")
    if parts.scheme == "smtps":
        if options:
            raise ValueError("smtps:// is TLS from the start; starttls goes with smtp://.")
        return "implicit"
    match options[0][1] if options else "opportunistic":
        case "required":
            return "required"
        case "never":
            return "never"
        case "opportunistic":
            return "required" if has_password or (not options and port == 587) else "opportunistic"
    raise ValueError("starttls is required, opportunistic or never.")


def _port(parts: SplitResult) -> int | None:
    with contextlib.suppress(ValueError):
        if parts.port != 0:
            return parts.port
    raise ValueError("the port is a number from 1 to 65535.")
