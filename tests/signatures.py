"""Signatures looked at by dkimpy, which knows nothing of our code."""

import re
from datetime import datetime
from types import SimpleNamespace
from unittest import mock

import dkim as dkimpy

from engine.mail import dkim

DOMAIN = "example.org"
RSA = dkim.read("rsa-2027", dkim.generate("rsa"))
ED25519 = dkim.read("ed-2027", dkim.generate("ed25519"))
SIGNER = dkim.Signer(DOMAIN, (RSA, ED25519))


def text_record(name: bytes, timeout: int = 5) -> bytes:
    """What the DNS of example.org answers."""
    answers = {}
    for key in SIGNER.keys:
        owner, _, strings = dkim.record(key, DOMAIN).partition(" IN TXT ")
        answers[owner] = "".join(re.findall(r'"([^"]*)"', strings))
    return answers[name.decode()].encode()


def valid(mail: bytes, at: datetime) -> list[bool]:
    """Of each signature of a mail, whether it holds."""
    with mock.patch.object(dkimpy, "time", SimpleNamespace(time=at.timestamp)):
        return [_holds(mail, index) for index in range(mail.count(b"DKIM-Signature: "))]


def _holds(mail: bytes, index: int) -> bool:
    try:
        return bool(dkimpy.DKIM(mail).verify(index, dnsfunc=text_record))
    except dkimpy.ValidationError:  # the hash of the body is another
        return False
