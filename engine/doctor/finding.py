"""What a check says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    NOT_CHECKED = "not_checked"  # nothing can be said, and `found` tells why
    WARNING = "warning"  # mails leave, but something will hurt
    ERROR = "error"  # mails do not leave or do not arrive, or the law is broken


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    found: str
    cure: str = ""
    """What to do, in a sentence or two; "" where nothing is to be done."""


@dataclass(frozen=True)
class Check:
    name: str
    """One of those in GROUPS."""
    finding: Finding


GROUPS: Mapping[str, tuple[str, ...]] = {
    "Installation": ("settings", "database", "disk", "clock"),
    "Names of the sender": ("spf", "spf_lookups", "dkim_key", "dmarc", "ptr", "return_mx"),
    "Mails": ("dkim_alignment", "dkim_list_headers", "authentication", "specimen"),
    "Relay and public address": ("relay_tls", "relay_auth", "one_click_https", "one_click_redirect"),
    "Ledger": ("worker", "queue_age", "stuck_rows", "today"),
}
"""The names of the checks, which stay as they are, in the order in which they are told."""


def ok(found: str) -> Finding:
    return Finding(Verdict.OK, found)


def not_checked(why: str, cure: str = "") -> Finding:
    return Finding(Verdict.NOT_CHECKED, why, cure)


def warning(found: str, cure: str) -> Finding:
    return Finding(Verdict.WARNING, found, cure)


def error(found: str, cure: str) -> Finding:
    return Finding(Verdict.ERROR, found, cure)


def together(findings: Sequence[Finding]) -> Finding:
    """Several as one: the gravest verdict, and all that is as grave as that."""
    worst = max((each.verdict for each in findings), key=list(Verdict).index)
    said = [each for each in findings if each.verdict == worst]
    return Finding(
        worst,
        " ".join(dict.fromkeys(each.found for each in said)),
        " ".join(dict.fromkeys(each.cure for each in said if each.cure)),
    )
