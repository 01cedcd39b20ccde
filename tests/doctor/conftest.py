"""A healthy installation of example.org: its zone, its relay, its web and its settings, each to be broken."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from engine import settings
from engine.clock import SystemClock
from engine.doctor import examination
from engine.doctor.finding import Finding
from engine.doctor.resolver import Resolver
from engine.mail import dkim
from engine.tables import db
from tests import signatures, smtpd
from tests.doctor.servers import Web, Zone
from tests.smtpd import Smtpd

KEY = signatures.RSA
PEM = KEY.private.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
ZONE = {
    "spf": 'example.org. IN TXT "v=spf1 ip4:192.0.2.25 include:_spf.relay.test. ~all"',
    "included": '_spf.relay.test. IN TXT "v=spf1 mx a:out.relay.test -all"',
    "other": 'example.org. IN TXT "a-proof-of-ownership=7"',
    "mx_relay": "_spf.relay.test. IN MX 10 out.relay.test.",
    "out": "out.relay.test. IN A 198.51.100.7",
    "dkim": dkim.record(KEY, signatures.DOMAIN),
    "dmarc": '_dmarc.example.org. IN TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org"',
    "mx": "example.org. IN MX 10 mx.example.org.",
    "mx_host": "mx.example.org. IN A 192.0.2.25",
    "ptr": "25.2.0.192.in-addr.arpa. IN PTR mail.example.org.",
    "name": "mail.example.org. IN A 192.0.2.25",
}
"""Line by line, by what each is for. `include:` may end with a dot, as the DNS itself writes names."""


@dataclass
class Patient:
    """What a test makes worse before `look`."""

    folder: Path
    tls: tuple[ssl.SSLContext, ssl.SSLContext]
    relay: Smtpd
    zone: dict[str, str] = field(default_factory=lambda: dict(ZONE))
    senders: tuple[str, ...] = ("192.0.2.25",)
    received: bytes = b""
    send_to: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    silent: bool = False
    """The DNS server says nothing."""

    def values(self, web: Web) -> dict[str, object]:
        """The settings of a healthy installation, and those that the test gave."""
        return {
            "database_url": f"sqlite:///{self.folder}/none.db",
            "base_url": web.url,
            "smtp_url": f"smtp://alice:secret@localhost:{self.relay.port}?starttls=required",
            "PARCOURS_FROM": "Parcours <parcours@example.org>",
            "controller": "Association Parcours, 12 rue des Tilleuls, 13001 Marseille",
            "dkim_keys": f"{KEY.selector}:{self.folder}/key.pem",
            **self.settings,
        }

    def live_in(self, database: db.Database) -> None:
        """Have a database, with keys of its own."""
        address = database.url.render_as_string(hide_password=False)
        self.settings |= {"database_url": address, "secret_key": "one", "suppression_key": "two"}

    def web(self, **odd: object) -> Web:
        """The public address; `odd`: see `Web`."""
        return Web(self.tls[0], **odd)  # type: ignore[arg-type]  # as `Web` has them

    async def look(self, web: Web | None = None) -> dict[str, Finding]:
        """Everything that the doctor finds."""
        zone = Zone("\n".join(self.zone.values()), silent=self.silent)
        with zone, web or self.web() as at:
            return await self._look(zone, at)

    async def _look(self, zone: Zone, web: Web) -> dict[str, Finding]:
        found, wrong = settings.as_far_as_right(**self.values(web))
        case = examination.Case(
            settings=found,
            clock=SystemClock(),
            resolver=Resolver(zone.address, seconds=0.5 if self.silent else 5.0),
            tls=self.tls[1],
            wrong=wrong,
            senders=self.senders,
            received=self.received,
            send_to=self.send_to,
        )
        return {check.name: check.finding for check in await examination.run(case)}


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return smtpd.certificate(tmp_path_factory.mktemp("tls"), days=365)


@pytest.fixture
async def patient(tls: tuple[ssl.SSLContext, ssl.SSLContext], tmp_path: Path) -> AsyncIterator[Patient]:
    (tmp_path / "key.pem").write_bytes(PEM)
    async with Smtpd(tls=tls[0], auth=("alice", "secret")) as relay:
        yield Patient(tmp_path, tls, relay)
