"""Addresses as reports write them: in brackets, with a type before, with dots too many."""

import re

_ANY = re.compile(r'<?((?:"[^"\n]{1,64}"|[^\s<>,;:"()\[\]]{1,64})@[\w.\[\]-]{1,253}[\w\]])>?')
_ROUTE = re.compile(r"^(?:@[\w.,@-]{1,255}:)")


def in_field(value: str) -> str:
    """The address in a field like Final-Recipient: `rfc822; alice@example.org`; "" for none."""
    bare = _ROUTE.sub("", value.rpartition(";")[2].strip().strip("<>"))
    found = _ANY.search(bare)
    return found[1] if found else bare if bare and " " not in bare else ""


def every(value: str) -> list[str]:
    """All addresses of a field like To, in its order."""
    return [match[1] for match in _ANY.finditer(value[:8000])]
