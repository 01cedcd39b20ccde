"""A person is found by the beginning of any word, however it is accented or written."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import search

TEXT = st.text(max_size=60)
FRENCH = st.text("abcdéèêëàâîïôùûüçœæ ABCDÉÈÀÇŒ-'.@", max_size=60)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Éloïse", ("eloise",)),
        ("Jean-Noël", ("jean", "noel")),
        ("L'Œuvre & Cie", ("l", "oeuvre", "cie")),
        ("alice.aubert+cours@atelier-aubert.fr", ("alice", "aubert", "cours", "atelier", "aubert", "fr")),
        ("Straße 12", ("strasse", "12")),
        ("Δήμητρα", ("δημητρα",)),
        ("  — … ", ()),
        ("%_\\\x00", ()),
    ],
)
def test_the_words_of_a_text(text: str, words: tuple[str, ...]) -> None:
    assert search.words(text) == words


@given(TEXT)
@example("İ℡ŉ")
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert search.folded(search.folded(text)) == search.folded(text)


@given(FRENCH)
def test_case_and_accents_make_no_difference(text: str) -> None:
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    for written in (text.upper(), text.lower(), unicodedata.normalize("NFD", text), bare):
        assert search.words(written) == search.words(text)


@given(TEXT)
def test_a_word_holds_nothing_that_means_something_to_a_database(text: str) -> None:
    for word in (*search.words(text), search.company(text)):
        assert not set(word) & set(" %_\\'\"\x00")
        assert word == "" or len(word) <= 2 * search.LONGEST
    assert all(0 < len(word) <= search.LONGEST for word in search.words(text))


@given(name=TEXT, address=TEXT, company=TEXT, data=st.data())
def test_any_beginning_of_any_word_finds_the_person(
    name: str, address: str, company: str, data: st.DataObject
) -> None:
    found = search.known(name, address, [company])
    spoken = [*search.words(name), *search.words(address), *search.words(company)]
    if not spoken:
        return
    word = data.draw(st.sampled_from(spoken))
    beginning = word[: data.draw(st.integers(1, len(word)))]
    assert all(any(each.startswith(part) for each in found) for part in search.asked(beginning))
    assert f" {beginning}" in search.kept(found)


@given(st.lists(TEXT, max_size=4))
def test_what_is_kept_is_read_back(texts: list[str]) -> None:
    found = search.known("", "", texts)
    assert tuple(search.kept(found).split()) == found == tuple(sorted(set(found)))


def test_the_whole_name_of_a_company_is_one_word() -> None:
    assert search.company("Atelier Aubert") == "=atelier.aubert"
    assert "=atelier.aubert" in search.known("Alice", "alice@example.org", ["Atelier Aubert"])
    assert search.company("Atelier A") == "=atelier.a"
    assert search.company(" - ") == ""


def test_a_question_asks_for_each_beginning_once() -> None:
    assert search.asked("Al alice ALICE aubert") == ("alice", "aubert")
    assert search.asked("") == ()
    assert len(search.asked(" ".join("abcdefghijkl"))) == search.MOST
