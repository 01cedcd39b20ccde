"""What a row says of a person, whatever its words; and what undoing does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import calendar, consent, csvfile, errors, intake
from engine.core.intake import Back, State


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["Adresse e-mail", "Prénom", "Entreprise"], {"address": 0, "first_name": 1, "company": 2}),
        (["NOM", "PRENOM", "Courriel"], {"first_name": 1, "address": 2}),
        (["First name", "E-Mail", "Company name"], {"first_name": 0, "address": 1, "company": 2}),
        (["mail", "Effectif", "Région"], {"address": 0, "size": 1, "region": 2}),
        (["E-mail", "email"], {"address": 0}),
        (["Quoi ?", ""], {}),
    ],
)
def test_columns_are_guessed_by_their_titles(header: list[str], columns: dict[str, int]) -> None:
    assert intake.guess(header) == columns


def test_without_titles_the_address_is_where_the_ats_are() -> None:
    assert intake.guess((), [("Alice", "alice@example.org"), ("Bob @home", "bob@example.org")]) == {
        "address": 1
    }


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("", 0),
        ("1", 1),
        ("9", 1),
        ("10", 10),
        ("10 à 49 salariés", 10),
        ("< 10", 1),
        ("moins de 50", 10),
        ("250 et plus", 250),
        ("1 200", 250),
        ("1\u202f200", 250),
        ("0", 0),
        ("quelques-uns", None),
        ("9" * 40, None),
    ],
)
def test_sizes_fall_into_brackets(text: str, bound: int | None) -> None:
    assert intake.bracket(text) == bound


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", ""),
        ("La Réunion", "FR-974"),
        ("974", "FR-974"),
        ("fr-57", "FR-57"),
        ("MOSELLE", "FR-57"),
        ("Bretagne", ""),
        ("13", ""),
        ("2A", ""),
        ("BE", "BE"),
        ("Atlantide", None),
    ],
)
def test_regions_go_by_name_number_or_code(text: str, code: str | None) -> None:
    assert intake.region_code(text) == code


def test_every_region_has_a_calendar_and_a_zone() -> None:
    known = {code for code in intake._BY_NAME.values() if code}
    assert known <= set(calendar.calendars())
    assert {intake.zone(code) for code in known} <= calendar.zones()


def test_a_bad_cell_is_left_out_and_a_bad_address_refuses_the_row() -> None:
    columns = {"address": 0, "first_name": 1, "company": 2, "size": 3, "region": 4}
    row = csvfile.Row(2, (" Alice@Example.org ", "A" * 61, "Atelier", "beaucoup", "Atlantide"))
    read = intake.read(row, columns)
    assert read.person == intake.Person("Alice@example.org", "", "Atelier", 0, "")
    assert len(read.problem.split("\n")) == 3
    bad = intake.read(csvfile.Row(3, ("alice@",)), columns)
    assert (bad.person, bad.typed) == (None, "alice@")
    assert bad.problem


@given(
    st.lists(st.text(max_size=80), max_size=6),
    st.dictionaries(st.sampled_from(intake.FIELDS), st.integers(0, 8)),
)
def test_no_row_raises_and_what_is_read_is_sound(cells: list[str], columns: dict[str, int]) -> None:
    read = intake.read(csvfile.Row(1, tuple(cells)), columns)
    if read.person is None:
        assert read.problem
        return
    assert consent.checked_address(read.person.address) == read.person.address
    assert len(read.person.first_name) <= 60
    assert read.person.size in (0, *intake.SIZES)


def test_steps_of_a_list_go_forward() -> None:
    assert intake.advance("checked", "run") == State.RUNNING
    assert intake.advance("running", "undo") == State.UNDOING
    for state, event in (("uploaded", "run"), ("done", "run"), ("undone", "undo"), ("checked", "undo")):
        with pytest.raises(errors.NotAllowed):
            intake.advance(state, event)


@pytest.mark.parametrize(
    ("state", "agreed", "sent", "more", "back"),
    [
        ("pending", False, (), False, Back.REMOVED),
        ("pending", False, ("confirm",), False, Back.STOPPED),
        ("pending", False, ("confirm", "invite"), False, Back.KEPT),
        ("pending", False, (), True, Back.KEPT),
        ("waiting", False, ("confirm",), False, Back.KEPT),
        ("active", False, (), False, Back.KEPT),
        ("waiting", True, (), False, Back.REMOVED),
        ("active", True, (), False, Back.REMOVED),
        ("active", True, ("welcome",), False, Back.KEPT),
        ("stopped", True, (), False, Back.KEPT),
        ("paused", True, (), False, Back.KEPT),
    ],
)
def test_who_did_something_since_is_kept(
    state: str, agreed: bool, sent: tuple[str, ...], more: bool, back: Back
) -> None:
    assert intake.take_back(state, agreed=agreed, sent=sent, more=more) == back
