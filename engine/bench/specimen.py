"""The mail that is measured: lesson 1 of `ia-pme` as it is shipped, and the same for other programs."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine import app, paths, settings
from engine.bench import service
from engine.core import errors, links, progress
from engine.core.course import model
from engine.core.delivery import Kind
from engine.flows import catalog, known, leases, letters
from engine.mail import builds, compile, skeleton
from engine.mail import dress as dresses
from engine.mail import letters as mails

COURSE, LESSON = "ia-pme", "reperes"


def files() -> dict[str, bytes]:
    return catalog.read_directory(paths.courses() / COURSE)


def dress() -> dresses.Dress:
    """What mails of the benches wear."""
    return app.wardrobe(
        settings.load(base_url=service.SITE, from_=service.FROM, controller=service.CONTROLLER)
    )


def course(dress: dresses.Dress) -> model.Course:
    """Raises `errors.Invalid` when it is not as it was shipped."""
    found = catalog.check(files(), slug=COURSE, house=dress).course
    if found is None:
        raise errors.Invalid(f"The course {COURSE} has mistakes: `parcours course check {COURSE}`.")
    return found


def house() -> letters.House:
    """With keys of its own."""
    key = secrets.token_bytes(32)
    signed = links.Links(service.SITE, (key,), lasting=key)
    return letters.House(signed, dress(), builds.Builds(), service.DOMAIN)


def addressed(number: int, pinned: catalog.Pinned, now: datetime) -> letters.Addressed:
    """The lesson, owed to the learner of that number, as `letters.gather` has it."""
    person = leases.Recipient(
        learner_id=number,
        first_name=f"Alice {number}",
        address=f"learner-{number}@example.com",
        new_address="",
        region="",
        enrolment_id=number,
        course_id=1,
        version_id=pinned.id,
        company="",
        size="",
        zone="Europe/Paris",
        due_at=now,
        paused_until=None,
    )
    mail = leases.Begun(
        id=number,
        kind=Kind.LESSON,
        learner_id=number,
        enrolment_id=number,
        account_id=None,
        lesson_key=LESSON,
        occasion="",
        message_id=f"{number:032x}",
        tries=1,
        due_at=now,
        expires_at=now + timedelta(days=4),
        person=person,
    )
    facts = progress.Facts(learner=known.about(person, person))
    return letters.Addressed(mail, person, pinned, facts, received=0)


@dataclass(frozen=True)
class Templates:
    """The lesson for the usual template languages, a place being `{{ link_web }}`; no conditions."""

    subject: str
    text: str
    html: str
    values: Mapping[str, str]
    """What stands in the places, for one learner."""


def templates(to: letters.Addressed, house: letters.House) -> Templates:
    """Conditions are decided as they are for `to`, which spares the other programs the question."""
    course = to.pinned.course
    parts = compile.parts(course.lessons[0], course=course, dress=dresses.fitted(house.dress, course))
    names: dict[str, str] = {}
    subject, text, html = (
        _template(each, names, to.facts) for each in (parts.subject, parts.text, parts.html)
    )
    words = dresses.slot_values(course, house.dress, to.person.first_name, to.person.company)
    link = house.links.url("l", to.person.enrolment_id, LESSON)
    return Templates(subject, text, html, {name: words.get(slot, link) for slot, name in names.items()})


def _template(marked: str, names: dict[str, str], facts: progress.Facts) -> str:
    """A marked text with the usual places; `names` gets the name of each slot."""
    out, shown = list[str](), True
    for kind, content in skeleton.tokens(marked):
        if kind in ("if", "end"):
            shown = kind == "end" or (content != mails.REVIEW and facts.hold(content))
        elif shown:
            out.append(content if kind == "text" else f"{{{{ {_named(content, names)} }}}}")
    return "".join(out)


def _named(slot: str, names: dict[str, str]) -> str:
    return names.setdefault(slot, slot.replace(".", "_").replace("-", "_"))
