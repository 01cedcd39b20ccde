"""The editor of one file of a course: its text, what is wrong in it, and the mail that it becomes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import ClassVar
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core import errors, words
from engine.core.accounts import Right
from engine.core.course import checks, editing, model
from engine.core.course.yamlfile import Problem
from engine.flows import desk
from engine.flows.accounts import Here
from engine.mail import proof
from engine.web import pages, site
from engine.web.studio import access, course, frame

# French source texts.
SAID = {"saved": "C'est enregistré dans le brouillon.", "sent": "Le message d'essai part vers votre adresse."}
BLOCKS = {
    "Encadré": ":::encadre À retenir\nLe texte de l'encadré.\n:::\n",
    "Attention": ":::attention Prudence\nLe texte de l'avertissement.\n:::\n",
    "Chiffre": ":::chiffre 26 % | id-de-la-source\nCe que ce chiffre veut dire.\n:::\n",
    "Liste à cocher": "- [ ] La première chose\n- [ ] La deuxième\n",
    "Passage sous condition": ":::si learner.size >= 50\nUn passage que seuls certains lisent.\n:::\n",
    "Lien": "[texte du lien](https://…)",
}
SLOTS = {
    "learner.first_name": "Prénom",
    "learner.company": "Entreprise",
    "course.title": "Titre du parcours",
    "tutor.name": "Nom du tuteur",
}
_LONGEST_DIFF = 400


@dataclass(frozen=True)
class Checks:
    """What stands beside the text, and is drawn anew after each save."""

    template: ClassVar = "studio/_checks.html"
    problems: Sequence[Problem]
    """Of this file."""
    elsewhere: int
    slug: str
    lesson: model.Lesson | None
    kilobytes: int
    minutes: int


@dataclass(frozen=True)
class Editor:
    template: ClassVar = "studio/editor.html"
    desk: desk.Desk
    title: str
    """Of the course."""
    language: str
    path: str
    action: str
    text: str
    read: str
    checks: Checks
    sheets: Sequence[str]
    """The mails that can be looked at: `lesson-KEY`, or `welcome` and `farewell`."""
    sheet: str
    view: str
    learner: str
    views: Mapping[str, str]
    learners: Mapping[str, str]
    frame: str
    blocks: Mapping[str, str]
    slots: Mapping[str, str]
    activities: Sequence[str]
    pictures: Sequence[str]
    lessons: Sequence[str]
    before: str
    after: str
    may_write: bool
    said: str


@dataclass(frozen=True)
class Conflict:
    """Somebody else was faster."""

    template: ClassVar = "studio/conflict.html"
    slug: str
    path: str
    action: str
    mine: str
    theirs: str | None
    read: str
    """The hash of theirs; "" where the file is gone."""
    lines: Sequence[str]
    """From theirs to mine."""


async def lesson(request: Request, me: Here) -> Response:
    async with site.of(request).db.reading() as session:
        found = await desk.look(session, request.path_params["slug"])
        path = editing.lessons(found.files).get(request.path_params["key"])
        if path is None:
            raise errors.NotFound("Cette leçon n'existe pas, ou n'existe plus.")
        file = await desk.file(session, found.slug, path)
    return await _editor(request, me, found, file)


async def file(request: Request, me: Here) -> Response:
    async with site.of(request).db.reading() as session:
        found = await desk.look(session, request.path_params["slug"])
        file = await desk.file(session, found.slug, request.path_params["path"])
    if key := editing.lesson_key(file.path):
        return RedirectResponse(f"/studio/courses/{found.slug}/lessons/{key}", status_code=303)
    return await _editor(request, me, found, file)


async def _editor(request: Request, me: Here, found: desk.Desk, file: desk.File) -> Response:
    result = await course.read(request, found)
    sketch = result.sketch
    sheets = _sheets(file.path)
    asked = request.query_params
    sheet = _one_of(sheets, asked.get("sheet"), next(iter(sheets), ""))
    view = _one_of(frame.VIEWS, asked.get("view"), "phone")
    learner = _one_of(frame.LEARNERS, asked.get("learner"), "camille")
    order = list(editing.lessons(found.files))
    key = editing.lesson_key(file.path)
    at = order.index(key) if key in order else -1
    page = Editor(
        desk=found,
        title=sketch.title if sketch else found.slug,
        language=sketch.language if sketch else words.SOURCE,
        path=file.path,
        action=f"/studio/courses/{found.slug}/files/{quote(file.path)}",
        text=file.text,
        read=file.hash,
        checks=await _checks(request, found, file.path),
        sheets=sheets,
        sheet=sheet,
        view=view,
        learner=learner,
        views=frame.VIEWS,
        learners=frame.LEARNERS,
        frame=f"/studio/courses/{found.slug}/mails/{sheet}?{urlencode({'view': view, 'learner': learner})}",
        blocks=BLOCKS if file.path.endswith(".md") else {},
        slots={name: SLOTS[name] for name in checks.SLOTS},
        activities=[each for path in found.files if (each := editing.activity_key(path))],
        pictures=[path for path in found.files if path.startswith(desk.IMAGES)],
        lessons=order,
        before=order[at - 1] if at > 0 else "",
        after=order[at + 1] if 0 <= at < len(order) - 1 else "",
        may_write=me.may(Right.WRITE_COURSES),
        said=SAID.get(asked.get("done", ""), ""),
    )
    return access.render(request, me, page)


def _one_of(known: Collection[str], asked: str | None, otherwise: str) -> str:
    return asked if asked is not None and asked in known else otherwise


def _sheets(path: str) -> tuple[str, ...]:
    if key := editing.lesson_key(path):
        return (f"lesson-{key}",)
    return ("welcome", "farewell") if path == editing.COURSE else ()


async def _checks(request: Request, found: desk.Desk, path: str) -> Checks:
    result = await course.read(request, found)
    mine = [problem for problem in result.problems if problem.path == path]
    key = editing.lesson_key(path)
    lesson = result.sketch.lesson(key) if result.sketch and key else None
    return Checks(
        problems=mine,
        elsewhere=len(result.problems) - len(mine),
        slug=found.slug,
        lesson=lesson,
        kilobytes=_weight(result.sketch, key, request) if lesson else 0,
        minutes=proof.reading_minutes(lesson.document) if lesson else 0,
    )


def _weight(sketch: model.Course | None, key: str, request: Request) -> int:
    """Of the mail, in thousands of bytes; 0 where it cannot be made."""
    try:
        return proof.make(sketch, f"lesson-{key}", site.of(request).dress).html_size // 1000 if sketch else 0
    except errors.ParcoursError:
        return 0


async def save(request: Request, me: Here) -> Response:
    """Keep the text; a script is answered by the checks alone."""
    house, slug, path = site.of(request), request.path_params["slug"], request.path_params["path"]
    form = await request.form(max_files=0)
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    text, seen = typed.get("text", ""), typed.get("read", "")
    by, now = me.account.id, house.clock.now()
    try:
        async with house.db.transaction() as session:
            kept = await desk.save(session, slug, path, text, read=seen, by=by, now=now)
            found = await desk.look(session, slug)
    except desk.Overtaken as overtaken:
        return _conflict(request, me, slug, overtaken)
    if request.headers.get("x-requested-with") == "fetch":
        drawn = pages.render(request, await _checks(request, found, kept.path), language=me.account.language)
        drawn.headers["X-Read"] = kept.hash
        return drawn
    asked = {name: typed[name] for name in ("sheet", "view", "learner") if name in typed}
    here = f"/studio/courses/{slug}/files/{quote(kept.path)}"
    if key := editing.lesson_key(kept.path):
        here = f"/studio/courses/{slug}/lessons/{key}"
    return RedirectResponse(f"{here}?{urlencode({'done': 'saved'} | asked)}", status_code=303)


def _conflict(request: Request, me: Here, slug: str, overtaken: desk.Overtaken) -> Response:
    theirs = overtaken.theirs
    before = theirs.content.decode(errors="replace") if theirs else None
    mine = overtaken.mine.replace("\r\n", "\n")
    lines = list(unified_diff((before or "").splitlines(), mine.splitlines(), lineterm="", n=2))[2:]
    path = theirs.path if theirs else overtaken.path
    page = Conflict(
        slug=slug,
        path=path,
        action=f"/studio/courses/{slug}/files/{quote(path)}",
        mine=mine,
        theirs=before,
        read=theirs.hash if theirs else "",
        lines=lines[:_LONGEST_DIFF],
    )
    return access.render(request, me, page, status=409)


PAGES = (
    access.Page("/studio/courses/{slug}/lessons/{key}", lesson, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/files/{path:path}", file, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/files/{path:path}", save, Right.WRITE_COURSES, ("POST",)),
)
