"""What all mails of a site wear: sender, foot, language; and the words that templates build with it."""

from dataclasses import dataclass, replace
from datetime import date

from babel import dates

from engine.core import words
from engine.core.course import grammar, model


@dataclass(frozen=True)
class Dress:
    """The settings of a site that go into its mails."""

    language: str
    base_url: str
    """Without a slash at its end."""
    controller: str
    """Who answers for the data: name and postal address, on several lines."""
    sender: str
    """`Name <address>`"""
    tutor_name: str = ""
    tutor_email: str = ""
    slug: str = ""
    """The course, which names the list (RFC 2919)."""


def fitted(dress: Dress, course: model.Course) -> Dress:
    """The dress for one course: its own language, sender and tutor come first."""
    dress = replace(dress, slug=course.slug, language=course.language, sender=course.sender or dress.sender)
    if course.tutor:
        dress = replace(dress, tutor_name=course.tutor.name, tutor_email=course.tutor.email)
    return dress


def slot_values(course: model.Course, house: Dress, first_name: str, company: str) -> dict[str, str]:
    """What the slots of an author's text say for one learner."""
    # A list may bring people without a name: « Bonjour à vous, », “Hello there,”.
    you, yours = ("à vous", "votre entreprise") if course.language == "fr" else ("there", "your company")
    return {
        "learner.first_name": first_name or you,
        "learner.company": company or yours,
        "course.title": course.title,
        "tutor.name": course.tutor.name if course.tutor else house.tutor_name,
    }


def cited(source: grammar.Source, language: str) -> str:
    """« Baromètre France Num 2025 (DGE, septembre 2025) »"""
    return f"{words.typeset(source.title, language)} ({origin(source, language)})"


def origin(source: grammar.Source, language: str) -> str:
    """« DGE, septembre 2025 »"""
    return f"{words.typeset(source.publisher, language)}, {month(source.date, language)}"


def month(written: str, language: str) -> str:
    """`2025`, `2025-09` or `2025-09-04` in words; anything else as it is."""
    try:
        match written.split("-"):
            case [year, number]:
                return str(dates.format_date(date(int(year), int(number), 1), "MMMM y", locale=language))
            case [year, number, day]:
                return words.dated(date(int(year), int(number), int(day)), language)
    except ValueError:
        pass
    return written
