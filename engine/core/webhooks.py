"""Telling other programs what happened: which events, signed how, tried again when (standardwebhooks.com)."""

import base64
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import idna

from engine.core import errors
from engine.core.delivery import GiveUp, RetryAt


class Event(StrEnum):
    CONFIRMED = "enrolment.confirmed"
    COMPLETED = "enrolment.completed"
    STOPPED = "enrolment.stopped"
    LESSON_SENT = "lesson.sent"
    HANDED_IN = "activity.handed_in"
    ERASED = "learner.erased"


TEST = "webhook.test"
"""Sent on request to one webhook, whatever it listens to."""

PATIENCE = timedelta(days=3)
"""A webhook that took nothing for so long is switched off."""
ROTATION = timedelta(days=1)
"""After a new secret, messages are signed by the old one too, for so long."""

_PREFIX = "whsec_"
_LONGEST = 500
# The delays that the specification proposes: ten tries in about three days.
_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000))
_DELAYS += (timedelta(days=1),)
_HOST = re.compile(r"[a-z0-9.:_-]{1,253}")


class State(StrEnum):
    WAITING = "waiting"  # owed; sent at its next try
    SENT = "sent"  # the other side took it; final
    FAILED = "failed"  # given up after the last try; final
    CANCELLED = "cancelled"  # its webhook was switched off; final


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def new_key() -> str:
    """The identity of a message: the same at every try, so that the other side may drop copies."""
    return f"msg_{secrets.token_hex(16)}"


def body(event: str, data: dict[str, Any], *, now: datetime) -> str:
    """The message as it is signed and sent, at every try the same."""
    message = {"type": event, "timestamp": now.isoformat(timespec="seconds"), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def headers(key: str, text: str, keys: Sequence[str], *, now: datetime) -> dict[str, str]:
    """What goes with a message: its identity, the time of this try, a signature by each of the secrets."""
    stamp = str(int(now.timestamp()))
    signed = f"{key}.{stamp}.{text}".encode()
    return {
        "webhook-id": key,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in keys),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def retry(tries: int, *, now: datetime) -> RetryAt | GiveUp:
    """When to try again after `tries` tries that failed (1: the first just did)."""
    if tries > len(_DELAYS):
        return GiveUp("expired")
    return RetryAt(now + _DELAYS[tries - 1])


def worn_out(failing_since: datetime | None, *, now: datetime) -> bool:
    """Whether a webhook whose last message just failed has failed for too long."""
    return failing_since is not None and now >= failing_since + PATIENCE


def excerpt(text: str) -> str:
    """The beginning of an answer, fit for the log."""
    shown = (" " if unicodedata.category(c) in ("Cc", "Cs", "Co", "Zl", "Zp") else c for c in text[:300])
    return " ".join("".join(shown).split())


def checked_url(url: str, *, plain: bool = False) -> str:
    """An address that may be called, its host in ASCII. Raises `errors.Invalid` (field url).

    Whether its host leads to a public network is seen at each call. `plain`: http will do too.
    """
    url = url.strip()
    if len(url) > _LONGEST or not url.isprintable() or any(c.isspace() or c == "\\" for c in url):
        raise errors.Invalid({"url": "Cette adresse est trop longue ou contient un caractère interdit."})
    try:
        parts = urlsplit(url)
        port, host = parts.port, _ascii(parts.hostname or "")
    except ValueError:
        raise errors.Invalid(
            {"url": "Ce n'est pas une adresse web : copiez celle que donne l'autre programme."}
        ) from None
    if parts.scheme != "https" and not (plain and parts.scheme == "http"):
        raise errors.Invalid({"url": "L'adresse doit commencer par https://."})
    if "@" in parts.netloc or parts.fragment or not _HOST.fullmatch(host) or port == 0:
        raise errors.Invalid({"url": "Écrivez l'adresse sans mot de passe ni « # »."})
    place = f"[{host}]" if ":" in host else host
    path = parts.path or "/"
    if not (path + parts.query).isascii():
        raise errors.Invalid({"url": "Cette adresse est trop longue ou contient un caractère interdit."})
    return f"{parts.scheme}://{place}{f':{port}' if port else ''}{path}" + (
        f"?{parts.query}" if parts.query else ""
    )


def _ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    return idna.encode(host, uts46=True).decode("ascii")
