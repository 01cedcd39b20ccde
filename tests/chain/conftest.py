"""One mail chain for all tests of this folder, and an installation of ours that sends through it."""

import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import app, settings
from engine.clock import MovableClock
from engine.tables import db
from tests.chain import scores
from tests.chain.servers import Chain
from tests.cli.command import parcours
from tests.doctor.servers import Zone

FROM = "Parcours <parcours@example.org>"
_ZONE = f"""\
{scores.SENDER_HOST}. IN A {scores.SENDER_IP}
25.2.0.192.in-addr.arpa. IN PTR {scores.SENDER_HOST}.
example.org. IN MX 10 {scores.SENDER_HOST}.
example.org. IN TXT "v=spf1 ip4:{scores.SENDER_IP} -all"
_dmarc.example.org. IN TXT "v=DMARC1; p=reject"
"""


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where the servers live: unlike pytest's own, their users may enter it."""
    with tempfile.TemporaryDirectory(prefix="parcours-chain-") as found:
        Path(found).chmod(0o755)
        yield Path(found)


@pytest.fixture(scope="session")
def records(folder: Path) -> tuple[str, ...]:
    """An RSA key and one of Ed25519, made as operators make them; their lines for the DNS."""
    made = [
        parcours("dkim", "generate", f"{kind}-2027", str(folder / f"{kind}.pem"), *more, PARCOURS_FROM=FROM)
        for kind, more in (("rsa", ()), ("ed", ("--ed25519",)))
    ]
    return tuple(each.out for each in made)


@pytest.fixture(scope="session")
def chain(folder: Path, records: tuple[str, ...]) -> Iterator[Chain]:
    lines = [line.partition(". IN TXT ") for line in records]
    keys = {owner: "".join(re.findall(r'"([^"]*)"', strings)) for owner, _, strings in lines}
    with Chain(folder, keys).open() as found:
        yield found


@pytest.fixture(scope="session")
def rspamd(folder: Path, records: tuple[str, ...]) -> Iterator[scores.Rspamd]:
    (folder / "rspamd").mkdir()
    with Zone(_ZONE + "".join(records)) as zone, scores.rspamd(folder / "rspamd", zone.address) as found:
        yield found


@asynccontextmanager
async def installation(folder: Path, port: int, keys: Path) -> AsyncIterator[app.Site]:
    """Parcours with the bundled courses, an empty database, and this port as its relay."""
    found = settings.load(
        database_url=f"sqlite:///{folder}/parcours.db",
        base_url="https://parcours.example.org",
        smtp_url=f"smtp://127.0.0.1:{port}?starttls=never",
        dkim_keys=",".join(f"{kind}-2027:{keys}/{kind}.pem" for kind in ("rsa", "ed")),
        controller="Association Exemple, 12 rue des Tilleuls, 13001 Marseille",
        PARCOURS_FROM=FROM,
    )
    site = app.Site(found, db.Database(found.database_url), MovableClock())
    await app.prepare(site)
    yield site
    await site.pool.close()
    await site.db.close()
