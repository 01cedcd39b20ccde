"""Mails that people or their programs write in answer to ours."""

import re

from engine.mail.inbound.mime import Entity

_FIELDS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-mail-autoreply")
#: Subjects that only programs write, in the languages of our learners and their neighbours.
_AWAY = re.compile(
    r"""(?ix)^\W*(?:(?:re|sv|aw|tr|fwd?)\W+)?(?:
      auto[ -]?(?:reply|response|respon[sd]er?|respons|respuesta|answer|r[ée]ponse|svar)?[ ]*:
    | auto[ -]?(?:reply|response|responder|respuesta|answer|r[ée]ponse)\b
    | automat\w*[ ](?:reply|response|answer|antwort|antwoord|odpowied|svar|abwesen)
    | r[ée]ponse[ ](?:automatique|d'absence|auto) | message[ ](?:automatique|d'absence)
    | (?:notification|avis)[ ]d'absence | absen(?:ce|te?)[ ]du[ ]bureau | en[ ]absence
    | out[ ]of[ ](?:the[ ])?office | ooo\b | abwesenheits | automatische[ ]abwesen
    | (?:risposta|respuesta|resposta)[ ]autom[aá]tica | fuori[ ]ufficio
    )"""
)
#: Subjects that people may write as well.
_MAYBE_AWAY = re.compile(
    r"""(?ix)^\W*(?:(?:re|sv|aw|tr|fwd?)\W+)?(?:
      (?:en[ ])?absen(?:ce|te?)\b | je[ ]suis[ ]absente? | (?:en[ ])?(?:cong[ée]s?|vacances)\b | away[ ]from
    | (?:i[ ]am|i'm)[ ](?:away|out|on[ ](?:vacation|holiday|leave)) | (?:on[ ])?(?:vacation|holiday|leave)\b
    | abwesen | nicht[ ]im[ ](?:b[üu]ro|haus) | urlaub | afwezig | fuori[ ]sede | fuera[ ]de
    )"""
)
_ABSENT = re.compile(
    r"""(?ix)\b(?:out[ ]of[ ](?:the[ ])?office | on[ ](?:vacation|holiday|annual[ ]leave)
    | away[ ]from[ ](?:my|the)
    | automatic(?:ally)?[ ](?:generated[ ])?(?:reply|response) | auto-?reply | r[ée]ponse[ ]automatique
    | je[ ]suis[ ](?:actuellement[ ])?(?:absent|en[ ]cong) | absente?[ ](?:du|jusqu|de)
    | bin[ ](?:ich[ ])?(?:nicht[ ]im|im[ ]urlaub|abwesend) | sono[ ]assente
    | estoy[ ](?:fuera|de[ ]vacaciones))"""
)
_REFERRING = re.compile(r"(?i)^\W*(?:re|r[ée]p|aw|sv|r|antw)\s*(?:\[\d+\])?\s*:")
#: Where an answer ends and what it quotes begins.
_QUOTED = re.compile(
    r"""(?imx)^(?:
      [ \t]*>
    | [ \t]*-{2,}[ ]*(?:original|message|forwarded|urspr|mensaje|reply)\b
    | [ \t]*_{10,}
    | [ \t]*(?:le|on|am|el|il|op)[ ](?s:.{4,200}?)
      (?:a\s[ée]crit|wrote|schrieb|escribi[óo]|ha\sscritto|schreef)\s?:[ \t]*$
    | [ \t]*(?:de|from|von)[ ]?:[ ].+\n(?:.+\n){0,3}
      [ \t]*(?:envoy[ée]|sent|date|gesendet|à|to|an|objet|subject)[ ]?:
    | --[ ]?$
    )"""
)
_MASSES = ("bulk", "junk")


def automatic(mail: Entity) -> bool:
    """Whether a program wrote it because ours came: an absence, a receipt, an acknowledgement (RFC 3834)."""
    subject, submitted = mail.get("subject"), _submitted(mail)
    precedence = mail.get("precedence").lower()
    if submitted == "auto-replied" or precedence == "auto_reply" or any(map(mail.every, _FIELDS)):
        return True
    if mail.parameter("report-type").lower() == "disposition-notification" or _AWAY.match(subject):
        return True
    machine = submitted not in ("", "no") or precedence in _MASSES or "<>" in mail.every("return-path")
    absent = _MAYBE_AWAY.match(subject) or _ABSENT.search(words(mail)[:2000])
    return machine and (_answering(mail) or bool(absent))


def written(mail: Entity) -> bool:
    """Whether a person seems to have written it."""
    listed = any(name.startswith("list-") for name, _ in mail.fields)
    masses = mail.get("precedence").lower() in (*_MASSES, "list")
    return bool(mail.get("from")) and _submitted(mail) in ("", "no") and not listed and not masses


def words(mail: Entity) -> str:
    """What its author wrote: the first text, without what he quotes or signs with."""
    texts = [part for part in mail.walk() if part.type in ("text/plain", "text/html")]
    text = next((part.text for part in texts if part.type == "text/plain"), texts[0].text if texts else "")
    quoted = _QUOTED.search(text)
    return text[: quoted.start() if quoted else None].strip()


def _submitted(mail: Entity) -> str:
    """The word of Auto-Submitted, without its parameters and comments."""
    return re.split(r"[;( ]", mail.get("auto-submitted").lower(), maxsplit=1)[0]


def _answering(mail: Entity) -> bool:
    referring = mail.every("in-reply-to") or mail.every("references") or _REFERRING.match(mail.get("subject"))
    return bool(referring)
