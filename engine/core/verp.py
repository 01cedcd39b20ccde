"""The address that a mail returns to when it fails: it names the mail, and is signed (VERP).

`b+<delivery>-<signature>@domain`. It depends on nothing but the mail and the key, so that a retry comes from
the same address and passes greylisting; servers may change its case. A report that came to an address of ours
is about a mail of ours: nobody else can make one.
"""

import hmac
import re
from collections.abc import Sequence
from hashlib import blake2s

_DIGEST_BYTES = 12
_LOCAL = re.compile(r"b\+([1-9]\d{0,18})-([0-9a-f]{24})", re.IGNORECASE | re.ASCII)


class Returns:
    """Makes and reads the return addresses of one installation. The first key signs, all verify."""

    def __init__(self, domain: str, keys: Sequence[bytes]) -> None:
        self._at = f"@{domain}"
        # A key of its own: what is signed here is good for nothing else.
        own = (blake2s(key, person=b"returns").digest() for key in keys)
        self._keys = tuple(blake2s(key=key, digest_size=_DIGEST_BYTES) for key in own)

    def address(self, delivery: int) -> str:
        """Where the mail of this number returns to; its local part has at most 46 octets."""
        return f"b+{delivery}-{_sign(self._keys[0], delivery)}{self._at}"

    def read(self, address: str) -> int | None:
        """The mail that returned to this address; None for what is no address of ours.

        Its domain does not matter: the setting may have changed since the mail left.
        """
        found = _LOCAL.fullmatch(address.rpartition("@")[0])
        if not found:
            return None
        delivery, signature = int(found[1]), found[2].lower()
        ours = any(hmac.compare_digest(_sign(key, delivery), signature) for key in self._keys)
        return delivery if ours else None


def _sign(key: blake2s, delivery: int) -> str:
    state = key.copy()
    state.update(b"%d" % delivery)
    return state.hexdigest()
