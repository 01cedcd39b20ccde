"""Notices that a mail did not arrive: delivery-status fields (RFC 3464) first, then what the text says.

Programs that write no fields agree on little, but all of them name an address, say what happened near it,
and show the mail that came back below. That is read, whatever the program.
"""

import re
from dataclasses import replace

from engine.core.feedback import Cause, Kind, Recipient
from engine.mail.inbound import addresses, layout, mime, statuses, verdict
from engine.mail.inbound.mime import Entity

_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_MOST = 100
"""Recipients that are read."""
_DONE = frozenset({"delivered", "relayed", "expanded", "deliverable"})
_LATE = re.compile(
    r"""(?ix)warning[ ]only | this[ ]is[ ](?:only[ ])?a[ ]warning | a[ ]temporary[ ]failure[ ]report
    | still[ ]being[ ]retried | will[ ](?:be[ ]retried|keep[ ]trying|retry)
    | will[ ]continue[ ](?:to[ ]be|trying)
    | not[ ]yet[ ]been[ ]delivered | attempts[ ]will[ ]continue | has[ ]been[ ]delayed
    | delivery[ ](?:is[ ])?delayed
    | not[ ]need[ ]to[ ]re-?send | status[ ]notification[ ]\(delay
    | n'a[ ]pas[ ]encore[ ][ée]t[ée] | retard[ée] | verz[öo]gert"""
)
_OVER = re.compile(r"(?i)\b(?:expired|giving up|given up|permanent(?:ly)? (?:error|fail))")


def read(mail: Entity) -> tuple[Kind, tuple[Recipient, ...]]:
    """What a notice says of each recipient, in its order."""
    text = layout.notice(mail)
    over = bool(_OVER.search(text))
    late = bool(_LATE.search(f"{mail.get('subject')}\n{text}")) and not over
    if blocks := _blocks(mail, text):
        found = _reported(blocks, mail, text)
    else:
        found = _told(mail, text, late=late)
        if not (layout.sections(text) or _determined(found)):  # it ended later than it seemed
            again = _told(mail, layout.whole(mail)[: layout.NOTICE], late=late)
            found = again if _determined(again) else found
    actions = {_action(each) for each in blocks} - {""}
    waits = actions <= {"delayed", *_DONE} and not over if actions else late
    return _kind(found, waits=waits), found


def _kind(found: tuple[Recipient, ...], *, waits: bool) -> Kind:
    """A mail that is only late is no bounce: the server goes on trying."""
    if all(each.cause == Cause.DELIVERED for each in found):
        return Kind.DELIVERED
    return Kind.UNKNOWN if waits else Kind.BOUNCE


def _determined(found: tuple[Recipient, ...]) -> bool:
    return any(each.cause not in (Cause.UNDETERMINED, Cause.EXPIRED) for each in found)


def _blocks(mail: Entity, text: str) -> list[Entity]:
    """The fields of each recipient; some programs write them into the text."""
    reports = [part.text for part in mail.walk() if part.type in _REPORTS] or [text]
    groups = [block for report in reports for block in mime.blocks(report)]
    return list(filter(_of_recipient, groups))[:_MOST]


def _of_recipient(block: Entity) -> bool:
    told = block.every("status") or block.every("diagnostic-code")
    return bool(block.every("final-recipient") or (block.every("action") and told))


def _action(block: Entity) -> str:
    return block.get("action").lower().split(" ")[0].strip(" ;,.")


def _reported(blocks: list[Entity], mail: Entity, text: str) -> tuple[Recipient, ...]:
    sections = layout.sections(text)
    return tuple(_of_block(block, mail, text, sections, alone=len(blocks) == 1) for block in blocks)


def _of_block(
    block: Entity, mail: Entity, text: str, sections: dict[str, tuple[str, str]], *, alone: bool
) -> Recipient:
    kind, _, rest = block.get("diagnostic-code").partition(";")
    diagnostic = rest.strip() or kind
    address = _whom(block) or next(iter(addresses.every(diagnostic)), "")
    if not address and alone:
        address = next(iter([*_listed(mail), *(each for each, _ in sections.values())]), "")
    code = statuses.find(block.get("status"))
    if _action(block) in _DONE or (code.startswith("2") and _action(block) != "failed"):
        return Recipient(address, Cause.DELIVERED, code, diagnostic[: verdict.SAID])
    near = sections.get(address.lower(), ("", ""))[1]
    heard = [diagnostic, *layout.quoted(near), *(layout.quoted(text) if alone else [])]
    return verdict.of(address, heard, code, around=[near, text] if alone else [near])


def _whom(block: Entity) -> str:
    names = ("final-recipient", "original-recipient", "x-actual-recipient")
    return next(filter(None, (addresses.in_field(block.get(name)) for name in names)), "")


def _told(mail: Entity, text: str, *, late: bool) -> tuple[Recipient, ...]:
    """Without fields: whom the text names, and what it says of each."""
    people = _named(mail, text) or [("", "")]
    alone = len(people) == 1
    general = [text, mail.get("subject")]
    found = [
        verdict.of(
            address,
            layout.quoted(text if alone else said),
            around=[said, *(general if alone or not said else [])],
        )
        for address, said in people[:_MOST]
    ]
    nothing = Cause.EXPIRED if late else Cause.UNDETERMINED
    return tuple(replace(each, cause=nothing) if each.cause == Cause.OTHER else each for each in found)


def _named(mail: Entity, text: str) -> list[tuple[str, str]]:
    """Whom a notice is about, each with what it says of him."""
    sections = layout.sections(text)
    if listed := _listed(mail):
        return [(each, sections.get(each.lower(), ("", ""))[1]) for each in listed]
    if sections:
        return list(sections.values())
    own = {each.lower() for name in ("from", "to") for each in addresses.every(mail.get(name))}
    others = [each for each in layout.within(text) if each.lower() not in own]
    if not others and (back := layout.returned(mail)):
        others = addresses.every(back.get("to"))
    return [(each, "") for each in others[:1]]


def _listed(mail: Entity) -> list[str]:
    """X-Failed-Recipients, as Exim and Google write it."""
    found = [each for value in mail.every("x-failed-recipients") for each in addresses.every(value)]
    return list(dict.fromkeys(found))
