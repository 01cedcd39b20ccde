"""A server's words, made plain and looked up among phrases."""

import re
import unicodedata

from engine.core.feedback import Cause
from engine.mail.inbound import phrases

_ADDRESS = re.compile(r"<?[\w.+=&'*/#!%^{|}~$-]{1,64}@[\w\[\].-]{1,255}>?")
_LINK = re.compile(r"(?:https?|ftp)://[^\s<>\"']+|\bwww\.[^\s<>\"']+")
#: Not Exchange's own words, like RESOLVER.ADR.RecipNotFound.
_HOST = re.compile(
    r"(?<![\w.-])(?!(?:resolver|storedrv|queue|smtpsend|routing)\.)(?:[a-z\d_-]{1,63}\.){1,8}[a-z]{2,6}"
    r"(?![\w.-]*\w)"
)
_SERVICES = (
    (
        re.compile(
            r"spamhaus|spamcop|sorbs|barracudacentral|dnsbl|\brbl|blocklist|blacklist|cloudmark|uceprotect"
        ),
        " dnsbl ",
    ),
    (re.compile(r"groups\.google"), " mailing-list-link "),
)
_IP = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
_CODES = re.compile(
    r"(?<![\w.])(?:[245]\d\d[- ]?)?#?[245]\.\d{1,3}\.\d{1,3}(?![\w.]*\w)|(?<![\w.])[45]\d\d-(?=\D)"
)
_BLANKS = re.compile(r"[\s\"`*_]+")
#: What programs write around every failure.
_EMPTY = re.compile(
    r"smtp error from remote (?:mail ?)?(?:server|mailer) after"
    r"|there was an? (?:\w+ )?(?:error|problem) (?:while )?(?:delivering|sending)"
    r"|an? (?:\w+ )?error (?:has )?(?:occurred )?(?:while )?(?:trying|attempting|delivering|sending)"
    r"|mail (?:delivery|system|server) (?:system|subsystem|software|program|error|failed|failure)"
    r"|could not be delivered to (?:one or more|the following|all|some)|permanent (?:fatal )?errors?"
    r"|(?:please )?(?:do not|don't) (?:need to )?re-?send|delivery status notification|technical details of"
)
_GROUP = re.compile(r"\b[A-Z]{3,}\b")


def strong(text: str) -> Cause | None:
    """What a server says of the matter in so many words; `text` is plain."""
    return _first(_STRONG, text)


def weak(text: str) -> Cause | None:
    """What it says where nothing else does: words that mean many things; `text` is plain."""
    return _first(_WEAK, text)


def plain(text: str) -> str:
    """A server's words without what differs from mail to mail: case, accents, addresses, hosts, codes."""
    text = unicodedata.normalize("NFKD", text.replace("\u2019", "'")).lower()
    text = "".join(char for char in text if not unicodedata.combining(char))
    text = _HOST.sub(_named, _LINK.sub(_named, _ADDRESS.sub("<>", _IP.sub("#", text))))
    return _EMPTY.sub(" ", _BLANKS.sub(" ", _CODES.sub(" ", text))).strip()


def _named(found: re.Match[str]) -> str:
    """Names may hold any word and say nothing by it, but for a few services."""
    return next((word for service, word in _SERVICES if service.search(found[0])), " host ")


def _first(table: list[tuple[Cause, re.Pattern[str]]], text: str) -> Cause | None:
    return next((cause for cause, phrase in table if phrase.search(text)), None)


def _compiled(table: tuple[tuple[Cause, str], ...]) -> list[tuple[Cause, re.Pattern[str]]]:
    return [(cause, re.compile("|".join(_expressions(text)))) for cause, text in table]


def _expressions(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    while any(map(_GROUP.search, lines)):
        lines = [_GROUP.sub(lambda found: phrases.WORDS[found[0]], line) for line in lines]
    return [rf"\b(?:{line})".replace(" ~ ", r"[^.]{0,60}?\b") for line in lines]


_STRONG, _WEAK = _compiled(phrases.STRONG), _compiled(phrases.WEAK)
