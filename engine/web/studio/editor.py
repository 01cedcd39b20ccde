"""The editor of one file of a course: its text, what is wrong in it, and the mail that it becomes."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import PurePosixPath
from typing import ClassVar
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from engine.core import errors, fictitious
from engine.core.accounts import Right
from engine.core.course import checks, editing, model
from engine.core.course.yamlfile import Problem
from engine.flows import desk
from engine.flows.accounts import Here
from engine.mail import proof
from engine.web import mails, pages, site
from engine.web.studio import access, courses

# French source texts.
SAID = {"saved": "C'est enregistré dans le brouillon.", "sent": "Le message d'essai part vers votre adresse."}
VIEWS = {
    "phone": "Téléphone",
    "desktop": "Ordinateur",
    "dark": "Sombre",
    "bare": "Sans images",
    "text": "Texte",
    "source": "Source",
}
LEARNERS = {
    "camille": "Camille, 6 personnes, a tout fait",
    "nour": "Nour, 120 personnes, a tout fait",
    "sacha": "Sacha, n'a rien dit ni fait",
    "": "tous les passages « :::si »",
}
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
    result = await courses.read(request, found)
    course = result.sketch
    sheets = _sheets(file.path)
    asked = request.query_params
    sheet = asked.get("sheet", "") if asked.get("sheet") in sheets else next(iter(sheets), "")
    view = asked.get("view", "") if asked.get("view") in VIEWS else "phone"
    learner = asked.get("learner", "camille") if asked.get("learner", "camille") in LEARNERS else "camille"
    order = list(editing.lessons(found.files))
    key = editing.lesson_key(file.path)
    at = order.index(key) if key in order else -1
    page = Editor(
        desk=found,
        title=course.title if course else found.slug,
        path=file.path,
        action=f"/studio/courses/{found.slug}/files/{quote(file.path)}",
        text=file.text,
        read=file.hash,
        checks=await _checks(request, found, file.path),
        sheets=sheets,
        sheet=sheet,
        view=view,
        learner=learner,
        views=VIEWS,
        learners=LEARNERS,
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


def _sheets(path: str) -> tuple[str, ...]:
    if key := editing.lesson_key(path):
        return (f"lesson-{key}",)
    return ("welcome", "farewell") if path == editing.COURSE else ()


async def _checks(request: Request, found: desk.Desk, path: str) -> Checks:
    result = await courses.read(request, found)
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


def _weight(course: model.Course | None, key: str, request: Request) -> int:
    """Of the mail, in thousands of bytes; 0 where it cannot be made."""
    try:
        return proof.make(course, f"lesson-{key}", site.of(request).dress).html_size // 1000 if course else 0
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
    before = theirs.text if theirs else None
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


# The mail in its frame


async def mail(request: Request, me: Here) -> Response:
    """One mail of the draft, as the frame shows it."""
    view, learner = request.query_params.get("view", ""), request.query_params.get("learner", "")
    async with site.of(request).db.reading() as session:
        found = await desk.look(session, request.path_params["slug"])
    course = (await courses.read(request, found)).sketch
    try:
        if course is None:
            raise errors.NotFound("Ce parcours ne se lit pas encore.")
        who = fictitious.learner(learner) if learner else None
        made = proof.make(course, request.path_params["name"], site.of(request).dress, who)
    except errors.ParcoursError as error:
        return PlainTextResponse(str(error), status_code=422)
    if view == "text":
        return PlainTextResponse(f"{made.subject}\n\n{made.text}")
    if view == "source":
        return PlainTextResponse(made.source.decode("utf-8", "replace"))
    html = proof.lit(made.html, dark=view == "dark")
    shown = await _pictures(request, found, html) if view != "bare" else dict[str, str]()
    return mails.framed(proof.with_pictures(html, lambda source: shown.get(source, "")))


async def _pictures(request: Request, found: desk.Desk, html: str) -> dict[str, str]:
    """The pictures of a mail by their address, written out: the frame has no cookie to ask for a draft's."""
    base = f"{site.of(request).dress.base_url}/c/{found.slug}/"
    sources: dict[str, str] = {}
    proof.with_pictures(html, lambda source: sources.setdefault(source, ""))
    async with site.of(request).db.reading() as session:
        for source in sources:
            path = source.removeprefix(base)
            if path in found.files:
                picture = await desk.file(session, found.slug, path)
                kind = PICTURES.get(PurePosixPath(path).suffix.lower(), "application/octet-stream")
                sources[source] = f"data:{kind};base64,{b64encode(picture.content).decode()}"
    return sources


PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}


async def send(request: Request, me: Here) -> Response:
    """Mail it to the author, as the chosen learner would get it."""
    house, slug, name = site.of(request), request.path_params["slug"], request.path_params["name"]
    form = await request.form(max_files=0)
    learner = fictitious.learner(str(form.get("learner", ""))).key
    async with house.db.reading() as session:
        found = await desk.look(session, slug)
    course = (await courses.read(request, found)).sketch
    if course is None:
        raise errors.Invalid("Ce parcours ne se lit pas encore.")
    await asyncio.to_thread(proof.make, course, name, house.dress)  # errors.NotFound for what is no mail
    async with house.db.transaction() as session:
        await desk.owe_test(session, slug, name, learner, to=me.account.id, now=house.clock.now())
    house.wake()
    key = name.removeprefix("lesson-")
    here = f"/studio/courses/{slug}/" + (f"lessons/{key}" if key != name else f"files/{editing.COURSE}")
    asked = {"done": "sent", "learner": learner, "sheet": name, "view": str(form.get("view", ""))}
    return RedirectResponse(f"{here}?{urlencode(asked)}", status_code=303)


PAGES = (
    access.Page("/studio/courses/{slug}/lessons/{key}", lesson, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/files/{path:path}", file, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/files/{path:path}", save, Right.WRITE_COURSES, ("POST",)),
    access.Page("/studio/courses/{slug}/mails/{name}", mail, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/mails/{name}/test", send, Right.WRITE_COURSES, ("POST",)),
)
