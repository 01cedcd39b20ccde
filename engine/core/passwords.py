"""Passwords and second factors: making and checking what is kept of them."""

import hashlib
import secrets
from datetime import datetime
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()  # argon2id with the library's parameters (RFC 9106 §4, low memory)
_STEP = 30


def hashed(password: str) -> str:
    """Takes some 50 ms of a core: call it in a thread."""
    return _HASHER.hash(password)


@cache
def nobody() -> str:
    """The hash of a password that nobody knows: checked when there is no account, for the same time."""
    return hashed(secrets.token_urlsafe())


def right(kept: str, password: str) -> bool:
    """Takes as long as `hashed`, also when it is wrong."""
    try:
        return _HASHER.verify(kept or nobody(), password)
    except (VerificationError, InvalidHashError):
        return False


def new_token() -> str:
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of a token. It is long and random: a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_secret() -> str:
    """For a second factor."""
    return pyotp.random_base32()


def provisioning(secret: str, address: str) -> str:
    """The address that an authenticator's app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=address, issuer_name="Parcours")


def code_step(secret: str, code: str, *, used: int, now: datetime) -> int | None:
    """The time step (RFC 6238) that `code` is right for, one step of drift allowed; None when it is wrong.

    A step up to `used` is not taken again (RFC 6238 §5.2).
    """
    at = int(now.timestamp()) // _STEP
    totp = pyotp.TOTP(secret)
    for step in (at, at - 1, at + 1):
        if step > used and secrets.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None
