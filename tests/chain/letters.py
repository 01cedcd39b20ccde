"""Every mail that Parcours sends, as it travels: all of the bundled courses, and each template."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from engine import paths
from engine.core import delivery, fictitious
from engine.core.course import grammar, model, reading
from engine.flows import catalog
from engine.mail import compile, dress, fill, letters, message, proof
from tests.mail.test_compile import LETTERS, letter_of

HOUSE = dress.Dress(
    language="fr",
    base_url="https://parcours.example.org",
    controller="Association Exemple\n12 rue des Tilleuls, 13001 Marseille",
    sender="Parcours <parcours@example.org>",
    tutor_name="Alice Aubert",
    tutor_email="alice@example.org",
)
_BY_AUTHORS = (letters.Lesson, letters.Welcome, letters.Farewell)
_TOKEN = "48213.c6f1d2a90b3e47"
_SAID = {
    "fr": {"until": "lundi 3 mai 2027", "next_lesson": "mardi 4 mai 2027 à 8 h 30"},
    "en": {"until": "Monday 3 May 2027", "next_lesson": "Tuesday 4 May 2027, 08:30"},
}
_COUNTED = {"first": "24", "last": "30", "failed": "1", "held": "2", "expected": "240", "note": ""}


@dataclass(frozen=True)
class Mail:
    name: str
    """`ia-pme/lesson-reperes`, `demo-en/confirm`; its Message-ID too."""
    sender: str
    data: bytes


def everything() -> Iterator[Mail]:
    """What authors wrote, in all courses; every other mail once in each language."""
    for slug in ("ia-pme", "permis-ia", "demo-en"):
        of = _course(slug)
        yield from (_written(of, sheet.name) for sheet in proof.sheets(of))
        if slug != "permis-ia":
            yield from (_letter(of, kind) for kind in LETTERS if kind not in _BY_AUTHORS)


def _course(slug: str) -> model.Course:
    found = reading.read(catalog.read_directory(paths.courses() / slug), slug=slug)
    assert found.course, found.problems
    return found.course


def _written(of: model.Course, name: str) -> Mail:
    """With every conditional passage."""
    said = f"{of.slug}/{name}"
    made = proof.make(of, name, HOUSE, envelope=_envelope(said, leave=True))
    return Mail(said, message.sender(dress.fitted(HOUSE, of)), made.source)


def _letter(of: model.Course, kind: type) -> Mail:
    name = kind.__name__.lower()
    said, leave = f"{of.slug}/{name}", not delivery.transactional(delivery.Kind(name))
    build = compile.letter(letter_of(kind, **_values(of, kind)), dress=dress.fitted(HOUSE, of))
    who = fictitious.LEARNERS[0]
    texts = dress.slot_values(of, HOUSE, who.first_name, who.company) | {
        "account.name": who.first_name,
        "company.inviter": "Alice Aubert (Atelier Aubert)",
        "consent.source": "Salon de Lyon",
    }
    return Mail(said, build.sender, fill.fill(build, texts, lambda _: True, _envelope(said, leave=leave)))


def _values(of: model.Course, kind: type) -> dict[str, object]:
    """What is no link is said here, or by `letter_of`."""
    checkin = next(each for each in of.activities.values() if isinstance(each, grammar.Checkin))
    texts = {"course": of.title, "lesson": of.lessons[0].subject, "title": checkin.title}
    texts |= _SAID[of.language] | _COUNTED
    given = {each.name: texts.get(each.name, _link(each.name)) for each in fields(kind) if each.type is str}
    if "activity" in {each.name for each in fields(kind)}:
        return given | {"activity": checkin.title if kind is letters.Entry else checkin}
    return given | ({"listed": True} if kind is letters.Confirm else {})


def _link(name: str) -> str:
    return f"{HOUSE.base_url}/{name[0]}/{_TOKEN}"


def _envelope(name: str, *, leave: bool) -> message.Envelope:
    identity = f"{name.replace('/', '.')}@example.org"
    return message.Envelope(
        "Bob", "bob@example.net", identity, datetime.now(UTC), _link("u") if leave else ""
    )
