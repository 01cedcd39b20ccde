"""A delivery's states, its identity, and retrying as a value."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import delivery, errors
from engine.core.delivery import Kind, State

DUE = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)
EVENTS = sorted({event for _, event in delivery.TRANSITIONS})


def follow(*events: str) -> State:
    state = State.PLANNED
    for event in events:
        state = delivery.advance(state, event)
    return state


def test_the_straight_road_and_its_detours() -> None:
    assert follow("claim", "begin", "accept") is State.SENT
    assert follow("claim", "begin", "defer", "claim", "begin", "accept") is State.SENT
    assert follow("claim", "begin", "lose", "claim", "begin", "accept") is State.SENT
    assert follow("claim", "begin", "lose", "hold", "free") is State.PLANNED
    assert follow("claim", "begin", "refuse") is State.FAILED
    assert follow("claim", "begin", "defer", "expire") is State.FAILED


def test_a_mail_that_may_have_left_is_not_cancelled_and_never_planned_twice() -> None:
    with pytest.raises(errors.NotAllowed, match="sending cannot cancel"):
        delivery.advance(State.SENDING, "cancel")
    with pytest.raises(errors.NotAllowed):
        delivery.advance(State.SENDING, "claim")


@pytest.mark.parametrize("state", sorted(delivery.FINAL))
@pytest.mark.parametrize("event", EVENTS)
def test_nothing_follows_a_final_state(state: State, event: str) -> None:
    if (state, event) == (State.SENT, "return"):
        assert delivery.advance(state, event) is State.FAILED
        return
    with pytest.raises(errors.NotAllowed):
        delivery.advance(state, event)


def test_every_open_state_leads_to_an_end() -> None:
    for start in delivery.OPEN:
        reached = {start}
        for _ in State:
            reached |= {after for (before, _), after in delivery.TRANSITIONS.items() if before in reached}
        assert reached >= {State.SENT, State.CANCELLED, State.FAILED}, start


def test_only_what_someone_waits_for_is_transactional() -> None:
    assert {kind for kind in Kind if delivery.transactional(kind)} == {
        Kind.CONFIRM,
        Kind.KNOWN,
        Kind.ADDRESS,
        Kind.DATA,
        Kind.ENTRY,
        Kind.RESULT,
        Kind.INVITE,
        Kind.TEAM,
        Kind.ACCOUNT,
        Kind.TEST,
        Kind.SUMMARY,
    }
    assert not delivery.waited_for(Kind.SUMMARY)


PART = st.text(st.characters(exclude_characters="/"), max_size=8)


@given(st.tuples(PART, st.sampled_from(Kind), PART, PART), st.tuples(PART, st.sampled_from(Kind), PART, PART))
def test_two_deliveries_have_two_keys(
    one: tuple[str, Kind, str, str], other: tuple[str, Kind, str, str]
) -> None:
    assert (delivery.dedup_key(*one) == delivery.dedup_key(*other)) == (one == other)


def test_a_slash_cannot_make_two_keys_one() -> None:
    with pytest.raises(ValueError, match="slash"):
        delivery.dedup_key("enrolment:12", Kind.REMINDER, "point-1/2")


def test_tries_are_spaced_wider_and_wider_then_every_four_hours() -> None:
    waits = []
    for tries in range(1, 8):
        decision = delivery.retry(tries, now=DUE, due=DUE, expires=DUE + timedelta(days=7))
        assert isinstance(decision, delivery.RetryAt)
        waits.append((decision.at - DUE) // timedelta(minutes=1))
    assert waits == [5, 15, 30, 60, 120, 240, 240]


def test_a_lesson_is_never_tried_once_the_next_one_is_due() -> None:
    next_due = DUE + timedelta(minutes=5)
    assert delivery.retry(1, now=DUE, due=DUE, expires=next_due) == delivery.GiveUp("expired")
    assert isinstance(
        delivery.retry(1, now=DUE, due=DUE, expires=next_due + timedelta(seconds=1)), delivery.RetryAt
    )


def test_what_has_no_expiry_is_given_up_after_four_days() -> None:
    now, tries = DUE, 1
    while isinstance(decision := delivery.retry(tries, now=now, due=DUE), delivery.RetryAt):
        now, tries = decision.at, tries + 1
    assert timedelta(days=3, hours=20) <= now - DUE < timedelta(days=4)
    assert decision == delivery.GiveUp("expired")
