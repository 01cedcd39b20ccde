"""Lists of tags, `v=DMARC1; p=none`: the form in which DMARC and DKIM write what they say."""

from collections.abc import Mapping

Tags = Mapping[str, str]
"""By name in lower case; values as written, without the blanks around them."""


def read(text: str) -> Tags:
    """Raises ValueError where it is no list of tags, or one stands in it twice."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not (equals and name):
            raise ValueError(f"{part.strip()!r} is no tag of the form name=value")
        if name in found:
            raise ValueError(f"the tag {name}= stands there twice")
        found[name] = value.strip()
    return found


def unfolded(value: str) -> str:
    """A value that may be broken anywhere, such as a key."""
    return "".join(value.split())
