"""The pictures of a course."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors, words
from engine.core.accounts import Right
from engine.core.course import markup, model
from engine.documents import picture
from engine.flows import desk
from engine.flows.accounts import Here
from engine.web import forms, site
from engine.web.studio import access, course, courses, frame

# French source texts.
SAID = {
    "added": "C'est noté : l'image est dans le brouillon. Copiez sa ligne dans une leçon.",
    "removed": "C'est noté : l'image est retirée du brouillon.",
}
_LONGEST_ALT = 300


@dataclass(frozen=True)
class Picture:
    path: str
    name: str
    alt: str
    """What a lesson says of it, or what was typed when it came; "" when nothing was said yet."""
    lessons: tuple[str, ...]
    """Keys of the lessons that show it."""


@dataclass(frozen=True)
class Images:
    template: ClassVar = "studio/images.html"
    desk: desk.Desk
    title: str
    language: str
    pictures: Sequence[Picture]
    may_write: bool
    problems: Mapping[str, str]
    typed: Mapping[str, str]
    said: str


async def show(
    request: Request,
    me: Here,
    *,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    async with site.of(request).db.reading() as session:
        found = await desk.look(session, request.path_params["slug"])
    sketch = (await course.read(request, found)).sketch
    asked = request.query_params
    typed_alt = {asked.get("path", ""): forms.shown(asked.get("alt", ""))}
    shown = _shown(sketch)
    pictures = [
        _picture(path, shown, typed_alt) for path in sorted(found.files) if path.startswith(desk.IMAGES)
    ]
    page = Images(
        desk=found,
        title=sketch.title if sketch else found.slug,
        language=sketch.language if sketch else words.SOURCE,
        pictures=pictures,
        may_write=me.may(Right.WRITE_COURSES),
        problems=problems or {},
        typed=forms.shown_all(typed or {}),
        said=access.said(request, SAID),
    )
    return access.render(request, me, page, status=422 if problems else 200)


def _picture(path: str, shown: Mapping[str, list[tuple[str, str]]], typed: Mapping[str, str]) -> Picture:
    places = shown.get(path, [])
    alt = next((alt for _, alt in places if alt), typed.get(path, ""))
    return Picture(path, path.removeprefix(desk.IMAGES), alt, tuple(dict.fromkeys(key for key, _ in places)))


def _shown(sketch: model.Course | None) -> Mapping[str, list[tuple[str, str]]]:
    """For each picture the lessons that show it, with what they say of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for lesson in sketch.lessons if sketch else ():
        for block in markup.walk(lesson.document.blocks):
            if isinstance(block, markup.Image):
                found.setdefault(block.src, []).append((lesson.key, block.alt))
    return found


async def upload(request: Request, me: Here) -> Response:
    house, slug = site.of(request), request.path_params["slug"]
    typed: dict[str, str] = {}
    try:
        name, data, typed = await courses.uploaded(request)
        alt = " ".join(typed.get("alt", "").split())[:_LONGEST_ALT]
        if not alt:
            problem = "Décrivez l'image en quelques mots : beaucoup de messageries ne l'affichent pas."
            raise errors.Invalid({"alt": problem})
        content, suffix = await asyncio.to_thread(picture.fit, data)
        async with house.db.transaction() as session:
            fitted = PurePosixPath(name.replace("\\", "/")).stem + suffix
            by, now = me.account.id, house.clock.now()
            path = await desk.add_image(session, slug, fitted, content, by=by, now=now)
    except errors.Invalid as invalid:
        problems = {"file" if field == "" else field: text for field, text in invalid.problems.items()}
        return await show(request, me, problems=problems, typed=typed)
    here = request.url.replace(path=f"/studio/courses/{slug}/images", query="")
    place = here.include_query_params(done="added", path=path, alt=alt)
    return access.done(request, f"{place.path}?{place.query}")


async def remove(request: Request, me: Here) -> Response:
    house, slug, typed = site.of(request), request.path_params["slug"], await forms.read(request)
    path = typed.get("path", "")
    if not path.startswith(desk.IMAGES):
        raise errors.NotFound("Cette image n'existe pas.")
    async with house.db.transaction() as session:
        await desk.remove(session, slug, path, by=me.account.id, now=house.clock.now())
    return access.done(request, f"/studio/courses/{slug}/images", "removed")


async def one(request: Request, me: Here) -> Response:
    """A picture of the draft itself."""
    path = desk.IMAGES + request.path_params["name"]
    kind = frame.PICTURES.get(PurePosixPath(path).suffix.lower())
    if kind is None:
        raise errors.NotFound("Cette image n'existe pas.")
    async with site.of(request).db.reading() as session:
        found = await desk.file(session, request.path_params["slug"], path)
    # What came in a zip may be anything: as a page of its own it does nothing.
    alone = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(found.content, media_type=kind, headers=alone)


PAGES = (
    access.Page("/studio/courses/{slug}/images", show, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/images", remove, Right.WRITE_COURSES, ("POST",)),
    access.Page("/studio/courses/{slug}/images/upload", upload, Right.WRITE_COURSES, ("POST",)),
    access.Page("/studio/courses/{slug}/images/{name:path}", one, Right.READ_COURSES),
)
