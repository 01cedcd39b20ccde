"""Counting: causes, days, cohorts."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import numbers
from engine.core.numbers import Cause


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("550 5.1.1 user unknown", Cause.ADDRESS),
        ("550 5.2.1 mailbox disabled", Cause.ADDRESS),
        ("550 no such user", Cause.ADDRESS),
        ("452 4.2.2 mailbox full", Cause.MAILBOX),
        ("expired: 452 4.2.2 mailbox full", Cause.MAILBOX),
        ("552-5.2.2 over quota", Cause.MAILBOX),
        ("554 5.7.1 looks like spam", Cause.POLICY),
        ("421 4.3.2 shutting down", Cause.SERVER),
        ("450 greylisted", Cause.SERVER),
        ("expired", Cause.EXPIRED),
        ("expired: the connection was lost", Cause.EXPIRED),
        ("in doubt: timed out", Cause.DOUBT),
        ("left", Cause.LEFT),
        ("overtaken", Cause.OVERTAKEN),
        ("erased", Cause.ERASED),
        ("Cette activité n'existe plus", Cause.OTHER),
        ("0 connection refused", Cause.OTHER),
    ],
)
def test_a_reason_of_the_ledger_has_a_cause(reason: str, cause: Cause) -> None:
    assert numbers.cause(reason) == cause
    assert numbers.cause(reason[:60]) == cause


@given(st.text())
def test_any_reason_has_a_cause(reason: str) -> None:
    assert numbers.cause(reason) in Cause


def test_days_are_those_of_the_house() -> None:
    assert numbers.today(datetime(2027, 3, 27, 23, 30, tzinfo=UTC)) == date(2027, 3, 28)
    spring = date(2027, 3, 28)  # clocks change: a day of 23 hours
    assert numbers.midnight(spring + timedelta(days=1)) - numbers.midnight(spring) == timedelta(hours=23)


def test_a_cohort_that_begins_at_midnight_belongs_to_its_month() -> None:
    now = datetime(2027, 3, 22, 9, tzinfo=UTC)
    cohorts = dict(numbers.cohorts(now))
    assert cohorts["2027-04"] == datetime(2027, 3, 31, 22, tzinfo=UTC)  # summer time began in March
    assert list(cohorts)[:2] == ["2028-03", "2028-02"]
    assert list(cohorts.values()) == sorted(cohorts.values(), reverse=True)


@pytest.mark.parametrize(
    ("now", "owed"),
    [
        ("2027-03-22 06:59", None),  # Monday, 7:59 in Paris
        ("2027-03-22 07:00", date(2027, 3, 22)),
        ("2027-03-24 06:59", date(2027, 3, 22)),
        ("2027-03-24 07:00", None),
        ("2027-03-29 06:00", date(2027, 3, 29)),  # summer time
        ("2027-03-28 23:00", None),
    ],
)
def test_the_summary_is_owed_on_monday_at_eight(now: str, owed: date | None) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = numbers.summary(moment)
    assert (found[0] if found else None) == owed
