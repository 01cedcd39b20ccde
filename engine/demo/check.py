"""The journey lived without a person: only HTTP, and the links found in mails received over SMTP."""

import asyncio
import contextlib
import re
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiosmtplib
import httpx

from engine.clock import SystemClock
from engine.core import answers as answering
from engine.core import errors
from engine.core.course import grammar, model
from engine.demo import answers
from engine.demo.house import local_mailbox
from engine.demo.mailbox import Mailbox, Received
from engine.flows import drafts

BUNDLED = "ia-pme"
ADDRESS = "dirigeant@exemple.test"
_PATIENCE = 30.0
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


class _Form(HTMLParser):
    """The first form of a page: where it goes and what it would send as it stands."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        super().__init__()
        self._wanted = wanted
        self._inside = False
        self.found = False
        self._select = ""
        self.action = ""
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = dict(attrs)
        if tag == "form" and not self.found and (got.get("method") or "").lower() == "post":
            action = got.get("action") or ""
            self._inside = self._wanted(action)
            self.action = action if self._inside else self.action
        elif self._inside and tag == "input" and got.get("name") and got.get("type") != "checkbox":
            self.values[str(got["name"])] = got.get("value") or ""
        elif self._inside and tag == "select":
            self._select = got.get("name") or ""
        elif self._inside and tag == "option" and self._select and "selected" in got:
            self.values[self._select] = got.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "form" and self._inside:
            self._inside, self.found = False, True


def form(page: str, wanted: Callable[[str], bool] = lambda _: True) -> _Form:
    """The first form of a page that posts to a `wanted` address."""
    parser = _Form(wanted)
    parser.feed(page)
    return parser


def kind_of(mail: Received) -> tuple[str, str]:
    """Kind and lesson of a mail, as its Feedback-ID tells them."""
    parts = str(mail.message["Feedback-ID"]).split(":")
    return (parts[-2], parts[0] if len(parts) == 4 else "")


def links_of(mail: Received) -> list[str]:
    """Every web address in the text part."""
    return [found.rstrip(").,;>") for found in re.findall(r"https?://\S+", mail.part("plain"))]


class Journey:
    """One dirigeant, from the form to the last lesson."""

    def __init__(
        self, site: str, mailbox: Mailbox, course: model.Course, said: Callable[[str], None]
    ) -> None:
        self._site, self._mailbox, self._said, self._course = site, mailbox, said, course
        self._answered = set[str]()
        self._http = httpx.AsyncClient(base_url=site, timeout=_PATIENCE, follow_redirects=True)
        self._read = 0
        self.result = Result(course.slug)

    async def close(self) -> None:
        await self._http.aclose()

    async def live(self) -> Result:
        started = await self._now()
        await self._sign_up()
        await self._confirm()
        await self._receive()
        for _ in range(_MOST_STEPS):
            if not await self._step():
                break
        await self._account_for()
        self.result.demo_days = ((await self._now()) - started).days
        return self.result

    async def _get(self, url: str) -> str:
        answer = await self._http.get(url)
        answer.raise_for_status()
        return answer.text

    async def _post(self, url: str, values: Mapping[str, str | list[str]]) -> str:
        answer = await self._http.post(url, data=values)
        answer.raise_for_status()
        return answer.text

    async def _now(self) -> datetime:
        answer = await self._http.get("/healthz")
        answer.raise_for_status()
        return datetime.fromisoformat(answer.json()["now"]).astimezone(UTC)

    async def _sign_up(self) -> None:
        url = f"/c/{self.result.course}"
        found = form(await self._get(url))
        await asyncio.sleep(_AS_A_PERSON_TYPES)
        typed = {"first_name": "Camille", "address": ADDRESS, "size": "10", "consent": "yes"}
        await self._post(found.action or url, found.values | typed)
        self._said("the form is sent")

    async def _confirm(self) -> None:
        mail = await self._mailbox.wait_for(lambda mail: kind_of(mail)[0] == "confirm", seconds=_PATIENCE)
        if mail is None:
            raise errors.ParcoursError("The mail that asks for a confirmation did not arrive.")
        link = next(link for link in links_of(mail) if urlsplit(link).path.startswith("/k/"))
        found = form(await self._get(link))
        await self._post(urljoin(link, found.action), found.values)
        self._said("the address is confirmed")
        if not await self._mailbox.wait_for(lambda mail: kind_of(mail)[0] == "welcome", seconds=_PATIENCE):
            raise errors.ParcoursError("The welcome did not arrive.")

    async def _step(self) -> bool:
        """Move the clock to the next mail and read what came; False when nothing came any more."""
        before = len(self._mailbox.mails)
        answer = await self._http.post("/demo/clock", headers={"Accept": "application/json"})
        answer.raise_for_status()
        await self._receive()
        return len(self._mailbox.mails) > before

    async def _receive(self) -> None:
        """Read the new mails as a diligent learner does: open the lesson, do what it asks."""
        fresh, self._read = self._mailbox.mails[self._read :], len(self._mailbox.mails)
        for mail in fresh:
            kind, key = kind_of(mail)
            self._said(f"{parsedate_to_datetime(mail.message['Date']):%Y-%m-%d} {kind} {key}".rstrip())
            if kind in ("lesson", "reminder"):
                await self._do(links_of(mail))

    async def _do(self, links: list[str]) -> None:
        for link in dict.fromkeys(links):
            path = urlsplit(link).path
            if path.startswith("/l/"):
                await self._get(link)
            elif path.startswith("/a/"):
                await self._answer(link)

    async def _answer(self, link: str) -> None:
        """Go through an activity screen by screen and hand it in, once."""
        link, _, _ = link.partition("?")
        key = urlsplit(link).path.split(".")[1]
        activity = self._course.activities[key]
        if key in self._answered:
            return
        self._answered.add(key)
        for step in answering.steps(activity):
            page = await self._get(f"{link}?q={step}" if step else link)
            await self._post(link, form(page).values | answers.fields(activity, step) | {"go": "next"})
        if not isinstance(activity, grammar.Checkin | grammar.Poll):
            await self._post(link, {"go": "hand_in", "step": ""})
        if "hand_in" in await self._get(link):
            raise errors.ParcoursError(f"The activity “{key}” could not be handed in.")
        self._said(f"  handed in: {key}")
        self.result.activities_done += 1

    async def _account_for(self) -> None:
        """Ask for one's own data, and hold the ledger against the mailbox."""
        result, mails = self.result, self._mailbox.mails
        known = [kind_of(mail) for mail in mails]
        lessons = [mail for mail in mails if kind_of(mail)[0] == "lesson"]
        identities = Counter(str(mail.message["Message-ID"]) for mail in mails)
        result.duplicates = sum(identities.values()) - len(identities)
        result.lessons_received = len({kind_of(mail)[1] for mail in lessons})
        exported = await self._export(lessons[-1] if lessons else None)
        result.mails = dict(Counter(kind_of(mail)[0] for mail in mails))
        planned = [row for row in exported.get("Messages", []) if row["Message"] == "lesson"]
        result.lessons_planned = len(planned)
        result.missing = [row["Leçon"] for row in planned if ("lesson", row["Leçon"]) not in known]
        states = [row["État"] for row in exported.get("Parcours", [])]
        result.completed = "completed" in states
        dirigeant = {"who": "dirigeant", "course": result.course, "lessons": result.lessons_received}
        result.people = [dirigeant | {"state": states[-1] if states else "unknown"}]

    async def _export(self, lesson: Received | None) -> dict[str, Any]:
        if lesson is None:
            return {}
        my = next(link for link in links_of(lesson) if urlsplit(link).path.startswith("/m/"))
        found = form(await self._get(my), lambda action: action.endswith("/data"))
        seen = len(self._mailbox.mails)
        await self._post(urljoin(my, found.action), found.values)
        mail = await self._mailbox.wait_for(
            lambda mail: kind_of(mail)[0] == "data", seconds=_PATIENCE, after=seen
        )
        if mail is None:
            raise errors.ParcoursError("The mail with the link to one's data did not arrive.")
        link = next(link for link in links_of(mail) if urlsplit(link).path.startswith("/d/"))
        answer = await self._http.get(f"{link}/export.json")
        answer.raise_for_status()
        exported: dict[str, Any] = answer.json()
        return exported


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
            if course is not None:
                await _command("db", "upgrade", "--database", database)
                await _command("course", "publish", str(course), "--database", database)
            async with _served(database, mailbox.port) as site:
                journey = Journey(site, mailbox, drafts.read(course or drafts.locate(BUNDLED)), said)
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
