"""The mail of a draft: in a frame beside its text, and as a test to its author."""

import asyncio
from base64 import b64encode
from pathlib import PurePosixPath
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core import errors, fictitious
from engine.core.accounts import Right
from engine.core.course import editing
from engine.flows import desk
from engine.flows.accounts import Here
from engine.mail import proof
from engine.web import mails, site
from engine.web.studio import access, course

# French source texts.
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


async def mail(request: Request, me: Here) -> Response:
    """One mail of the draft, as the frame shows it."""
    view, learner = request.query_params.get("view", ""), request.query_params.get("learner", "")
    async with site.of(request).db.reading() as session:
        found = await desk.look(session, request.path_params["slug"])
    sketch = (await course.read(request, found)).sketch
    try:
        if sketch is None:
            raise errors.NotFound("Ce parcours ne se lit pas encore.")
        who = fictitious.learner(learner) if learner else None
        made = proof.make(sketch, request.path_params["name"], site.of(request).dress, who)
    except errors.ParcoursError as error:
        return mails.plain(str(error), status=422)
    if view == "text":
        return mails.plain(f"{made.subject}\n\n{made.text}")
    if view == "source":
        return mails.plain(made.source.decode("utf-8", "replace"))
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
    sketch = (await course.read(request, found)).sketch
    if sketch is None:
        raise errors.Invalid("Ce parcours ne se lit pas encore.")
    await asyncio.to_thread(proof.make, sketch, name, house.dress)  # errors.NotFound for what is no mail
    async with house.db.transaction() as session:
        await desk.owe_test(session, slug, name, learner, to=me.account.id, now=house.clock.now())
    house.wake()
    key = name.removeprefix("lesson-")
    here = f"/studio/courses/{slug}/" + (f"lessons/{key}" if key != name else f"files/{editing.COURSE}")
    asked = {"done": "sent", "learner": learner, "sheet": name, "view": str(form.get("view", ""))}
    return RedirectResponse(f"{here}?{urlencode(asked)}", status_code=303)


PAGES = (
    access.Page("/studio/courses/{slug}/mails/{name}", mail, Right.READ_COURSES),
    access.Page("/studio/courses/{slug}/mails/{name}/test", send, Right.WRITE_COURSES, ("POST",)),
)
