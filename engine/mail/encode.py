"""Quoted-printable (RFC 2045 §6.7) in pieces that can be joined.

Every piece begins at the start of a line and ends with a line break: a hard one where the text has
one, else a soft one (`=`), which readers take away. Pieces therefore join in any order. No line is
longer than 76, ends in a blank, or begins with a dot (RFC 5321 §4.5.2), so that the bytes go to DATA
as they are. No tab and never two spaces in a row: that is the relaxed form of RFC 6376 §3.4.4 already, so
that what is signed is what travels (see `dkim`). `=_` never occurs in quoted-printable: a boundary with it
cannot occur in a body.
"""

import re

SOFT_BREAK = b"=\r\n"
_ROOM = 75  # and the `=` of a soft break makes 76

# Controls, line separators of Unicode and lone surrogates: no reader shows them, some stumble.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNWANTED_IN_VALUE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NEEDS_QUOTING = re.compile(rb"[^ !-<>-~]|(?<= ) ")
_PLAIN_VALUE = re.compile(r"(?!From )(?!.*  )[!-\-/-<>-~][ -<>-~]{0,74}")


def text(source: str) -> bytes:
    """`source` with its line breaks, encoded; a last line without a line break ends softly."""
    *lines, last = clean(source).split("\n")
    encoded = [_line(line, hard=True) for line in lines]
    if last:
        encoded.append(_line(last, hard=False))
    return b"".join(encoded)


def value(source: str) -> bytes:
    """What a person typed, on one line, encoded."""
    if _PLAIN_VALUE.fullmatch(source):
        return source.encode("ascii") + SOFT_BREAK
    source = one_line(source)
    return _line(source, hard=False) if source else b""


def clean(source: str) -> str:
    """`source` with `\\n` as its only line break and without characters that no reader shows."""
    return _UNWANTED.sub(" ", source.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(source: str) -> str:
    """`source` with line breaks and other controls made spaces."""
    return _UNWANTED_IN_VALUE.sub(" ", source)


def _line(source: str, *, hard: bool) -> bytes:
    quoted = _NEEDS_QUOTING.sub(_escape, source.encode("utf-8"))
    if hard and quoted.endswith(b" "):
        quoted = quoted[:-1] + b"=20"
    return SOFT_BREAK.join(_wrap(quoted)) + (b"\r\n" if hard else SOFT_BREAK)


def _escape(found: re.Match[bytes]) -> bytes:
    return b"=%02X" % found[0][0]


def _wrap(quoted: bytes) -> list[bytes]:
    pieces, start = [], 0
    while True:
        lead = _safe_start(quoted, start)
        end = start + _ROOM - (len(lead) - 1 if lead else 0)
        if end >= len(quoted):
            pieces.append(lead + quoted[start + bool(lead) :])
            return pieces
        end -= next((back for back in (1, 2) if quoted[end - back : end - back + 1] == b"="), 0)
        pieces.append(lead + quoted[start + bool(lead) : end])
        start = end


def _safe_start(quoted: bytes, start: int) -> bytes:
    """What stands for the first character of a line, if it may not stand there itself."""
    if quoted.startswith(b".", start):
        return b"=2E"
    if quoted.startswith(b"From ", start):  # mbox files would write `>From `
        return b"=46"
    return b""
