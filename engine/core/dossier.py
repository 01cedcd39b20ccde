"""A file whose content nobody has changed since we wrote it."""

import hmac
import json
from collections.abc import Mapping
from hashlib import blake2s
from typing import Any

from engine.core import errors

_DOSSIER, _SIGNATURE = "dossier", "signature"


def sealed(content: Mapping[str, Any], key: bytes) -> str:
    """JSON with a keyed signature (HMAC-SHA-256) of its content, whatever its blanks and the order in it."""
    return json.dumps({_DOSSIER: content, _SIGNATURE: _signature(content, key)}, ensure_ascii=False, indent=2)


def opened(text: str, key: bytes) -> dict[str, Any]:
    """The content of such a file. Raises `errors.Invalid` when it is none, or not as we wrote it."""
    try:
        found = json.loads(text)
        content, signature = dict(found[_DOSSIER]), str(found[_SIGNATURE])
    except (ValueError, TypeError, KeyError):
        raise errors.Invalid("This is no dossier that Parcours wrote.") from None
    if not hmac.compare_digest(_signature(content, key).encode(), signature.encode()):
        raise errors.Invalid("It was changed since, or another installation wrote it.")
    return content


def _signature(content: Mapping[str, Any], key: bytes) -> str:
    written = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hmac.new(blake2s(key, person=b"dossier").digest(), written.encode(), "sha256").hexdigest()
