"""SPF records read: what they say, and what no receiver could read."""

from ipaddress import ip_address

import pytest

from engine.core import spf


def terms(text: str) -> list[tuple[str, str, str]]:
    return [(term.result, term.name, term.value) for term in spf.parse(text).terms]


def test_a_record_is_read_term_by_term() -> None:
    text = "v=spf1 a mx:example.org/24 -ip4:192.0.2.0/24 ?ip6:2001:db8::/32 include:_spf.x.test exp=e.x ~ALL"
    assert terms(text) == [
        ("pass", "a", ""),
        ("pass", "mx", "example.org"),
        ("fail", "ip4", "192.0.2.0/24"),
        ("neutral", "ip6", "2001:db8::/32"),
        ("pass", "include", "_spf.x.test"),
        ("softfail", "all", ""),
    ]


def test_nothing_behind_all_is_read() -> None:
    record = spf.parse("v=spf1 -all include:never.test redirect=nor.test")
    assert ([term.name for term in record.terms], record.redirect) == (["all"], "")
    assert spf.parse("v=spf1 a redirect=on.test").redirect == "on.test"


def test_networks_around_hosts() -> None:
    (term,) = spf.parse("v=spf1 a:example.org/24//64").terms
    assert term.covers(ip_address("192.0.2.1"), ip_address("192.0.2.200"))
    assert not term.covers(ip_address("192.0.2.1"), ip_address("192.0.3.1"))
    assert term.covers(ip_address("2001:db8::1"), ip_address("2001:db8::2:1"))
    assert not term.covers(ip_address("192.0.2.1"), ip_address("2001:db8::1"))


def test_macros_are_known_for_what_they_are() -> None:
    (term,) = spf.parse("v=spf1 exists:%{i}._spf.%{d2/}").terms
    assert term.is_macro


@pytest.mark.parametrize(
    "word",
    [
        "include:",
        "include",
        "ip4",
        "ip4:192.0.2.300",
        "ip4:2001:db8::",
        "ip4:192.0.2.0/33",
        "a/33",
        "mailto:x",
        "+",
        "redirect=",
        "redirect=a.test redirect=b.test",
    ],
)
def test_what_cannot_be_read_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        spf.parse(f"v=spf1 {word} -all")


def test_only_spf_counts() -> None:
    assert spf.records(["v=spf10 all", "V=SPF1 -all", "google-site-verification=v=spf1", "v=spf1"]) == (
        "V=SPF1 -all",
        "v=spf1",
    )
