"""Codes: enhanced ones (RFC 3463 and its registry), and the three digits of SMTP. They come after words."""

import re

from engine.core.feedback import Cause

CODE = re.compile(r"(?<![\d.])([245])[.](\d)[.](\d{1,3})(?![\d.]?\d)")
_REPLY = re.compile(
    r"(?<![\d.,:/-])([45][0-5]\d)(?=[ \-#;:,]|$)(?![ ]*(?:bytes|octets|seconds|hours|days|kb|mb))"
)

#: By the last two numbers, whatever the first: most programs do not mind it.
_DETAIL: dict[str, Cause | None] = {
    "1.1": Cause.USER_UNKNOWN,
    "1.2": Cause.HOST_UNKNOWN,
    "1.3": Cause.USER_UNKNOWN,
    "1.4": Cause.USER_UNKNOWN,
    "1.6": Cause.MOVED,
    "1.7": Cause.SENDER,
    "1.8": Cause.SENDER,
    "1.9": Cause.MALFORMED,
    "1.10": Cause.HOST_UNKNOWN,
    "2.1": Cause.DISABLED,
    "2.2": Cause.FULL,
    "2.3": Cause.TOO_BIG,
    "2.4": Cause.SYSTEM,
    "3.0": Cause.SYSTEM,
    "3.1": Cause.SYSTEM_FULL,
    "3.2": None,
    "3.3": Cause.SYSTEM,
    "3.4": Cause.TOO_BIG,
    "3.5": Cause.SYSTEM,
    "4.0": Cause.NETWORK,
    "4.1": Cause.EXPIRED,
    "4.2": Cause.NETWORK,
    "4.3": Cause.NETWORK,
    "4.4": Cause.HOST_UNKNOWN,
    "4.5": Cause.CONNECTIONS,
    "4.6": Cause.NETWORK,
    "4.7": Cause.EXPIRED,
    "4.310": Cause.HOST_UNKNOWN,
    "4.312": Cause.NETWORK,
    "4.316": Cause.EXPIRED,
    "5.0": None,
    "5.3": Cause.LIMIT,
    "7.2": Cause.FILTERED,
    "7.7": Cause.MALFORMED,
    "7.8": Cause.SECURITY,
    "7.10": Cause.TLS,
    "7.13": Cause.DISABLED,
    "7.20": Cause.AUTHENTICATION,
    "7.21": Cause.AUTHENTICATION,
    "7.22": Cause.AUTHENTICATION,
    "7.23": Cause.AUTHENTICATION,
    "7.24": Cause.AUTHENTICATION,
    "7.25": Cause.NO_PTR,
    "7.26": Cause.AUTHENTICATION,
    "7.27": Cause.AUTHENTICATION,
    "7.28": Cause.SPEED,
    "7.29": Cause.AUTHENTICATION,
    "7.30": Cause.AUTHENTICATION,
    "7.133": Cause.FILTERED,
    "7.134": Cause.FILTERED,
    "7.136": Cause.FILTERED,
    "7.509": Cause.AUTHENTICATION,
    "7.511": Cause.BLOCKED,
    "7.515": Cause.AUTHENTICATION,
    "7.708": Cause.BLOCKED,
    "7.750": Cause.BLOCKED,
}
_SUBJECT = {
    "2": Cause.UNDETERMINED,
    "3": Cause.SYSTEM,
    "4": Cause.NETWORK,
    "5": Cause.SYNTAX,
    "6": Cause.CONTENT,
    "7": Cause.POLICY,
}
_REPLIES = {
    421: Cause.CONNECTIONS,
    452: Cause.SYSTEM_FULL,
    521: Cause.BLOCKED,
    523: Cause.TOO_BIG,
    530: Cause.SECURITY,
    534: Cause.SECURITY,
    535: Cause.SECURITY,
    538: Cause.SECURITY,
    551: Cause.MOVED,
    552: Cause.FULL,
    553: Cause.USER_UNKNOWN,
    556: Cause.HOST_UNKNOWN,
}


_CERTAIN = re.compile(r"[45]\.(?:1\.[78]|7\.(?:2[0-79]|30|509|515))")


def certain(status: str) -> bool:
    """Whether nobody gives this code for anything else, whatever the words."""
    return _CERTAIN.fullmatch(status) is not None


def find(text: str) -> str:
    """The most telling enhanced code in a text; "" for none. `x.0.0` says the least."""
    codes = [match[0] for match in CODE.finditer(text)]
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else "")


def cause(status: str) -> Cause | None:
    """What a code says of itself; None where it says nothing, as 5.0.0 and 5.5.0 do."""
    match = CODE.fullmatch(status)
    if not match:
        return None
    family, subject, detail = match.groups()
    if family == "2":
        return Cause.DELIVERED
    found = _numbered(subject, int(detail)) or _DETAIL.get(f"{subject}.{detail}", _SUBJECT.get(subject))
    return _for_now(found) if family == "4" else found


def _numbered(subject: str, detail: int) -> Cause | None:
    """Ranges that one provider uses (Exchange Online)."""
    if subject == "7" and (501 <= detail <= 503 or 606 <= detail <= 649):
        return Cause.BLOCKED
    return None


def _for_now(found: Cause | None) -> Cause | None:
    """Of a code that begins with 4: nobody is gone for good by it, and policy means pace."""
    match found:
        case Cause.USER_UNKNOWN | Cause.HOST_UNKNOWN | Cause.MOVED:
            return Cause.NETWORK
        case Cause.POLICY:
            return Cause.SPEED
    return found


def reply(text: str) -> int:
    """The first SMTP reply that refuses; 0 for none."""
    match = _REPLY.search(text)
    return int(match[1]) if match else 0


def of_reply(code: int) -> Cause | None:
    """What three digits say; None where they say nothing, as 550 does."""
    return _REPLIES.get(code)
