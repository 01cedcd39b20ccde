"""A relay that refuses everything is left alone for a while."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core import breaker, delivery

NOW = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)
SENT = delivery.Sent("250 taken")
AWAY = delivery.Refused(421, "4.3.2 not now", False, "server")
FULL = delivery.Refused(452, "4.2.2 mailbox full", False, "recipient")
LOST = delivery.Unknown("the connection was lost")

outcomes = st.lists(st.sampled_from([SENT, AWAY, FULL, LOST]))


def lived(*past: delivery.Outcome) -> breaker.Breaker:
    found = breaker.Breaker()
    for outcome in past:
        found = breaker.after(found, outcome, now=NOW)
    return found


def test_ten_refusals_in_a_row_open_it_and_nine_do_not() -> None:
    assert not lived(*[AWAY] * 9).open
    found = lived(*[AWAY] * 10)
    assert (found.open, found.said) == (True, "421 4.3.2 not now")


@given(outcomes, st.sampled_from([SENT, FULL, LOST]))
def test_a_relay_that_takes_a_mail_or_refuses_one_person_is_well(
    past: list[delivery.Outcome], last: delivery.Outcome
) -> None:
    assert breaker.room(lived(*past, last), 20, now=NOW) == 20


def test_while_it_is_open_nothing_is_sent_and_then_one_at_a_time() -> None:
    found = lived(*[AWAY] * 10)
    assert breaker.room(found, 20, now=NOW + timedelta(seconds=59)) == 0
    assert breaker.room(found, 20, now=NOW + timedelta(seconds=60)) == 1
    again = breaker.after(found, AWAY, now=NOW + timedelta(seconds=60))
    assert breaker.room(again, 20, now=NOW + timedelta(seconds=61)) == 0
    assert breaker.room(breaker.after(again, SENT, now=NOW), 20, now=NOW) == 20
