"""When a mailbox that says "not now" is taken at its word, and what a reply asks for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import feedback
from engine.core.feedback import Cause, Kind, Patience, Recipient, Report

BEGIN = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)
WEEKS = st.lists(st.booleans(), max_size=12)
"""Whether the lesson of each week arrived."""


def weeks(*numbers: float) -> list[datetime]:
    return [BEGIN + timedelta(weeks=number) for number in numbers]


def test_three_in_a_row_over_two_weeks_are_asked_about_and_the_fourth_ends_it() -> None:
    assert feedback.patience(weeks(0, 1), [], None) == Patience.WAIT
    assert feedback.patience(weeks(0, 1, 2), [], None) == Patience.ASK
    (asked,) = weeks(2.1)
    assert feedback.patience(weeks(0, 1, 2), [], asked) == Patience.WAIT
    assert feedback.patience(weeks(0, 1, 2, 3), [], asked) == Patience.STOP


def test_a_bad_week_is_not_a_dead_mailbox() -> None:
    assert feedback.patience(weeks(0, 0.5, 1, 1.5, 1.9), [], None) == Patience.WAIT
    assert feedback.patience(weeks(0, 0.5, 1, 1.5, 2), [], None) == Patience.ASK


def test_a_lesson_that_arrived_begins_anew() -> None:
    assert feedback.patience(weeks(0, 1, 3, 4), weeks(2), None) == Patience.WAIT
    (asked,) = weeks(2.1)
    assert feedback.patience(weeks(0, 1, 2, 4, 5, 6), weeks(3), asked) == Patience.ASK


def test_a_lesson_that_left_later_proves_nothing_yet() -> None:
    assert feedback.patience(weeks(0, 1, 2), weeks(3), None) == Patience.ASK


@given(WEEKS)
def test_week_by_week_the_third_asks_and_the_fourth_ends_it(arrived: list[bool]) -> None:
    """Told week by week, as reports come; whoever is given up was asked, and four in a row came back."""
    asked: datetime | None = None
    row = 0
    for week, good in enumerate(arrived):
        row = 0 if good else row + 1
        came = weeks(*(n for n in range(week + 1) if arrived[n]))
        lost = weeks(*(n for n in range(week + 1) if not arrived[n]))
        if good or not lost:
            continue
        verdict = feedback.patience(reversed(lost), came, asked)
        assert (verdict == Patience.ASK) == (row == 3)
        assert (verdict == Patience.STOP) == (row >= 4)
        if verdict == Patience.ASK:
            asked = weeks(week + 0.1)[0]


def test_the_best_of_several_mailboxes_behind_an_alias_counts() -> None:
    gone = Recipient("a@example.net", Cause.USER_UNKNOWN)
    full = Recipient("b@example.net", Cause.FULL)
    late = Recipient("c@example.net", Cause.NETWORK)
    assert feedback.about(Report(Kind.BOUNCE, (gone, full, late)), "team@example.net") == late
    assert feedback.about(Report(Kind.BOUNCE, (full, gone)), "team@example.net") == full
    assert feedback.about(Report(Kind.BOUNCE, (full, gone)), "a@example.net") == gone
    assert feedback.about(Report(Kind.REPLY), "a@example.net") is None


@pytest.mark.parametrize(
    "words",
    [
        "STOP",
        "stop.",
        " « Stop » ",
        "STOP, merci.",
        "Bonjour,\n\ndésabonner\n\nMerci d'avance",
        "Désabonnez-moi s'il vous plaît",
        "Desabonnement",
        "me désinscrire",
        "Unsubscribe",
        "unsubscribe me please",
        "Stop\n\nEnvoyé de mon iPhone",
        "arrêter",
    ],
)
def test_a_word_is_enough_to_leave(words: str) -> None:
    assert feedback.asks_to_stop(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Merci",
        "Comment arrêter une machine ?",
        "Stop, j'ai une question",
        "Ne me désabonnez pas",
        "non stop",
    ],
)
def test_other_words_are_for_the_tutor(words: str) -> None:
    assert not feedback.asks_to_stop(words)
