"""Where DMARC is looked for, and whose mails a record speaks of (RFC 9989, §4.10)."""

import pytest

from engine.core import dmarc, tags


def test_the_walk_goes_up_the_tree() -> None:
    assert [*dmarc.names("a.mail.example.org")] == [
        "a.mail.example.org",
        "mail.example.org",
        "example.org",
        "org",
    ]
    assert [*dmarc.names("org")] == ["org"]


def test_a_long_name_is_cut_after_the_first_question() -> None:
    long = "a.b.c.d.e.f.g.h.i.example.org"
    assert [*dmarc.names(long)][:2] == [long, "e.f.g.h.i.example.org"]
    assert len([*dmarc.names(long)]) == 8


RECORDS = {
    "the highest record": ("a.b.example.org", {"b.example.org": "", "example.org": ""}, "example.org"),
    "its own": ("b.example.org", {"b.example.org": ""}, "b.example.org"),
    "none at all": ("b.example.org", {}, "b.example.org"),
    "a record that ends the walk": (
        "a.b.example.org",
        {"a.b.example.org": "", "b.example.org": "psd=n"},
        "b.example.org",
    ),
    "below a public suffix": ("a.b.example.gouv.fr", {"gouv.fr": "psd=y"}, "example.gouv.fr"),
    "a public suffix itself": ("gouv.fr", {"gouv.fr": "psd=y"}, "gouv.fr"),
}


@pytest.mark.parametrize(("domain", "found", "organisation"), RECORDS.values(), ids=RECORDS.keys())
def test_where_the_organisation_begins(domain: str, found: dict[str, str], organisation: str) -> None:
    read = {name: tags.read(text) for name, text in found.items()}
    assert dmarc.organisation(domain, read) == organisation


def test_a_policy_is_its_own_or_the_organisations_or_the_suffixs() -> None:
    own, above, suffix = (tags.read(f"v=DMARC1; p=none; n={n}") for n in range(3))
    assert dmarc.policy("a.b.c.org", {"a.b.c.org": own, "b.c.org": suffix, "c.org": above}) == (
        "a.b.c.org",
        own,
    )
    assert dmarc.policy("a.b.c.org", {"b.c.org": own, "c.org": above}) == ("c.org", above)
    public = tags.read("v=DMARC1; p=none; psd=y")
    assert dmarc.policy("a.b.org", {"org": public}) == ("org", public)
    assert dmarc.policy("a.b.org", {}) is None


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (["v=DMARC1; p=none"], True),
        (["v = DMARC1 ;p=none;", "something else"], True),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], False),
        (["p=none; v=DMARC1"], False),
        (["v=DMARC1; p=none; p=reject"], False),
        (["v=DMARC12; p=none"], False),
        ([], False),
    ],
)
def test_one_record_that_can_be_read(texts: list[str], read: bool) -> None:
    assert (dmarc.record(texts) is not None) == read


def test_who_gets_the_reports() -> None:
    record = tags.read("v=DMARC1; p=none; rua=mailto:a@example.org!10m, https://x.test, mailto:b@x.test")
    assert dmarc.receivers(record) == ("a@example.org", "b@x.test")
