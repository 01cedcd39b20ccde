"""The calendar's reasons in English: every sentence that the calendar makes is read back."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import calendar, reasons
from engine.core.calendar import Closing, Rules, Slot
from engine.web import forms

PARIS = "Europe/Paris"


def english(reason: str, region: str = "FR", year: int = 2027) -> str:
    return reasons.said(reason, "en", calendar.holidays_in_english(region, year)).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("french", "said"),
    [
        (
            "Lundi de Pâques (lun. 29 mars) : reporté au mardi 30 mars",
            "Easter Monday (Mon 29 March): moved to Tuesday 30 March",
        ),
        (
            "samedi 30 janvier : reporté au lundi 1er février",
            "Saturday 30 January: moved to Monday 1 February",
        ),
        (
            "ven. 9 avril, moins de 3 jours après la leçon du mer. 7 avril : reporté au vendredi 16 avril",
            "Fri 9 April, less than 3 days after the lesson of Wed 7 April: moved to Friday 16 April",
        ),
        (
            "retard (prévu mar. 13 juillet) ; Fête nationale (mer. 14 juillet) : reporté au jeudi 15 juillet",
            "late (planned for Tue 13 July); National Day (Wed 14 July): moved to Thursday 15 July",
        ),
        (
            "retard de 6 jours (prévu mar. 6 avril) : reporté au mardi 13 avril",
            "6 days late (planned for Tue 6 April): moved to Tuesday 13 April",
        ),
        (
            "fermeture (mer. 1er septembre) : reporté au jeudi 2 septembre",
            "closed (Wed 1 September): moved to Thursday 2 September",
        ),
        (
            "fermeture d'été (mar. 3 août) : reporté au lundi 23 août",  # the author's own words
            "fermeture d'été (Tue 3 August): moved to Monday 23 August",
        ),
    ],
)
def test_each_sentence(french: str, said: str) -> None:
    assert english(french) == said


def test_in_french_only_the_typography_changes() -> None:
    reason = "Abolition de l'esclavage (lun. 20 décembre) : reporté au mardi 21 décembre"
    said = reasons.said(reason, "fr", {})
    assert said == "Abolition de l’esclavage (lun. 20 décembre)\u00a0: reporté au mardi 21 décembre"


@pytest.mark.parametrize("text", ["", "Lundi de Pâques", "452 4.2.2 mailbox full", "x : reporté au calendes"])
def test_another_text_is_left_alone(text: str) -> None:
    assert reasons.said(text, "en", {"Lundi de Pâques": "Easter Monday"}) == text
    assert reasons.said(text, "fr", {}) == text


def test_two_holidays_on_one_day() -> None:
    due = calendar.next_slot(date(2008, 4, 24), Slot.parse("thu 08:30", PARIS), Rules())
    assert english(due.reason, year=2008) == "Ascension Day and Labor Day (Thu 1 May): moved to Friday 2 May"


FRENCH = re.compile(
    rf"reporté|prévu|retard|moins|leçon|fermeture|\b({'|'.join((*calendar.DAYS, *calendar.MONTHS))})\b"
)
SUMMER = Closing(date(2027, 8, 2), date(2027, 8, 22), "")


@settings(deadline=None)
@given(
    day=st.dates(date(2026, 12, 1), date(2028, 2, 1)),
    weekday=st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat"]),
    region=st.sampled_from(["FR", *forms.REGIONS, "BE", "LU", "CA-QC"]),
    policy=st.sampled_from(["next_day", "next_slot"]),
    late=st.integers(0, 9),
)
def test_no_french_is_left_whatever_moved_the_lesson(
    day: date, weekday: str, region: str, policy: str, late: int
) -> None:
    working = frozenset(range(6))
    rules = Rules(region, working, (SUMMER,), policy)  # type: ignore[arg-type]  # one of both
    slot = Slot.parse(f"{weekday} 08:30", PARIS)
    due = calendar.next_slot(day, slot, rules)
    after = due.at + timedelta(days=late, hours=3)
    for each in (due, calendar.catch_up(due.at, after, slot, rules, None)):
        if each is None or not each.reason:
            continue
        names = calendar.holidays_in_english(region, each.day.year)
        said = reasons.said(each.reason, "en", names)
        assert not FRENCH.search(said)
        assert all(f"{other} (" in said for name, other in names.items() if f"{name} (" in each.reason)
        assert said.count(";") == each.reason.count(" ; ")
