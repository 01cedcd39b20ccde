"""Header lines (RFC 5322 §2.2, RFC 2047): our own serialiser.

The standard library's breaks a List-Unsubscribe of 78 characters and writes encoded-words that are
too long. Lines are folded at 76 where there is a place for it and never pass 998.
"""

import functools
import re

import idna

from engine.core import errors

_FOLD = 76  # 78, but 76 where encoded-words stand (RFC 2047 §2)
_WORD = 75  # RFC 2047 §2
_LONGEST = 998

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SIMPLE = re.compile(r"[!-~]+(?: [!-~]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)+"')
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_URL = re.compile(r"https?://[!#-;=?-~]{1,900}")
_NAME_AND_ADDRESS = re.compile(r'\s*(?:"?(?P<name>.*?)"?\s*<(?P<address>[^<>]+)>|(?P<alone>[^<>\s]+))\s*')
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


class Unsendable(errors.ParcoursError):
    """A value that may not stand in a header of a mail, or an address that no mail can reach."""


def check(value: str) -> str:
    """`value`, or Unsendable: a line break in a header would let a stranger write headers of his own."""
    if _CONTROL.search(value):
        raise Unsendable(f"Ce texte contient un caractère de contrôle : {value[:60]!r}.")
    return value


def text(name: str, value: str) -> bytes:
    """A field for people, such as the subject; encoded-words where ASCII cannot say it."""
    value = check(value).strip()
    if _is_simple(value):
        return _folded(name, value.split(" "))
    return _folded(name, _encoded_words(value, room=_WORD - len(name) - 2))


def tokens(name: str, value: str) -> bytes:
    """A field for programs: ASCII, never encoded, folded only between its words."""
    if not _SIMPLE.fullmatch(value):
        raise Unsendable(f"L'en-tête {name} ne peut pas porter {value[:60]!r}.")
    return _folded(name, value.split(" "))


def mailbox(name: str, person: str, address: str) -> bytes:
    """A field with one person: `To: Zoé <zoe@exemple.fr>`."""
    words = _phrase(check(person).strip(), room=_WORD - len(name) - 2)
    return _folded(name, [*words, f"<{ascii_address(address)}>"])


def url(name: str, value: str) -> bytes:
    """A field with one web address in brackets, neither encoded nor broken inside them."""
    if not is_url(value):
        raise Unsendable(f"L'en-tête {name} attend une adresse web, pas {value[:60]!r}.")
    return _folded(name, [f"<{value}>"])


def is_url(value: str) -> bool:
    """Whether it is an http(s) address that may stand in a header, an attribute or a text as it is."""
    return bool(_URL.fullmatch(value))


def split(mailbox_text: str) -> tuple[str, str]:
    """Name and address of `Name <address>`, or of an address alone."""
    found = _NAME_AND_ADDRESS.fullmatch(check(mailbox_text))
    if not found:
        raise Unsendable(f"« Nom <adresse> » est attendu, pas {mailbox_text[:60]!r}.")
    return (found["name"] or "").strip(), found["address"] or found["alone"]


@functools.lru_cache(maxsize=4096)
def ascii_address(address: str) -> str:
    """The address as SMTP without SMTPUTF8 carries it: the domain as A-labels (RFC 5890).

    Raises Unsendable when it is no address, or its local part is not ASCII (RFC 6531 would be needed).
    """
    local, at, domain = check(address).rpartition("@")
    if (
        not at
        or len(local) > 64
        or not (_DOT_ATOM.fullmatch(local) or (local.isascii() and _QUOTED_LOCAL.fullmatch(local)))
    ):
        raise Unsendable(f"L'adresse {address[:80]!r} ne peut pas recevoir nos courriels.")
    return f"{local}@{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """The domain as A-labels. Raises Unsendable when it is none."""
    try:
        found = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        found = ""
    if len(found) > 255 or not _DOMAIN.fullmatch(found):
        raise Unsendable(f"Le domaine {domain[:80]!r} n'est pas valide.")
    return found


def _is_simple(value: str) -> bool:
    """ASCII words that survive folding and are not taken for encoded-words."""
    if not value:
        return True
    return bool(_SIMPLE.fullmatch(value)) and "=?" not in value and max(map(len, value.split(" "))) <= _WORD


def _phrase(person: str, room: int) -> list[str]:
    if not person:
        return []
    if _ATOMS.fullmatch(person) and _is_simple(person):
        return person.split(" ")
    if person.isascii() and len(person) <= room - 2 and "=?" not in person:
        escaped = person.replace("\\", "\\\\").replace('"', '\\"')
        return [f'"{escaped}"']
    return _encoded_words(person, room)


def _encoded_words(value: str, room: int) -> list[str]:
    """Encoded-words of whole characters; the first one has `room`, so that its line is not too long."""
    words, current, room = [], "", room - len("=?utf-8?q??=")
    for character in value:
        code = _q(character)
        if len(current) + len(code) > room:
            words.append(current)
            current, room = "", _WORD - len("=?utf-8?q??=") - 1
        current += code
    return [f"=?utf-8?q?{word}?=" for word in [*words, current]]


@functools.lru_cache(maxsize=1024)
def _q(character: str) -> str:
    if character == " ":
        return "_"
    return "".join(chr(b) if b in _LETTERS else f"={b:02X}" for b in character.encode("utf-8"))


def _folded(name: str, words: list[str]) -> bytes:
    lines, current = [], f"{name}:"
    for word in words:
        if len(current) + 1 + len(word) > _FOLD:
            lines.append(current)
            current = ""
        current += f" {word}"
    lines.append(current)
    if max(map(len, lines)) > _LONGEST:
        raise Unsendable(f"L'en-tête {name} est trop long.")
    return "\r\n".join(lines).encode("ascii") + b"\r\n"
