"""What stands against a mail at the moment it would leave."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.delivery import Kind, State, transactional
from engine.core.progress import State as Progress
from engine.core.sending import Around, against

NOW = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ACTIVE = Around(here=True, enrolment=Progress.ACTIVE)

arounds = st.builds(
    Around,
    here=st.booleans(),
    suppressed=st.sampled_from(["", "left", "hard", "complaint"]),
    enrolment=st.sampled_from(["", *Progress]),
    missed=st.booleans(),
)
kinds = st.sampled_from(Kind)


def why(kind: Kind, around: Around) -> str:
    found = against(kind, around, expires_at=LATER, now=NOW)
    return f"{found.state}: {found.reason}" if found else ""


@pytest.mark.parametrize(
    ("kind", "around", "said"),
    [
        (Kind.LESSON, ACTIVE, ""),
        (Kind.LESSON, Around(True, enrolment=Progress.PAUSED), "held: paused"),
        (Kind.REMINDER, Around(True, enrolment=Progress.PAUSED), "held: paused"),
        (Kind.LESSON, Around(True, enrolment=Progress.STOPPED), "cancelled: overtaken"),
        (Kind.FAREWELL, Around(True, enrolment=Progress.COMPLETED), ""),
        (Kind.CONFIRM, ACTIVE, "cancelled: overtaken"),
        (Kind.CONFIRM, Around(True, enrolment=Progress.PENDING), ""),
        (Kind.CONFIRM, Around(True, "hard", Progress.PENDING), ""),
        (Kind.CONFIRM, Around(True, "complaint", Progress.PENDING), "cancelled: suppressed"),
        (Kind.LESSON, Around(True, "left", Progress.ACTIVE), "cancelled: suppressed"),
        (Kind.INVITE, Around(True, "left"), "cancelled: suppressed"),
        (Kind.DATA, Around(True, "left"), ""),
        (Kind.DATA, Around(True, "hard"), "cancelled: suppressed"),
        (Kind.MISSED, Around(True, enrolment=Progress.ACTIVE, missed=False), "cancelled: overtaken"),
        (Kind.MISSED, ACTIVE, ""),
        (Kind.SUMMARY, Around(True), ""),
        (Kind.DATA, Around(True, today=19), ""),
        (Kind.DATA, Around(True, today=20), "held: too many"),
        (Kind.REMINDER, Around(True, enrolment=Progress.ACTIVE, today=20), "held: too many"),
        (Kind.LESSON, Around(True, enrolment=Progress.ACTIVE, today=99), ""),
        (Kind.SUMMARY, Around(False), "cancelled: overtaken"),
    ],
)
def test_what_may_leave_and_what_not(kind: Kind, around: Around, said: str) -> None:
    assert why(kind, around) == said


@given(kinds, arounds)
def test_nothing_leaves_to_who_complained_or_is_gone(kind: Kind, around: Around) -> None:
    if around.suppressed == "complaint" or not around.here:
        assert why(kind, around)


@given(kinds, arounds)
def test_no_course_mail_leaves_to_who_left(kind: Kind, around: Around) -> None:
    if around.suppressed == "left" and not transactional(kind):
        assert why(kind, around) == "cancelled: suppressed"


@given(kinds, arounds)
def test_only_a_pause_lets_a_mail_wait(kind: Kind, around: Around) -> None:
    found = against(kind, around, expires_at=LATER, now=NOW)
    assert found is None or (found.state == State.HELD) == (found.reason == "paused")


@given(kinds, arounds)
def test_what_is_too_late_never_leaves(kind: Kind, around: Around) -> None:
    found = against(kind, around, expires_at=NOW, now=NOW)
    assert found
    assert (found.state, found.reason) == (State.FAILED, "expired")
