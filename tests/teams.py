"""Alice opens seats for her team, Bob is her colleague, Charlie a stranger with a company of his own.

Everything goes through the flows; what stands in a mail's link is read from the ledger.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from engine.core import links, team, views
from engine.flows import companies, publishing, searching, seats, teams
from engine.tables import Course, Delivery, Enrolment, Learner, Seat, Submission
from tests.people import ALICE, BOB, DRESS, ORIGIN, SLUG, THREE, Town, course, fingerprint

FOLLOWED = "equipe"
OWNER_COURSE = course(also=f"team: {FOLLOWED}\n", a="", b="", c="")
_QUIZ = """\
kind: quiz
title: Trois pièges
questions:
  - {key: un, type: true_false, prompt: Est-ce vrai, answer: true}
  - {key: deux, type: true_false, prompt: Est-ce faux, answer: false}
"""
_POLL = """\
kind: poll
title: Votre aisance
prompt: Êtes-vous à l'aise ?
low: pas du tout
high: tout à fait
"""
_ASKS = "\n:::question quiz\n:::\n\n:::question aisance\n:::\n"
TEAM_COURSE = THREE | {
    "course.yaml": THREE["course.yaml"].replace(b"L'essai", "Le permis de l'équipe".encode()),
    "lessons/01-a.md": THREE["lessons/01-a.md"] + _ASKS.encode(),
    "activities/quiz.yaml": _QUIZ.encode(),
    "activities/aisance.yaml": _POLL.encode(),
}


class Team:
    """What the three do in a town."""

    def __init__(self, town: Town) -> None:
        self.town = town

    async def publish(
        self, followed: Mapping[str, bytes] = TEAM_COURSE, *, owners: Mapping[str, bytes] = OWNER_COURSE
    ) -> None:
        async with self.town.db.transaction() as session:
            for slug, files in ((SLUG, owners), (FOLLOWED, followed)):
                await publishing.publish(session, files, slug=slug, house=DRESS, now=self.town.now)

    async def open(self, who: views.SignUp = ALICE, name: str = "Atelier Aubert") -> int:
        """Sign up to the dirigeants' course, begin it and open seats; the enrolment."""
        enrolment = await self.town.enrol(who)
        await self.town.wake()
        await self.act(companies.open, enrolment, name)
        return enrolment

    async def act(self, verb: Any, enrolment: int, *values: str) -> Any:
        """One of the dirigeant's verbs."""
        more = {"fingerprint": fingerprint} if verb in (companies.invite, companies.move) else {}
        async with self.town.db.transaction() as session:
            return await verb(session, enrolment, *values, now=self.town.now, **more)

    async def page(self, enrolment: int) -> team.Page:
        async with self.town.db.reading() as session:
            return await teams.page(session, enrolment, now=self.town.now)

    async def shown(self, enrolment: int) -> list[str]:
        """`alice@example.org Alice joined 2/3`"""
        people = (await self.page(enrolment)).people
        return [
            f"{each.address} {each.first_name} {each.standing} {each.received}/{each.count}".replace(
                "  ", " "
            )
            for each in people
        ]

    async def seat_of(self, address: str) -> Seat:
        """The newest of an address."""
        async with self.town.db.reading() as session:
            found = await session.scalars(select(Seat).where(Seat.address == address).order_by(Seat.id))
            return found.all()[-1]

    async def invitations(self, address: str) -> list[Delivery]:
        """The mails that propose a seat to this address."""
        async with self.town.db.reading() as session:
            found = (
                select(Delivery)
                .join(Learner, Learner.id == Delivery.learner_id)
                .where(Learner.address == address, Delivery.kind == "invite")
            )
            return list(await session.scalars(found.order_by(Delivery.id)))

    async def link(self, address: str) -> tuple[str, str]:
        """What the newest invitation's link carries."""
        return seats.link_parts((await self.invitations(address))[-1].occasion)

    async def look(self, parts: tuple[str, ...]) -> team.Invitation:
        async with self.town.db.reading() as session:
            return await seats.invitation(session, parts, now=self.town.now)

    async def accept(self, who: views.SignUp, parts: tuple[str, ...] = (), **form: object) -> int:
        """Open the newest invitation and agree; the enrolment."""
        parts = parts or await self.link(who.address)
        typed = replace(who, address="", **form)  # type: ignore[arg-type]  # what a test changes
        async with self.town.db.transaction() as session:
            done = await seats.accept(session, parts, typed, origin=ORIGIN, now=self.town.now)
        return done.enrolment_id

    async def ask(self, company: int, address: str, origin: views.Origin = ORIGIN) -> None:
        """Type an address behind the link to share."""
        async with self.town.db.transaction() as session:
            await seats.ask(
                session,
                (str(company), FOLLOWED),
                address,
                origin=origin,
                fingerprint=fingerprint,
                now=self.town.now,
            )

    async def join(self, owner: int, who: views.SignUp = BOB) -> int:
        """Invited, and agreed."""
        await self.act(companies.invite, owner, who.address)
        return await self.accept(who)

    async def fill(self, company: int, count: int) -> None:
        """So many people join a company at once."""
        async with self.town.db.transaction() as session:
            followed = await session.scalar(select(Course.id).where(Course.slug == FOLLOWED))
            now, names = self.town.now, [f"many{n}@example.org" for n in range(count)]
            people = [Learner(address=n, address_key=n, address_hash=n, created_at=now) for n in names]
            session.add_all(people)
            await session.flush()
            kept = {"course_id": followed, "slot": "tue 08:30", "zone": "Europe/Paris", "pace": 1}
            rows = [Enrolment(learner_id=p.id, state="active", created_at=now, **kept) for p in people]
            session.add_all(rows)
            await session.flush()
            session.add_all(
                Seat(company_id=company, enrolment_id=row.id, address=name, joined_at=now)
                for row, name in zip(rows, names, strict=True)
            )
            await searching.note(session, [person.id for person in people])

    async def hand_in(self, enrolment: int, activity: str, **answers: object) -> None:
        async with self.town.db.transaction() as session:
            session.add(
                Submission(
                    enrolment_id=enrolment,
                    activity=activity,
                    round=1,
                    answers=answers,
                    updated_at=self.town.now,
                    handed_in_at=self.town.now,
                )
            )

    async def enrolments(self, address: str) -> list[Enrolment]:
        async with self.town.db.reading() as session:
            found = select(Enrolment).join(Learner).where(Learner.address == address).order_by(Enrolment.id)
            return list(await session.scalars(found))

    def fresh(self, enrolment: int) -> tuple[str, str]:
        """What the mailed link to the team page carries."""
        return str(enrolment), links.stamp_of(self.town.now)
