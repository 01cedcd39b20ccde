"""Publishing a draft with its effect known beforehand; the history of a course; undoing."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors
from engine.core.accounts import Right
from engine.core.course.effect import Choices, Effect
from engine.flows import catalog, desk, publications, publishing
from engine.flows.accounts import Here
from engine.web import downloads, forms, site
from engine.web.studio import access

# French source texts, as in the templates.
SAID = {
    "published": "C'est noté : cette version est publiée.",
    "same": "Rien ne change : le brouillon est la version actuelle.",
    "undone": "C'est noté : la publication est annulée.",
}
WHAT = {
    "added": "ajoutée",
    "removed": "retirée",
    "moved": "déplacée",
    "edited": "modifiée",
}
ORIGINS = {"studio": "studio", "files": "fichiers"}
PROBLEMS = {
    "unsaid": "Dites ce qui arrive aux personnes en cours de route.",
    "changed": "Quelqu'un a modifié ou publié ce parcours depuis que vous avez ouvert cette page. "
    "Rien n'est publié : relisez ce qui change, puis recommencez.",
    "wrong": "Rien n'est publié : le brouillon contient des erreurs. Corrigez-les, puis recommencez.",
    "newer": "Rien n'est annulé : une autre version a été publiée entre-temps.",
}


@dataclass(frozen=True)
class Publish:
    template: ClassVar = "studio/publish.html"
    desk: desk.Desk
    title: str
    preview: publishing.Preview | None
    """None when there is no draft."""
    move: Effect
    """What comes of the people who move, as long as nothing more is chosen."""
    send: Effect
    """The same, with the lessons added behind them sent next."""
    offer: Effect
    """The same, with those who finished offered the lessons that were added."""
    what: Mapping[str, str]
    problems: Mapping[str, str]
    typed: Mapping[str, str]


@dataclass(frozen=True)
class Versions:
    template: ClassVar = "studio/versions.html"
    desk: desk.Desk
    title: str
    history: publications.History
    origins: Mapping[str, str]
    may_write: bool
    said: str


@dataclass(frozen=True)
class Undo:
    template: ClassVar = "studio/undo.html"
    desk: desk.Desk
    title: str
    undone: publications.Undone
    problem: str


async def show(
    request: Request,
    me: Here,
    *,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    house, slug = site.of(request), request.path_params["slug"]
    async with house.db.reading() as session:
        found = await desk.look(session, slug)
        files = await desk.files(session, slug)
        preview = None
        if files is not None:
            preview = await publishing.preview(
                session, files, slug=slug, house=house.dress, now=house.clock.now()
            )
        title, _ = await catalog.named(session, slug)
    effects = preview.effects if preview else {}
    page = Publish(
        desk=found,
        title=title,
        preview=preview,
        move=effects.get(Choices("move"), Effect()),
        send=effects.get(Choices("move", "send"), Effect()),
        offer=effects.get(Choices("move", "skip", "offer"), Effect()),
        what=WHAT,
        problems=problems or {},
        typed=typed or {},
    )
    return access.render(request, me, page, status=409 if problems else 200)


async def publish(request: Request, me: Here) -> Response:
    house, slug, typed = site.of(request), request.path_params["slug"], await forms.read(request)
    try:
        async with house.db.transaction() as session:
            done = await publishing.publish_draft(
                session,
                slug,
                seen=typed.get("seen", ""),
                parent=typed.get("parent", ""),
                house=house.dress,
                choices=_choices(typed),
                by=me.account.id,
                now=house.clock.now(),
            )
    except publishing.Undecided:
        return await show(request, me, problems={"others": PROBLEMS["unsaid"]}, typed=typed)
    except errors.Conflict:
        return await show(request, me, problems={"": PROBLEMS["changed"]})
    except errors.Invalid:  # the page says what, file by file
        return await show(request, me, problems={"": PROBLEMS["wrong"]}, typed=typed)
    house.wake()
    said = "published" if done.changed else "same"
    return access.done(request, f"/studio/courses/{slug}/versions", said)


def _choices(typed: Mapping[str, str]) -> Choices:
    """What was chosen; whatever no form of ours sends counts as not chosen."""
    known = {"others": ("move", "stay"), "inserted": ("skip", "send"), "finished": ("leave", "offer")}
    chosen = {name: typed.get(name) for name, values in known.items() if typed.get(name) in values}
    return Choices(**cast(dict[str, Any], chosen))


async def versions(request: Request, me: Here) -> Response:
    house, slug = site.of(request), request.path_params["slug"]
    async with house.db.reading() as session:
        found = await desk.look(session, slug)
        history = await publications.history(session, slug, now=house.clock.now())
        title, _ = await catalog.named(session, slug)
    page = Versions(found, title, history, ORIGINS, me.may(Right.WRITE_COURSES), access.said(request, SAID))
    return access.render(request, me, page)


async def undo(request: Request, me: Here, *, problem: str = "") -> Response:
    """What undoing would do, and the button."""
    house, slug = site.of(request), request.path_params["slug"]
    async with house.db.reading() as session:
        found = await desk.look(session, slug)
        undone = await publications.undoable(session, slug, now=house.clock.now())
        title, _ = await catalog.named(session, slug)
    page = Undo(found, title, undone, problem)
    return access.render(request, me, page, status=409 if problem else 200)


async def do_undo(request: Request, me: Here) -> Response:
    house, slug, typed = site.of(request), request.path_params["slug"], await forms.read(request)
    last = typed.get("publication", "")
    try:
        async with house.db.transaction() as session:
            await publications.undo(
                session,
                slug,
                by=me.account.id,
                now=house.clock.now(),
                last=int(last) if last.isascii() and last.isdecimal() else 0,
            )
    except errors.Conflict:
        return await undo(request, me, problem=PROBLEMS["newer"])
    house.wake()
    return access.done(request, f"/studio/courses/{slug}/versions", "undone")


async def export(request: Request, me: Here) -> Response:
    """A version as a zip: byte for byte what a folder of the course holds."""
    slug, digest = request.path_params["slug"], request.path_params["hash"]
    async with site.of(request).db.reading() as session:
        files = await catalog.export(session, slug, digest)
    return await downloads.drawn(partial(catalog.pack, files), f"{slug}-{digest}", ".zip", downloads.ZIP)


PAGES = (
    access.Page("/studio/courses/{slug}/publish", show, Right.WRITE_COURSES),
    access.Page("/studio/courses/{slug}/publish", publish, Right.WRITE_COURSES, ("POST",)),
    access.Page("/studio/courses/{slug}/versions", versions, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/versions/{hash}.zip", export, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/undo", undo, Right.WRITE_COURSES),
    access.Page("/studio/courses/{slug}/undo", do_undo, Right.WRITE_COURSES, ("POST",)),
)
