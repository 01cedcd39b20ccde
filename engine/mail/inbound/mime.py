"""Mails of strangers taken apart, whatever is wrong with them.

The standard library raises on some of them (charsets, encodings, addresses) and takes minutes for others
(thousands of nested parts). This reads what reports and answers need and never raises: a mail is cut at
`LONGEST`, boundaries that never come are text, bytes of no charset are Latin-1.
"""

import binascii
import codecs
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from quopri import decodestring

LONGEST = 1 << 20
"""Octets of a mail that are looked at: what a report says stands before the mail that it returns."""
_MOST = 64
"""Parts that are looked at, in whatever depth."""
_FIELDS = 1 << 16
_TEXT = 1 << 16

_NAME = re.compile(r"[!-9;-~]{1,76}[ \t]*:")
_PARAMETER = re.compile(r"""\b(charset|boundary|report-type)\s*=\s*(?:"([^"]*)"|([^\s;"]+))""", re.IGNORECASE)
_WORD = re.compile(r"=\?([\w-]{1,40})(?:\*[\w-]*)?\?([bq])\?([^?\s]*)\?=", re.IGNORECASE)
_BETWEEN = re.compile(r"\?=\s+=\?")
_TAG = re.compile(r"<[^<>]*>")
_BREAK = re.compile(r"<\s*/?(?:br|p|div|tr|li|h\d|table|td|blockquote)\b[^<>]*>", re.IGNORECASE)
_HIDING = re.compile(r"<!--|-->|</?(style|script|head)\b[^<>]*>", re.IGNORECASE)
#: Codecs that are charsets of mails; others of Python's are slow, or no charsets.
_CHARSETS = re.compile(r"(ascii|utf|iso|cp\d|koi8|big5|gb|euc|shift|mac|hz)")


@dataclass(frozen=True, slots=True)
class Entity:
    """A mail, or a part of one."""

    fields: tuple[tuple[str, str], ...]
    """Names in lower case, values unfolded and as they were written."""
    body: bytes
    """Still encoded; line ends are LF."""
    parts: tuple["Entity", ...] = ()

    def every(self, name: str) -> list[str]:
        return [value for each, value in self.fields if each == name]

    def get(self, name: str) -> str:
        """The first field of that name in readable words; "" for none."""
        return next((words(value) for each, value in self.fields if each == name), "")

    @property
    def type(self) -> str:
        """As in Content-Type, in lower case; text/plain where nothing is said."""
        return self.get("content-type").partition(";")[0].strip().lower() or "text/plain"

    def parameter(self, name: str) -> str:
        """Of Content-Type; "" for none."""
        value = next(iter(self.every("content-type")), "")
        found = (each for each in _PARAMETER.finditer(value) if each[1].lower() == name)
        return next((str(each[2] or each[3]) for each in found), "")

    @property
    def octets(self) -> bytes:
        """The body as it was before it was encoded."""
        match self.get("content-transfer-encoding").strip().lower():
            case "base64":
                return _unix(_base64(self.body))
            case "quoted-printable":
                return _unix(decodestring(self.body))
        return self.body

    @property
    def text(self) -> str:
        """Its words, at most 64 Ki of them; of HTML what a reader sees."""
        found = decoded(self.octets[: 4 * _TEXT], self.parameter("charset"))
        return (_seen(found) if self.type == "text/html" else found)[:_TEXT]

    def walk(self) -> Iterator["Entity"]:
        """Itself and all parts in their order, but none of a mail that it carries."""
        yield self
        for part in self.parts:
            yield from part.walk()


def parse(raw: bytes) -> Entity:
    """Take a mail apart. Never raises."""
    text = _unix(raw[:LONGEST]).replace(b"\0", b"").lstrip(b"\n")
    if text.startswith((b"From ", b">From ")):  # as mailboxes keep it
        text = text.partition(b"\n")[2]
    return _entity(text, left=[_MOST])


def inner(part: Entity) -> Entity:
    """The mail that a part carries, or as much as it shows of it."""
    return _entity(part.octets.lstrip(b"\n"), left=[_MOST])


def blocks(text: str) -> list[Entity]:
    """Groups of fields divided by empty lines, as in delivery-status (RFC 3464 §2.1)."""
    return [Entity(_fields(each), b"") for each in re.split(r"\n[ \t]*\n", text.strip("\n"))[:500]]


def words(value: str) -> str:
    """A field with its encoded words (RFC 2047) read, on one line."""
    joined = _BETWEEN.sub("?==?", value) if "=?" in value else value
    return " ".join(_WORD.sub(_decoded_word, joined).split())


def decoded(octets: bytes, charset: str) -> str:
    """Octets as text; UTF-8 or Latin-1 where the charset is none, or a lie."""
    for name in (charset, "utf-8"):
        try:
            codec = codecs.lookup(name)
            if _CHARSETS.match(codec.name):
                return octets.decode(codec.name)
        except (LookupError, ValueError):  # of the latter, UnicodeError
            continue
    return octets.decode("latin-1")


def _entity(text: bytes, *, left: list[int]) -> Entity:
    head, body = _halves(text)
    found = Entity(_fields(head), body)
    if not found.type.startswith("multipart/"):
        return found
    boundary = found.parameter("boundary").encode("utf-8", "replace")
    parts = []
    for piece in _pieces(body, boundary) if boundary else ():
        if left[0] <= 0:
            break
        left[0] -= 1
        parts.append(_entity(piece, left=left))
    return Entity(found.fields, body, tuple(parts))


def _halves(text: bytes) -> tuple[str, bytes]:
    """Head and body. A part may begin with an empty line: it has no head."""
    if text.startswith(b"\n"):
        return "", text[1:]
    end = text.find(b"\n\n")
    head, body = (text, b"") if end < 0 else (text[:end], text[end + 2 :])
    return decoded(head[:_FIELDS], "utf-8"), body


def _fields(head: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, list[str]]] = []
    for line in head.split("\n"):
        if line[:1] in (" ", "\t") and found:
            found[-1][1].append(line)
        elif match := _NAME.match(line):
            found.append((match[0][:-1].strip().lower(), [line[match.end() :].strip()]))
    return tuple((name, "\n".join(lines).strip()) for name, lines in found)


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the boundaries; what stands before the first is for nobody (RFC 2046 §5.1.1)."""
    mark = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\n|\Z)", re.MULTILINE)
    marks = []
    for found in mark.finditer(body):
        marks.append(found)
        if found[1] or len(marks) > _MOST:
            break
    ends = [*(found.start() for found in marks[1:]), len(body)]
    return [
        body[mark.end() : end].removesuffix(b"\n")
        for mark, end in zip(marks, ends, strict=False)
        if not mark[1]
    ]


def _unix(octets: bytes) -> bytes:
    """Any line ends as LF; a CR too many comes from a program that ended lines twice."""
    return octets.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _base64(octets: bytes) -> bytes:
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", octets)
    try:
        return b64decode(clean[: len(clean) & ~3] + _rest(clean[len(clean) & ~3 :]))
    except binascii.Error:
        return octets


def _rest(tail: bytes) -> bytes:
    """Two or three last characters are complete with their padding; a single one is a torn end."""
    return tail.ljust(4, b"=") if len(tail) > 1 else b""


def _decoded_word(found: re.Match[str]) -> str:
    text = found[3].encode("utf-8", "replace")
    octets = _base64(text) if found[2] in "bB" else decodestring(text.replace(b"_", b" "))
    return decoded(octets, found[1])


def _seen(html: str) -> str:
    """The words of an HTML page, a line for each paragraph or cell."""
    flat = " ".join(_shown(html).split())
    return unescape(_TAG.sub("", _BREAK.sub("\n", flat)))


def _shown(html: str) -> str:
    """Without comments, styles and the like; in one pass, for some leave thousands of them open."""
    kept, at, hidden = list[str](), 0, ""
    for mark in _HIDING.finditer(html):
        name = (mark[1] or "-").lower()
        closing = mark[0].startswith(("</", "--"))
        if not hidden and not closing:
            kept.append(html[at : mark.start()])
            hidden = name
        elif hidden == name and closing:
            at, hidden = mark.end(), ""
    return " ".join(kept if hidden else [*kept, html[at:]])
