"""A company's charter on paper: a PDF to sign and keep, a Word file to go on writing."""

from datetime import UTC, date, datetime

from engine import paths
from engine.core import calendar, charter, words
from engine.documents import pdf as pdfs
from engine.documents import word as files

SLOTS: files.Slots = {
    **dict.fromkeys(
        ("title", "company", "edition", "version", "adopted", "language", "note"), frozenset[str]()
    ),
    "articles": frozenset({"number", "title", "body"}),
    "signatures": frozenset({"name", "date"}),
}
"""What a Word template may name. `edition`: « Version 2, adoptée le 30 mars 2027 »; `version` and `adopted`:
its number and day, "" for a draft; `body` stands alone in its paragraph, as `{{p article.body }}`."""

_SAMPLE_DAY = datetime(2027, 1, 4, tzinfo=UTC)
_SAMPLE = charter.Written(
    title="Charte",
    company="Entreprise",
    language="fr",
    articles=(charter.Article(1, "a", "Article", (charter.Paragraph((charter.Run("Texte"),)),)),),
    note="Note",
    version=1,
    adopted_at=_SAMPLE_DAY,
    signatures=(charter.Signature("Nom", _SAMPLE_DAY),),
)


def pdf(written: charter.Written, *, now: datetime, zone: str) -> bytes:
    """Days are told as on the clocks of `zone`; `now` dates the file, and a draft."""
    say = words.gettext(written.language)
    data = {
        "company": written.company,
        "edition": _edition(written, now=now, zone=zone),
        "articles": [
            {
                "heading": say("Article {number}. {title}").format(number=each.number, title=each.title),
                "passages": pdfs.passages(each.passages),
            }
            for each in written.articles
        ],
        "signatures": {
            "heading": say("Lu et approuvé"),
            "head": [say("Nom"), say("Date")],
            "rows": [
                [each.name, words.dated(calendar.local_day(each.at, zone), written.language)]
                for each in written.signatures
            ],
        },
        "note": written.note,
        "page": say("page {number} sur {count}"),
    }
    on = calendar.local_day(now, zone)
    return pdfs.made("charter", data, title=written.title, language=written.language, on=on)


def word(written: charter.Written, template: bytes | None, *, now: datetime, zone: str) -> bytes:
    """In the author's `template`, or in ours. Raises `errors.Invalid` for one that cannot be filled."""
    values = {
        "title": written.title,
        "company": written.company,
        "edition": _edition(written, now=now, zone=zone),
        "version": str(written.version or ""),
        "adopted": words.dated(adopted, written.language) if (adopted := _adopted(written, zone)) else "",
        "language": written.language,
        "note": written.note,
        "articles": [
            {"number": each.number, "title": each.title, "body": files.Body(each.passages)}
            for each in written.articles
        ],
        "signatures": [
            {"name": each.name, "date": words.dated(calendar.local_day(each.at, zone), written.language)}
            for each in written.signatures
        ],
    }
    properties = files.Properties(written.title, written.company, written.language, now)
    return files.filled(_ours() if template is None else template, values, properties)


def slots(template: bytes) -> set[str]:
    """The names in a Word template that are not in `SLOTS`.

    Raises `errors.Invalid` when the template is unusable: it is filled once to see.
    """
    unknown = files.unknown(template, SLOTS)
    if not unknown:
        word(_SAMPLE, template, now=_SAMPLE_DAY, zone="Europe/Paris")
    return unknown


def _ours() -> bytes:
    return (paths.templates() / "documents" / "charter.docx").read_bytes()


def _edition(written: charter.Written, *, now: datetime, zone: str) -> str:
    say = words.gettext(written.language)
    adopted = _adopted(written, zone)
    if adopted is None:
        today = words.dated(calendar.local_day(now, zone), written.language)
        return say("Projet du {date}, pas encore adopté").format(date=today)
    day = words.dated(adopted, written.language)
    return say("Version {number}, adoptée le {date}").format(number=written.version, date=day)


def _adopted(written: charter.Written, zone: str) -> date | None:
    return calendar.local_day(written.adopted_at, zone) if written.adopted_at else None
