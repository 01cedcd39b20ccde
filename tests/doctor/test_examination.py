"""A healthy installation has no fault, and each planted fault is found, by its own check."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from engine.clock import SystemClock
from engine.doctor.finding import GROUPS, Finding, Verdict
from engine.flows import leases
from engine.mail import dkim
from engine.tables import Delivery, db
from engine.workers import counter
from tests.doctor.conftest import ZONE, Patient
from tests.doctor.servers import Web
from tests.people import ALICE, Town


async def at_work(database: db.Database, patient: Patient, *, ago: timedelta = timedelta()) -> Town:
    """A service that was at work so long ago, and owes Alice a mail."""
    town = Town(database)
    town.clock.moment = datetime.now(UTC) - ago
    await town.publish()
    await town.sign_up(ALICE)
    await counter.Counter(database, town.clock).count()
    patient.live_in(database)
    return town


def wrong(found: Mapping[str, Finding]) -> set[str]:
    """The checks that say error; `patient` has no database unless a test gives one."""
    return {name for name, each in found.items() if each.verdict == Verdict.ERROR} - {"database"}


async def test_a_healthy_installation_has_no_fault(patient: Patient, database: db.Database) -> None:
    await at_work(database, patient)
    found = await patient.look()
    assert {*found} == {name for names in GROUPS.values() for name in names} - {"specimen"}
    odd = {name: each for name, each in found.items() if each.verdict != Verdict.OK}
    assert {*odd} == {"authentication"}, odd  # no mail was given
    assert [each for name, each in found.items() if each.cure and name not in odd] == []


Plant = Callable[[dict[str, str]], object]
ELEVEN = """\
example.org. IN TXT "v=spf1 ip4:192.0.2.25 include:a.test include:a.test. ~all"
a.test. IN TXT "v=spf1 redirect=b.test"
b.test. IN TXT "v=spf1 a:out.relay.test mx:_spf.relay.test exists:out.relay.test ip6:2001:db8::/32 -all"
"""
"""Five for each of the two: the include itself, redirect, a, mx and exists; and what each test adds."""
ANOTHER = dkim.record(dkim.read("rsa-2027", dkim.generate("rsa")), "example.org")
NOT_IN_IT = 'example.org. IN TXT "v=spf1 include:_spf.relay.test -all"'
FAULTS: dict[str, tuple[str, Plant, str]] = {
    "more than ten look-ups": (
        "spf_lookups",
        lambda zone: zone.update(spf=ELEVEN.replace("~all", "a:out.relay.test ~all")),
        "11 DNS look-ups",
    ),
    "three that find nothing": (
        "spf_lookups",
        lambda zone: zone.update(spf=ZONE["spf"].replace("~all", "a:x.test mx:y.test exists:z.test ~all")),
        "3 of which find nothing",
    ),
    "no SPF": ("spf", lambda zone: zone.pop("spf"), "no SPF record"),
    "two SPF": ("spf", lambda zone: zone.update(other='example.org. IN TXT "v=spf1 -all"'), "2 SPF records"),
    "SPF for everybody": (
        "spf",
        lambda zone: zone.update(spf='example.org. IN TXT "v=spf1 +all"'),
        "everybody",
    ),
    "the sender is not in SPF": ("spf", lambda zone: zone.update(spf=NOT_IN_IT), "192.0.2.25 gets fail"),
    "an include without a record": ("spf", lambda zone: zone.pop("included"), "has no SPF record"),
    "an include of itself": (
        "spf",
        lambda zone: zone.update(included='_spf.relay.test. IN TXT "v=spf1 include:example.org -all"'),
        "includes itself",
    ),
    "DKIM key mismatch": ("dkim_key", lambda zone: zone.update(dkim=ANOTHER), "another key"),
    "no DKIM key": ("dkim_key", lambda zone: zone.pop("dkim"), "no record"),
    "a key that was revoked": (
        "dkim_key",
        lambda zone: zone.update(dkim='rsa-2027._domainkey.example.org. IN TXT "v=DKIM1; p="'),
        "revoked",
    ),
    "SPF for everybody, said at the end": (
        "spf",
        lambda zone: zone.update(spf='example.org. IN TXT "v=spf1 mx all exp=why.test"'),
        "everybody",
    ),
    "no DMARC": ("dmarc", lambda zone: zone.pop("dmarc"), "no DMARC record"),
    "two DMARC": (
        "dmarc",
        lambda zone: zone.update(other='_dmarc.example.org. IN TXT "v=DMARC1; p=none"'),
        "2 DMARC records",
    ),
    "no PTR": ("ptr", lambda zone: zone.pop("ptr"), "no PTR"),
    "a PTR that does not lead back": ("ptr", lambda zone: zone.pop("name"), "does not lead back"),
    "null MX": ("return_mx", lambda zone: zone.update(mx="example.org. IN MX 0 ."), "null MX"),
    "no MX": ("return_mx", lambda zone: zone.pop("mx"), "no MX and no address"),
    "an MX without an address": ("return_mx", lambda zone: zone.pop("mx_host"), "has no address"),
}


@pytest.mark.parametrize(("name", "plant", "told"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_fault_in_the_dns_is_found(patient: Patient, name: str, plant: Plant, told: str) -> None:
    plant(patient.zone)
    found = await patient.look()
    assert told in found[name].found, found[name]
    assert found[name].cure
    assert wrong(found) == {name}


async def test_what_costs_ten_is_no_fault(patient: Patient) -> None:
    patient.zone["spf"] = ELEVEN
    found = await patient.look()
    assert "10 DNS look-ups" in found["spf_lookups"].found
    assert wrong(found) == set()


WARNINGS: dict[str, tuple[str, Plant, str]] = {
    "a key under test": (
        "dkim_key",
        lambda zone: zone.update(dkim=zone["dkim"].replace('")', '; t=y")')),
        "t=y",
    ),
    "nobody hears of failures": (
        "dmarc",
        lambda zone: zone.update(dmarc='_dmarc.example.org. IN TXT "v=DMARC1; p=none"'),
        "without rua=",
    ),
    "reports to who did not agree": (
        "dmarc",
        lambda zone: zone.update(dmarc='_dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:a@x.test"'),
        "has not agreed",
    ),
    "SPF without an end": (
        "spf",
        lambda zone: zone.update(spf='example.org. IN TXT "v=spf1 ip4:192.0.2.25"'),
        "nothing of strangers",
    ),
}


@pytest.mark.parametrize(("name", "plant", "told"), WARNINGS.values(), ids=WARNINGS.keys())
async def test_what_will_hurt_is_a_warning(patient: Patient, name: str, plant: Plant, told: str) -> None:
    plant(patient.zone)
    found = await patient.look()
    assert found[name].verdict == Verdict.WARNING, found[name]
    assert told in found[name].found
    assert wrong(found) == set()


async def test_spf_that_depends_on_the_mail_is_no_verdict(patient: Patient) -> None:
    patient.zone["spf"] = 'example.org. IN TXT "v=spf1 exists:%{i}._spf.relay.test -all exp=why.test"'
    found = await patient.look()
    assert found["spf"].verdict == Verdict.NOT_CHECKED
    assert "depends on the mail" in found["spf"].found


async def test_a_policy_of_the_organisation_holds_below_it(patient: Patient) -> None:
    patient.settings["PARCOURS_FROM"] = "Parcours <parcours@cours.example.org>"
    patient.zone["dmarc"] = (
        '_dmarc.example.org. IN TXT "v=DMARC1; p=reject; sp=none; rua=mailto:d@example.org"'
    )
    assert "p=none" in (await patient.look())["dmarc"].found


async def test_a_dns_that_says_nothing_is_no_verdict(patient: Patient) -> None:
    patient.silent = True
    found = await patient.look()
    for name in ("spf", "spf_lookups", "dkim_key", "dmarc", "ptr", "return_mx"):
        assert found[name].verdict == Verdict.NOT_CHECKED, name
        assert "no answer" in found[name].found


async def test_one_click_over_plain_http_is_found(patient: Patient) -> None:
    found = await patient.look(Web())
    assert wrong(found) == {"one_click_https"}


async def test_one_click_behind_a_redirect_is_found(patient: Patient) -> None:
    web = patient.web(status=301, location="https://www.example.org/u/apercu")
    found = await patient.look(web)
    assert wrong(found) == {"one_click_redirect"}
    assert "www.example.org" in found["one_click_redirect"].found
    assert [path for path, _ in web.posted] == ["/u/apercu"]  # asked once, not followed


@pytest.mark.parametrize("odd", [{"status": 405}, {"status": 502}, {"body": b"<h1>Welcome to nginx</h1>"}])
async def test_one_click_that_does_not_come_to_parcours_is_found(
    patient: Patient, odd: dict[str, object]
) -> None:
    assert wrong(await patient.look(patient.web(**odd))) == {"one_click_redirect"}


async def test_a_certificate_of_the_web_that_nobody_trusts_is_found(patient: Patient) -> None:
    web = patient.web()
    web.url = web.url.replace("localhost", "127.0.0.2")  # not in the certificate
    found = await patient.look(web)
    assert wrong(found) == {"one_click_https"}
    assert found["one_click_redirect"].verdict == Verdict.NOT_CHECKED


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        (timedelta(minutes=-6), Verdict.ERROR),
        (timedelta(minutes=2), Verdict.WARNING),
        (timedelta(seconds=5), Verdict.OK),
    ],
)
async def test_a_clock_that_is_wrong_is_found(patient: Patient, ahead: timedelta, verdict: Verdict) -> None:
    assert (await patient.look(patient.web(ahead=ahead)))["clock"].verdict == verdict


async def test_rows_of_a_worker_that_is_gone_are_found(patient: Patient, database: db.Database) -> None:
    await at_work(database, patient)
    async with database.transaction() as session:
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        assert await leases.lease(session, worker="gone", limit=10, now=datetime.now(UTC))
        await session.execute(update(Delivery).values(lease_until=hour_ago))
    found = await patient.look()
    assert wrong(found) == {"stuck_rows"}
    assert "1 mails are in the hands of a worker that is gone" in found["stuck_rows"].found


async def test_a_check_that_fails_keeps_no_other_from_being_told(
    patient: Patient, database: db.Database
) -> None:
    await at_work(database, patient)
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE delivery RENAME TO lost"))
    found = await patient.look()
    for name in ("queue_age", "stuck_rows"):
        assert found[name].verdict == Verdict.NOT_CHECKED
        assert "delivery" in found[name].found
        assert "SELECT" not in found[name].found
    assert found["today"].verdict == found["worker"].verdict == Verdict.OK


async def test_mails_that_are_held_are_told_without_addresses(
    patient: Patient, database: db.Database
) -> None:
    await at_work(database, patient)
    async with database.transaction() as session:
        await session.execute(update(Delivery).values(state="held", reason="no way to alice@example.org"))
    found = await patient.look()
    assert found["stuck_rows"].verdict == Verdict.WARNING
    assert "no way to … (1)" in found["stuck_rows"].found


@pytest.mark.parametrize(
    ("waits", "verdict"),
    [(timedelta(minutes=20), Verdict.WARNING), (timedelta(hours=3), Verdict.ERROR)],
)
async def test_a_queue_that_stands_still_is_found(
    patient: Patient, database: db.Database, waits: timedelta, verdict: Verdict
) -> None:
    await at_work(database, patient)
    since = datetime.now(UTC) - waits
    async with database.transaction() as session:
        await session.execute(update(Delivery).values(due_at=since, try_at=since))
    assert (await patient.look())["queue_age"].verdict == verdict


async def test_today_tells_what_was_expected_and_what_left(patient: Patient, database: db.Database) -> None:
    town = await at_work(database, patient)
    assert "Of 1 mails expected today 0 were sent" in (await patient.look())["today"].found
    await town.send()
    await counter.Counter(database, SystemClock()).count()
    assert "Of 1 mails expected today 1 were sent" in (await patient.look())["today"].found


async def test_a_service_that_is_asleep_is_found(patient: Patient, database: db.Database) -> None:
    await at_work(database, patient, ago=timedelta(minutes=10))
    assert wrong(await patient.look()) == {"worker"}
