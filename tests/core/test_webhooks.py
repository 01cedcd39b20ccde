"""Messages to other programs: signed as the specification says, tried again for three days."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from engine.core import errors, webhooks
from engine.core.delivery import GiveUp, RetryAt

NOW = datetime(2027, 3, 22, 9, 0, tzinfo=UTC)


def test_the_signature_is_that_of_the_specification() -> None:
    """The example that the specification's own libraries are tested with."""
    at = datetime.fromtimestamp(1614265330, UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    sent = webhooks.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', [secret], now=at)
    assert sent == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=30).filter(str.isprintable)))
def test_whoever_has_the_secret_can_verify_it(data: dict[str, object]) -> None:
    now = datetime.now(UTC)
    secrets = [webhooks.new_secret(), webhooks.new_secret()]
    text = webhooks.body("lesson.sent", data, now=now)
    sent = webhooks.headers(webhooks.new_key(), text, secrets, now=now)
    for secret in secrets:
        assert Webhook(secret).verify(text, sent) == json.loads(text)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(webhooks.new_secret()).verify(text, sent)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secrets[0]).verify(text + " ", sent)


def test_tries_grow_apart_over_three_days_and_end() -> None:
    at, tries = NOW, 1
    moments = [at]
    while isinstance(again := webhooks.retry(tries, now=at), RetryAt):
        assert again.at > at
        at, tries = again.at, tries + 1
        moments.append(at)
    assert again == GiveUp("expired")
    assert len(moments) == 10
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps == sorted(gaps)
    assert timedelta(days=3) <= moments[-1] - NOW <= timedelta(days=4)


def test_a_webhook_that_took_nothing_for_three_days_is_worn_out() -> None:
    assert not webhooks.worn_out(None, now=NOW)
    assert not webhooks.worn_out(NOW - timedelta(days=3, seconds=-1), now=NOW)
    assert webhooks.worn_out(NOW - timedelta(days=3), now=NOW)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" https://Example.org/hook?x=1 ", "https://example.org/hook?x=1"),
        ("https://example.org", "https://example.org/"),
        ("https://été.example:8443/a", "https://xn--t-9fab.example:8443/a"),
        ("https://[2606:2800:220:1::1]/a", "https://[2606:2800:220:1::1]/a"),
    ],
)
def test_an_address_is_kept_as_it_will_be_called(typed: str, kept: str) -> None:
    assert webhooks.checked_url(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        *("", "example.org", "http://example.org/", "ftp://example.org/", "file:///etc/passwd", "https://"),
        *("https://user:password@example.org/", "https://example.org/#part", "https://example.org:99999/"),
        *("https://exa mple.org/", "https://example.org/\x00", "https://example.org\\@evil.example/"),
        *(
            "https://example.org/é",
            "https://example.org:0/",
            "https://[::1",
            f"https://example.org/{'a' * 500}",
        ),
        *("https://example.org/a\nb", "https://\ud800.example/", "https://exa%mple.org/"),
    ],
)
def test_other_addresses_are_refused_with_a_reason(typed: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        webhooks.checked_url(typed)
    assert list(refused.value.problems) == ["url"]


@given(st.text(max_size=40))
def test_no_text_breaks_the_check(typed: str) -> None:
    for url in (typed, f"https://{typed}", f"https://example.org/{typed}"):
        try:
            assert webhooks.checked_url(url).isascii()
        except errors.Invalid:
            continue


def test_plain_http_only_where_the_operator_opened_a_network() -> None:
    assert webhooks.checked_url("http://10.1.2.3:5678/x", plain=True) == "http://10.1.2.3:5678/x"


@given(st.text(max_size=400))
def test_an_excerpt_fits_the_log(text: str) -> None:
    shown = webhooks.excerpt(text)
    assert len(shown) <= 300
    assert shown.isprintable() or not shown.isascii()
    assert "\x00" not in shown
    shown.encode()
