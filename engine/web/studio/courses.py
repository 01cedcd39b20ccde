"""The list of courses, and a new one: from a title, or from a zip."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors
from engine.core.accounts import Right
from engine.core.course import editing, parcel
from engine.flows import accounts, desk, shelf
from engine.flows.accounts import Here
from engine.web import forms, site
from engine.web.studio import access

# French source texts, as in the templates.
SAID = {"discarded": "C'est noté : le brouillon est jeté."}
STATES = {
    "pending": "à confirmer",
    "waiting": "en attente",
    "active": "en cours",
    "paused": "en pause",
    "completed": "terminé",
    "stopped": "arrêté",
}


@dataclass(frozen=True)
class Courses:
    template: ClassVar = "studio/courses.html"
    courses: Sequence[shelf.Summary]
    states: Mapping[str, str]
    may_write: bool
    problems: Mapping[str, str]
    typed: Mapping[str, str]
    said: str


async def listing(
    request: Request,
    me: Here,
    *,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    async with site.of(request).db.reading() as session:
        found = await shelf.courses(session)
    page = Courses(
        courses=found,
        states=STATES,
        may_write=me.may(Right.WRITE_COURSES),
        problems=problems or {},
        typed=forms.shown_all(typed or {}),
        said=access.said(request, SAID),
    )
    return access.render(request, me, page, status=422 if problems else 200)


async def create(request: Request, me: Here) -> Response:
    typed = await forms.read(request)
    slug, title = typed.get("slug", ""), typed.get("title", "")
    try:
        await _create(request, me, slug or editing.key_of(title, ()), title)
    except errors.Invalid as invalid:
        return await listing(request, me, problems=invalid.problems, typed=typed)
    except errors.Conflict as taken:
        return await listing(request, me, problems={"slug": str(taken)}, typed=typed)
    return access.done(request, f"/studio/courses/{slug or editing.key_of(title, ())}", "created")


async def upload_new(request: Request, me: Here) -> Response:
    """A course from a zip; its name is the slug unless another one is typed."""
    try:
        name, data, typed = await uploaded(request)
        slug = typed.get("slug", "").strip() or editing.key_of(name.removesuffix(".zip"), ())
        await _create(request, me, slug, "", await asyncio.to_thread(parcel.unpack, data))
    except errors.Invalid as invalid:
        return await listing(request, me, problems={"zip": str(invalid)})
    except errors.Conflict as taken:
        return await listing(request, me, problems={"zip": str(taken)})
    return access.done(request, f"/studio/courses/{slug}", "imported")


async def _create(
    request: Request, me: Here, slug: str, title: str, files: Mapping[str, bytes] | None = None
) -> None:
    house = site.of(request)
    by, now = me.account.id, house.clock.now()
    async with house.db.transaction() as session:
        await desk.create(session, slug, title, files, by=by, now=now)
        accounts.note(session, by, "course_created", f"course:{slug}", now=now)


async def uploaded(request: Request) -> tuple[str, bytes, dict[str, str]]:
    """The name and content of the one file of a form, and its other fields. Raises `errors.Invalid`."""
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise errors.Invalid("Choisissez un fichier.")
        typed = {name: value for name, value in form.items() if isinstance(value, str)}
        return file.filename, await file.read(), typed


PAGES = (
    access.Page("/studio/courses", listing, Right.READ_COURSES),
    access.Page("/studio/courses", create, Right.WRITE_COURSES, ("POST",)),
    access.Page("/studio/new-course/upload", upload_new, Right.WRITE_COURSES, ("POST",)),
)
