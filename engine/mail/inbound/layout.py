"""How notices are laid out: what they say, near which address, and where the mail begins that came back."""

import re

from engine.mail.inbound import mime
from engine.mail.inbound.mime import Entity

NOTICE = 16_000
"""Characters of a notice that are looked at."""
_NEAR = 1_000
_SHORTEST = 40
"""A notice has at least these before the mail that it returns."""
_RETURNED = (
    "message/rfc822",
    "message/global",
    "message/rfc822-headers",
    "text/rfc822-headers",
    "text/rfc822-header",
    "message/global-headers",
    "message/partial",
)

_BELOW = re.compile(
    r"""(?imx)^[ \t>*=\-.:_]*(?:
      (?:this|(?:the[ ])?following|what[ ]follows|attached|below|here)[ ]is[ ](?:a|the)?[ ]?copy[ ]of
    | below[ ]this[ ]line[ ]is
    | (?:the[ ])?
      (?:original|returned|unsent|undelivered|undeliverable|rejected|failed|bounced|your)[ ]
      (?:e-?)?(?:message|mail)
      (?:[ ](?:follows|headers?|text|content|body|is[ ]attached|as[ ]attachment|below)|[ \t]*[-=*:_]|[ \t]*$)
    | (?:message|mail|original)[ ](?:headers?|text)(?:[ ]and[ ]body)?[ ](?:follows?|was|were)
    | (?:headers|text|content)[ ]of[ ](?:the[ ])?(?:original|your|returned)[ ](?:message|mail)
    | (?:original|full)[ ](?:message[ ])?headers
    | en-?t[êe]tes[ ]d[eu][ ](?:message|l'original)
    | (?:message|mail)[ ](?:d'origine|original|initial)
    | urspr[üu]ngliche[ ](?:nachricht|mail)
    | content-type:[ ]*(?:message/rfc822|text/rfc822-headers)
    | received:[ ]*(?:from|by|\()
    )"""
)
_FIELD = re.compile(
    r"(?im)^>?[ \t]*(?:received|return-path|from|to|date|message-id|subject|delivered-to|mime-version):"
)
_FORWARDED = re.compile(r"(?m)^>+[ ]?(?![ ]|>)")
"""As somebody forwards a notice. Sendmail's `>>> RCPT` is no loss."""

ADDRESS = r'(?:"[^"\n]{1,64}"|[\w.+=&\'*/\#!%^{|}~$?-]{1,64})@[\w.\[\]-]{1,253}\w\]?'
#: Lines that name whom a mail was for: the address first, or after a label.
_NAMED = re.compile(
    rf"""(?imx)^[ \t>*]*(?:
      (?:\d\d\d[ ])?[ ]?<(?P<bracketed>{ADDRESS})>
      (?=[ \t]*(?:$|[:;,(\[]|\.\.\.|[-]|[ ](?:was|has|could|on|is)\b))
    | (?P<bare>{ADDRESS})(?=[ \t]*(?:$|[:;,(\[<]|\.\.\.|[ ]on[ ]\S|[ ]-|[ ](?-i:[A-Z])))
    | (?:(?:original|final|failed|intended|invalid|bad|unknown|e-?mail|the)[ -]?)?
      (?:(?:recipient|destinataire|empf[äa]nger|user|mailbox|adresse|address)s?(?:[ -]address)?(?:[ ]is)?
        |(?:addressed|delivered|sent|mail|message|deliver|delivery|failed|undeliverable|rcpt|e-?mail)[ ]to)
      [ ]*[:=][ ]*(?:rfc822;[ ]*)?<?(?P<labelled>{ADDRESS})>?
    )"""
)
_WITHIN = re.compile(
    rf"""(?ix)\b(?:to|recipient|rcpt[ ]to:?|address:?|user|mailbox|full:|for|by|at|pour|[àa]|an):?
    \s+(?:the[ ])?(?:following[ ])?(?:(?:e-?mail|recipient)[ ])?(?:address|recipient)?:?
    \s*[<'"\[(]?(?P<address>{ADDRESS})"""
)
_REPLIED = re.compile(
    r"(?s)(?<![\d.,:/+-])[45][0-5]\d[ -](?!\d\d:|bytes|octets|second|hour|day|kb)\S"
    r".{0,600}?(?=\n[ \t]*\n|\Z)"
)
_HEARD = re.compile(r"(?m)^[ \t]*<<<[ ](?=[45]\d\d)(.+)$")
"""In sendmail's transcript."""


def whole(mail: Entity) -> str:
    """All texts of a notice, but for parts that are the mail that came back."""
    texts = list[str]()
    for part in mail.walk():
        if part.type in _RETURNED:
            break
        if part.type.startswith(("text/", "multipart/")) and not part.parts:  # of the latter, one without end
            texts.append(part.text)
    return _FORWARDED.sub("", "\n".join(texts or [mail.text]))


def notice(mail: Entity) -> str:
    """The words of the notice itself."""
    return _above(whole(mail))[:NOTICE]


def returned(mail: Entity) -> Entity | None:
    """The mail that came back, or its head; None where the notice shows none."""
    for part in mail.walk():
        if part.type in _RETURNED:
            return mime.inner(part)
    text = whole(mail)
    start = _FIELD.search(text, len(_above(text)))
    return mime.parse(text[start.start() :].encode("utf-8", "replace")) if start else None


def _above(text: str) -> str:
    mark = _BELOW.search(text, min(len(text), _SHORTEST))
    return text[: mark.start()] if mark else text


def sections(text: str) -> dict[str, tuple[str, str]]:
    """Addresses in the order of the text, each with what is said until the next; keys in lower case."""
    marks = [(found.start(), found[found.lastgroup or 0]) for found in _NAMED.finditer(text)]
    ends = [*(start for start, _ in marks[1:]), len(text)]
    found: dict[str, tuple[str, str]] = {}
    for (start, address), end in zip(marks, ends, strict=False):
        first, said = found.get(address.lower(), (address, ""))
        found[address.lower()] = (first, f"{said} {text[start:end]}".strip()[:_NEAR])
    return found


def within(text: str) -> list[str]:
    """Addresses in the midst of sentences."""
    return list(dict.fromkeys(found["address"] for found in _WITHIN.finditer(text)))


def quoted(text: str) -> list[str]:
    """What a server said, within a text: in a transcript, and the first reply that refuses."""
    heard = _HEARD.findall(text)
    same = [line for line in heard if line[:3] == heard[0][:3]]  # later refusals are of the first's making
    replied = _REPLIED.search(text)
    return [" ".join(same), replied[0] if replied else ""]
