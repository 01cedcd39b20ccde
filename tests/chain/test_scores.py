"""Spam filters have nothing against our mails: each, as it arrives, stays within one point."""

from collections.abc import AsyncIterator, Mapping
from email import message_from_bytes
from pathlib import Path

import pytest
import pytest_asyncio

from engine import app
from engine.core import delivery
from tests.chain import letters, scores
from tests.chain.conftest import installation
from tests.chain.servers import Chain

MOST = 1.0
# Not of our making, and why. What filters give us credit for is never set off against the rest.
PLACE = {
    "RCVD_ILLEGAL_IP": "the sender's address is one of those kept for examples (RFC 5737)",
    "RCVD_NO_TLS_LAST": "the relay is on this machine, and Parcours spoke to it without TLS",
}

KNOWN_SENDER = {"R_SPF_ALLOW", "R_DKIM_ALLOW", "DMARC_POLICY_ALLOW"}
BARE = b"Return-Path: <alice@example.org>\nFrom: alice@example.org\n\nBuy now.\n"  # they do object to some


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def arrived(
    chain: Chain, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, bytes]]:
    """Every mail as it lies in the mailbox, signed and handed over as the sender does."""
    async with installation(tmp_path_factory.mktemp("scores"), chain.port, folder) as site:
        sign = app.signer(site.settings)
        assert sign
        mails = list(letters.everything())
        for mail in mails:
            data = sign(mail.data, site.clock.now()) + mail.data
            outcome = await site.pool.send(mail.sender, "scores@example.net", data)
            assert isinstance(outcome, delivery.Sent), mail.name
    chain.settle()
    found = {str(message_from_bytes(mail)["Message-ID"]): mail for mail in chain.raw("scores")}
    assert len(found) == len(chain.raw("scores")) == len(mails)
    yield found


def ours(points: scores.Points) -> float:
    return sum(each for name, each in points.items() if each > 0 and name not in PLACE)


def told(said: Mapping[str, scores.Points]) -> dict[str, scores.Points]:
    """The mails that some filter has too much against."""
    return {name: points for name, points in said.items() if ours(points) > MOST}


def test_spamassassin(arrived: Mapping[str, bytes], tmp_path: Path) -> None:
    found = scores.spamassassin(list(arrived.values()), tmp_path)
    assert told(dict(zip(arrived, found, strict=True))) == {}
    (bare,) = scores.spamassassin([BARE], tmp_path)
    assert ours(bare) > MOST


def test_rspamd(arrived: Mapping[str, bytes], rspamd: scores.Rspamd) -> None:
    found = {name: rspamd.score(mail) for name, mail in arrived.items()}
    assert told(found) == {}
    assert all(points.keys() >= KNOWN_SENDER for points in found.values())
    assert ours(rspamd.score(BARE)) > MOST
