"""`parcours course preview`: every mail of a course in the browser, again whenever a file is saved."""

import email
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine import serving
from engine.core import errors
from engine.core.course import model
from engine.core.course.yamlfile import Problem
from engine.flows import catalog
from engine.mail import compile, dress, fill, letters, message
from engine.web import pages, static

_FIRST_NAME, _COMPANY = "Camille", "Boulangerie du Marché"
_SENT = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Sheet:
    """One mail, as the list names it."""

    name: str
    title: str
    detail: str


class Desk:
    """A course's folder, read anew at each page."""

    def __init__(self, folder: Path, house: dress.Dress) -> None:
        self._folder, self._house = folder, house

    def state(self) -> str:
        """Changes whenever a file does."""
        try:
            return catalog.content_hash(catalog.read_directory(self._folder))
        except (OSError, errors.ParcoursError):
            return ""

    def read(self) -> tuple[model.Course | None, tuple[Problem, ...]]:
        found = catalog.check(catalog.read_directory(self._folder), slug=self._folder.name, house=self._house)
        return found.course, found.problems

    def mail(self, course: model.Course, name: str) -> EmailMessage:
        """A mail as it would leave, for a fictitious learner. Raises `errors.NotFound`."""
        build = self._build(course, name)
        values = dress.slot_values(course, self._house, _FIRST_NAME, _COMPANY)
        links = {slot: f"{self._house.base_url}/apercu" for slot, _ in build.slots if slot not in values}
        leave = f"{self._house.base_url}/u/apercu"
        envelope = message.Envelope(_FIRST_NAME, "camille@exemple.test", "apercu@exemple.test", _SENT, leave)
        data = fill.fill(build, values | links, lambda _: True, envelope)
        parsed = email.message_from_bytes(data, policy=policy.default)
        assert isinstance(parsed, EmailMessage)  # what policy.default makes
        return parsed

    def _build(self, course: model.Course, name: str) -> fill.Build:
        if lesson := course.lesson(name.removeprefix("lesson-")):
            return compile.lesson(lesson, course=course, dress=self._house)
        my = leave = f"{self._house.base_url}/apercu"
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
        return compile.letter(letter, dress=dress.fitted(self._house, course))


def _sheets(course: model.Course) -> list[Sheet]:
    lessons = [
        Sheet(f"lesson-{each.key}", each.subject, f"Leçon {each.number} · {each.module.title}")
        for each in course.lessons
    ]
    welcome = Sheet("welcome", course.welcome.subject, "Bienvenue")
    farewell = Sheet("farewell", course.farewell.subject, "Au revoir")
    return [welcome, *lessons, farewell]


def app(desk: Desk) -> Starlette:
    async def home(request: Request) -> Response:
        course, problems = desk.read()
        sheets = _sheets(course) if course else []
        names = [sheet.name for sheet in sheets]
        chosen = request.query_params.get("mail", names[1] if len(names) > 1 else "")
        template = pages.environment().get_template("preview.html")
        context: Mapping[str, object] = {
            "title": course.title if course else "",
            "language": course.language if course else "fr",
            "problems": problems,
            "sheets": sheets,
            "chosen": chosen if chosen in names else "",
            "state": desk.state(),
        }
        return HTMLResponse(template.render(context))

    async def mail(request: Request) -> Response:
        course, problems = desk.read()
        if course is None:
            return PlainTextResponse("\n".join(map(str, problems)), status_code=422)
        try:
            found = desk.mail(course, request.path_params["name"])
        except errors.NotFound as error:
            raise HTTPException(404, str(error)) from error
        part = found.get_body(("plain" if request.path_params["form"] == "text" else "html",))
        body = str(part.get_content()) if part else ""
        if request.path_params["form"] == "text":
            return PlainTextResponse(f"{found['Subject']}\n\n{body}")
        return HTMLResponse(body)

    async def state(_: Request) -> Response:
        return JSONResponse({"state": desk.state()})

    return Starlette(
        routes=[
            Route("/", home),
            Route("/mail/{name}/{form}", mail),
            Route("/state", state),
            Route("/static/{name}", static.serve),
        ]
    )


async def serve(folder: Path, house: dress.Dress, *, port: int, announce: Callable[[str], None]) -> None:
    """Serve the preview on this machine until interrupted."""
    listening = serving.listen("127.0.0.1", port, or_next=True)
    here = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    await serving.serve(app(Desk(folder, house)), listening, announce=lambda: announce(here))
