"""A company's training record: who followed what, and when. The answers stay with each person."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.core import typography, words
from engine.documents import pdf as pdfs


@dataclass(frozen=True)
class Row:
    person: str
    course: str
    began: date
    lessons: int
    """Received so far."""
    count: int
    """Lessons in the course."""
    completed: date | None = None
    agreed: tuple[int, date] | None = None
    """Version of the charter, and the day it was read and agreed to."""


@dataclass(frozen=True)
class Record:
    company: str
    on: date
    rows: tuple[Row, ...]
    language: str

    @property
    def title(self) -> str:
        say = words.gettext(self.language)
        return say("Registre de formation")


def pdf(record: Record) -> bytes:
    say = words.gettext(record.language)
    data = {
        "company": record.company,
        "state": say("État au {date}").format(date=words.dated(record.on, record.language)),
        "head": [
            say("Personne"),
            say("Parcours"),
            say("Début"),
            say("Leçons reçues"),
            say("Terminé le"),
            say("Charte approuvée"),
        ],
        "rows": [_row(row, record.language) for row in record.rows],
        "nobody": say("Personne n'a encore commencé."),
        "note": say("Ce registre dit qui a suivi quoi, et quand. Les réponses restent à chacun."),
        "page": say("page {number} sur {count}"),
    }
    return pdfs.made("record", data, title=record.title, language=record.language, on=record.on)


def _row(row: Row, language: str) -> list[Any]:
    say = words.gettext(language)
    agreed = "–"
    if row.agreed is not None:
        version, day = row.agreed
        agreed = say("version {number}, le {date}").format(number=version, date=words.dated(day, language))
    return [
        row.person,
        typography.french(row.course) if language == "fr" else row.course,
        words.dated(row.began, language),
        say("{received} sur {count}").format(received=row.lessons, count=row.count),
        words.dated(row.completed, language) if row.completed else "–",
        agreed,
    ]
