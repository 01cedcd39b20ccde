"""A mail of a course as it would leave, for a learner who does not exist: what an author looks at."""

import email
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

from engine.core import errors, fictitious
from engine.core.course import markup, model
from engine.mail import compile, dress, fill, letters, message

_SENT = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)
_WORDS_A_MINUTE = 200


@dataclass(frozen=True)
class Sheet:
    """One mail of a course, as a list names it."""

    name: str
    """`lesson-KEY`, `welcome` or `farewell`."""
    title: str
    detail: str


@dataclass(frozen=True)
class Proof:
    subject: str
    html: str
    text: str
    source: bytes
    """The whole message, as it travels."""
    html_size: int
    """Bytes of the HTML part, every conditional block in it."""


def sheets(course: model.Course) -> list[Sheet]:
    lessons = [
        Sheet(f"lesson-{each.key}", each.subject, f"Leçon {each.number} · {each.module.title}")
        for each in course.lessons
    ]
    welcome = Sheet("welcome", course.welcome.subject, "Bienvenue")
    farewell = Sheet("farewell", course.farewell.subject, "Au revoir")
    return [welcome, *lessons, farewell]


def make(
    course: model.Course,
    name: str,
    house: dress.Dress,
    learner: fictitious.Learner | None = None,
    envelope: message.Envelope | None = None,
) -> Proof:
    """The mail called `name`; without a learner, with every conditional passage shown.

    `envelope`: to whom and when it really goes, if it does.

    Raises `errors.NotFound`, and `errors.ParcoursError` for a lesson that cannot be made.
    """
    build = _build(course, name, house)
    who = learner or fictitious.LEARNERS[0]
    values, holds = _values(build, course, house, who), _holds(course, learner)
    data = fill.fill(build, values, holds, envelope or _envelope(who, house))
    parsed = email.message_from_bytes(data, policy=policy.default)
    assert isinstance(parsed, EmailMessage)  # what policy.default makes
    html, text = _part(parsed, "html"), _part(parsed, "plain")
    return Proof(str(parsed["Subject"]), html, text, data, build.html_size)


def _part(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    return str(part.get_content()) if part else ""


def _values(
    build: fill.Build, course: model.Course, house: dress.Dress, who: fictitious.Learner
) -> Mapping[str, str]:
    known = dress.slot_values(course, house, who.first_name, who.company)
    return known | {slot: f"{house.base_url}/apercu" for slot, _ in build.slots if slot not in known}


def _envelope(who: fictitious.Learner, house: dress.Dress) -> message.Envelope:
    address = f"{who.key}@exemple.test"
    return message.Envelope(who.first_name, address, "apercu@exemple.test", _SENT, nowhere(house))


def nowhere(house: dress.Dress) -> str:
    """Where the link to leave leads in a mail that nobody is subscribed to."""
    return f"{house.base_url}/u/apercu"


def _holds(course: model.Course, learner: fictitious.Learner | None) -> Callable[[str], bool]:
    if learner is None:
        return lambda _: True
    facts = fictitious.facts(learner, course)
    return lambda condition: condition != letters.REVIEW and facts.hold(condition)


def _build(course: model.Course, name: str, house: dress.Dress) -> fill.Build:
    if lesson := course.lesson(name.removeprefix("lesson-")):
        return compile.lesson(lesson, course=course, dress=house)
    my = leave = f"{house.base_url}/apercu"
    match name:
        case "welcome":
            subject, text = course.welcome.subject, course.welcome.document
            letter: letters.Letter = letters.Welcome(
                course.title, subject, text, "mardi 30 mars 2027 à 8 h 30", my, leave
            )
        case "farewell":
            subject, text = course.farewell.subject, course.farewell.document
            letter = letters.Farewell(course.title, subject, text, len(course.lessons), my, leave)
        case _:
            raise errors.NotFound("Ce message n'existe pas dans le parcours.")
    return compile.letter(letter, dress=dress.fitted(house, course))


def reading_minutes(document: markup.Document) -> int:
    """How long reading takes, at two hundred words a minute; at least one."""
    return max(1, round(markup.words(document) / _WORDS_A_MINUTE))


_DARK = re.compile(r"@media[^{]*\(prefers-color-scheme:\s*dark\)[^{]*")
_PICTURE = re.compile(r"""(<img\b[^>]*?\bsrc=)(["'])(.*?)\2""", re.IGNORECASE | re.DOTALL)


def lit(html: str, *, dark: bool) -> str:
    """The mail as a program in light or in dark would draw it, whatever the browser around it prefers."""
    return _DARK.sub("@media all " if dark else "@media not all ", html)


def with_pictures(html: str, source: Callable[[str], str]) -> str:
    """The mail with another `src` for each picture: `source` of the old one, "" for a picture not shown."""
    return _PICTURE.sub(lambda found: f"{found[1]}{found[2]}{source(found[3])}{found[2]}", html)
