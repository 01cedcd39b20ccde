"""People whom somebody else brings: what a row of a list says of one, and what may become of him."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from engine.core import calendar, consent, csvfile, errors, progress, typed

FIELDS = ("address", "first_name", "company", "size", "region")
"""What a column may hold. Only the address is needed."""

SIZES = (1, 10, 50, 250)
"""Lower bounds of the brackets in which the size of a company is kept."""

_TITLES = {
    "address": (
        *("adresse", "adresse mail", "adresse email", "adresse e mail", "adresse electronique", "courriel"),
        *("mail", "email", "e mail", "email address", "e mail address", "address", "mel"),
        *("adresse courriel", "email professionnel", "mail professionnel", "work email"),
    ),
    "first_name": ("prenom", "prenoms", "first name", "firstname", "given name", "forename"),
    "company": (
        *("entreprise", "societe", "raison sociale", "organisation", "organisme", "structure"),
        *("nom de l entreprise", "company", "company name", "organization", "employer", "employeur"),
    ),
    "size": (
        *("effectif", "effectifs", "taille", "salaries", "nombre de salaries", "nb salaries", "size"),
        *("headcount", "employees", "company size", "number of employees", "staff"),
    ),
    "region": ("region", "territoire", "departement", "code region", "calendrier", "jours feries", "area"),
}
_REGIONS = {
    "FR-6AE": ("alsace", "bas rhin", "haut rhin", "67", "68"),
    "FR-57": ("moselle", "57"),
    "FR-971": ("guadeloupe", "971"),
    "FR-972": ("martinique", "972"),
    "FR-973": ("guyane", "guyane francaise", "973"),
    "FR-974": ("la reunion", "reunion", "974"),
    "FR-976": ("mayotte", "976"),
    "FR-BL": ("saint barthelemy", "st barthelemy", "977"),
    "FR-MF": ("saint martin", "st martin", "978"),
    "FR-PM": ("saint pierre et miquelon", "975"),
    "FR-NC": ("nouvelle caledonie", "988"),
    "FR-PF": ("polynesie francaise", "polynesie", "987"),
    "FR-WF": ("wallis et futuna", "986"),
}
# Of these the holidays are those of all France: the course's own calendar stands.
_ORDINARY = (
    *("france", "france metropolitaine", "metropole", "auvergne rhone alpes", "bourgogne franche comte"),
    *("bretagne", "centre val de loire", "corse", "hauts de france", "ile de france", "normandie"),
    *("nouvelle aquitaine", "occitanie", "pays de la loire", "provence alpes cote d azur", "paca", "idf"),
)
_BY_NAME = {name: code for code, names in _REGIONS.items() for name in names} | dict.fromkeys(_ORDINARY, "")
_ZONES = {
    "FR-971": "America/Guadeloupe",
    "FR-972": "America/Martinique",
    "FR-973": "America/Cayenne",
    "FR-974": "Indian/Reunion",
    "FR-976": "Indian/Mayotte",
    "FR-BL": "America/St_Barthelemy",
    "FR-MF": "America/Marigot",
    "FR-PM": "America/Miquelon",
    "FR-NC": "Pacific/Noumea",
    "FR-PF": "Pacific/Tahiti",
    "FR-WF": "Pacific/Wallis",
}


class Verdict(StrEnum):
    NEW = "new"  # nobody has this address: a learner and an enrolment are made
    KNOWN = "known"  # a learner, but not in this course: an enrolment is made
    ENROLLED = "enrolled"  # in this course, or through with it: nothing to do
    DUPLICATE = "duplicate"  # the address stands on an earlier line
    LEFT = "left"  # left this course: no list brings anybody back
    SUPPRESSED = "suppressed"  # must not be mailed, or had everything erased
    INVALID = "invalid"  # the line cannot be used


TAKEN = (Verdict.NEW, Verdict.KNOWN)
"""Those for whom an enrolment is made."""

PROBLEMS = {
    "pending": "Cette personne est déjà inscrite et n'a pas encore confirmé.",
    "enrolled": "Cette personne suit déjà ce parcours.",
    "completed": "Cette personne a déjà suivi ce parcours.",
    "stopped": "Cette personne a quitté ce parcours.",
    "duplicate": "Cette adresse est déjà plus haut dans le fichier.",
    "left": "Cette personne ne veut plus de messages.",
    "hard": "La messagerie de cette personne refuse nos messages.",
    "complaint": "Cette personne s'est plainte de nos messages.",
    "erased": "Cette personne a fait effacer ses données.",
}
"""Why somebody is not taken."""


class State(StrEnum):
    """Of a list of people on its way into a course."""

    UPLOADED = "uploaded"  # the file is here; its columns, the course and the source are to be told
    CHECKING = "checking"  # a dry run looks at each row
    CHECKED = "checked"  # what would happen is known; waits for a go
    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"  # everybody who had done nothing since is taken back


AT_WORK = (State.CHECKING, State.RUNNING, State.UNDOING)
TRANSITIONS = {
    **{(state, "check"): State.CHECKING for state in (State.UPLOADED, State.CHECKING, State.CHECKED)},
    (State.CHECKED, "run"): State.RUNNING,
    **{(state, "undo"): State.UNDOING for state in (State.RUNNING, State.DONE)},
    (State.CHECKING, "end"): State.CHECKED,
    (State.RUNNING, "end"): State.DONE,
    (State.UNDOING, "end"): State.UNDONE,
}


def advance(state: str, event: str) -> State:
    """The state after `event`. Raises `errors.NotAllowed`."""
    try:
        return TRANSITIONS[State(state), event]
    except (KeyError, ValueError):
        raise errors.NotAllowed("Cet import a avancé entre-temps : rechargez sa page.") from None


UNDONE = "undone"
"""Why an enrolment ended that a list had brought and that was taken back: as if it had never been."""


class Back(StrEnum):
    """What undoing does about one enrolment that a list brought."""

    REMOVED = "removed"  # nothing had left: no trace stays
    STOPPED = "stopped"  # asked to confirm, and had not answered: the link works no more
    KEPT = "kept"  # something happened since: it is the person's own now


def take_back(state: str, *, agreed: bool, sent: Collection[str], more: bool) -> Back:
    """`state`: of the enrolment; `sent`: the kinds of its mails that a worker took up; `more`: anything else
    that hangs on it, such as a seat or answers."""
    untouched = (progress.State.WAITING, progress.State.ACTIVE) if agreed else (progress.State.PENDING,)
    if more or state not in untouched:
        return Back.KEPT
    if not sent:
        return Back.REMOVED
    return Back.STOPPED if set(sent) == {"confirm"} else Back.KEPT


@dataclass(frozen=True)
class Person:
    """Somebody as a row, or a form, presents him; every value was checked."""

    address: str
    first_name: str = ""
    company: str = ""
    size: int = 0
    """The lower bound of his company's bracket; 0 when not told."""
    region: str = ""

    @property
    def zone(self) -> str:
        """On whose clock his lessons come, as far as his region tells."""
        return zone(self.region)


def zone(region: str, otherwise: str = "Europe/Paris") -> str:
    return _ZONES.get(region, otherwise)


@dataclass(frozen=True)
class Read:
    """What a row says."""

    person: Person | None
    """None: the row cannot be used, and `problem` tells why."""
    typed: str
    """The address as it stands there."""
    problem: str = ""
    """In French. With a person: which cells were left out, a line for each."""


def folded(text: str) -> str:
    """What two spellings of a title share: no case, accents or signs."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z0-9]+", letters))


_FIELD_OF = {title: field for field, titles in _TITLES.items() for title in titles}


def guess(header: Sequence[str], first: Iterable[Sequence[str]] = ()) -> dict[str, int]:
    """Which column, from 0, holds which field, by its title; the address by what the `first` rows hold."""
    found: dict[str, int] = {}
    for column, title in enumerate(header):
        field = _FIELD_OF.get(folded(title))
        if field is not None:
            found.setdefault(field, column)
    if "address" not in found:
        with_at = [column for cells in first for column, cell in enumerate(cells) if "@" in cell]
        if with_at:
            found["address"] = max(set(with_at), key=lambda column: (with_at.count(column), -column))
    return found


def read(row: csvfile.Row, columns: Mapping[str, int]) -> Read:
    """The person that a row presents. A cell that cannot be used is left out, but for the address."""
    cells = {field: row.cells[at] if at < len(row.cells) else "" for field, at in columns.items()}
    address = cells.get("address", "").strip()
    try:
        checked = consent.checked_address(address)
    except errors.Invalid as invalid:
        return Read(None, address[:300], invalid.problems["address"])
    problems: dict[str, str] = {}
    first_name = typed.clean("first_name", cells.get("first_name", ""), 60, problems)
    company = typed.clean("company", cells.get("company", ""), 120, problems)
    size = bracket(cells.get("size", ""))
    region = region_code(cells.get("region", ""))
    if size is None:
        problems["size"] = "L'effectif n'est pas un nombre."
    if region is None:
        problems["region"] = "Cette région n'est pas connue."
    person = Person(
        checked,
        "" if "first_name" in problems else first_name,
        "" if "company" in problems else company,
        size or 0,
        region or "",
    )
    return Read(person, address, "\n".join(problems.values()))


def bracket(text: str) -> int | None:
    """The bracket of a size in any words: `12`, `10 à 49`, `< 10`; 0 when empty, None when unreadable."""
    if not text.strip():
        return 0
    numbers = re.findall(r"\d+", re.sub(r"(?<=\d)[\s\u00a0\u202f](?=\d{3}\b)", "", text))
    if not numbers or len(numbers[0]) > 9:
        return None
    people = int(numbers[0])
    if re.match(r"\s*(<|moins|less|under)", text.casefold()):
        people -= 1
    return max((bound for bound in SIZES if bound <= people), default=0)


@lru_cache(maxsize=4096)  # a list names few regions, and the calendars are many
def region_code(text: str) -> str | None:
    """The calendar of a region, by name, number or code; "" for the course's own, None when unknown."""
    name = folded(text)
    if not name:
        return ""
    if name in _BY_NAME:
        return _BY_NAME[name]
    code = text.strip().upper()
    if code == "FR" or code in calendar.calendars():
        return "" if code == "FR" else code
    return "" if re.fullmatch(r"\d{2}|2[ab]", name) else None
