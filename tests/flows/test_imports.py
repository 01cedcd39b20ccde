"""Lists of people: dry run, run, taking back; cut off anywhere, and never against anybody's will."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from engine.core import errors, links
from engine.core.intake import State
from engine.flows import enrolments, imports, leases, letters, privacy, publishing, searching, seats, signup
from engine.tables import Company, Consent, Delivery, Enrolment, ImportRow, Learner, Seat, Suppression
from engine.workers import tasks
from tests import ledger
from tests.people import ALICE, BOB, CHARLIE, DRESS, SLUG, Town, course, fingerprint

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE = "Salon des entrepreneurs, Lyon, mars 2027 : fiche signée"
COLUMNS = {"address": 0, "first_name": 1, "company": 2}


def listed(*addresses: str) -> bytes:
    rows = [f"{address};Prénom {number};Atelier" for number, address in enumerate(addresses, 1)]
    return "\n".join(["adresse;prénom;entreprise", *rows]).encode()


def several(count: int) -> list[str]:
    return [f"personne{number}@example.org" for number in range(count)]


class Desk:
    """Where lists are brought, in one town."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.tasks = tasks.Tasks(town.db, town.clock, fingerprint, owed=lambda: None)

    async def bring(self, data: bytes, *, agreed: bool = False) -> int:
        """Receive a file and go through its dry run."""
        async with self.town.db.transaction() as session:
            number = await imports.receive(session, "liste.csv", data, account="Odile", now=self.town.now)
            await imports.check(session, number, SLUG, COLUMNS, SOURCE, agreed=agreed, now=self.town.now)
        await self.work()
        return number

    async def run(self, number: int) -> None:
        async with self.town.db.transaction() as session:
            await imports.run(session, number, by=None, now=self.town.now)
        await self.work()

    async def undo(self, number: int) -> None:
        async with self.town.db.transaction() as session:
            await imports.undo(session, number, by=None, now=self.town.now)
        await self.work()

    async def work(self) -> None:
        while await self.tasks.step():
            pass

    async def stands(self, number: int) -> imports.Standing:
        async with self.town.db.reading() as session:
            return await imports.one(session, number)

    async def counts(self, number: int) -> dict[str, int]:
        return {name: count for name, count in (await self.stands(number)).counts.items() if count}

    async def told(self, number: int) -> list[tuple[int, str]]:
        async with self.town.db.reading() as session:
            return [(line.line, line.verdict) for line in await imports.not_taken(session, number)]


async def count(town: Town, table: type, *where: object) -> int:
    async with town.db.reading() as session:
        found = await session.scalar(select(func.count()).select_from(table).where(*where))  # type: ignore[arg-type]
    return int(found or 0)


async def enrolled(town: Town, address: str) -> Enrolment:
    """The newest enrolment of the person with this address."""
    async with town.db.reading() as session:
        found = await session.scalar(
            select(Enrolment)
            .join(Learner)
            .where(Learner.address_key == address)
            .order_by(Enrolment.id.desc())
            .limit(1)
        )
    assert found
    return found


async def test_a_dry_run_tells_everything_and_changes_nothing(town: Town) -> None:
    await town.publish()
    await town.enrol(ALICE)
    left = await town.enrol(BOB)
    async with town.db.transaction() as session:
        await enrolments.leave(session, left, scope="course", now=town.now)
        await enrolments.suppress(session, fingerprint("gone@example.org"), "hard", now=town.now)
    desk = Desk(town)
    before = await count(town, Learner), await count(town, Delivery), await count(town, Consent)
    number = await desk.bring(
        listed(
            *("new@example.org", "alice@example.org", "bob@example.org", "gone@example.org"),
            *("New@Example.org", "nowhere"),
        )
    )
    stands = await desk.stands(number)
    assert (stands.state, stands.done, stands.total) == (State.CHECKED, 6, 6)
    assert await desk.counts(number) == {
        **dict.fromkeys(("new", "enrolled", "left", "suppressed", "duplicate", "invalid"), 1)
    }
    assert await desk.told(number) == [
        (3, "enrolled"),
        (4, "left"),
        (5, "suppressed"),
        (6, "duplicate"),
        (7, "invalid"),
    ]
    assert before == (await count(town, Learner), await count(town, Delivery), await count(town, Consent))


async def test_each_is_asked_to_confirm_and_the_source_is_kept(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    number = await desk.bring(listed("new@example.org"))
    await desk.run(number)
    row = await enrolled(town, "new@example.org")
    assert (row.state, row.company, row.slot, row.zone) == ("pending", "Atelier", "tue 08:30", "Europe/Paris")
    async with town.db.reading() as session:
        asked = (await session.scalars(select(Consent))).one()
    assert (asked.event, asked.source, asked.wording) == ("asked", SOURCE, "")
    assert await town.sent(row.id) == []
    await town.send()
    assert len(await town.sent(row.id, "confirm")) == 1
    await town.confirm(row.id)
    await town.tick()
    assert (await town.row(row.id)).state == "active"
    assert (await town.learner(row.id)).first_name == "Prénom 1"


async def test_who_agreed_elsewhere_is_not_asked_again(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    await desk.run(await desk.bring(listed("new@example.org"), agreed=True))
    row = await enrolled(town, "new@example.org")
    async with town.db.reading() as session:
        given = (await session.scalars(select(Consent))).one()
    assert (row.state, given.event, given.source) == ("waiting", "given", SOURCE)
    await town.live("2027-03-31 00:00")
    assert await town.sent(row.id, "welcome", "lesson") == [
        "welcome mon 2027-03-22 10:00",
        "lesson a tue 2027-03-23 08:30",
        "lesson b tue 2027-03-30 08:30",
    ]


async def test_a_known_learner_keeps_his_name_and_gets_the_course(town: Town) -> None:
    await town.publish()
    enrolment = await town.enrol(ALICE)
    async with town.db.transaction() as session:
        files = course(x="", y="")
        await publishing.publish(session, files, slug="autre", house=DRESS, now=town.now)
    desk = Desk(town)
    async with town.db.transaction() as session:
        number = await imports.receive(
            session, "x.csv", listed("alice@example.org"), account="", now=town.now
        )
        await imports.check(session, number, "autre", COLUMNS, SOURCE, agreed=False, now=town.now)
    await desk.work()
    assert await desk.counts(number) == {"known": 1}
    await desk.run(number)
    assert (await town.learner(enrolment)).first_name == "Alice"
    assert await count(town, Learner) == 1
    assert await count(town, Enrolment) == 2
    await desk.undo(number)
    assert (await count(town, Learner), await count(town, Enrolment)) == (1, 1)


@pytest.mark.parametrize("reason", ["left", "hard", "complaint"])
@pytest.mark.parametrize("agreed", [False, True])
async def test_no_list_brings_a_suppressed_address_back(town: Town, reason: str, agreed: bool) -> None:
    await town.publish()
    desk = Desk(town)
    number = await desk.bring(listed("gone@example.org"), agreed=agreed)
    async with town.db.transaction() as session:  # after the dry run, before the run
        await enrolments.suppress(session, fingerprint("gone@example.org"), reason, now=town.now)
    await desk.run(number)
    assert await desk.counts(number) == {"suppressed": 1}
    assert await count(town, Learner) == 0
    assert await count(town, Suppression) == 1


async def test_no_list_brings_somebody_erased_back_but_he_may_come_himself(town: Town) -> None:
    await town.publish()
    enrolment = await town.enrol(ALICE)
    learner = (await town.learner(enrolment)).id
    async with town.db.transaction() as session:
        await privacy.erase(session, learner, now=town.now)
    desk = Desk(town)
    number = await desk.bring(listed("alice@example.org"), agreed=True)
    assert await desk.counts(number) == {"suppressed": 1}
    await town.enrol(ALICE)
    assert await desk.counts(await desk.bring(listed("alice@example.org"))) == {"enrolled": 1}


async def test_erasing_a_person_empties_the_lists_too(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    await desk.run(await desk.bring(listed("new@example.org", "other@example.org")))
    await desk.bring(listed("new@example.org"))
    row = await enrolled(town, "new@example.org")
    async with town.db.transaction() as session:
        await privacy.erase(session, row.learner_id, now=town.now)
    assert await count(town, ImportRow, ImportRow.address == "new@example.org") == 0
    assert await count(town, ImportRow) == 1


async def test_who_signs_up_meanwhile_is_left_alone(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    number = await desk.bring(listed("alice@example.org"), agreed=True)
    enrolment = await town.enrol(ALICE)
    await desk.run(number)
    assert await desk.counts(number) == {"enrolled": 1}
    assert (await town.learner(enrolment)).first_name == "Alice"
    await desk.undo(number)
    assert (await town.row(enrolment)).state == "waiting"


async def test_a_list_goes_on_where_it_was_cut_off(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_CHUNK", 10)
    await town.publish()
    desk = Desk(town)
    people = several(35)
    async with town.db.transaction() as session:
        number = await imports.receive(session, "x.csv", listed(*people), account="", now=town.now)
        await imports.check(session, number, SLUG, COLUMNS, SOURCE, agreed=False, now=town.now)
    for _ in range(2):
        await desk.tasks.step()
        imports._READING.clear()  # as a new process begins
    await _fall_over(desk)
    assert (await desk.stands(number)).done == 20
    await desk.work()
    assert await desk.counts(number) == {"new": 35}
    async with town.db.transaction() as session:
        await imports.run(session, number, by=None, now=town.now)
    for _ in range(2):
        await desk.tasks.step()
    await _fall_over(desk)
    stands = await desk.stands(number)
    assert (stands.done, stands.to_do, await count(town, Learner)) == (20, 35, 20)
    await Desk(town).work()
    assert (await desk.stands(number)).state == State.DONE
    assert (await count(town, Learner), await count(town, Delivery), await count(town, Consent)) == (35,) * 3


async def _fall_over(desk: Desk) -> None:
    """A step whose transaction does not come to its end."""

    async def step() -> None:
        async with desk.town.db.transaction() as session:
            await imports.advance(session, fingerprint=fingerprint, now=desk.town.now)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await step()


async def test_undoing_takes_back_who_did_nothing_and_nobody_else(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    number = await desk.bring(listed("sent@example.org", "keen@example.org", "late@example.org"))
    await desk.run(number)
    sent, keen, late = [(await enrolled(town, f"{name}@example.org")).id for name in ("sent", "keen", "late")]
    await _hold_back(town, late)
    await town.send()
    await town.confirm(keen)
    await desk.undo(number)
    assert await desk.counts(number) == {"new": 3, "removed": 1, "stopped": 1, "kept": 1}
    stopped = await town.row(sent)
    assert (stopped.state, stopped.end_reason) == ("stopped", "undone")
    async with town.db.transaction() as session:
        link = [str(sent), links.stamp_of(town.now)]
        assert (await signup.pending(session, link, now=town.now)).begun == "undone"
    assert await town.states(sent) == ["sent"]
    assert (await town.row(keen)).state == "waiting"
    assert await count(town, Enrolment, Enrolment.id == late) == 0
    assert await count(town, Delivery, Delivery.enrolment_id == late) == 0
    assert await count(town, Consent, Consent.enrolment_id == late) == 0
    assert await count(town, Learner, Learner.address_key == "late@example.org") == 0
    assert await count(town, ImportRow) == 0


async def _hold_back(town: Town, enrolment: int) -> None:
    """Its mail is not due before tomorrow."""
    async with town.db.transaction() as session:
        for mail in await session.scalars(select(Delivery).where(Delivery.enrolment_id == enrolment)):
            mail.try_at = town.now + timedelta(days=1)


async def test_what_was_taken_back_can_be_brought_again(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    people = listed("one@example.org", "two@example.org")
    first = await desk.bring(people)
    await desk.run(first)
    await town.send()
    await desk.undo(first)
    again = await desk.bring(people)
    assert await desk.counts(again) == {"known": 2}
    await desk.run(again)
    assert (await enrolled(town, "one@example.org")).state == "pending"


async def test_a_list_that_runs_can_be_stopped_half_way(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_CHUNK", 10)
    await town.publish()
    desk = Desk(town)
    number = await desk.bring(listed(*several(25)))
    async with town.db.transaction() as session:
        await imports.run(session, number, by=None, now=town.now)
    await desk.tasks.step()
    await desk.undo(number)
    assert (await desk.stands(number)).state == State.UNDONE
    assert await count(town, Learner) == 0


async def test_a_seat_proposed_since_keeps_the_person(town: Town) -> None:
    await town.publish()
    owner = await town.enrol(CHARLIE)
    desk = Desk(town)
    number = await desk.bring(listed("new@example.org"))
    await desk.run(number)
    row = await enrolled(town, "new@example.org")
    learner = (await town.learner(owner)).id
    async with town.db.transaction() as session:
        company = Company(name="Atelier", owner_id=learner, created_at=town.now)
        session.add(company)
        await session.flush()
        await searching.note(session, [learner])
        await seats.propose(
            session, company, SLUG, "new@example.org", invited=True, fingerprint=fingerprint, now=town.now
        )
    await desk.undo(number)
    assert await desk.counts(number) == {"new": 1, "kept": 1}
    assert (await town.row(row.id)).state == "pending"
    assert await count(town, Seat) == 1


async def test_a_lists_mails_wait_behind_all_others_until_their_person_asks(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    await desk.run(await desk.bring(listed("new@example.org", "alice@example.org")))
    bulk = await enrolled(town, "alice@example.org")
    await town.sign_up(BOB)
    own = await enrolled(town, "bob@example.org")
    assert (await town.mail(own.id, "confirm")).priority < (await town.mail(bulk.id, "confirm")).priority
    await town.sign_up(ALICE)
    (mail,) = await town.mails(bulk.id, "confirm")
    assert mail.priority == (await town.mail(own.id, "confirm")).priority


async def test_a_list_of_colleagues_does_not_shut_the_form_for_them(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    await desk.run(await desk.bring(listed(*(f"p{number}@atelier.example" for number in range(120)))))
    await town.sign_up(BOB, address="moi@atelier.example")
    assert (await enrolled(town, "moi@atelier.example")).state == "pending"


@pytest.mark.parametrize(
    ("columns", "slug", "source", "fields"),
    [
        ({}, SLUG, SOURCE, {"address"}),
        (COLUMNS, "nulle-part", SOURCE, {"course"}),
        (COLUMNS, SLUG, "  ", {"source"}),
        (COLUMNS, SLUG, "x" * 301, {"source"}),
        ({}, "", "", {"address", "course", "source"}),
    ],
)
async def test_what_is_missing_is_told_by_field(
    town: Town, columns: dict[str, int], slug: str, source: str, fields: set[str]
) -> None:
    await town.publish()
    async with town.db.transaction() as session:
        number = await imports.receive(session, "x.csv", listed("a@example.org"), account="", now=town.now)
    with pytest.raises(errors.Invalid) as problem:
        async with town.db.transaction() as session:
            await imports.check(session, number, slug, columns, source, agreed=False, now=town.now)
    assert set(problem.value.problems) == fields


async def test_steps_out_of_order_are_refused(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    number = await desk.bring(listed("a@example.org"))
    with pytest.raises(errors.NotAllowed):
        await desk.undo(number)
    await desk.run(number)
    with pytest.raises(errors.NotAllowed):
        await desk.run(number)
    with pytest.raises(errors.NotAllowed):
        async with town.db.transaction() as session:
            await imports.discard(session, number)
    town.clock.pass_by(days=31)
    with pytest.raises(errors.NotAllowed):
        await desk.undo(number)


async def test_ten_thousand_bad_rows_are_told_and_nothing_else_happens(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    number = await desk.bring(listed(*["nowhere"] * 3_000, "good@example.org"))
    assert await desk.counts(number) == {"invalid": 3_000, "new": 1}
    async with town.db.reading() as session:
        first = await imports.not_taken(session, number)
        rest = await imports.not_taken(session, number, after=first[-1].line, limit=10_000)
    assert (len(first), len(rest)) == (100, 2_900)
    await desk.run(number)
    assert await count(town, Learner) == 1


async def test_old_files_and_rows_are_forgotten(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    ran = await desk.bring(listed("a@example.org"))
    await desk.run(ran)
    forgotten = await desk.bring(listed("b@example.org"))
    town.clock.pass_by(days=8)
    await desk.work()
    with pytest.raises(errors.NotFound):
        await desk.stands(forgotten)
    assert await count(town, ImportRow) == 1
    town.clock.pass_by(days=23)
    await desk.work()
    assert await count(town, ImportRow) == 0
    assert await desk.counts(ran) == {"new": 1}


async def test_two_workers_share_no_chunk(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_CHUNK", 5)
    await town.publish()
    desk = Desk(town)
    number = await desk.bring(listed(*several(40)))
    async with town.db.transaction() as session:
        await imports.run(session, number, by=None, now=town.now)
    workers: Sequence[Desk] = [Desk(town) for _ in range(3)]
    await asyncio.gather(*(worker.work() for worker in workers))
    await desk.work()
    assert (await count(town, Learner), await count(town, Delivery)) == (40, 40)
    assert (await desk.stands(number)).state == State.DONE


async def test_the_mail_tells_where_the_address_comes_from_until_the_person_asks(town: Town) -> None:
    await town.publish()
    desk = Desk(town)
    await desk.run(await desk.bring(listed("alice@example.org", "new@example.org")))
    await town.sign_up(ALICE)
    async with town.db.transaction() as session:
        leased = await leases.lease(session, worker="town", limit=5, now=town.now)
        begun = await ledger.begin(session, leased, worker="town", now=town.now)
        gathered = await letters.gather(session, begun)
    told = {to.person.address: to.source for to in gathered.values() if isinstance(to, letters.Addressed)}
    assert told == {"alice@example.org": "", "new@example.org": SOURCE}
