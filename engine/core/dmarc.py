"""DMARC as RFC 9989 has it: which names are asked, which record counts, and where an organisation begins.

There is no list of public suffixes any more: the tree of the DNS is walked towards its root.
"""

from collections.abc import Iterable, Iterator, Mapping

from engine.core import tags
from engine.core.tags import Tags

POLICIES = ("none", "quarantine", "reject")
REMOVED = ("pct", "rf", "ri")
"""Tags of RFC 7489 that nobody reads any more."""
_LABELS = 8
"""So many names are asked at the most: longer ones are cut after the first question."""


def names(domain: str) -> Iterator[str]:
    """The domains whose record is looked for, `domain` first, the top of the tree last."""
    yield domain
    labels = domain.split(".")[1:]
    for start in range(max(0, len(labels) - _LABELS + 1), len(labels)):
        yield ".".join(labels[start:])


def record(texts: Iterable[str]) -> Tags | None:
    """The record among the TXT of a `_dmarc` name; None where there is none, or more than one."""
    found = [text for text in texts if text.partition(";")[0].replace(" ", "") == "v=DMARC1"]
    if len(found) != 1:
        return None
    try:
        return tags.read(found[0])
    except ValueError:
        return None


def ends(tags: Tags, *, first: bool) -> bool:
    """Whether the walk goes no further: an organisation's own word, or that of a public suffix."""
    said = tags.get("psd", "u").lower()
    return said == "n" or (said == "y" and not first)


def organisation(domain: str, found: Mapping[str, Tags]) -> str:
    """The organisational domain of `domain`; `found`: the records on the walk from there, in its order."""
    for where, record in found.items():
        said = record.get("psd", "u").lower()
        if said == "n":
            return where
        if said == "y" and where != domain:
            return ".".join(domain.split(".")[-where.count(".") - 2 :])
    return min(found, key=lambda name: name.count("."), default=domain)


def policy(domain: str, found: Mapping[str, Tags]) -> tuple[str, Tags] | None:
    """Where the record stands that holds for mails from `domain`, and the record; None: there is none."""
    organisational = organisation(domain, found)
    public = [name for name, record in found.items() if record.get("psd", "u").lower() == "y"]
    for name in (domain, organisational, *public):
        if name in found:
            return name, found[name]
    return None


def receivers(record: Tags) -> tuple[str, ...]:
    """The addresses that the reports go to."""
    uris = (uri.strip() for uri in record.get("rua", "").split(","))
    return tuple(uri[len("mailto:") :].partition("!")[0] for uri in uris if uri.lower().startswith("mailto:"))
