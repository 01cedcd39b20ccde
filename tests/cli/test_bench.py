"""The benches count right; how fast it was is for the table they print."""

import json
import shutil
from pathlib import Path

import pytest

from engine.bench.peers import sending as peers
from engine.tables import db, schema
from tests.cli.command import parcours
from tests.conftest import fresh_postgres
from tests.people import ALICE, Town

_POSTFIX = pytest.mark.skipif(
    not shutil.which("smtp-sink", path="/usr/sbin:/usr/bin"), reason="NO smtp-sink (postfix)"
)


def test_answers_that_are_handed_in_over_http_are_all_found_again(database_url: str) -> None:
    options = ("--rate", "20", "--seconds", "1", "--burst", "5", "--json", "--database", database_url)
    ran = parcours("bench", "submissions", *options)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["sent"], found["burst"], found["recorded"], found["lost"]) == (20, 5, 25, 0)
    assert found["statuses"] == {"303": 25}


@_POSTFIX
def test_every_mail_of_the_bench_is_sent_once(database_url: str) -> None:
    options = ("--messages", "60", "--connections", "5", "--pairs", "2", "--json", "--database", database_url)
    ran = parcours("bench", "deliver", *options)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert [run["sent"] for run in found["runs"]] == found["received"] == [60, 60]
    assert (found["lost"], found["doubled"]) == (0, 0)
    assert found["message_bytes"] > 20_000
    assert not found["signed"]
    assert set(found["peers"]) == set(peers.installed())


@_POSTFIX
def test_the_bench_signs_where_it_is_asked_to(tmp_path: Path) -> None:
    options = ("--messages", "60", "--connections", "5", "--pairs", "1", "--json", "--dkim")
    ran = parcours("bench", "deliver", *options, "--database", f"sqlite:///{tmp_path}/bench.db")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["signed"]


def test_everybody_who_is_due_in_the_bench_is_planned_once(database_url: str) -> None:
    options = ("--enrolments", "3600", "--due", "300", "--runs", "2", "--growth", "2", "--json")
    ran = parcours("bench", "plan", *options, "--database", database_url)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert [run["planned"] for run in found["runs"]] == [300] * 6
    assert [run["enrolments"] for run in found["runs"]] == [3600] * 4 + [7200] * 2
    assert [run["conditions"] for run in found["runs"]] == [False, False, True, True, False, False]
    assert found["planned"] == 300
    assert min(found[name] for name in ("rows_per_s", "rows_per_s_with_conditions")) > 0
    assert found["growth_5m_over_1m"] > 0


def test_every_run_of_the_bench_needs_others_who_are_due(database_url: str) -> None:
    ran = parcours(
        "bench", "plan", "--enrolments", "100", "--due", "50", "--json", "--database", database_url
    )
    assert (ran.code, "Others are due in each run" in ran.err) == (1, True)


@pytest.fixture
async def in_use(database_url: str) -> str:
    """A database with Alice in it; its address."""
    found = db.Database(database_url)
    await schema.upgrade(found)
    town = Town(found)
    await town.publish()
    await town.enrol(ALICE)
    await found.close()
    return database_url


def test_it_keeps_its_hands_off_a_database_in_use(in_use: str) -> None:
    ran = parcours("bench", "submissions", "--database", in_use)
    assert (ran.code, "without learners" in ran.err) == (1, True)


@pytest.mark.skipif(not shutil.which("smtp-sink", path="/usr/sbin:/usr/bin"), reason="NO smtp-sink (postfix)")
def test_kills_at_marked_points_lose_nothing_and_double_what_was_on_the_wire(database_url: str) -> None:
    options = ("--messages", "300", "--kills", "10", "--connections", "4")
    ran = parcours("bench", "crash", *options, "--json", "--database", database_url)
    found = json.loads(ran.out)
    assert (found["lost"], found["out_of_order"], found["unknown"], found["unsettled"]) == (0, 0, 0, 0)
    assert found["max_doubled_per_kill"] <= 4
    assert found["kills"] == 10
    assert found["received"] == 300 + found["doubled"]
    assert ran.code == 0, ran.err


@pytest.mark.skipif(not shutil.which("smtp-sink", path="/usr/sbin:/usr/bin"), reason="NO smtp-sink (postfix)")
def test_workers_share_a_ledger_and_one_that_stood_still_doubles_no_more_than_it_had_in_hand(
    postgres: str,
) -> None:
    for url in fresh_postgres(postgres):
        options = ("--workers", "3", "--messages", "300", "--connections", "3", "--stopped", "35")
        ran = parcours("bench", "cluster", *options, "--json", "--database", url)
        found = json.loads(ran.out)
        assert (found["lost"], found["doubled_otherwise"]) == (0, 0)
        assert found["doubled"] <= 6
        assert ran.code == 0, ran.err


def test_a_peak_is_reckoned_for_ten_million() -> None:
    ran = parcours("bench", "simulate", "--learners", "10000000", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["total"]["mails"] == sum(lane["mails"] for lane in found["lanes"]) == 10_000_000
    assert found["total"]["last_mail_minute"] <= 60
    shown = parcours("bench", "simulate", "--machines", "1", "--ips", "1", "--share", "50")
    assert shown.code == 0, shown.err
    assert "Orange" in shown.out
    assert "500000" in shown.out


@_POSTFIX
def test_memory_is_told_of_workers_that_sent_every_mail(database_url: str) -> None:
    options = ("--small", "20", "--large", "60", "--idle", "1", "--json", "--database", database_url)
    ran = parcours("bench", "memory", *options)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["all_sent"]
    assert 30 < found["peak_rss_mb_100k"] < 300
    assert 30 < found["peak_rss_mb_1m"] < 300
    assert found["peak_rss_mb_1m"] < found["serve_rss_mb"] < 500
    assert found["idle_cpu_pct"] >= 0
    assert (found["idle_queries_per_s"] is None) == database_url.startswith("sqlite")


def test_mails_are_filled_and_compared() -> None:
    ran = parcours("bench", "render", "--messages", "50", "--rounds", "1", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["messages"] == 50
    assert found["message_bytes"] > 20_000
    assert min(found["messages_per_s"], found["us_per_message"], found["compile_ms"]) > 0
    assert found["ratio_to_plain"] > 1


@_POSTFIX
def test_who_signs_up_over_http_is_found_in_the_database(database_url: str) -> None:
    # More than one network address or one company may send.
    options = ("--signups", "130", "--browsers", "4", "--json", "--database", database_url)
    ran = parcours("bench", "signup", *options)
    found = json.loads(ran.out)
    assert (found["signups"], found["found"], found["statuses"]) == (130, 130, {"200": 130})
    assert ran.code == 0, ran.err
