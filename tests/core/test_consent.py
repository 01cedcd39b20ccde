"""Whose address it is, and what people agree to."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core import consent, errors
from engine.core.typography import NARROW


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("alice@example.org", "alice@example.org"),
        ("  Alice@Example.ORG\n", "Alice@example.org"),
        ("alice+cours@example.org", "alice+cours@example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("bob@métier.fr", "bob@xn--mtier-bsa.fr"),
        ("bob@me\u0301tier.fr", "bob@xn--mtier-bsa.fr"),
        ("bob@straße.de", "bob@xn--strae-oqa.de"),
        ("charlie@courrier.test", "charlie@courrier.test"),
    ],
)
def test_an_address_as_it_is_stored(typed: str, stored: str) -> None:
    assert consent.checked_address(typed) == stored


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            " ",
            "alice",
            "alice@",
            "@example.org",
            "alice@example",
            "alice@@example.org",
            "a@b@example.org",
        ),
        *("alice@example..org", ".alice@example.org", "alice@-example.org", "alice@example.org."),
        *(
            "alice@example.org\r\nBcc: bob@example.org",
            "alice\r\n@example.org",
            "alice@example.org\0",
            "a\0@b.fr",
        ),
        *("Alice <alice@example.org>", "<alice@example.org>", "alice@example.org, bob@example.org"),
        *(
            "alice@example.org bob@example.org",
            '"alice bob"@example.org',
            "alice@[127.0.0.1]",
            "alice@localhost",
        ),
        *("élodie@example.org", "alice\u202e@example.org", "alice@\u202eexample.org", "😀@example.org"),
        *(
            "alice@exa\u200bmple.org",
            "a" * 65 + "@example.org",
            "alice@" + "a" * 64 + ".org",
            "\ud800@example.org",
        ),
        *(
            "alice@" + "a." * 130 + "fr",
            "a" * 10_000 + "@example.org",
            "alice@" + "é" * 5_000 + ".fr",
            "@" * 10_000,
        ),
    ],
)
def test_a_hostile_address_is_refused_in_words_for_people(address: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        consent.checked_address(address)
    assert list(caught.value.problems) == ["address"]
    assert "adresse" in str(caught.value)
    assert len(str(caught.value)) < 100, "what was typed is not said again"


def test_a_long_address_is_said_to_be_long() -> None:
    with pytest.raises(errors.Invalid, match="trop longue"):
        consent.checked_address("a" * 10_000 + "@example.org")


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=40)
    | st.from_regex(r"[^@\s]{1,9}@[^@\s]{1,9}\.[a-zé]{2,4}", fullmatch=True)
    | st.emails()
)
@example("a@xn--a.fr")
@example("a@xn--\ud800.fr")
def test_any_text_is_an_address_or_invalid(text: str) -> None:
    try:
        address = consent.checked_address(text)
    except errors.Invalid:
        return
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
    assert len(address) <= 254
    assert consent.checked_address(address) == address
    assert consent.address_key(text) == consent.address_key(address), "as typed and as stored: one mailbox"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice@Example.org", "alice@EXAMPLE.ORG"),
        (" alice@example.org ", "alice@example.org"),
        ("bob@métier.fr", "bob@xn--mtier-bsa.fr"),
        ("bob@MÉTIER.fr", "bob@métier.fr"),
        ("bob@me\u0301tier.fr", "bob@métier.fr"),
        ("bob@straße.de", "bob@xn--strae-oqa.de"),
        ("bob@ｅxample.org", "bob@example.org"),
        ("Éloi@example.org", unicodedata.normalize("NFD", "éloi@example.org")),
    ],
)
def test_two_spellings_of_one_mailbox(one: str, other: str) -> None:
    assert consent.address_key(one) == consent.address_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice@example.org", "alice@example.com"),
        ("alice@example.org", "a.lice@example.org"),
        ("alice@example.org", "alice+x@example.org"),
        ("bob@straße.de", "bob@strasse.de"),
        ("bob@metier.fr", "bob@métier.fr"),
        ("bob@example.org", "b\u043eb@example.org"),
    ],
)
def test_two_mailboxes(one: str, other: str) -> None:
    assert consent.address_key(one) != consent.address_key(other)


@given(st.text(max_size=60))
def test_a_key_never_raises_and_is_its_own_key(text: str) -> None:
    assert isinstance(consent.address_key(text), str)
    assert consent.suggestion(text) is None or "@" in text


def test_a_fingerprint_depends_on_the_secret() -> None:
    hashed = consent.fingerprint(b"secret")
    assert hashed("alice@example.org") == consent.fingerprint(b"secret")("alice@example.org")
    assert hashed("alice@example.org") != hashed("bob@example.org")
    assert hashed("alice@example.org") != consent.fingerprint(b"another")("alice@example.org")
    assert "alice" not in hashed("alice@example.org")
    assert len(consent.fingerprint(b"k" * 300)("x")) == 64  # longer than blake2s takes


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gamil.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("orange.f", "orange.fr"),
        ("ornage.fr", "orange.fr"),
        ("Wanado.fr", "wanadoo.fr"),
        ("hotmial.fr", "hotmail.fr"),
        ("gmail.com", None),
        ("GMAIL.com", None),
        ("example.org", None),
        ("gmail.co.uk", None),
        ("", None),
    ],
)
def test_what_was_probably_meant(typed: str, meant: str | None) -> None:
    assert consent.suggestion(f"Alice@{typed}") == (meant and f"Alice@{meant}")


def distance(one: str, other: str) -> int:
    """Optimal string alignment, by the book."""
    table = {(i, -1): i + 1 for i in range(-1, len(one))} | {(-1, j): j + 1 for j in range(-1, len(other))}
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b))
            if i and j and a == other[j - 1] and one[i - 1] == b:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(one) - 1, len(other) - 1]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(consent.PROVIDERS), st.data())
def test_suggestions_are_one_slip_away(provider: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(provider)))
    gone = data.draw(st.integers(0, 2))
    new = data.draw(st.text(st.sampled_from("abfgmorl."), max_size=2))
    domain = provider[:place] + new + provider[place + gone :]
    near = [each for each in consent.PROVIDERS if distance(domain, each) == 1]
    found = consent.suggestion(f"bob@{domain}")
    if domain in consent.PROVIDERS or not near:
        assert found is None
    elif len(near) == 1:
        assert found == f"bob@{near[0]}"


def test_the_wording_names_the_course() -> None:
    french = consent.wording("L'IA {pas} à pas", "fr")
    assert f"«{NARROW}L’IA {{pas}} à pas{NARROW}»" in french
    assert "J’accepte" in french
    assert "“L'IA”" in consent.wording("L'IA", "en")
    assert consent.wording("x", "de") == consent.wording("x", "en")
    assert consent.purpose("ia-pme") == "course:ia-pme"
