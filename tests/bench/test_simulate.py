"""The model of a peak: nothing is lost in it, more capacity never harms, simple cases are as on paper."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bench import simulate
from engine.bench.simulate import GOAL_S, LATE_S, PLANNED_PER_S, PROVIDERS, SENT_PER_S, Peak, Provider
from engine.core import calendar

LEARNERS = st.integers(0, 200_000)
MACHINES, IPS = st.integers(1, 4), st.integers(1, 12)
TEN_A_SECOND = [Provider("ten", 100, 5)]
ROUNDING_S = 2
"""Whole mails are dealt out: one may come to a provider a second later than its fraction would."""


def test_the_slot_is_spread_as_in_production() -> None:
    minutes = {calendar.spread(f"{number}") for number in range(500)}
    assert minutes == {timedelta(minutes=minute) for minute in range(simulate.SPREAD_MINUTES)}


def test_every_learner_is_at_one_provider() -> None:
    assert sum(each.share for each in PROVIDERS) == 100


@settings(deadline=None)
@given(learners=LEARNERS, machines=MACHINES, ips=IPS)
def test_nothing_is_lost_and_no_limit_passed(learners: int, machines: int, ips: int) -> None:
    peak = Peak(learners, machines=machines, ips=ips, providers=PROVIDERS)
    assert sum(queue.mails for queue in peak.queues) == learners
    while not peak.over:
        before = [(queue.planned, queue.sent) for queue in peak.queues]
        peak.step()
        for queue, (_, sent) in zip(peak.queues, before, strict=True):
            assert sent <= queue.sent <= queue.planned <= queue.due <= queue.mails
            assert queue.sent - sent <= queue.rate
        planned, sent = (sum(column) for column in zip(*before, strict=True))
        assert sum(queue.planned for queue in peak.queues) - planned <= machines * PLANNED_PER_S
        assert peak.all.sent - sent <= machines * SENT_PER_S
        assert peak.all.sent == sum(queue.sent for queue in peak.queues)
        assert peak.all.waiting == sum(queue.waiting for queue in peak.queues)
        assert peak.second < 86_400
    assert all(queue.sent == queue.mails for queue in peak.queues)


@settings(deadline=None)
@given(learners=LEARNERS, machines=MACHINES, ips=IPS, more=st.integers(1, 3), faster=st.booleans())
def test_more_capacity_never_harms(learners: int, machines: int, ips: int, more: int, faster: bool) -> None:
    less = simulate.run(learners=learners, machines=machines, ips=ips)
    better = simulate.run(learners=learners, machines=machines + more * faster, ips=ips + more * (not faster))
    assert better.total.last_mail_minute <= less.total.last_mail_minute + ROUNDING_S / 60
    assert better.total.peak_queue <= less.total.peak_queue
    assert better.total.late <= less.total.late


def test_one_provider_that_is_the_only_limit_comes_out_as_on_paper() -> None:
    found = simulate.run(learners=90_000, machines=1, ips=1, providers=TEN_A_SECOND)
    (lane,) = found.lanes
    assert lane.last_mail_minute == 90_000 / 10 / 60
    assert lane.peak_minute == 9
    assert lane.peak_queue == 90_000 - 9 * 60 * 10
    # Those of the tenth minute have two hours from their own minute: 9 × 60 + 7200 seconds.
    assert lane.late == 90_000 - (9 * 60 + LATE_S) * 10
    assert found.planned_minute == round((9 * 60 + 90_000 / 10 / PLANNED_PER_S) / 60, 1)


def test_without_a_limit_the_last_leave_in_their_own_minute() -> None:
    found = simulate.run(learners=1_000, machines=1, ips=1, providers=[Provider("wide", 100, 1_000)])
    assert found.total.last_mail_minute == 9.0
    assert (found.total.peak_queue, found.total.peak_minute, found.total.late) == (100, 0, 0)


def test_a_slow_machine_holds_all_up() -> None:
    wide = [Provider("wide", 60, 10**6), Provider("wide too", 40, 10**6)]
    found = simulate.run(learners=12_000_000, machines=1, ips=1, providers=wide)
    assert found.planned_minute == 12_000_000 / PLANNED_PER_S / 60
    assert found.total.last_mail_minute == round(12_000_000 / SENT_PER_S / 60, 1)
    # Both get half of what is sent, until the smaller one is through.
    assert found.lanes[0].last_mail_minute == found.total.last_mail_minute
    assert found.lanes[1].last_mail_minute == round(4_800_000 / (SENT_PER_S / 2) / 60, 1)


def test_what_is_sent_is_dealt_out_evenly_and_nobody_gets_more_than_it_takes() -> None:
    assert simulate.evenly([100, 1, 50], 61) == [30, 1, 30]
    assert simulate.evenly([10, 1, 5], 61) == [10, 1, 5]


@pytest.mark.parametrize("learners", [0, 1, 10_000, 1_000_000, 10_000_000])
def test_it_finds_what_is_needed_and_no_more(learners: int) -> None:
    found = simulate.run(learners=learners)
    assert found.total.last_mail_minute * 60 <= GOAL_S
    assert found.total.late == 0
    for machines, ips in ((found.machines - 1, found.ips), (found.machines, found.ips - 1)):
        if machines and ips:
            less = simulate.run(learners=learners, machines=machines, ips=ips)
            assert less.total.last_mail_minute * 60 > GOAL_S


def test_only_those_of_the_slot_come() -> None:
    found = simulate.run(learners=10_000, share=25)
    assert (found.learners, found.at_the_slot, found.total.mails) == (10_000, 2_500, 2_500)
    assert sum(lane.mails for lane in found.lanes) == 2_500
