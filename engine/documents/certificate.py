"""The attestation: who followed which course, when, and where anybody can verify it."""

from dataclasses import dataclass
from datetime import date

from engine.core import typography, words
from engine.documents import charts
from engine.documents import pdf as pdfs


@dataclass(frozen=True)
class Certificate:
    title: str
    text: str
    """What the course was about, as its author wrote it."""
    name: str
    """In Latin, Greek or Cyrillic: see `core.printing.printable`."""
    course: str
    lessons: int
    began: date
    completed: date
    issued: date
    code: str
    verify_url: str
    controller: str
    """Who answers for it: name and postal address, on several lines."""
    language: str


def pdf(certificate: Certificate) -> bytes:
    say = words.gettext(certificate.language)
    typeset = typography.french if certificate.language == "fr" else str
    data = {
        "awarded": say("délivrée à"),
        "name": certificate.name,
        "followed": say("qui a suivi le parcours"),
        "course": typeset(certificate.course),
        "span": _span(certificate),
        "text": typeset(" ".join(certificate.text.split())),
        "issued": say("Délivrée le {date} par").format(
            date=words.dated(certificate.issued, certificate.language)
        ),
        "controller": certificate.controller,
        "verify": say("Vérifier cette attestation"),
        "code": say("Code {code}").format(code=certificate.code),
        "url": certificate.verify_url,
        "qr": charts.qr(certificate.verify_url).decode(),
        "qr_words": say("Code QR qui mène à la page de vérification"),
        "diploma": say("Cette attestation certifie le suivi du parcours ; elle n'est pas un diplôme."),
    }
    title = typeset(certificate.title)
    return pdfs.made("certificate", data, title=title, language=certificate.language, on=certificate.issued)


def _span(certificate: Certificate) -> str:
    say = words.gettext(certificate.language)
    one, many = say("une leçon, du {began} au {completed}"), say("{count} leçons, du {began} au {completed}")
    return (one if certificate.lessons == 1 else many).format(
        count=certificate.lessons,
        began=words.dated(certificate.began, certificate.language),
        completed=words.dated(certificate.completed, certificate.language),
    )
