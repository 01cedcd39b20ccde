"""What a dirigeant may write, and how it is read."""

import pytest

from engine.core import team


@pytest.mark.parametrize(
    "name",
    [
        "http://gagnez.example",
        "WWW.gagnez",
        "gagnez.example",
        "a/b",
        "a\\b",
        "moi@exemple",
        "Prix : évasion.école",
    ],
)
def test_what_a_mail_program_would_make_a_link_of(name: str) -> None:
    assert team.looks_like_link(name)


@pytest.mark.parametrize(
    "name", ["Atelier Aubert", "Dupont & Fils", "S.A.R.L. Durand", "L'Étoile, Nîmes", "3 M."]
)
def test_what_is_a_name(name: str) -> None:
    assert not team.looks_like_link(name)


def test_who_invites_is_said_without_a_first_name_that_is_a_link() -> None:
    assert team.inviter("Alice", "Atelier Aubert") == "Alice (Atelier Aubert)"
    assert team.inviter("gagnez.example", "Atelier Aubert") == "Atelier Aubert"
    assert team.inviter("", "Atelier Aubert") == "Atelier Aubert"


def test_addresses_are_read_as_people_paste_them() -> None:
    pasted = (
        "bob@example.org, charlie@example.net;\r\n Bob B. <bob@example.org>\n\nMallory\nC <c@example.net>"
    )
    assert team.pasted(pasted) == ("bob@example.org", "charlie@example.net", "Mallory", "c@example.net")
    assert team.pasted(" ,;\n") == ()
