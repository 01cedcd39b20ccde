"""Links: ours, whole, and for one purpose; or nothing."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import errors, links

OURS = links.Links("https://cours.example.org/", [b"first", b"second"], lasting=b"for ever")
NOW = datetime(2027, 3, 22, 9, 0, 7, tzinfo=UTC)
TOKEN = OURS.token("l", 12, "reperes")


def refused(token: str, *, purpose: str = "l", by: links.Links = OURS) -> bool:
    try:
        by.read(purpose, token)
    except errors.BadLink as error:
        return "lien" in str(error)
    return False


def test_a_link_says_what_it_is_about() -> None:
    assert OURS.read("l", TOKEN) == ("12", "reperes")
    assert OURS.url("l", 12, "reperes") == f"https://cours.example.org/l/{TOKEN}"
    assert TOKEN.startswith("12.reperes.")
    assert len(TOKEN.rpartition(".")[2]) == 16


def test_a_link_is_for_one_purpose() -> None:
    assert refused(TOKEN, purpose="u")
    assert refused(OURS.token("u", 12, "reperes"))
    assert refused(OURS.token("l|12", "reperes"))


def test_every_character_counts() -> None:
    for place in range(len(TOKEN)):
        assert refused(TOKEN[:place]), "truncated"
        assert refused(TOKEN[place + 1 :])
        other = "A" if TOKEN[place] != "A" else "B"
        assert refused(TOKEN[:place] + other + TOKEN[place + 1 :]), place
        assert (
            refused(TOKEN[:place] + TOKEN[place].swapcase() + TOKEN[place + 1 :])
            or not TOKEN[place].isalpha()
        )


@pytest.mark.parametrize(
    "token",
    [
        *(
            "",
            ".",
            "..",
            "12",
            "12.reperes",
            "12.reperes.",
            TOKEN + "=",
            TOKEN + ".",
            TOKEN + " ",
            TOKEN + "\n",
        ),
        *(TOKEN.replace("12", "13"), TOKEN.replace(".", ".\n", 1), TOKEN + "é", "é", "٣.x", "\ud800", "\0"),
        *("a" * 10_240, "." * 10_240, TOKEN + "a" * 10_240, TOKEN * 1_000, "é" * 10_240, "../../etc/passwd"),
    ],
)
def test_a_token_that_is_not_ours(token: str) -> None:
    assert refused(token)


@settings(max_examples=150)
@given(st.text(max_size=50), st.text(max_size=10))
def test_any_token_is_refused(token: str, purpose: str) -> None:
    assert refused(token, purpose=purpose)


def test_the_first_key_signs_and_all_verify() -> None:
    rotated = links.Links("https://x", [b"third", b"first"], lasting=b"for ever")
    assert rotated.read("l", TOKEN) == ("12", "reperes"), "a link from before the rotation"
    assert rotated.token("l", 12, "reperes") != TOKEN
    assert refused(rotated.token("l", 12, "reperes")), "the new key is not ours yet"
    assert refused(TOKEN, by=links.Links("https://x", [b"third", b"second"], lasting=b"for ever"))
    assert links.Links("https://x", [b"k" * 300], lasting=b"for ever").token(
        "l", 1
    )  # longer than blake2s takes


def test_a_link_that_leaves_survives_any_rotation() -> None:
    leave = OURS.token("u", 12)
    rotated = links.Links("https://x", [b"quite another"], lasting=b"for ever")
    assert rotated.read("u", leave) == ("12",)
    assert refused(leave, purpose="m"), "it opens nothing else"
    other = links.Links("https://x", [b"first"], lasting=b"of another house")
    assert refused(leave, purpose="u", by=other)


PART = st.text(st.sampled_from("azAZ09-_"), min_size=1, max_size=64)


@given(PART, st.lists(PART, min_size=1, max_size=3))
def test_what_is_signed_is_read(purpose: str, parts: list[str]) -> None:
    token = OURS.token(purpose, *parts)
    assert OURS.read(purpose, token) == tuple(parts)
    assert token.isascii()


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_stamp_keeps_the_second(moment: datetime) -> None:
    assert OURS.read_stamp(OURS.stamp(moment)) == moment.replace(microsecond=0)
    assert links.moment(links.stamp_of(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize("text", ["", "!", "z" * 20, "z" * 500, "é", "-" * 9, "\0", " "])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(errors.BadLink):
        links.moment(text)


def test_a_stamp_cannot_be_made_up() -> None:
    assert OURS.read_stamp(OURS.stamp(NOW)) == NOW
    for stamp in ("", links.stamp_of(NOW), OURS.token("l", links.stamp_of(NOW)), OURS.token("form", "é")):
        with pytest.raises(errors.BadLink):
            OURS.read_stamp(stamp)
