"""`parcours course preview`: every mail of a course in the browser, again whenever a file is saved."""

from collections.abc import Callable, Mapping
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
from engine.mail import dress, proof
from engine.web import pages, static


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

    def mail(self, course: model.Course, name: str) -> proof.Proof:
        """A mail as it would leave, every conditional passage shown. Raises `errors.NotFound`."""
        return proof.make(course, name, self._house)


def app(desk: Desk) -> Starlette:
    async def home(request: Request) -> Response:
        course, problems = desk.read()
        sheets = proof.sheets(course) if course else []
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
        if request.path_params["form"] == "text":
            return PlainTextResponse(f"{found.subject}\n\n{found.text}")
        return HTMLResponse(found.html)

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
