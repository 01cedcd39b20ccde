"""A base to try things on and to measure: a year of learners in the bundled courses, in every state.

Nobody in it is real: ordinary first names, companies made of two lists of words, addresses at example.org.
The same seed and the same day make the same base. The rows are written in bulk, past the flows, and obey the
same rules as theirs; only the calendar is simpler (no holidays, no summer time).
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from random import Random
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from engine import app, paths, settings
from engine.bench import bulk
from engine.core import answers as answering
from engine.core import consent, errors, scoring, search
from engine.core.course import grammar, model
from engine.flows import catalog, publishing
from engine.tables import (
    Certificate,
    Company,
    Consent,
    Course,
    Delivery,
    Enrolment,
    Event,
    Learner,
    SearchWord,
    Seat,
    Submission,
    db,
    schema,
)

_CHUNK = 5_000
_HOUR, _DAY, _WEEK = 60, 1440, 10_080  # minutes, in which time is counted here
_YEAR = 365 * _DAY
_POOL = 50
_SLOTS = tuple((day, hour) for day in range(5) for hour in ("07:30", "08:30", "12:15", "17:00"))
_DAYS = ("mon", "tue", "wed", "thu", "fri")
_FIRST_NAMES = tuple(
    """
Agathe Alain Alice Amélie André Anne Antoine Arnaud Aurélie Bernard Brigitte Bruno Camille Carole
Catherine Céline Chantal Charles Christine Claire Claude Clément Corinne Daniel David Delphine Denis
Didier Dominique Édith Élise Éloïse Émile Emma Éric Estelle Étienne Fabien Fanny Florence Franck
François Gaëlle Georges Gérard Gilles Guillaume Hélène Henri Hugo Inès Isabelle Jacques Jean Jeanne
Jérôme Joël Julie Julien Karim Laurence Laurent Léa Louis Lucie Malika Manon Marc Marguerite Marie
Martine Mathilde Michel Mireille Monique Nadia Nathalie Nicolas Noé Odile Olivier Pascal Patricia Paul
Philippe Pierre Rachid Raphaël René Robert Romain Sabine Sandrine Sarah Sébastien Simon Sophie Sylvie
Théo Thérèse Thomas Valérie Victor Vincent Virginie Yann Yasmine Yves Zoé
""".split()  # noqa: SIM905  # a hundred lines otherwise
)
_TRADES = tuple(
    """
Atelier Boulangerie Brasserie Cabinet Carrosserie Charpente Clinique Conserverie Couverture Création
École Électricité Entrepôt Ferme Fonderie Forge Fromagerie Garage Hôtel Imprimerie Jardins Laboratoire
Laiterie Librairie Maçonnerie Maison Menuiserie Métallerie Moulin Optique Papeterie Pépinière Pharmacie
Plomberie Pressing Scierie Serrurerie Tannerie Transports Verrerie
""".split()  # noqa: SIM905  # a hundred lines otherwise
)
_PLACES = tuple(
    place.strip()
    for place in """
de l'Étang | de l'Ouest | de la Baie | de la Colline | de la Gare | de la Lande | de la Place | de la
Plaine | des Alpilles | des Aulnes | des Bruyères | des Chênes | des Coteaux | des Dunes | des Érables |
des Halles | des Lilas | des Marais | des Ormes | des Platanes | des Quais | des Remparts | des Saules |
des Sources | des Tilleuls | du Bac | du Bocage | du Canal | du Centre | du Château | du Faubourg | du
Gué | du Lac | du Littoral | du Marché | du Midi | du Moulin | du Nord | du Parc | du Pont | du Port |
du Rivage | du Rocher | du Sud | du Vallon | du Verger | du Vieux Pont | et Fils | et Associés
""".replace("\n", " ").split("|")
)
_LATER = "452 4.2.2 mailbox full"
_NEVER = "550 5.1.1 no such user"


@dataclass(frozen=True)
class Result:
    learners: int
    enrolments: int
    deliveries: int
    submissions: int
    seconds: float


@dataclass(frozen=True)
class _Course:
    """A published course, and what the rows need of it."""

    id: int
    version_id: int
    course: model.Course
    wording: str
    lessons: tuple[str, ...]
    asked: tuple[tuple[str, ...], ...]
    """For each lesson, the activities that it leads to and that answers are drawn for."""
    pools: dict[str, list[tuple[str, str]]]
    """For each activity, answers and their scores as JSON."""


async def run(*, learners: int, seed: int, database: str, now: datetime, clock: Any) -> Result:
    """Raises `errors.Invalid` when somebody is there already. `clock()`: seconds, for the result."""
    began = clock()
    found = db.Database(database)
    try:
        await schema.upgrade(found)
        courses = await _publish(found, database, now)
        base = _Base(Random(seed), courses, learners, now)  # noqa: S311  # nothing here is a secret
        async with found.transaction() as session, bulk.unchecked(session, *_ORDER):
            for start in range(0, learners, _CHUNK):
                rows = base.people(start, min(start + _CHUNK, learners))
                for table in _ORDER:
                    await bulk.write(session, table, _COLUMNS[table], rows[table])
        if not found.is_sqlite:
            async with found.engine.connect() as connection:
                # What autovacuum would come to do: without it, no index answers alone.
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text("VACUUM ANALYZE"))
    finally:
        await found.close()
    counts = base.counts
    return Result(
        learners, counts[Enrolment], counts[Delivery], counts[Submission], round(clock() - began, 1)
    )


async def _publish(found: db.Database, database: str, now: datetime) -> list[_Course]:
    """All bundled courses, the one for dirigeants first."""
    house = app.wardrobe(settings.load(database_url=database))
    async with found.transaction() as session:
        if await session.scalar(select(func.count()).select_from(Learner)):
            raise errors.Invalid(
                "There are learners in this database: a base to try things on needs its own."
            )
        for path in sorted(paths.courses().iterdir()):
            if (path / "course.yaml").is_file():
                files = catalog.read_directory(path)
                await publishing.publish(session, files, slug=path.name, house=house, now=now)
        courses = [await _course(session, slug) for slug in await catalog.slugs(session)]
    return sorted(courses, key=lambda each: each.course.team is None)


async def _course(session: AsyncSession, slug: str) -> _Course:
    row = (await session.scalars(select(Course).where(Course.slug == slug))).one()
    course = (await catalog.current(session, slug)).course
    rng = Random(slug)  # noqa: S311  # as above
    pools = {
        key: [_answers(activity, rng) for _ in range(_POOL)]
        for key, activity in course.activities.items()
        if not isinstance(activity, grammar.Charter | grammar.Agreement)
    }
    return _Course(
        id=row.id,
        version_id=row.current_version_id or 0,
        course=course,
        wording=consent.wording(course.title, course.language),
        lessons=tuple(lesson.key for lesson in course.lessons),
        asked=tuple(tuple(key for key in lesson.activities if key in pools) for lesson in course.lessons),
        pools=pools,
    )


def _answers(activity: grammar.Activity, rng: Random) -> tuple[str, str]:
    """Answers that somebody may have given, and what they are worth."""
    given: dict[str, Any] = {}
    match activity:
        case grammar.Checkin():
            status = rng.choice(answering.DONE)
            minutes = rng.choice((10, 15, 20, 30)) if status == "done" else None
            given = {"done": status == "done", "status": status, "minutes": minutes, "text": ""}
        case grammar.Poll():
            given = {"value": rng.randint(1, activity.scale)}
        case grammar.Diagnostic():
            given = {question.key: rng.choice(question.choices).key for question in activity.questions}
        case grammar.Quiz():
            given = {question.key: _choice(question, rng) for question in activity.questions}
    return json.dumps(given), json.dumps(scoring.scores(activity, given))


def _choice(question: grammar.QuizQuestion, rng: Random) -> Any:
    """Right two times in three."""
    right = rng.random() < 0.66
    keys = [choice.key for choice in question.choices]
    match question.type:
        case "single":
            correct = [choice.key for choice in question.choices if choice.correct]
            return correct[0] if right else rng.choice(keys)
        case "multiple":
            return [choice.key for choice in question.choices if choice.correct == right] or keys[:1]
        case "order":
            return keys if right else rng.sample(keys, len(keys))
        case "true_false":
            return bool(question.answer) is right
    return float(question.answer or 0) + (0 if right else 1 + question.tolerance)


# Rows


_COLUMNS: dict[Any, tuple[str, ...]] = {
    Learner: (
        *("id", "address", "address_key", "address_hash", "new_address", "first_name", "language", "region"),
        *("words", "created_at"),
    ),
    SearchWord: ("word", "learner_id"),
    Enrolment: (
        *("id", "learner_id", "course_id", "version_id", "state", "company", "size", "slot", "zone", "pace"),
        *("next_kind", "next_key", "due_at", "due_reason", "last_day", "gate_since", "reminders"),
        *("starts_at", "paused_until", "created_at", "ended_at", "end_reason"),
    ),
    Company: ("id", "name", "owner_id", "created_at"),
    Seat: ("id", "company_id", "enrolment_id", "address", "invited_at", "joined_at", "began", "reason"),
    Consent: (
        *("id", "learner_id", "enrolment_id", "event", "purpose", "wording", "wording_version", "at"),
        *("address", "domain", "address_hash", "network_address", "agent", "source"),
    ),
    Event: ("id", "learner_id", "enrolment_id", "at", "kind", "lesson_key", "text"),
    Submission: (
        *("id", "enrolment_id", "activity", "round", "answers", "score", "lessons"),
        *("updated_at", "handed_in_at"),
    ),
    Certificate: ("id", "code", "enrolment_id", "name", "issued_at", "revoked_reason"),
    Delivery: (
        *("id", "dedup_key", "learner_id", "enrolment_id", "kind", "lesson_key", "occasion", "priority"),
        *("state", "due_at", "due_reason", "try_at", "expires_at", "tries", "lease", "message_id", "reason"),
        *("created_at", "sent_at", "settled_at"),
    ),
}
_ORDER = tuple(_COLUMNS)
_Rows = dict[Any, list[tuple[Any, ...]]]


@dataclass
class _Walk:
    """One enrolment as far as it came."""

    state: str
    confirmed: int
    sent: tuple[int, ...]
    """When each lesson left."""
    next_kind: str = ""
    next_key: str = ""
    due: int | None = None
    gate: int | None = None
    starts: int | None = None
    """When the course begins, of one that did not yet."""
    resumes: int | None = None
    ended: int | None = None
    end_reason: str = ""
    refused: bool = False
    """The last lesson was refused for good."""


class _Base:
    """Draws people one after the other; what was drawn before decides what comes."""

    def __init__(self, rng: Random, courses: Sequence[_Course], total: int, now: datetime) -> None:
        self.rng, self.courses, self.total = rng, courses, total
        self.now = int(now.timestamp()) // 60
        self.counts: dict[Any, int] = defaultdict(int)
        self.rows: _Rows = {}
        self.names = [(name, search.folded(name)) for name in _FIRST_NAMES]
        self.companies = [_company(f"{trade} {place}") for trade in _TRADES for place in _PLACES]
        self.team: tuple[int, str, int] | None = None
        """The company that colleagues join, its name, and how many are still to come."""

    def people(self, start: int, end: int) -> _Rows:
        """The rows of the learners from number `start` to before `end`."""
        self.rows = defaultdict(list)
        for number in range(start, end):
            self._person(number)
        return self.rows

    def _add(self, table: Any, *values: Any) -> int:
        self.counts[table] += 1
        id_ = self.counts[table]
        self.rows[table].append((id_, *values))
        return id_

    def _person(self, number: int) -> None:
        rng = self.rng
        since = self.now - _YEAR + int(_YEAR * number / self.total)
        first_name, folded = rng.choice(self.names)
        name, words, domain = rng.choice(self.companies)
        seat = self.team
        if seat is not None:
            name, words, domain = _company(seat[1])
        elif rng.random() < 0.08:
            name, words, domain = "", (), "example.org"
        address = f"{folded}.{number}@{domain}"
        found = sorted({folded, str(number), "example", "org", *words})
        learner = self._add(
            Learner,
            *(address, address, f"{number:064x}", "", first_name, "fr", "", search.kept(found)),
            _stamp(since),
        )
        self.rows[SearchWord] += [(word, learner) for word in found]
        who = (learner, address, domain)
        if seat is not None:
            self._colleague(who, seat, since)
            return
        course = self.courses[0] if rng.random() < 0.8 else rng.choice(self.courses)
        _, walk = self._follow(who, course, name, since)
        if walk.state == "stopped" and rng.random() < 0.1:
            self._follow(who, course, name, min(self.now - _HOUR, (walk.ended or since) + 4 * _WEEK))
        elif walk.state == "completed" and rng.random() < 0.3:
            others = [each for each in self.courses if each is not course]
            self._follow(who, rng.choice(others), name, min(self.now - _HOUR, (walk.ended or since) + _WEEK))
        if name and course.course.team and walk.state in ("active", "completed") and rng.random() < 0.02:
            company = self._add(Company, name, learner, _stamp(walk.confirmed))
            self.team = company, name, rng.randint(3, 12)

    def _colleague(self, who: tuple[int, str, str], seat: tuple[int, str, int], since: int) -> None:
        company, name, left = seat
        self.team = (company, name, left - 1) if left > 1 else None
        followed = next(each for each in self.courses if each.course.slug == self.courses[0].course.team)
        enrolment, walk = self._follow(who, followed, name, since)
        joined = _stamp(walk.confirmed) if walk.state != "pending" else None
        self._add(Seat, company, enrolment, who[1], _stamp(since), joined, 1, "")

    def _follow(
        self, who: tuple[int, str, str], course: _Course, company: str, since: int
    ) -> tuple[int, _Walk]:
        """An enrolment with all that hangs on it."""
        rng = self.rng
        day, hour = rng.choice(_SLOTS)
        pace = 1 if rng.random() < 0.9 else 2
        walk = self._walk(course, since, _first_slot(since, day, hour), pace)
        last = walk.sent[-1] if walk.sent else None
        enrolment = self._add(
            Enrolment,
            *(who[0], course.id, None if walk.state in ("pending", "waiting") else course.version_id),
            *(walk.state, company, rng.choice((0, 1, 10, 10, 50, 250))),
            *(f"{_DAYS[day]} {hour}", "Europe/Paris", pace, walk.next_kind, walk.next_key),
            *(_maybe(walk.due), "", _stamp(last)[:10] if last else None, _maybe(walk.gate)),
            *(
                1 if walk.gate else 0,
                None if walk.state == "pending" else _stamp(walk.starts or walk.confirmed),
            ),
            *(_maybe(walk.resumes), _stamp(since), _maybe(walk.ended), walk.end_reason),
        )
        self._consents(who, enrolment, course, walk, since)
        self._mails(who[0], enrolment, course, walk, since)
        if walk.state == "completed" and course.course.certificate and rng.random() < 0.6:
            code = f"{rng.getrandbits(64):016x}".translate(_CONSONANTS)
            ended = _stamp(walk.ended or since)
            self._add(Certificate, code, enrolment, who[1].partition(".")[0].capitalize(), ended, "")
            self._add(Event, who[0], enrolment, ended, "certificate", "", "")
        return enrolment, walk

    def _walk(self, course: _Course, since: int, first: int, pace: int) -> _Walk:
        rng, total = self.rng, len(course.lessons)
        confirmed = min(since + rng.randint(2, 2 * _DAY), self.now - 1)
        fate = rng.random()
        if fate < 0.04:
            return _Walk("pending", confirmed, ())
        came = min(total, max(0, (self.now - first) // (_WEEK * pace) + 1)) if self.now >= first else 0
        dues = [first + number * _WEEK * pace for number in range(came)]
        where = rng.randrange(total)
        following = first + came * _WEEK * pace
        if came == 0 and fate > 0.7:
            return _Walk("waiting", confirmed, (), starts=self.now + rng.randint(1, 14) * _DAY)
        if came >= where and fate < 0.29:
            sent = tuple(dues[:where])
            at = (sent[-1] if sent else confirmed) + rng.randint(_HOUR, 3 * _DAY)
            return self._halt(course, fate, confirmed, sent, min(at, self.now - 1))
        if came == total and following < self.now:
            return _Walk("completed", confirmed, tuple(dues), ended=dues[-1] + 1)
        if came == total:
            return _Walk("completed", confirmed, tuple(dues), "farewell", due=following, ended=dues[-1] + 1)
        return _Walk("active", confirmed, tuple(dues), "lesson", course.lessons[came], following)

    def _halt(self, course: _Course, fate: float, confirmed: int, sent: tuple[int, ...], at: int) -> _Walk:
        """Somebody who went no further than `sent`."""
        key = course.lessons[len(sent)]
        if fate < 0.19:
            reason = "left" if fate < 0.16 else "bounced"
            return _Walk(
                "stopped",
                confirmed,
                sent,
                next_key=key,
                ended=at,
                end_reason=reason,
                refused=bool(sent) and reason != "left",
            )
        if fate < 0.24:
            resumes = at + 4 * _WEEK if at + 4 * _WEEK > self.now else None
            return _Walk("paused", confirmed, sent, "lesson", key, due=resumes, resumes=resumes)
        return _Walk("active", confirmed, sent, "lesson", key, due=self.now + 5 * _WEEK, gate=at)

    def _consents(
        self, who: tuple[int, str, str], enrolment: int, course: _Course, walk: _Walk, since: int
    ) -> None:
        learner, address, domain = who
        purpose, hashed = consent.purpose(course.course.slug), f"{learner - 1:064x}"
        about = (address, domain, hashed, "192.0.2.7", "Navigateur", f"/c/{course.course.slug}")
        wording = (purpose, course.wording, consent.WORDING_VERSION)
        self._add(Consent, learner, enrolment, "asked", *wording, _stamp(since), *about)
        if walk.state != "pending":
            at = _stamp(walk.confirmed)
            self._add(Consent, learner, enrolment, "given", *wording, at, *about)
            self._add(Event, learner, enrolment, at, "confirmed", "", "")
        if walk.ended and walk.state == "stopped":
            at = _stamp(walk.ended)
            self._add(
                Consent, learner, enrolment, "withdrawn", purpose, "", "", at, address, "", hashed, "", "", ""
            )
            self._add(Event, learner, enrolment, at, "stopped", "", walk.end_reason)
        if walk.state == "paused":
            at = _stamp((walk.sent[-1] if walk.sent else walk.confirmed) + _DAY)
            self._add(Event, learner, enrolment, at, "paused", "", "")

    def _mails(self, learner: int, enrolment: int, course: _Course, walk: _Walk, since: int) -> None:
        rng = self.rng
        owe = self._owe
        owe(learner, enrolment, "confirm", "", _stamp(since).translate(_FIGURES), since, "sent", 0)
        if walk.state in ("pending", "waiting"):
            return
        owe(learner, enrolment, "welcome", "", "", walk.confirmed + 1, "sent")
        for number, at in enumerate(walk.sent):
            key = course.lessons[number]
            last = number == len(walk.sent) - 1
            state, reason = ("failed", _NEVER) if walk.refused and last else self._fate(at)
            owe(learner, enrolment, "lesson", key, "", at, state, 1, reason)
            if not course.asked[number]:
                continue
            chance = rng.random()
            if chance < 0.45:
                self._hand_in(enrolment, course, number, at + rng.randint(10, 2 * _DAY))
            if chance > 0.65:
                asked, due = course.asked[number][0], at + 3 * _DAY
                if due > self.now:
                    owe(learner, enrolment, "missed", key, asked, due, "planned")
                elif chance > 0.85:
                    owe(learner, enrolment, "missed", key, asked, due, "sent")
                else:
                    owe(learner, enrolment, "missed", key, asked, due, "cancelled", 1, "overtaken")
        if walk.gate is not None:
            owe(learner, enrolment, "reminder", walk.next_key, "1", walk.gate + _DAY, "sent")
        if walk.state == "completed" and not walk.next_kind:
            owe(learner, enrolment, "farewell", "", "", walk.sent[-1] + _WEEK, "sent")

    def _fate(self, at: int) -> tuple[str, str]:
        """What became of a lesson that was due at `at`."""
        chance = self.rng.random()
        if chance > 0.004:
            return "sent", ""
        if chance < 0.0004:
            return "held", "the lesson could not be made: an image is missing"
        if at > self.now - _DAY:
            return "retry", _LATER
        return "failed", f"expired: {_LATER}"

    def _owe(
        self,
        learner: int,
        enrolment: int,
        kind: str,
        key: str,
        occasion: str,
        due: int,
        state: str,
        priority: int = 1,
        reason: str = "",
    ) -> None:
        if due > self.now and state == "sent":
            state = "planned"
        at = _stamp(due)
        self._add(
            Delivery,
            *(f"enrolment:{enrolment}/{kind}/{key}/{occasion}", learner, enrolment, kind, key, occasion),
            *(priority, state, at, "", at if state != "retry" else _stamp(self.now + _HOUR)),
            *(_stamp(due + 6 * _DAY), 0 if state in ("planned", "cancelled") else 1, ""),
            *(f"{self.rng.getrandbits(128):032x}", reason, at, at if state == "sent" else None),
            at if state in ("sent", "cancelled", "failed") else None,
        )

    def _hand_in(self, enrolment: int, course: _Course, number: int, at: int) -> None:
        if at >= self.now:
            return
        for key in course.asked[number]:
            answers, score = self.rng.choice(course.pools[key])
            moment = _stamp(at)
            self._add(Submission, enrolment, key, 1, answers, score, number + 1, moment, moment)


# A letter for a figure: codes that look like those of `core.certificates`, the same at each run.
_CONSONANTS = str.maketrans("0123456789abcdef", "BCDFGHJKMNPRSTVW")
_FIGURES = str.maketrans("", "", "- :.")


def _first_slot(since: int, day: int, hour: str) -> int:
    """The first such weekday and hour, a day or more after `since`."""
    wanted = day * _DAY + int(hour[:2]) * _HOUR + int(hour[3:]) - _HOUR
    monday = 4 * _DAY  # the first one after minute 0 of 1970, a Thursday
    ahead = (wanted - (since + _DAY - monday)) % _WEEK
    return since + _DAY + ahead


@lru_cache(maxsize=600_000)
def _stamp(minute: int) -> str:
    """As both databases read it; SQLite compares it as it stands."""
    moment = datetime.fromtimestamp(minute * 60, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.000000"


def _maybe(minute: int | None) -> str | None:
    return None if minute is None else _stamp(minute)


@cache
def _company(name: str) -> tuple[str, tuple[str, ...], str]:
    """A name, the words that find it, and a domain that is nobody's."""
    words = search.words(name)
    return name, (*words, search.company(name)), f"{'-'.join(words)}.example.org"
