"""What the relay offers, and what it takes."""

import pytest

from engine.doctor.finding import Verdict
from tests import smtpd
from tests.doctor.conftest import Patient
from tests.smtpd import DROP, Smtpd


async def test_the_certificate_and_the_password_are_looked_at(patient: Patient) -> None:
    found = await patient.look()
    assert "TLS, certificate valid until" in found["relay_tls"].found
    assert "takes user and password" in found["relay_auth"].found
    assert patient.relay.received == []


async def test_a_wrong_password_is_told_and_not_shown(patient: Patient) -> None:
    patient.settings["smtp_url"] = f"smtp://alice:wr0ng@localhost:{patient.relay.port}"
    found = await patient.look()
    assert (found["relay_tls"].verdict, found["relay_auth"].verdict) == (Verdict.OK, Verdict.ERROR)
    assert "535" in found["relay_auth"].found
    assert "wr0ng" not in str(found)


async def test_a_certificate_for_another_name_is_found(patient: Patient) -> None:
    patient.settings["smtp_url"] = f"smtp://alice:secret@127.0.0.2:{patient.relay.port}"
    async with Smtpd(tls=patient.tls[0], host="127.0.0.2") as other:
        patient.settings["smtp_url"] = f"smtp://alice:secret@127.0.0.2:{other.port}"
        found = await patient.look()
        assert found["relay_tls"].verdict == Verdict.ERROR
        assert "certificate does not hold" in found["relay_tls"].found
        patient.settings["smtp_url"] = f"smtp://127.0.0.2:{other.port}?starttls=opportunistic"
        assert (await patient.look())["relay_tls"].verdict == Verdict.WARNING  # mails go there all the same


async def test_a_certificate_that_ends_soon_is_a_warning(
    patient: Patient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ours, theirs = smtpd.certificate(tmp_path_factory.mktemp("tls"), days=3)
    patient.tls = (ours, theirs)
    async with Smtpd(tls=ours, implicit=True) as relay:
        patient.settings["smtp_url"] = f"smtps://localhost:{relay.port}"
        found = await patient.look()
    for name in ("relay_tls", "one_click_https"):
        assert found[name].verdict == Verdict.WARNING
        assert "2 days left" in found[name].found


async def test_without_tls(patient: Patient) -> None:
    async with Smtpd(host="127.0.0.2") as relay:
        for url, verdict in (
            (f"smtp://127.0.0.2:{relay.port}?starttls=required", Verdict.ERROR),
            (f"smtp://127.0.0.2:{relay.port}?starttls=never", Verdict.WARNING),
            (f"smtp://a:b@127.0.0.2:{relay.port}?starttls=never", Verdict.ERROR),
        ):
            patient.settings["smtp_url"] = url
            found = await patient.look()
            assert found["relay_tls"].verdict == verdict, url
            assert (found["relay_auth"].verdict == Verdict.ERROR) == ("a:b" in url)


async def test_a_relay_that_is_away_or_hangs_up_is_found(patient: Patient) -> None:
    patient.relay.misbehave("connect", DROP)
    found = await patient.look()
    assert (found["relay_tls"].verdict, found["relay_auth"].verdict) == (Verdict.ERROR, Verdict.NOT_CHECKED)
    patient.settings["smtp_url"] = "smtp://localhost:1"
    assert (await patient.look())["relay_tls"].verdict == Verdict.ERROR
