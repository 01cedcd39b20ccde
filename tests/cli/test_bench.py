"""The benches count right; how fast it was is for the table they print."""

import json
import shutil

import pytest

from engine.tables import db, schema
from tests.cli.command import parcours
from tests.people import ALICE, Town


def test_answers_that_are_handed_in_over_http_are_all_found_again(database_url: str) -> None:
    options = ("--rate", "20", "--seconds", "1", "--burst", "5", "--json", "--database", database_url)
    ran = parcours("bench", "submissions", *options)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["sent"], found["burst"], found["recorded"], found["lost"]) == (20, 5, 25, 0)
    assert found["statuses"] == {"303": 25}


@pytest.mark.skipif(not shutil.which("smtp-sink", path="/usr/sbin:/usr/bin"), reason="NO smtp-sink (postfix)")
def test_every_mail_of_the_bench_is_sent_once(database_url: str) -> None:
    options = ("--messages", "60", "--connections", "5", "--pairs", "2", "--json", "--database", database_url)
    ran = parcours("bench", "deliver", *options)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert [run["sent"] for run in found["runs"]] == [60, 60]
    assert found["message_bytes"] > 20_000


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
