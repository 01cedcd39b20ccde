"""Providers, what they get at once, and what they say when it is too much."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import delivery, lanes

NOW = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "lane"),
    [
        ("alice@orange.fr", "orange"),
        ("bob@Wanadoo.FR", "orange"),
        ("charlie@gmail.com", "google"),
        ("alice@atelier.example", "others"),
        ("alice@orange.fr.example", "others"),
        ("", "others"),
    ],
)
def test_the_lane_of_an_address(address: str, lane: str) -> None:
    assert lanes.of(address) == lane


def test_what_an_operator_writes() -> None:
    assert lanes.read(" orange=5@300, sfr = 2 ,") == {"orange": lanes.Limit(5, 300), "sfr": lanes.Limit(2)}
    assert lanes.read("") == {}


@pytest.mark.parametrize("wrong", ["orange", "orange=0", "orange=-1", "orange=5@0", "gmx=2", "orange=5@x"])
def test_what_cannot_be_read_says_how_to_write_it(wrong: str) -> None:
    with pytest.raises(ValueError, match="lanes are orange"):
        lanes.read(wrong)


@pytest.mark.parametrize(
    ("code", "text", "permanent", "much"),
    [
        (421, "too many connections", False, True),
        (451, "4.7.1 greylisted", False, True),
        (452, "4.2.2 mailbox full", False, False),
        (550, "5.7.1 no", True, False),
    ],
)
def test_what_means_too_much(code: int, text: str, permanent: bool, much: bool) -> None:
    assert lanes.too_much(delivery.Refused(code, text, permanent, "recipient")) is much
    assert not lanes.too_much(delivery.Sent("421 is not said here"))


@given(st.lists(st.integers(0, 3600)), st.integers(1, 200))
def test_a_lane_keeps_one_connection_at_least_and_has_all_after_a_quiet_while(
    seconds: list[int], connections: int
) -> None:
    throttle, at = lanes.Throttle(), NOW
    for lapse in seconds:
        at += timedelta(seconds=lapse)
        throttle = lanes.slower(throttle, now=at)
        assert 1 <= lanes.share(throttle, connections, now=at) <= max(1, connections // 2)
    assert lanes.share(throttle, connections, now=at + lanes.FOR_A_WHILE) == connections


def test_one_sign_halves_once_however_many_mails_hear_it() -> None:
    throttle = lanes.Throttle()
    for _ in range(20):
        throttle = lanes.slower(throttle, now=NOW)
    assert lanes.share(throttle, 20, now=NOW) == 10
    throttle = lanes.slower(throttle, now=NOW + timedelta(seconds=40))
    assert lanes.share(throttle, 20, now=NOW + timedelta(seconds=41)) == 5
