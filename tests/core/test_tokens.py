"""Keys: recognised by their beginning, known by their hash."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from engine.core import tokens


def test_a_key_is_long_and_recognisable() -> None:
    made = {tokens.new() for _ in range(100)}
    assert len(made) == 100
    assert all(token.startswith("parc_") and len(token) == 48 for token in made)


def test_it_is_known_by_its_hash() -> None:
    token = tokens.new()
    assert tokens.digest(token) == hashlib.sha256(token.encode()).hexdigest()
    assert tokens.hint(token) == token[:9]


@given(st.text())
def test_what_is_no_key_of_ours_has_none(text: str) -> None:
    assert tokens.digest(text) is None
    assert tokens.digest(tokens.new() + text[:1]) is None or not text
    assert tokens.digest(tokens.new() + "\n") is None
