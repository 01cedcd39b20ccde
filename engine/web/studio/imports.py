"""Lists of people: bringing a file, telling what its columns hold, the dry run, the run, taking it back."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from engine.core import csvfile, errors, intake, paging, words
from engine.core.accounts import Right
from engine.flows import imports, operators
from engine.flows.accounts import Here
from engine.web import downloads, forms, site
from engine.web.studio import access

CSV = "text/csv; charset=utf-8"

# French source texts.
SAID = {
    "run": "C'est noté : l'import commence.",
    "undo": "C'est noté : l'annulation commence.",
    "discard": "C'est noté : ce fichier est oublié, rien n'a été importé.",
    "state.uploaded": "à préparer",
    "state.checking": "essai en cours",
    "state.checked": "prêt à importer",
    "state.running": "import en cours",
    "state.done": "importé",
    "state.undoing": "annulation en cours",
    "state.undone": "annulé",
    "field.address": "Adresse électronique",
    "field.first_name": "Prénom",
    "field.company": "Entreprise",
    "field.size": "Effectif",
    "field.region": "Région (jours fériés)",
    "verdict.new": "nouvelles personnes",
    "verdict.known": "personnes connues, nouvelles dans ce parcours",
    "verdict.enrolled": "déjà dans ce parcours, ou l'ont déjà suivi",
    "verdict.duplicate": "en double dans le fichier",
    "verdict.left": "ont quitté ce parcours",
    "verdict.suppressed": "ne doivent plus recevoir de message",
    "verdict.invalid": "lignes inutilisables",
    "line.new": "importée sans une case",
    "line.known": "importée sans une case",
    "line.enrolled": "déjà inscrite",
    "line.duplicate": "en double",
    "line.left": "a quitté",
    "line.suppressed": "ne plus écrire",
    "line.invalid": "inutilisable",
}


@dataclass(frozen=True)
class Imports:
    template: ClassVar = "studio/imports.html"
    lists: Sequence[imports.Standing]
    words: Mapping[str, str]
    problems: Mapping[str, str]
    said: str


@dataclass(frozen=True)
class Columns:
    template: ClassVar = "studio/import_columns.html"
    standing: imports.Standing
    told: imports.Told
    asked: Sequence[str]
    """What a column may hold."""
    courses: Sequence[tuple[str, str]]
    words: Mapping[str, str]
    problems: Mapping[str, str]


@dataclass(frozen=True)
class Import:
    template: ClassVar = "studio/import.html"
    standing: imports.Standing
    verdicts: Sequence[intake.Verdict]
    lines: Sequence[imports.Line]
    """The first that are not taken, or not whole."""
    words: Mapping[str, str]
    problem: str
    said: str


async def show_all(request: Request, me: Here, *, problems: Mapping[str, str] | None = None) -> Response:
    async with site.of(request).db.reading() as session:
        found = await imports.latest(session)
    page = Imports(found, SAID, problems or {}, access.said(request, SAID))
    return access.render(request, me, page, status=422 if problems else 200)


async def upload(request: Request, me: Here) -> Response:
    house = site.of(request)
    async with request.form(max_files=1, max_fields=5) as form:
        sent = form.get("file")
        name, data = (sent.filename, await sent.read()) if isinstance(sent, UploadFile) else ("", b"")
    try:
        async with house.db.transaction() as session:
            number = await imports.receive(
                session, name or "", data, account=me.account.name, now=house.clock.now()
            )
    except errors.Invalid as invalid:
        return await show_all(request, me, problems=invalid.problems)
    return RedirectResponse(f"/studio/imports/{number}", status_code=303)


def _number(request: Request) -> int:
    return min(int(request.path_params["number"]), paging.LARGEST_ID)


async def show(request: Request, me: Here, *, problem: str = "") -> Response:
    async with site.of(request).db.reading() as session:
        found = await imports.one(session, _number(request))
        lines = await imports.not_taken(session, found.id) if not found.at_work else []
    again = found.state == intake.State.CHECKED and "columns" in request.query_params
    if found.state == intake.State.UPLOADED or again:
        return await _show_columns(request, me, found)
    page = Import(found, list(intake.Verdict), lines, SAID, problem, access.said(request, SAID))
    return access.render(request, me, page, status=409 if problem else 200)


async def _show_columns(
    request: Request, me: Here, found: imports.Standing, problems: Mapping[str, str] | None = None
) -> Response:
    async with site.of(request).db.reading() as session:
        told = await imports.told(session, found.id)
        courses = await operators.offered_courses(session)
    page = Columns(found, told, intake.FIELDS, courses, SAID, problems or {})
    return access.render(request, me, page, status=422 if problems else 200)


async def change(request: Request, me: Here) -> Response:
    """Go on with one list, as the button says."""
    house, typed = site.of(request), await forms.read(request)
    number, action, by, now = _number(request), typed.get("do", ""), me.account.id, house.clock.now()
    try:
        async with house.db.transaction() as session:
            match action:
                case "check":
                    course, source, agreed = _terms(typed)
                    await imports.check(
                        session, number, course, _columns(typed), source, agreed=agreed, now=now
                    )
                case "run":
                    await imports.run(session, number, by=by, now=now)
                case "undo":
                    await imports.undo(session, number, by=by, now=now)
                case "discard":
                    await imports.discard(session, number)
                case _:
                    raise errors.NotFound("Cette action n'existe pas.")
    except errors.Invalid as invalid:
        async with house.db.reading() as session:
            found = await imports.one(session, number)
        return await _show_columns(request, me, _as_typed(found, typed), invalid.problems)
    except errors.NotAllowed as problem:
        return await show(request, me, problem=str(problem))
    house.wake()
    if action == "discard":
        return access.done(request, "/studio/imports", action)
    return access.done(request, f"/studio/imports/{number}", "" if action == "check" else action)


def _terms(typed: Mapping[str, str]) -> tuple[str, str, bool]:
    return typed.get("course", ""), typed.get("source", ""), typed.get("agreed") == "yes"


def _columns(typed: Mapping[str, str]) -> dict[str, int]:
    asked = {field: typed.get(f"column-{field}", "") for field in intake.FIELDS}
    return {field: int(at) for field, at in asked.items() if at.isascii() and at.isdecimal() and len(at) < 4}


def _as_typed(found: imports.Standing, typed: Mapping[str, str]) -> imports.Standing:
    course, source, agreed = _terms(typed)
    return replace(
        found,
        course=forms.shown(course),
        source=forms.shown(source),
        agreed=agreed,
        columns=_columns(typed),
    )


async def download(request: Request, me: Here) -> Response:
    """The lines that are not taken, or not whole, as a spreadsheet."""
    async with site.of(request).db.reading() as session:
        found = await imports.one(session, _number(request))
    headers = {"Content-Disposition": downloads.attachment(f"{found.name} non importées", ".csv")}
    return StreamingResponse(_lines(request, me, found.id), media_type=CSV, headers=headers)


async def _lines(request: Request, me: Here, number: int) -> AsyncIterator[str]:
    say = words.gettext(me.account.language)
    titles = [say(title) for title in ("Ligne", "Adresse électronique", "Raison", "Détail")]
    yield csvfile.BOM + csvfile.written([titles])
    after = 0
    while True:
        async with site.of(request).db.reading() as session:
            lines = await imports.not_taken(session, number, after=after, limit=1000)
        if not lines:
            return
        after = lines[-1].line
        yield csvfile.written(
            (
                line.line,
                line.address,
                say(SAID[f"line.{line.verdict}"]),
                " ".join(map(say, line.problem.split("\n"))),
            )
            for line in lines
        )


PAGES = (
    access.Page("/studio/imports", show_all, Right.CHANGE_PEOPLE),
    access.Page("/studio/imports/upload", upload, Right.CHANGE_PEOPLE, ("POST",)),
    access.Page("/studio/imports/{number:int}", show, Right.CHANGE_PEOPLE),
    access.Page("/studio/imports/{number:int}", change, Right.CHANGE_PEOPLE, ("POST",)),
    access.Page("/studio/imports/{number:int}/lines.csv", download, Right.CHANGE_PEOPLE),
)
