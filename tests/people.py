"""Three people, the course they follow, and the town they live in: its clock is in our hands.

Everything goes through the flows themselves. `Town.answer` stands where the mail server does: it tells what
became of a mail that was sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.core import calendar, consent, delivery, links, views
from engine.core.course.effect import Choices
from engine.flows import activities, enrolments, leases, outbox, planning, publications, publishing, signup
from engine.mail import dress
from engine.tables import Delivery, Enrolment, Event, Learner, db
from engine.workers import planner
from tests import ledger

NOW = datetime(2027, 3, 22, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Paris
DRESS = dress.Dress(
    language="fr",
    base_url="https://parcours.example.org",
    controller="Association Parcours\n12 rue des Tilleuls, 13001 Marseille",
    sender="Parcours <parcours@example.org>",
)
ORIGIN = views.Origin("192.0.2.7", "Navigateur 1.0", "https://parcours.example.org/c/essai")
SLUG = "essai"
SENT: delivery.Outcome = delivery.Sent("250 taken")
FULL: delivery.Outcome = delivery.Refused(452, "4.2.2 mailbox full", False, "recipient")
fingerprint = consent.fingerprint(b"a suppression key for tests")

ALICE = views.SignUp(
    "Alice", "alice@example.org", "Atelier Aubert", "50", "1", "08:30", "Europe/Paris", "", True
)
BOB = views.SignUp("Bob", "bob@example.org", "", "", "1", "08:30", "Europe/Paris", "", True)
CHARLIE = views.SignUp("Charlie", "charlie@example.net", "", "10", "3", "17:00", "Indian/Reunion", "", True)

_COURSE = """\
title: L'essai
language: fr
summary: Quelques leçons pour voir.
description: Un parcours court.
slot: "tue 08:30"
modules:
  - {key: debut, title: Le début}
welcome: {subject: Bienvenue, text: Bonjour.}
farewell: {subject: Au revoir, text: Merci.}
"""
_LESSON = """\
---
subject: La leçon {key}
module: debut
{more}
---
Bonjour {{{{ learner.first_name }}}}, voici la leçon {key}. {words}
"""
_BUTTON = """
:::bouton activite:{activity}
C'est fait
:::
"""
_ACTIVITY = """\
kind: checkin
title: Trois tâches
prompt: Avez-vous noté trois tâches ?
"""


def course(
    *, also: str = "", words: str = "", asked: Mapping[str, str] | None = None, **lessons: str
) -> dict[str, bytes]:
    """An author's files: `also` goes into course.yaml, each lesson's text into its front matter.

    `asked`: the check-in that each lesson leads to; `point`, from the first alone, when not told.
    """
    asked = asked or {next(iter(lessons)): "point"}
    files = {"course.yaml": _COURSE + also}
    files |= {f"activities/{activity}.yaml": _ACTIVITY for activity in asked.values()}
    for number, (key, more) in enumerate(lessons.items(), 1):
        text = _LESSON.format(key=key, more=more or "minutes: 5", words=words)
        button = _BUTTON.format(activity=asked[key]) if key in asked else ""
        files[f"lessons/{number:02}-{key}.md"] = text + button
    return {path: text.encode() for path, text in files.items()}


THREE = course(a="", b="", c="")


@dataclass
class Clock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **lapse: float) -> None:
        self.moment += timedelta(**lapse)


def paris(text: str) -> datetime:
    """`2027-03-23 08:30` on the clocks of Paris."""
    day, time = datetime.fromisoformat(text).date(), datetime.fromisoformat(text).time()
    return calendar.to_utc(day, time, "Europe/Paris")


def told(mail: Delivery, zone: str = "Europe/Paris") -> str:
    """`lesson a tue 2027-03-23 08:30`, the spread taken off."""
    on_slot = mail.kind in ("lesson", "reminder", "missed", "silent", "farewell")
    at = mail.due_at - (enrolments.spread(mail.enrolment_id or 0) if on_slot else timedelta())
    return " ".join(
        filter(None, [mail.kind, mail.lesson_key, f"{calendar.local(at, zone):%a %Y-%m-%d %H:%M}"])
    ).lower()


class Town:
    """A database where people live, and what makes time pass there."""

    def __init__(self, database: db.Database) -> None:
        self.db, self.clock = database, Clock()
        self.planner = planner.Planner(database, self.clock, planned=lambda: None)
        self.behind_the_flows = False
        """The test writes people past the flows: nobody sees to it that they are found."""
        self.answer: Callable[[leases.Begun], delivery.Outcome] = lambda _: SENT

    @property
    def now(self) -> datetime:
        return self.clock.moment

    async def publish(
        self, files: Mapping[str, bytes] = THREE, *, parent: str | None = None, **chosen: Any
    ) -> publishing.Published:
        async with self.db.transaction() as session:
            return await publishing.publish(
                session,
                files,
                slug=SLUG,
                house=DRESS,
                now=self.now,
                parent=parent,
                choices=Choices(**chosen),
            )

    async def preview(self, files: Mapping[str, bytes]) -> publishing.Preview:
        async with self.db.reading() as session:
            return await publishing.preview(session, files, slug=SLUG, house=DRESS, now=self.now)

    async def undo(self) -> publications.Undone:
        async with self.db.transaction() as session:
            return await publications.undo(session, SLUG, now=self.now)

    async def sign_up(self, who: views.SignUp, origin: views.Origin = ORIGIN, **form: str) -> None:
        async with self.db.transaction() as session:
            typed = replace(who, **form)  # type: ignore[arg-type]  # all that a test changes is text
            await signup.request(session, SLUG, typed, origin=origin, fingerprint=fingerprint, now=self.now)

    async def confirm(self, enrolment: int) -> views.Confirmed:
        parts = [str(enrolment), links.stamp_of(self.now)]
        async with self.db.transaction() as session:
            return await signup.confirm(session, parts, origin=ORIGIN, now=self.now)

    async def enrol(self, who: views.SignUp, **form: str) -> int:
        """Sign up, get the mail, confirm; the number of the enrolment. Nothing is planned yet."""
        await self.sign_up(who, ORIGIN, **form)
        async with self.db.reading() as session:
            found = await session.scalars(select(Enrolment.id).order_by(Enrolment.id.desc()))
        enrolment = found.first()
        assert enrolment
        await self.send()
        await self.confirm(enrolment)
        return enrolment

    async def check_in(self, enrolment: int, status: str = "done", key: str = "point") -> None:
        """Answer a check-in, as its page does."""
        async with self.db.transaction() as session:
            typed = {"status": [status]}
            place = await activities.take(session, enrolment, key, now=self.now)
            await activities.save(session, place, "", typed, now=self.now, ready=True)

    async def tick(self) -> None:
        """What the planner does every few seconds."""
        await self.planner.tick()

    async def send(self) -> None:
        """What the sender does, the mail server's part played by `answer`."""
        while begun := await self._begun():
            async with self.db.transaction() as session:
                outcomes = [(mail, self.answer(mail)) for mail in begun]
                await ledger.record(session, outcomes, worker="town", now=self.now, in_doubt="send")

    async def _begun(self) -> list[leases.Begun]:
        async with self.db.transaction() as session:
            leased = await leases.lease(session, worker="town", limit=50, now=self.now)
            return await ledger.begin(session, leased, worker="town", now=self.now)

    async def live(self, until: str) -> None:
        """Let time pass in Paris, from one thing that is due to the next, planner and sender at work."""
        end = paris(until)
        while (moment := await self._next()) is not None and moment <= end:
            self.clock.moment = max(moment, self.now + timedelta(seconds=1))
            await self.tick()
            await self.send()
        await self.sleep(until)

    async def sleep(self, until: str) -> None:
        """Let time pass with everything switched off."""
        self.clock.moment = max(self.now, paris(until))

    async def wake(self) -> None:
        """Switch everything on again."""
        await self.tick()
        await self.send()

    async def _next(self) -> datetime | None:
        async with self.db.reading() as session:
            moments = [await planning.next_moment(session), await outbox.next_moment(session)]
        return min((moment for moment in moments if moment), default=None)

    async def row(self, enrolment: int) -> Enrolment:
        async with self.db.reading() as session:
            return await session.get_one(Enrolment, enrolment)

    async def learner(self, enrolment: int) -> Learner:
        async with self.db.reading() as session:
            row = await session.get_one(Enrolment, enrolment)
            return await session.get_one(Learner, row.learner_id)

    async def mails(self, enrolment: int, *kinds: str) -> list[Delivery]:
        """All mails ever owed, in the order of their hours."""
        found = select(Delivery).where(Delivery.enrolment_id == enrolment)
        if kinds:
            found = found.where(Delivery.kind.in_(kinds))
        async with self.db.reading() as session:
            return list(await session.scalars(found.order_by(Delivery.due_at, Delivery.id)))

    async def mail(self, enrolment: int, kind: str, key: str = "") -> Delivery:
        """The only one of its kind."""
        (found,) = [mail for mail in await self.mails(enrolment, kind) if key in ("", mail.lesson_key)]
        return found

    async def sent(self, enrolment: int, *kinds: str) -> list[str]:
        """What came, and when it was due."""
        came = [mail for mail in await self.mails(enrolment, *kinds) if mail.state == delivery.State.SENT]
        return [told(mail) for mail in came]

    async def states(self, enrolment: int, *kinds: str) -> list[str]:
        """`a sent`, `b failed expired: …` in the order of their hours."""
        mails = await self.mails(enrolment, *kinds)
        return [" ".join(filter(None, [mail.lesson_key, mail.state, mail.reason])) for mail in mails]

    async def events(self, enrolment: int, kind: str) -> list[Event]:
        found = select(Event).where(Event.enrolment_id == enrolment, Event.kind == kind).order_by(Event.id)
        async with self.db.reading() as session:
            return list(await session.scalars(found))

    async def change(self, enrolment: int, **values: object) -> None:
        """What somebody with a database console might do."""
        async with self.db.transaction() as session:
            row = await session.get_one(Enrolment, enrolment)
            for name, value in values.items():
                setattr(row, name, value)
