"""What learners live: closed days, shifts and their reasons, outages."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from engine.core import calendar, errors
from engine.core.calendar import Closing, Rules, Slot

PARIS = "Europe/Paris"
SUMMER = Closing(date(2027, 8, 2), date(2027, 8, 22), "fermeture d'été")


def slot(text: str, zone: str = PARIS) -> Slot:
    return Slot.parse(text, zone)


def paris(text: str) -> datetime:
    """An instant by the clocks of Paris in summer (UTC+2)."""
    return datetime.fromisoformat(f"{text}+02:00").astimezone(UTC)


def easter(year: int) -> date:
    """The anonymous Gregorian computus (Nature, 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), (i, k) = divmod(b, 4), divmod(c, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    ell = (32 + 2 * e + 2 * i - h - k) % 7
    month, day = divmod(h + ell - 7 * ((a + 11 * h + 22 * ell) // 451) + 114, 31)
    return date(year, month, day + 1)


@pytest.mark.parametrize("year", range(2026, 2036))
def test_the_eleven_holidays_of_the_code_du_travail_are_closed_and_no_other_day(year: int) -> None:
    """Article L3133-1."""
    fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
    legal = {date(year, *day) for day in fixed} | {easter(year) + timedelta(days=n) for n in (1, 39, 50)}
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    every_day = Rules(working_days=frozenset(range(7)))
    assert {day for day in days if calendar.closed(day, every_day)} == legal


@pytest.mark.parametrize(
    ("region", "day"),
    [
        *[("FR-971", date(2027, 5, 27)), ("FR-972", date(2027, 5, 22)), ("FR-973", date(2027, 6, 10))],
        *[("FR-974", date(2027, 12, 20)), ("FR-976", date(2027, 4, 27)), ("FR-BL", date(2027, 10, 9))],
        *[("FR-MF", date(2027, 5, 28)), ("FR-6AE", date(2027, 12, 26)), ("FR-57", date(2027, 3, 26))],
    ],
)
def test_regions_have_holidays_of_their_own(region: str, day: date) -> None:
    every_day = Rules(working_days=frozenset(range(7)))
    assert calendar.closed(day, every_day.with_region(region))
    assert not calendar.closed(day, every_day)
    assert not calendar.closed(day, every_day.with_region(""))


def test_why_a_day_is_closed_is_told_in_french() -> None:
    rules = Rules(closings=(SUMMER, Closing(date(2027, 9, 1), date(2027, 9, 1), "")))
    assert calendar.closed(date(2027, 7, 14), rules) == "Fête nationale"
    assert (
        calendar.closed(date(2027, 8, 2), rules) == calendar.closed(date(2027, 8, 22), rules) == SUMMER.label
    )
    assert calendar.closed(date(2027, 8, 28), rules) == "samedi"
    assert calendar.closed(date(2027, 9, 1), rules) == "fermeture"
    assert calendar.closed(date(2008, 5, 1), rules) == "Ascension et Fête du Travail"
    assert calendar.closed(date(2027, 8, 23), rules) == ""


@pytest.mark.parametrize(
    ("chosen", "last", "region", "day", "reason"),
    [
        (
            *("mon 08:30", "2027-03-22", "", "2027-03-30"),
            "Lundi de Pâques (lun. 29 mars) : reporté au mardi 30 mars",
        ),
        (
            *("wed 08:30", "2027-07-07", "", "2027-07-15"),
            "Fête nationale (mer. 14 juillet) : reporté au jeudi 15 juillet",
        ),
        (
            *("thu 08:30", "2027-11-04", "", "2027-11-12"),
            "Armistice (jeu. 11 novembre) : reporté au vendredi 12 novembre",
        ),
        (
            *("mon 08:30", "2027-12-13", "FR-974", "2027-12-21"),
            "Abolition de l'esclavage (lun. 20 décembre) : reporté au mardi 21 décembre",
        ),
        ("mon 08:30", "2027-12-13", "", "2027-12-20", ""),
        (
            *("fri 08:30", "2027-03-19", "FR-6AE", "2027-03-30"),
            "Vendredi saint (ven. 26 mars) ; Lundi de Pâques (lun. 29 mars) : reporté au mardi 30 mars",
        ),
        ("fri 08:30", "2027-03-19", "", "2027-03-26", ""),
        ("sat 08:30", "2027-01-23", "", "2027-02-01", "samedi 30 janvier : reporté au lundi 1er février"),
        ("sat 08:30", "2027-03-27", "", "2027-04-05", "samedi 3 avril : reporté au lundi 5 avril"),
        (
            *("mon 08:30", "2027-10-25", "", "2027-11-02"),
            "Toussaint (lun. 1er novembre) : reporté au mardi 2 novembre",
        ),
    ],
)
def test_a_closed_slot_moves_to_the_next_open_day(
    chosen: str, last: str, region: str, day: str, reason: str
) -> None:
    due = calendar.next_slot(date.fromisoformat(last), slot(chosen), Rules().with_region(region))
    assert (due.day.isoformat(), due.reason) == (day, reason)
    assert calendar.local(due.at, PARIS).time() == time(8, 30)


def test_the_lesson_after_a_shift_returns_to_its_slot() -> None:
    moved = calendar.next_slot(date(2027, 3, 22), slot("mon 08:30"), Rules())
    assert calendar.next_slot(moved.day, slot("mon 08:30"), Rules()) == calendar.Due(
        at=paris("2027-04-05T08:30"), day=date(2027, 4, 5)
    )


def test_a_shift_that_leaves_too_few_days_takes_one_slot_later() -> None:
    bridge = Rules(closings=(Closing(date(2027, 4, 2), date(2027, 4, 6), "inventaire"),))
    friday = slot("fri 08:30")
    moved = calendar.next_slot(date(2027, 3, 26), friday, bridge)
    assert moved.day == date(2027, 4, 7)
    following = calendar.next_slot(moved.day, friday, bridge)
    assert following.day == date(2027, 4, 16)
    assert following.reason == (
        "ven. 9 avril, moins de 3 jours après la leçon du mer. 7 avril : reporté au vendredi 16 avril"
    )
    assert calendar.next_slot(date(2027, 4, 6), friday, bridge).day == date(2027, 4, 9)


def test_a_slot_taken_for_the_gap_may_itself_be_closed() -> None:
    due = calendar.next_slot(date(2027, 3, 20), slot("mon 08:30"), Rules())
    assert due.day == date(2027, 3, 30)
    assert due.reason == (
        "lun. 22 mars, moins de 3 jours après la leçon du sam. 20 mars ; "
        "Lundi de Pâques (lun. 29 mars) : reporté au mardi 30 mars"
    )


def test_three_weeks_of_closing_in_august() -> None:
    rules = Rules(closings=(SUMMER,))
    due = calendar.next_slot(date(2027, 7, 27), slot("tue 08:30"), rules)
    assert due.day == date(2027, 8, 23)
    assert due.reason == "fermeture d'été (mar. 3 août) : reporté au lundi 23 août"
    assert calendar.next_slot(due.day, slot("tue 08:30"), rules).day == date(2027, 8, 31)


def test_next_slot_policy_waits_for_the_same_weekday() -> None:
    rules = Rules(closed_days="next_slot", closings=(SUMMER,))
    holiday = calendar.next_slot(date(2027, 3, 22), slot("mon 08:30"), rules)
    summer = calendar.next_slot(date(2027, 7, 28), slot("wed 08:30"), rules)
    assert holiday.day == date(2027, 4, 5)
    assert holiday.reason == "Lundi de Pâques (lun. 29 mars) : reporté au lundi 5 avril"
    assert summer.day == date(2027, 8, 25)
    assert calendar.first_slot(paris("2027-08-03T10:00"), slot("wed 08:30"), rules).day == date(2027, 8, 25)


def test_saturday_is_a_day_like_others_where_it_is_worked() -> None:
    rules = Rules(working_days=frozenset({*range(1, 6)}))
    assert calendar.next_slot(date(2027, 4, 3), slot("sat 09:00"), rules).day == date(2027, 4, 10)
    may_day = calendar.next_slot(date(2027, 4, 24), slot("sat 09:00"), rules)
    assert may_day.reason == "Fête du Travail (sam. 1er mai) : reporté au mardi 4 mai"


@pytest.mark.parametrize(("pace", "day"), [(1, "2027-04-13"), (2, "2027-04-20"), (4, "2027-05-04")])
def test_a_pace_counts_slots_from_the_last_lesson_moved_or_not(pace: int, day: str) -> None:
    rules = Rules(pace=pace)  # type: ignore[arg-type]
    for last in (date(2027, 4, 6), date(2027, 4, 7)):
        assert calendar.next_slot(last, slot("tue 08:30"), rules).day.isoformat() == day


@pytest.mark.parametrize(
    ("after", "day"),
    [
        ("2027-04-06T07:30", "2027-04-06"),
        ("2027-04-06T07:31", "2027-04-13"),
        ("2027-04-06T10:00", "2027-04-13"),
        ("2027-04-05T23:45", "2027-04-06"),
        ("2027-07-07T10:00", "2027-07-13"),
    ],
)
def test_lesson_one_leaves_at_the_first_slot_at_least_an_hour_away(after: str, day: str) -> None:
    assert calendar.first_slot(paris(after), slot("tue 08:30"), Rules()).day.isoformat() == day


def test_lesson_one_keeps_off_closed_days_too() -> None:
    due = calendar.first_slot(paris("2027-07-12T10:00"), slot("wed 08:30"), Rules())
    assert due == calendar.Due(
        at=paris("2027-07-15T08:30"),
        day=date(2027, 7, 15),
        reason="Fête nationale (mer. 14 juillet) : reporté au jeudi 15 juillet",
    )


def test_the_slot_is_counted_by_the_learners_own_clock() -> None:
    """At 10:00 UTC on Monday it is Monday midnight in Tahiti, and 21:00 in Nouméa."""
    after = datetime(2027, 4, 5, 10, tzinfo=UTC)
    papeete = calendar.first_slot(after, slot("mon 08:30", "Pacific/Tahiti"), Rules(calendar="FR-PF"))
    noumea = calendar.first_slot(after, slot("mon 08:30", "Pacific/Noumea"), Rules(calendar="FR-NC"))
    assert papeete.at == datetime(2027, 4, 5, 18, 30, tzinfo=UTC)
    assert noumea.at == datetime(2027, 4, 11, 21, 30, tzinfo=UTC)
    assert noumea.day == date(2027, 4, 12)
    evening = slot("mon 18:00", "Pacific/Tahiti")
    already_tuesday = datetime(2027, 4, 6, 2, tzinfo=UTC)
    assert calendar.first_slot(already_tuesday, evening, Rules()).at == datetime(2027, 4, 6, 4, tzinfo=UTC)


def test_a_delay_is_at_least_so_many_days() -> None:
    tuesday = slot("tue 08:30")
    assert calendar.after_delay(date(2027, 4, 6), 10, tuesday, Rules()).day == date(2027, 4, 16)
    weekend = calendar.after_delay(date(2027, 3, 24), 3, tuesday, Rules(closed_days="next_slot"))
    assert weekend.day == date(2027, 3, 30)
    assert weekend.reason == ("samedi 27 mars ; Lundi de Pâques (lun. 29 mars) : reporté au mardi 30 mars")
    assert calendar.after_delay(date(2027, 4, 6), 0, tuesday, Rules()).day == date(2027, 4, 7)


def test_faster_is_the_next_open_day_at_the_same_hour() -> None:
    due = calendar.next_open_day(date(2027, 3, 25), slot("thu 08:30"), Rules())
    assert due == calendar.Due(at=datetime(2027, 3, 26, 7, 30, tzinfo=UTC), day=date(2027, 3, 26))
    assert calendar.next_open_day(date(2027, 3, 26), slot("thu 08:30"), Rules()).day == date(2027, 3, 30)


@pytest.mark.parametrize(
    ("now", "day", "reason"),
    [
        ("2027-04-06T08:29", None, ""),
        ("2027-04-06T10:30", None, ""),
        ("2027-04-06T10:31", "2027-04-07", "retard (prévu mar. 6 avril) : reporté au mercredi 7 avril"),
        ("2027-04-07T08:29", "2027-04-07", "retard (prévu mar. 6 avril) : reporté au mercredi 7 avril"),
        ("2027-04-07T08:30", "2027-04-08", "retard (prévu mar. 6 avril) : reporté au jeudi 8 avril"),
        ("2027-04-09T20:00", "2027-04-12", "retard (prévu mar. 6 avril) : reporté au lundi 12 avril"),
        ("2027-04-11T23:59", "2027-04-12", "retard (prévu mar. 6 avril) : reporté au lundi 12 avril"),
        (
            *("2027-04-12T03:00", "2027-04-13"),
            "retard de 6 jours (prévu mar. 6 avril) : reporté au mardi 13 avril",
        ),
        (
            *("2027-04-13T08:30", "2027-04-20"),
            "retard de 7 jours (prévu mar. 6 avril) : reporté au mardi 20 avril",
        ),
    ],
)
def test_after_an_outage_a_lesson_waits_for_its_hour(now: str, day: str | None, reason: str) -> None:
    due = calendar.catch_up(paris("2027-04-06T08:30"), paris(now), slot("tue 08:30"), Rules(), None)
    if day is None:
        assert due is None
    else:
        assert due == calendar.Due(paris(f"{day}T08:30"), date.fromisoformat(day), reason)


def test_after_an_outage_closed_days_stay_closed() -> None:
    due = calendar.catch_up(
        paris("2027-07-13T08:30"), paris("2027-07-13T12:00"), slot("tue 08:30"), Rules(), None
    )
    assert due is not None
    assert due.day == date(2027, 7, 15)
    assert due.reason == (
        "retard (prévu mar. 13 juillet) ; Fête nationale (mer. 14 juillet) : reporté au jeudi 15 juillet"
    )


def test_two_lessons_never_leave_on_one_day_after_an_outage() -> None:
    now = paris("2027-04-07T06:00")
    today = date(2027, 4, 7)
    due = calendar.catch_up(paris("2027-04-06T08:30"), now, slot("tue 08:30"), Rules(), today)
    assert due is not None
    assert due.day == date(2027, 4, 8)


@pytest.mark.parametrize(
    ("chosen", "rules"),
    [
        ("tue 08:30", Rules(working_days=frozenset())),
        ("tue 08:30", Rules(closings=(Closing(date(2027, 1, 1), date(2029, 1, 1), "travaux"),))),
        ("sat 08:30", Rules(closed_days="next_slot")),
    ],
)
def test_rules_that_leave_no_open_day_are_an_error_and_not_an_endless_search(
    chosen: str, rules: Rules
) -> None:
    with pytest.raises(errors.Invalid, match="no open day within 400 days of 2027-04") as raised:
        calendar.next_slot(date(2027, 3, 30), slot(chosen), rules)
    assert raised.value.problems.keys() == {"calendar"}


@pytest.mark.parametrize(
    ("text", "read"), [("tue 08:30", "tue 08:30"), (" Sun 8:05\n", "sun 08:05"), ("MON 00:00", "mon 00:00")]
)
def test_a_slot_is_read_and_written(text: str, read: str) -> None:
    assert str(slot(text)) == read
    assert slot(read) == slot(text)
    assert slot("sun 08:05") == Slot(6, time(8, 5), PARIS)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "tue",
            "08:30",
            "tue 24:00",
            "tue 08:60",
            "tue 8h30",
            "mar 08:30",
            "tuesday 08:30",
            "tue 08:30:00",
        ),
        *("tue 08:30\x00", "tue ٠٨:٣٠", "tue 08:30 🙂", "tue\r\n08:30", "tue -8:30", "x" * 10_000),
    ],
)
def test_what_is_not_a_slot_is_refused_in_few_words(text: str) -> None:
    with pytest.raises(errors.Invalid, match=r'is not a slot: write .* "tue 08:30"') as raised:
        slot(text)
    assert raised.value.problems.keys() == {"slot"}
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "zone", ["", "Europe/Pariss", "../../etc/passwd", "/etc/localtime", "localtime", "\0", "CEST"]
)
def test_what_is_not_a_zone_is_refused(zone: str) -> None:
    with pytest.raises(errors.Invalid, match="is not a time zone") as raised:
        slot("tue 08:30", zone)
    assert raised.value.problems.keys() == {"zone"}


def test_both_problems_of_a_slot_are_told_at_once() -> None:
    with pytest.raises(errors.Invalid) as raised:
        slot("soon", "Mars/Olympus")
    assert raised.value.problems.keys() == {"slot", "zone"}


def test_weekdays_are_read_by_their_english_names() -> None:
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert [calendar.Weekday.parse(name) for name in names] == list(range(7))
    for wrong in ("mardi", "", "tuesday", "name"):
        with pytest.raises(errors.Invalid, match="is not a weekday: use mon, tue"):
            calendar.Weekday.parse(wrong)


def test_calendars_are_countries_and_regions_france_first() -> None:
    names = calendar.calendars()
    french = "FR FR-57 FR-6AE FR-971 FR-972 FR-973 FR-974 FR-976 FR-BL FR-MF FR-NC FR-PF FR-PM FR-TF FR-WF"
    assert list(names[:15]) == french.split()
    assert {"BE", "CH-GE", "DE-BY", "CA-QC"} <= set(names)
    for name in names[:15]:
        calendar.check_calendar(name)


@pytest.mark.parametrize(
    "name", ["", "fr", "FRA", "XX", "FR-", "FR-75", "FR-Zone A", "FR-Alsace", "FR-6AE\n"]
)
def test_an_unknown_calendar_is_refused_when_checked_and_when_used(name: str) -> None:
    with pytest.raises(errors.Invalid, match="is not a calendar"):
        calendar.check_calendar(name)
    with pytest.raises(errors.Invalid, match="is not a calendar"):
        calendar.closed(date(2027, 4, 6), Rules(calendar=name))


def test_holidays_without_french_names_still_close() -> None:
    assert calendar.closed(date(2027, 10, 1), Rules(calendar="CN"))
    assert calendar.closed(date(2027, 7, 21), Rules(calendar="BE")) == "Fête nationale"


def test_rules_can_key_a_memo() -> None:
    assert len({Rules(), Rules(), Rules(closings=(SUMMER,)), Rules().with_region("FR-974")}) == 3


def test_the_spread_is_stable_and_even() -> None:
    minutes = [calendar.spread(f"enrolment-{n}").total_seconds() / 60 for n in range(5000)]
    assert set(minutes) == set(range(10))
    assert all(400 < minutes.count(minute) < 600 for minute in range(10))
    assert calendar.spread("1") == timedelta(minutes=8), "changing the hash moves every learner's minute"
