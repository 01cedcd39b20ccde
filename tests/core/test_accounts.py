"""Passwords, waits and second factors: nobody guesses his way in, nobody is locked out for long."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import accounts, errors, passwords
from engine.core.accounts import Right, Role

NOW = datetime(2027, 3, 22, 9, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXP" * 2


def test_only_an_owner_sees_and_changes_everything() -> None:
    assert accounts.RIGHTS[Role.OWNER] == set(Right)
    for role in (Role.AUTHOR, Role.TUTOR, Role.VIEWER):
        assert not accounts.RIGHTS[role] & {Right.CHANGE_PEOPLE, Right.MANAGE}
    assert Right.READ_PEOPLE not in accounts.RIGHTS[Role.AUTHOR] | accounts.RIGHTS[Role.VIEWER]


@pytest.mark.parametrize(
    "password",
    [
        "court",
        "aaaaaaaaaaaaaaaa",
        "alice@example.org",
        "alice@example.org1",
        "Parcours2027",
        "Alice Aubert!",
        "x" * 201,
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        accounts.check_password(password, address="alice@example.org", name="Alice Aubert")
    assert list(refused.value.problems) == ["password"]


@pytest.mark.parametrize(
    "password", ["quatre mots sans lien", "correct cheval pile agrafe", "日本語のながいパスワード!"]
)
def test_a_good_one_is_taken_whatever_its_alphabet(password: str) -> None:
    accounts.check_password(password, address="alice@example.org", name="Alice")


@given(st.sampled_from(list(accounts.LIMITS.values())), st.integers(0, 10_000))
def test_the_wait_grows_with_each_failure_up_to_its_limit(limit: accounts.Limit, failures: int) -> None:
    wait = accounts.wait(limit, failures)
    assert timedelta(0) <= wait <= limit.longest
    assert accounts.wait(limit, failures + 1) >= wait
    assert (wait == timedelta(0)) == (failures < limit.free)


def test_a_hash_holds_no_password_and_fits_no_other() -> None:
    kept = passwords.hashed("quatre mots sans lien")
    assert kept.startswith("$argon2id$")
    assert "quatre" not in kept
    assert passwords.right(kept, "quatre mots sans lien")
    assert not passwords.right(kept, "quatre mots sans lien ")
    assert not passwords.right("", "quatre mots sans lien")
    assert not passwords.right("no hash", "quatre mots sans lien")


def test_a_code_is_taken_once_and_only_around_its_time() -> None:
    code = pyotp.TOTP(SECRET).at(NOW)
    step = passwords.code_step(SECRET, code, used=0, now=NOW)
    assert step is not None
    assert passwords.code_step(SECRET, code, used=step, now=NOW) is None
    assert passwords.code_step(SECRET, code, used=0, now=NOW + timedelta(seconds=30)) == step
    assert passwords.code_step(SECRET, code, used=0, now=NOW + timedelta(seconds=90)) is None
    for wrong in ("", "000", "é" * 6, code + "1"):
        assert passwords.code_step(SECRET, wrong, used=0, now=NOW) is None


def test_a_session_ends_when_nobody_is_there_and_in_any_case_after_two_weeks() -> None:
    assert not accounts.session_over(NOW, NOW, NOW + timedelta(hours=11))
    assert accounts.session_over(NOW, NOW, NOW + timedelta(hours=12))
    assert accounts.session_over(NOW, NOW + timedelta(days=14), NOW + timedelta(days=14))
