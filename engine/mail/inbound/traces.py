"""By what the mail that a report is about may be found."""

import re

from engine.core.feedback import Traces
from engine.mail.inbound import addresses, layout, mime
from engine.mail.inbound.mime import Entity

#: Where servers note whom a mail was for, the surest first.
_DELIVERED = ("x-original-to", "delivered-to", "x-envelope-to", "envelope-to", "x-delivered-to", "to", "cc")
#: Where reports note under which address the mail had left.
_LEFT = ("original-mail-from", "x-postfix-sender", "return-path")
_ID = re.compile(r"<([^<>\s]{3,250})>")
_MOST = 20


def find(mail: Entity, *, envelope: str = "") -> Traces:
    """`envelope` is the address that a report was delivered to, where that is known."""
    back = layout.returned(mail)
    told = [back] if back else []
    reports = [part.text for part in mail.walk() if "-status" in part.type or "feedback-report" in part.type]
    blocks = [block for report in reports for block in mime.blocks(report)]
    to = _addresses([mail], _DELIVERED)
    left = _addresses([*blocks, *told], _LEFT)
    ids = [*_ids(told, "message-id"), *_ids([mail], "in-reply-to"), *_ids([mail], "references")]
    return Traces(
        addresses=tuple(dict.fromkeys(filter(None, (envelope, *to, *left))))[:_MOST],
        envelope_id=next(filter(None, (block.get("original-envelope-id") for block in blocks)), ""),
        message_ids=tuple(dict.fromkeys(ids))[:_MOST],
    )


def _addresses(entities: list[Entity], names: tuple[str, ...]) -> list[str]:
    values = [value for name in names for each in entities for value in each.every(name)]
    return [address for value in values for address in addresses.every(value)]


def _ids(entities: list[Entity], name: str) -> list[str]:
    return [found for each in entities for value in each.every(name) for found in _ID.findall(value)]
