"""Addresses and agreement: what makes two addresses one, and the words that people agree to."""

import hmac
import unicodedata
from collections.abc import Callable
from hashlib import blake2s

import email_validator
import idna

from engine.core import errors, typography

Fingerprint = Callable[[str], str]
"""From an address key to the keyed hash by which we know it without keeping it."""

WORDING_VERSION = "2026-12"
"""Changes with any word of `wording`."""

_WORDING = {
    "fr": (
        "J'accepte de recevoir par courriel les leçons du parcours « {course} ». "
        "Je peux le mettre en pause ou le quitter à tout moment, par un lien dans chaque message."
    ),
    "en": (
        "I agree to receive the lessons of the course “{course}” by email. "
        "I can pause it or leave it at any time, by a link in every message."
    ),
}
_SEEN = {
    "fr": (
        "Mon entreprise verra mon prénom, mon adresse, combien de leçons j'ai reçues, et quand j'ai rejoint, "
        "terminé ou quitté le parcours ; jamais mes réponses, sauf fondues dans des moyennes d'au moins "
        "cinq personnes."
    ),
    "en": (
        "My company will see my first name, my address, how many lessons I received, and when I joined, "
        "completed or left the course; never my answers, but for averages over five people or more."
    ),
}
PROVIDERS = (
    *("gmail.com", "orange.fr", "wanadoo.fr", "free.fr", "sfr.fr", "neuf.fr", "laposte.net", "bbox.fr"),
    *("hotmail.com", "hotmail.fr", "outlook.com", "outlook.fr", "live.fr", "yahoo.fr", "yahoo.com"),
    *("icloud.com", "numericable.fr"),
)


def wording(course: str, language: str, *, seat: bool = False) -> str:
    """What stands beside the box that the person ticks; `seat`: to follow the course in a company's team."""
    text = _WORDING.get(language, _WORDING["en"]).format(course=course)
    if seat:
        text += " " + _SEEN.get(language, _SEEN["en"])
    return typography.french(text) if language == "fr" else text


def purpose(slug: str) -> str:
    return f"course:{slug}"


def checked_address(address: str) -> str:
    """The address as it may be stored; raises `errors.Invalid` (field `address`) in words for the person.

    No DNS look-up: the confirmation mail is the proof.
    """
    address = address.strip()
    if len(address) > 254:
        raise errors.Invalid({"address": "Cette adresse est trop longue."})
    try:
        found = email_validator.validate_email(
            address, check_deliverability=False, allow_smtputf8=False, test_environment=True, strict=True
        )
    except email_validator.EmailNotValidError:
        problem = "Cette adresse ne semble pas complète. Exemple : prenom@entreprise.fr"
        raise errors.Invalid({"address": problem}) from None
    # The part before the @ stays as typed (RFC 5321 §2.4); the domain becomes its ASCII form.
    return f"{found.local_part}@{found.ascii_domain}"


def address_key(address: str) -> str:
    """What two spellings of one mailbox share: NFC, case folded, the domain in its ASCII form."""
    local, _, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    return f"{local.casefold()}@{_ascii(domain)}"


def _ascii(domain: str) -> str:
    """As email-validator writes it (IDNA 2008 with UTS 46), so that ß stays one letter."""
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        return domain.casefold()


def fingerprint(key: bytes) -> Fingerprint:
    """The hash of an address key under a secret that is never changed."""
    short = blake2s(key).digest()

    def hashed(address_key: str) -> str:
        return hmac.new(short, address_key.encode(), "sha256").hexdigest()

    return hashed


def suggestion(address: str) -> str | None:
    """The address that was probably meant (`gmial.com`, `orange.f`), or None."""
    local, _, domain = address.strip().rpartition("@")
    domain = domain.casefold()
    if not local or domain in PROVIDERS:
        return None
    near = [provider for provider in PROVIDERS if _distance(domain, provider) == 1]
    return f"{local}@{near[0]}" if len(near) == 1 or near[:1] == ["gmail.com"] else None


def _distance(one: str, other: str) -> int:
    """Edits between two words, a swap of neighbours counted as one (Damerau); 2 means two or more."""
    if one == other:
        return 0
    if abs(len(one) - len(other)) > 1:
        return 2
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return 1
    rest, other_rest = one[start:], other[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    edits = (
        rest[1:] == other_rest[1:],
        rest[1:] == other_rest,
        rest == other_rest[1:],
        swapped == other_rest,
    )
    return 1 if any(edits) else 2
