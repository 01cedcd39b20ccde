"""What stands before every page: security headers, a limit on what may be sent to us, whose address it is."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 256 * 1024
"""Bytes. A long text in a posted form takes six for each accented letter, and a charter has several."""
UPLOAD_LIMIT = 26_000_000
"""Bytes, for the studio's files: a course has at most 20 MB."""

# Pages behind a signed link or the code of a certificate: whoever holds the address holds the page.
PRIVATE = (
    "/k/",
    "/l/",
    "/a/",
    "/m/",
    "/u/",
    "/d/",
    "/n/",
    "/w/",
    "/f/",
    "/v/",
    "/e/",
    "/j/",
    "/i/",
    "/studio",
)
FRAMED = "/embed/"

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; "
    "frame-src 'self'; base-uri 'none'"
)


def headers(path: str, method: str) -> dict[str, str]:
    """The headers that a page at `path` gets, where it does not set its own."""
    found = {
        "Content-Security-Policy": f"{_POLICY}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": "no-cache",
    }
    if path.startswith(FRAMED):
        found["Content-Security-Policy"] = f"{_POLICY}; frame-ancestors *"
    if path.startswith((*PRIVATE, "/api/")) or method not in ("GET", "HEAD"):
        found["Cache-Control"] = "no-store"
    if path.startswith(PRIVATE):
        found["X-Robots-Tag"] = "noindex, nofollow"
    return found


class Guard:
    """ASGI middleware: adds the headers, and refuses a body that is too long (413)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        extra = headers(scope["path"], scope["method"])

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in extra.items():
                    sent.setdefault(name, value)
            await send(message)

        await self.app(scope, _limited(scope, receive), send_guarded)


def _uploads(path: str) -> bool:
    """There nothing is read of the body before `studio.access` knows who is there."""
    return path.startswith("/studio/") and path.endswith("/upload")


def _limited(scope: Scope, receive: Receive) -> Receive:
    """`receive`, until the body passes the limit: announced, or counted as it comes."""
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    limit = UPLOAD_LIMIT if _uploads(scope["path"]) else BODY_LIMIT
    too_long = announced.isdigit() and int(announced) > limit
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if too_long or received > limit:
            raise HTTPException(413)
        return message

    return receive_limited


def client(request: Request, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """The network address of the person: what the nearest proxy that we do not trust (or the peer) says.

    X-Forwarded-For is read from its right end, and only while the hop that wrote it is a trusted proxy;
    "" when it is not known.
    """
    hops = [request.client.host if request.client else ""]
    hops += [hop.strip() for hop in reversed(",".join(request.headers.getlist("x-forwarded-for")).split(","))]
    found = _address(hops[0])
    for hop in hops[1:]:
        farther = _address(hop)
        if found is None or farther is None or not any(found in network for network in trusted):
            break
        found = farther
    return str(found) if found else ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
