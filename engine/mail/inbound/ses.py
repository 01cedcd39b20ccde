"""What Amazon SES tells in JSON, by mail or by a webhook of SNS."""

import json
from collections.abc import Mapping

from engine.core.feedback import Cause, Kind, Recipient
from engine.mail.inbound import verdict
from engine.mail.inbound.mime import Entity

_Notification = tuple[Kind, tuple[Recipient, ...]]


def read(mail: Entity) -> _Notification | None:
    """The notification in a mail; None where there is none."""
    text = mail.text
    start = text.find("{")
    if start < 0 or not ("otificationType" in text or "eventType" in text):
        return None
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text[start:])
        if isinstance(value, dict) and isinstance(value.get("Message"), str):  # as SNS wraps it
            value = json.loads(value["Message"], strict=False)
    except (ValueError, RecursionError):
        return None
    return told(value) if isinstance(value, dict) else None


def told(value: Mapping[str, object]) -> _Notification | None:
    """What a notification says; None for one that says nothing of a mail that left."""
    match str(value.get("notificationType") or value.get("eventType")):
        case "Bounce":
            return Kind.BOUNCE, tuple(map(_bounced, _people(value, "bounce", "bouncedRecipients")))
        case "Complaint":
            people = _people(value, "complaint", "complainedRecipients")
            return Kind.COMPLAINT, tuple(
                Recipient(_text(each, "emailAddress"), Cause.COMPLAINT) for each in people
            )
        case "Delivery":
            inner = value.get("delivery")
            found = inner.get("recipients") if isinstance(inner, dict) else None
            said = _text(inner, "smtpResponse") if isinstance(inner, dict) else ""
            people_ = found if isinstance(found, list) else []
            return Kind.DELIVERED, tuple(Recipient(str(each), Cause.DELIVERED, said=said) for each in people_)
    return None


def _people(value: Mapping[str, object], name: str, key: str) -> list[Mapping[str, object]]:
    inner = value.get(name)
    found = inner.get(key) if isinstance(inner, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _bounced(each: Mapping[str, object]) -> Recipient:
    said = _text(each, "diagnosticCode")
    return verdict.of(_text(each, "emailAddress"), [said], _text(each, "status"))


def _text(value: Mapping[str, object], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
