"""Return addresses: ours, or nobody's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import verp

OURS = verp.Returns("bounces.example.org", [b"first", b"second"])
ADDRESS = OURS.address(4711)


@given(st.integers(1, 2**63 - 1))
def test_an_address_names_its_mail(delivery: int) -> None:
    local, _, domain = OURS.address(delivery).partition("@")
    assert OURS.read(f"{local}@{domain}") == delivery
    assert domain == "bounces.example.org"
    assert len(local) <= 64


def test_a_retry_comes_from_the_same_address() -> None:
    assert verp.Returns("bounces.example.org", [b"first"]).address(4711) == ADDRESS


def test_servers_may_change_its_case_and_operators_its_domain() -> None:
    assert OURS.read(ADDRESS.upper()) == 4711
    assert OURS.read(ADDRESS.replace("bounces.", "returns.")) == 4711


def test_the_first_key_signs_and_all_verify() -> None:
    assert OURS.read(verp.Returns("x.example", [b"second"]).address(4711)) == 4711
    assert OURS.read(verp.Returns("x.example", [b"third"]).address(4711)) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "parcours@example.org",
        ADDRESS.replace("4711", "4712"),
        ADDRESS.replace("4711", "04711"),
        ADDRESS.replace("4711", "٤711"),
        ADDRESS.replace("@", "0@"),
        ADDRESS[:-30],
        "b+4711-" + "0" * 24 + "@bounces.example.org",
    ],
)
def test_others_are_nobodys(address: str) -> None:
    assert OURS.read(address) is None
