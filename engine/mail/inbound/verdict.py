"""From a server's words and codes to a cause."""

import re
from collections.abc import Callable, Sequence

from engine.core.feedback import Cause, Recipient
from engine.mail.inbound import statuses, wordings

SAID = 300
"""Characters that are kept of what a server said."""
_LONG = 4_000

#: When it was said: until a server has heard of the recipient, it speaks of us.
_WHEN = r"\b(?:reply to|response to|after|to our)\W*"
_AT_MAIL = re.compile(rf"(?i){_WHEN}mail\b(?! server)|>>>\W*mail from")
_AT_CONNECT = re.compile(
    rf"(?i){_WHEN}(?:helo|ehlo|initial connection)|refused to talk to me|my name was rejected"
)
_AT_RCPT = re.compile(rf"(?i)(?:{_WHEN}|>>>\W*)(?:rcpt|(?:end of |final )?data)")

_GONE = (Cause.USER_UNKNOWN, Cause.HOST_UNKNOWN, Cause.MOVED)
_VAGUE = (*_GONE, Cause.POLICY, Cause.UNDETERMINED)


def of(address: str, heard: Sequence[str], status: str = "", *, around: Sequence[str] = ()) -> Recipient:
    """A recipient with the cause that is told most precisely.

    `heard` are a server's own words, the surest first; `around` is what a program wrote about them.
    """
    heard, around = _filled(heard), _filled(around)
    told = [*heard, *around]
    code = _code(status, told)
    reply = next(filter(None, map(statuses.reply, told)), 0)
    cause = _about(_cause(heard or around, around if heard else [], code, reply), code, reply, told)
    return Recipient(address, cause, code, " ".join((told or [""])[0].split())[:SAID])


def _filled(texts: Sequence[str]) -> list[str]:
    return [text[:_LONG] for text in texts if text.strip()]


def _code(status: str, told: list[str]) -> str:
    """The status that was given, unless it says nothing and the words hold a better one."""
    if status and not status.endswith(".0.0"):
        return status
    return next(filter(None, map(statuses.find, told)), status)


def _cause(surest: list[str], others: list[str], code: str, reply: int) -> Cause:
    if statuses.certain(code) and (found := statuses.cause(code)):
        return found
    surely, otherwise = (list(map(wordings.plain, texts)) for texts in (surest, others))
    return (
        _first(wordings.strong, surely)
        or statuses.cause(code)
        or _first(wordings.strong, otherwise)
        or _later(_first(wordings.weak, [*surely, *otherwise]), code, reply)
        or statuses.of_reply(reply)
        or _of_digit(code, reply)
    )


def _first(reading: Callable[[str], Cause | None], texts: list[str]) -> Cause | None:
    return next(filter(None, map(reading, texts)), None)


def _later(found: Cause | None, code: str, reply: int) -> Cause | None:
    """Words that mean many things say of nobody that he is gone where the code only says "later"."""
    return Cause.SYSTEM if found in _GONE and _digit(code, reply) == "4" else found


def _about(cause: Cause, code: str, reply: int, told: list[str]) -> Cause:
    """The cause in the light of when it was told, and of the code beside it."""
    if cause in _VAGUE and not any(map(_AT_RCPT.search, told)):
        if any(map(_AT_MAIL.search, told)):
            return Cause.SENDER
        if cause in _GONE and any(map(_AT_CONNECT.search, told)):
            return Cause.BLOCKED
    if cause in _GONE and reply // 100 == 4 and not code.startswith("5"):
        return Cause.SYSTEM  # it may be somebody's directory that is away
    if cause == Cause.DISABLED and code == "5.1.1":  # who gives this code does not mean to open it again
        return Cause.USER_UNKNOWN
    return cause


def _of_digit(code: str, reply: int) -> Cause:
    return {"4": Cause.SYSTEM, "5": Cause.UNDETERMINED}.get(_digit(code, reply), Cause.OTHER)


def _digit(code: str, reply: int) -> str:
    return code[:1] or str(reply)[:1]
