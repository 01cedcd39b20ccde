"""DKIM (RFC 6376): signatures over the headers and the body of a mail, by RSA and by Ed25519 (RFC 8463).

What `fill` makes is in the relaxed form of a body already, and no line of it begins with a dot: the bytes are
hashed as they travel, and a relay that changes blanks breaks nothing. Nothing here knows of threads;
hashing and signing let other threads work.
"""

import base64
import functools
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from engine.core import errors, tags

Algorithm = Literal["rsa", "ed25519"]
Private = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

# Nobody may change these, nor add one: each is named once more than it occurs (RFC 6376 §8.15). What mail
# programs act on: who writes to whom, what and when, how it is read, how one answers and leaves.
_SEALED = (
    *(b"from", b"to", b"subject", b"date", b"message-id", b"reply-to", b"mime-version", b"content-type"),
    *(b"list-id", b"list-unsubscribe", b"list-unsubscribe-post"),
)
# Nobody may change these; but relays and lists add some of their own, and that breaks nothing.
_SIGNED = (b"auto-submitted", b"x-auto-response-suppress", b"precedence", b"feedback-id", b"content-language")

_BITS = (2048, 4096)
"""RFC 8301 asks for 2048 at least, and lets receivers refuse more than 4096."""
_SELECTOR = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_LINE = 72
_STRING = 255  # the most that one string of a TXT record holds


@dataclass(frozen=True)
class Key:
    """A private key and the name under which the DNS shows its public half."""

    selector: str
    private: Private = field(repr=False)

    @property
    def algorithm(self) -> Algorithm:
        return "rsa" if isinstance(self.private, rsa.RSAPrivateKey) else "ed25519"

    def sign(self, text: bytes) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(hashlib.sha256(text).digest())  # RFC 8463 §3


@dataclass(frozen=True)
class Signer:
    """Signs mails for one domain, with each of its keys."""

    domain: str
    """As A-labels."""
    keys: tuple[Key, ...]

    def sign(self, mail: bytes, now: datetime) -> bytes:
        """The fields to put before a mail that `fill` made: a signature of each key."""
        end = mail.index(b"\r\n\r\n") + 2
        body = base64.b64encode(hashlib.sha256(memoryview(mail)[end + 2 :]).digest())
        named, text = _canonical(mail[:end])
        when = int(now.timestamp())
        return b"".join([self._signature(key, named, text, body, when) for key in self.keys])

    def _signature(self, key: Key, named: tuple[bytes, ...], text: bytes, body: bytes, when: int) -> bytes:
        head = b"v=1; a=%b-sha256; c=relaxed/relaxed; d=%b;\r\n s=%b; t=%d;\r\n bh=%b;\r\n h=%b;\r\n b=" % (
            key.algorithm.encode(),
            self.domain.encode(),
            key.selector.encode(),
            when,
            body,
            _names(named),
        )
        made = key.sign(text + b"dkim-signature:" + head.replace(b"\r\n", b""))
        return b"DKIM-Signature: " + head + _folded(base64.b64encode(made)) + b"\r\n"


def _canonical(fields: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Which fields are signed, in their order, and their relaxed form (RFC 6376 §3.4.2)."""
    lines = [line.partition(b":") for line in fields.replace(b"\r\n ", b" ").split(b"\r\n")]
    found = {name.lower(): value for name, _, value in lines}
    named = tuple([name for name in (*_SEALED, *_SIGNED) if name in found])
    return named, b"".join([b"%b:%b\r\n" % (name, b" ".join(found[name].split())) for name in named])


@functools.lru_cache(maxsize=64)
def _names(named: tuple[bytes, ...]) -> bytes:
    """The tag h=, folded: `named`, and once more each that is sealed."""
    lines, line = [], b""
    for name in (*named, *_SEALED):
        if len(line) + len(name) > _LINE:
            lines.append(line)
            line = b""
        line += name + b":"
    return b"\r\n ".join([*lines, line.removesuffix(b":")])


def _folded(code: bytes) -> bytes:
    return b"\r\n ".join([code[start : start + _LINE] for start in range(0, len(code), _LINE)])


def read(selector: str, pem: bytes) -> Key:
    """A key from its file (PEM, without a password). Raises `errors.Invalid`."""
    if not _SELECTOR.fullmatch(selector):
        raise errors.Invalid(f"{selector!r} is no selector: letters, digits and hyphens.")
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise errors.Invalid("it holds no private key in PEM without a password.") from None
    if not isinstance(private, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise errors.Invalid("its key is neither RSA nor Ed25519.")
    least, most = _BITS
    if isinstance(private, rsa.RSAPrivateKey) and not least <= private.key_size <= most:
        raise errors.Invalid(f"RSA of {private.key_size} bits; receivers want {least} to {most} (RFC 8301).")
    return Key(selector, private)


def generate(algorithm: Algorithm) -> bytes:
    """A new private key, as PEM."""
    least, _ = _BITS
    private: Private = (
        rsa.generate_private_key(65537, least) if algorithm == "rsa" else ed25519.Ed25519PrivateKey.generate()
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return private.private_bytes(encoding, form, serialization.NoEncryption())


def public(key: Key) -> bytes:
    """Its public half, as the DNS has it in p= (in base64)."""
    encoding, form = serialization.Encoding, serialization.PublicFormat
    if isinstance(key.private, rsa.RSAPrivateKey):
        return key.private.public_key().public_bytes(encoding.DER, form.SubjectPublicKeyInfo)
    return key.private.public_key().public_bytes(encoding.Raw, form.Raw)


def owner(selector: str, domain: str) -> str:
    """The name in the DNS under which a key stands."""
    return f"{selector}._domainkey.{domain}"


def value(key: Key) -> str:
    """What the DNS shows of `key`, in one piece."""
    return f"v=DKIM1; k={key.algorithm}; p={base64.b64encode(public(key)).decode()}"


def record(key: Key, domain: str) -> str:
    """The line of the DNS that lets everybody verify `key`, as a zone file has it."""
    text = value(key)
    strings = [f'"{text[start : start + _STRING]}"' for start in range(0, len(text), _STRING)]
    return f"{owner(key.selector, domain)}. IN TXT ({' '.join(strings)})"


@dataclass(frozen=True)
class Published:
    """A key as its record in the DNS has it (RFC 6376 §3.6.1)."""

    algorithm: str
    public: bytes
    """Empty: the key was revoked."""
    testing: bool
    """t=y: receivers are to treat a bad signature as none."""

    @property
    def bits(self) -> int:
        """The length of an RSA key. Raises ValueError for what is no key."""
        try:
            found = serialization.load_der_public_key(self.public)
        except UnsupportedAlgorithm as error:
            raise ValueError(str(error)) from None
        return found.key_size if isinstance(found, rsa.RSAPublicKey) else 0


def published(text: str) -> Published:
    """Read such a record. Raises ValueError with what receivers cannot read."""
    found = tags.read(text)
    if found.get("v", "DKIM1") != "DKIM1":
        raise ValueError(f"v={found['v']} is not DKIM1")
    if "p" not in found:
        raise ValueError("p= is missing")
    if "sha256" not in found.get("h", "sha256").lower().split(":"):
        raise ValueError(f"h={found['h']} does not allow sha256")
    if not {"*", "email"} & set(found.get("s", "*").lower().split(":")):
        raise ValueError(f"s={found['s']} is not for mail")
    key = base64.b64decode(tags.unfolded(found["p"]), validate=True)
    return Published(found.get("k", "rsa").lower(), key, "y" in found.get("t", "").lower().split(":"))


@dataclass(frozen=True)
class Signature:
    """What a DKIM-Signature in a mail says of itself."""

    domain: str
    selector: str
    signed: frozenset[str]
    """Names of fields, in lower case."""


def signature(value: str) -> Signature:
    """Read the value of the field. Raises ValueError where it is none."""
    found = tags.read(value)
    if not found.get("d") or not found.get("s") or not found.get("h"):
        raise ValueError("d=, s= or h= is missing")
    named = tags.unfolded(found["h"]).lower().split(":")
    return Signature(found["d"].lower(), found["s"], frozenset(named))
