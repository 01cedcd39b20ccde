"""The journey lived without a person: only HTTP, and the links found in mails received over SMTP.

A dirigeant follows the course, answers everything, opens seats for two colleagues, who follow theirs.
"""

import asyncio
import contextlib
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx

from engine.clock import SystemClock
from engine.core import errors
from engine.core.course import model
from engine.demo import pages
from engine.demo.house import local_mailbox
from engine.demo.mailbox import Mailbox, Received
from engine.demo.person import PATIENCE, Person
from engine.flows import drafts

BUNDLED = "ia-pme"
ADDRESS = "dirigeant@exemple.test"
COLLEAGUES = ("equipe-1@exemple.test", "equipe-2@exemple.test")
_MOST_STEPS = 400
_AS_A_PERSON_TYPES = 2.5
"""Seconds between seeing the form and sending it; the form's trap for robots is 2."""


@dataclass
class Result:
    """What was lived. `people`: what the check did under other names than the dirigeant's."""

    course: str
    lessons_planned: int = 0
    lessons_received: int = 0
    duplicates: int = 0
    completed: bool = False
    people: list[dict[str, Any]] = field(default_factory=list)
    artefacts: list[dict[str, Any]] = field(default_factory=list)
    """The files that were fetched, with their size."""
    mails: dict[str, int] = field(default_factory=dict)
    """How many of each kind arrived."""
    activities_done: int = 0
    demo_days: int = 0
    """Days that passed on the demo's clock."""
    missing: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return (
            self.completed
            and not self.missing
            and self.duplicates == 0
            and 0 < self.lessons_planned == self.lessons_received
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Courses:
    """What the dirigeant follows, and what he can open for the team."""

    main: model.Course
    team: model.Course | None
    folders: tuple[Path, ...]
    """To be published first; none for what comes with Parcours."""


class Journey:
    """One dirigeant, from the form to the last lesson, and the two colleagues he invites."""

    def __init__(self, site: str, mailbox: Mailbox, courses: Courses, said: Callable[[str], None]) -> None:
        self._site, self._mailbox, self._courses, self._said = site, mailbox, courses, said
        self._read = 0
        self._dirigeant = Person("dirigeant", ADDRESS, site, courses.main, said)
        self._people = {ADDRESS: self._dirigeant}
        self._invited = False
        self.result = Result(courses.main.slug)

    async def close(self) -> None:
        for person in self._people.values():
            await person.close()

    async def live(self) -> Result:
        started = await self._now()
        await self._sign_up()
        await self._receive()
        for _ in range(_MOST_STEPS):
            if not await self._step():
                break
        await self._account_for()
        self.result.demo_days = ((await self._now()) - started).days
        return self.result

    async def _now(self) -> datetime:
        told = json.loads(await self._dirigeant.get("/healthz"))
        return datetime.fromisoformat(told["now"]).astimezone(UTC)

    async def _sign_up(self) -> None:
        url = f"/c/{self.result.course}"
        found = pages.form(await self._dirigeant.get(url))
        await asyncio.sleep(_AS_A_PERSON_TYPES)
        typed = {"first_name": "Camille", "address": ADDRESS, "size": "10", "consent": "yes"}
        await self._dirigeant.post(found.action or url, found.values | typed)
        self._said("the form is sent")
        mail = await self._wait_for("confirm", ADDRESS)
        await self._dirigeant.send_form(_link(mail, "k"), {})
        self._said("the address is confirmed")
        await self._wait_for("welcome", ADDRESS)

    async def _wait_for(self, kind: str, address: str, after: int = 0) -> Received:
        mail = await self._mailbox.wait_for(
            lambda mail: (pages.kind_of(mail)[0], mail.recipient) == (kind, address),
            seconds=PATIENCE,
            after=after,
        )
        if mail is None:
            raise errors.ParcoursError(f"The mail “{kind}” to {address} did not arrive.")
        return mail

    async def _step(self) -> bool:
        """Move the clock to the next mail and read what came; False when nothing came any more."""
        before = len(self._mailbox.mails)
        await self._dirigeant.post("/demo/clock", {})
        await self._receive()
        return len(self._mailbox.mails) > before

    async def _receive(self) -> None:
        """Everybody reads the new mails."""
        while self._read < len(self._mailbox.mails):
            mail = self._mailbox.mails[self._read]
            self._read += 1
            person = self._people[mail.recipient]
            await person.read(mail)
            if person is self._dirigeant and not self._invited and (door := pages.link_to(mail, "e")):
                await self._open_team(door)

    async def _open_team(self, door: str) -> None:
        """Open seats, invite two colleagues; each accepts for himself."""
        if self._courses.team is None:
            return
        self._invited = True
        await self._dirigeant.send_form(door, {"name": "Atelier Camille"}, lambda to: to.endswith("/open"))
        page = _link(await self._wait_for("team", ADDRESS), "e")
        addresses = "\n".join(COLLEAGUES)
        await self._dirigeant.send_form(page, {"addresses": addresses}, lambda to: to.endswith("/invite"))
        for number, address in enumerate(COLLEAGUES, 1):
            colleague = Person(f"colleague-{number}", address, self._site, self._courses.team, self._said)
            self._people[address] = colleague
            link = _link(await self._wait_for("invite", address), "i")
            await colleague.send_form(link, {"first_name": f"Colleague {number}", "consent": "yes"})
            self._said(f"{colleague.who} accepted")

    async def _account_for(self) -> None:
        """Fetch the attestations, ask for one's own data, and hold the ledger against the mailbox."""
        result, mails = self.result, self._mailbox.mails
        for person in self._people.values():
            if person.course.certificate and person.has("farewell"):
                await person.certificate()
        identities = Counter(str(mail.message["Message-ID"]) for mail in mails)
        result.duplicates = sum(identities.values()) - len(identities)
        result.lessons_received = len(self._dirigeant.lessons)
        exported = await self._export()
        result.mails = dict(Counter(pages.kind_of(mail)[0] for mail in mails))
        planned = [row["Leçon"] for row in exported.get("Messages", []) if row["Message"] == "lesson"]
        result.lessons_planned = len(planned)
        result.missing = [key for key in planned if key not in self._dirigeant.lessons]
        result.missing += [
            f"{person.who}: the course is not completed"
            for person in self._people.values()
            if not person.has("farewell")
        ]
        result.completed = "completed" in [row["État"] for row in exported.get("Parcours", [])]
        result.activities_done = len(self._dirigeant.handed_in)
        result.people = [person.told() for person in self._people.values()]
        result.artefacts = [file for person in self._people.values() for file in person.artefacts]

    async def _export(self) -> dict[str, Any]:
        lessons = [mail for mail in self._dirigeant.mails if pages.kind_of(mail)[0] == "lesson"]
        if not lessons:
            return {}
        my, seen = _link(lessons[-1], "m"), len(self._mailbox.mails)
        await self._dirigeant.send_form(my, {}, lambda to: to.endswith("/data"))
        mail = await self._wait_for("data", ADDRESS, after=seen)
        exported: dict[str, Any] = json.loads(await self._dirigeant.get(f"{_link(mail, 'd')}/export.json"))
        return exported


def _link(mail: Received, purpose: str) -> str:
    found = pages.link_to(mail, purpose)
    if found is None:
        raise errors.ParcoursError(f"The mail “{pages.kind_of(mail)[0]}” holds no link /{purpose}/….")
    return found


def _courses(path: Path | None) -> Courses:
    """A team's course is looked for beside the main one, then among those that come with Parcours."""
    main = drafts.read(path or drafts.locate(BUNDLED))
    if main.team is None:
        return Courses(main, None, (path,) if path else ())
    beside = path.parent / main.team if path else None
    team = beside if beside and beside.is_dir() else drafts.locate(main.team)
    return Courses(main, drafts.read(team), (team, path) if path else ())


async def run(
    *, course: Path | None, smtp: str | None, database: str | None, said: Callable[[str], None]
) -> Result:
    """Start `parcours serve --demo` as a process of its own and live the course.

    Raises `errors.ParcoursError` where the journey cannot go on.
    """
    if smtp:
        local_mailbox(smtp)
    mailbox = Mailbox(SystemClock().now, onward=_onward(smtp) if smtp else None)
    await mailbox.open()
    try:
        with scratch() as folder:
            database = database or f"sqlite:///{folder}/demo.db"
            courses = _courses(course)
            if courses.folders:
                await _command("db", "upgrade", "--database", database)
            for each in courses.folders:
                await _command("course", "publish", str(each), "--database", database)
            async with _served(database, mailbox.port) as site:
                journey = Journey(site, mailbox, courses, said)
                try:
                    return await journey.live()
                finally:
                    await journey.close()
    except httpx.HTTPError as error:
        raise errors.ParcoursError(f"The service did not answer as expected: {error}") from error
    finally:
        await mailbox.close()


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A folder for the time of a demo."""
    with tempfile.TemporaryDirectory(prefix="parcours-demo-") as folder:
        yield folder


def _onward(address: str) -> Callable[[str, list[str], bytes], Any]:
    """Pass each mail on to the caller's mailbox, byte for byte, and his answer back."""
    host, _, port = address.rpartition(":")

    async def pass_on(sender: str, recipients: list[str], source: bytes) -> str:
        try:
            async with aiosmtplib.SMTP(hostname=host, port=int(port), start_tls=False) as client:
                await client.sendmail(sender, recipients, source)
        except aiosmtplib.SMTPResponseException as error:
            return f"{error.code} {error.message}"
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return f"451 {str(error)[:200]}"
        return "250 OK"

    return pass_on


def program() -> list[str]:
    """How to start this very program again."""
    return [sys.executable, "-m", "engine"]


async def _command(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *program(), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise errors.ParcoursError(output.decode(errors="replace").strip())


@asynccontextmanager
async def _served(database: str, smtp_port: int) -> AsyncIterator[str]:
    """`parcours serve --demo` in its own process; the address it listens on."""
    process = await asyncio.create_subprocess_exec(
        *program(),
        *("serve", "--demo", "--database", database, "--smtp", f"127.0.0.1:{smtp_port}"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield await _address(process)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Wait until the service says where it listens."""
    assert process.stdout is not None  # asked for above
    async with asyncio.timeout(60):
        while line := (await process.stdout.readline()).decode():
            if found := re.search(r"(http://\S+)/demo", line):
                return found[1]
    raise errors.ParcoursError("The service did not start; its log above tells why.")
