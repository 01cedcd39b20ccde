"""The address of the server, as a setting spells it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import errors
from engine.mail import smtp


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://localhost:1025", smtp.Server("localhost", 1025)),
        ("smtp://relay.example", smtp.Server("relay.example", 25)),
        ("smtp://relay.example:587", smtp.Server("relay.example", 587, "required")),
        ("smtp://relay.example:587?starttls=never", smtp.Server("relay.example", 587, "never")),
        ("smtp://relay.example?starttls=required", smtp.Server("relay.example", 587, "required")),
        (
            "smtp://a%40b:p%3A%2F%C3%A9@relay.example/",
            smtp.Server("relay.example", 587, "required", "a@b", "p:/é"),
        ),
        ("smtp://a:p@relay:25?starttls=opportunistic", smtp.Server("relay", 25, "required", "a", "p")),
        ("smtps://relay.example\n", smtp.Server("relay.example", 465, "implicit")),
        ("smtp://[::1]:2525", smtp.Server("::1", 2525)),
    ],
)
def test_an_address_is_read(url: str, expected: smtp.Server) -> None:
    assert smtp.parse(url) == expected


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("", "begin with smtp://"),
        ("http://relay.example", "begin with smtp://"),
        ("smtp://", "after smtp://"),
        ("smtp://relay.example:0", "port"),
        ("smtp://relay.example:99999", "port"),
        ("smtp://relay.example:mail", "port"),
        ("smtp://user:sesame@relay.example/inbox", "after smtp://"),
        ("smtp://user:ses/ame@relay.example", "after smtp://"),
        ("smtp://user:ses#ame@relay.example", "after smtp://"),
        ("smtp://user@relay.example", "go together"),
        ("smtp://:sesame@relay.example", "go together"),
        ("smtp://user:ses ame@relay.example", "space"),
        ("smtp://user:sesame%00@relay.example", "NUL"),
        ("smtp://user:sesame%FF@relay.example", "address of an SMTP server"),
        ("smtp://relay.example?starttls=maybe", "required, opportunistic or never"),
        ("smtp://relay.example?starttls=never&starttls=required", "only option"),
        ("smtp://relay.example?tls=1", "only option"),
        ("smtps://relay.example?starttls=never", "from the start"),
        ("smtp://[::1", "address of an SMTP server"),
    ],
)
def test_a_bad_address_is_explained_without_its_password(url: str, cause: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        smtp.parse(url)
    assert cause in caught.value.problems["PARCOURS_SMTP_URL"]
    assert "sesame" not in str(caught.value)


@given(st.text(max_size=60), st.booleans())
def test_any_text_is_an_address_or_explained(text: str, prefixed: bool) -> None:
    with suppress(errors.Invalid):
        smtp.parse("smtp://" + text if prefixed else text)


def test_a_password_does_not_show() -> None:
    read = smtp.parse("smtp://user:sesame@relay.example")
    assert "sesame" not in repr(read) + str(read)
