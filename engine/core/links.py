"""Links that a person may follow without a password: signed, short, each for one purpose.

A token is `part.part.….signature`; parts are ids, keys and times in base 36, so that a log or a person can
read what a link is about. The signature is a keyed blake2s of purpose and parts, 96 bits.
"""

import hmac
import re
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2s

from engine.core import errors

LEAVE = "u"
"""The purpose of the links that leave a course."""

_DIGEST_BYTES = 12
_PART = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_TOKEN = 300
_IN_ADDRESSES = bytes.maketrans(b"+/", b"-_")
_Key = blake2s
"""A hash that was given its key, to be copied."""


class Links:
    """Builds and reads the links of one installation. The first key signs, all verify.

    Links that leave a course are signed by the key that is never changed: they work for ever.
    """

    def __init__(self, base_url: str, keys: Sequence[bytes], *, lasting: bytes) -> None:
        self.base_url = base_url.rstrip("/")
        self._keys = tuple(_keyed(blake2s(key, person=b"parcours").digest()) for key in keys)
        self._lasting = (_keyed(blake2s(lasting, person=b"leaving").digest()),)

    def token(self, purpose: str, *parts: str | int) -> str:
        """A signed token for `purpose`; parts are letters, digits, `-` and `_`."""
        body = ".".join([str(part) for part in parts])
        return f"{body}.{_sign(self._keys_of(purpose)[0], purpose, body)}"

    def _keys_of(self, purpose: str) -> tuple[_Key, ...]:
        return self._lasting if purpose == LEAVE else self._keys

    def url(self, purpose: str, *parts: str | int) -> str:
        return f"{self.base_url}/{purpose}/{self.token(purpose, *parts)}"

    def read(self, purpose: str, token: str) -> tuple[str, ...]:
        """The parts of a token that is ours and for this purpose; raises `errors.BadLink` otherwise."""
        body, _, signature = token[:_MAX_TOKEN].rpartition(".")
        parts = tuple(body.split("."))
        # compare_digest takes ASCII only; a token that is not ASCII cannot be ours anyway.
        if token.isascii() and all(_PART.fullmatch(part) for part in parts):
            for key in self._keys_of(purpose):
                if hmac.compare_digest(_sign(key, purpose, body), signature):
                    return parts
        raise errors.BadLink("Ce lien n'est pas complet ou a été modifié.")

    def stamp(self, now: datetime) -> str:
        """What a form carries to show when it was drawn."""
        return self.token("form", stamp_of(now))

    def read_stamp(self, stamp: str) -> datetime:
        """When the form was drawn, aware UTC; raises `errors.BadLink`."""
        return moment(self.read("form", stamp)[0])


def _keyed(key: bytes) -> _Key:
    return blake2s(key=key, digest_size=_DIGEST_BYTES)


def _sign(key: _Key, purpose: str, body: str) -> str:
    state = key.copy()  # the key is in it already: that is half the work
    state.update(f"{purpose}|{body}".encode())
    return b2a_base64(state.digest(), newline=False).translate(_IN_ADDRESSES).decode("ascii")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def stamp_of(when: datetime) -> str:
    """A moment as seconds since 1970 in base 36: short, and safe in a path."""
    number, text = (when - _EPOCH) // timedelta(seconds=1), ""  # as a float it would round
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def moment(text: str) -> datetime:
    """The inverse, aware UTC; raises `errors.BadLink` for what is no moment."""
    try:
        return datetime.fromtimestamp(int(text, 36), UTC)
    except (ValueError, OverflowError, OSError):
        raise errors.BadLink("Ce lien n'est pas complet ou a été modifié.") from None
