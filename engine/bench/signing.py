"""Are mails signed as they arrive? A few go to a mailbox of our own, which looks at each signature."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

_SIGNATURE = re.compile(rb"DKIM-Signature: [^\r]*(?:\r\n [^\r]*)*\r\n")
_WHEN = re.compile(rb"\bt=(\d+);")


@dataclass(frozen=True)
class Signing:
    """A new RSA key for one domain."""

    setting: str
    """As PARCOURS_DKIM_KEYS has it."""
    sign: Callable[[bytes, datetime], bytes]

    def right(self, mail: bytes) -> bool:
        """Whether a mail carries the signature that the key makes of it: RSA makes the same one twice."""
        found = _SIGNATURE.match(mail)
        when = _WHEN.search(found[0]) if found else None
        if not (found and when):
            return False
        return self.sign(mail[found.end() :], datetime.fromtimestamp(int(when[1]), UTC)) == found[0]


@contextmanager
def throw_away(domain: str) -> Iterator[Signing]:
    """A key that is gone afterwards."""
    from engine.mail import dkim  # here: OpenSSL is 8 MB that a worker need not have

    pem = dkim.generate("rsa")
    signer = dkim.Signer(domain, (dkim.read("bench", pem),))
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        Path(file.name).write_bytes(pem)
        yield Signing(f"bench:{file.name}", signer.sign)


class Mailbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # aiosmtpd's name
        self.mails.append(envelope.original_content or b"")
        return "250 OK"


@asynccontextmanager
async def mailbox() -> AsyncIterator[tuple[Mailbox, str]]:
    """An empty mailbox and its HOST:PORT."""
    kept, loop = Mailbox(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(kept, hostname="localhost", loop=loop), "127.0.0.1", 0)
    async with server:
        yield kept, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
