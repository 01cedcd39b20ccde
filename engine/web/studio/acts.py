"""What an owner does about one person, each time with a reason; enrolling one; everybody as a spreadsheet."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.core import csvfile, errors, paging
from engine.core.accounts import Right
from engine.flows import accounts, operators, roster
from engine.flows.accounts import Here
from engine.web import forms, site
from engine.web.studio import access
from engine.web.studio.imports import CSV

# French source texts.
SAID = {
    "enrolled": "C'est noté : cette personne est inscrite.",
    "asked": "C'est noté : un message part, et le parcours commence quand la personne confirme.",
    "pause": "C'est noté : ce parcours est en pause.",
    "resume": "C'est noté : ce parcours reprend.",
    "move": "C'est noté : la prochaine leçon est changée.",
    "again": "C'est noté : la leçon part.",
    "address": "C'est noté : un message part à la nouvelle adresse, qui compte dès qu'elle est confirmée.",
    "stop": "C'est noté : ce parcours est arrêté.",
    "erase": "C'est noté : tout ce que nous savions de cette personne est effacé.",
    "state.pending": "à confirmer",
    "state.waiting": "en attente du début",
    "state.active": "en cours",
    "state.paused": "en pause",
    "state.completed": "terminé",
    "state.stopped": "arrêté",
}


@dataclass(frozen=True)
class Acts:
    template: ClassVar = "studio/acts.html"
    person: operators.Person
    words: Mapping[str, str]
    opened: str
    """The form that something is wrong with: its act and, where it is about one, its enrolment."""
    problems: Mapping[str, str]
    typed: Mapping[str, str]
    said: str


@dataclass(frozen=True)
class Enrol:
    template: ClassVar = "studio/enrol.html"
    courses: Sequence[tuple[str, str]]
    problems: Mapping[str, str]
    typed: Mapping[str, str]
    said: str


def _learner(request: Request) -> int:
    return min(int(request.path_params["learner"]), paging.LARGEST_ID)


async def show(
    request: Request,
    me: Here,
    *,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    typed = forms.shown_all(typed or {})
    async with site.of(request).db.reading() as session:
        person = await operators.person(session, _learner(request))
    opened = "-".join(filter(None, (typed.get("do", ""), typed.get("enrolment", ""))))
    page = Acts(person, SAID, opened, problems or {}, typed, access.said(request, SAID))
    return access.render(request, me, page, status=422 if problems else 200)


async def act(request: Request, me: Here) -> Response:
    """Do what one of the forms asks for."""
    house, typed = site.of(request), await forms.read(request)
    learner, action = _learner(request), typed.get("do", "")
    try:
        who = operators.by(me.account.id, typed.get("reason", ""))
        async with house.db.transaction() as session:
            await operators.person(session, learner)
            found = await _act(request, session, learner, typed, who)
    except errors.Invalid as invalid:
        return await show(request, me, problems=invalid.problems, typed=typed)
    except errors.NotAllowed as problem:
        return await show(request, me, problems={"": str(problem)}, typed=typed)
    house.wake()
    if action == "export":
        headers = {"Content-Disposition": f'attachment; filename="parcours-{learner}.json"'}
        body = json.dumps(found, ensure_ascii=False, indent=2)
        return Response(body, media_type="application/json", headers=headers)
    if action == "erase":
        return access.done(request, "/studio/people/new", action)
    said = ("enrolled" if typed.get("agreed") == "yes" else "asked") if action == "enrol" else action
    return access.done(request, f"/studio/people/{learner}/actions", said)


async def _act(
    request: Request, session: AsyncSession, learner: int, typed: Mapping[str, str], who: operators.By
) -> Any:
    house = site.of(request)
    now, print_ = house.clock.now(), house.fingerprint
    match typed.get("do", ""):
        case "enrol":
            person = await operators.person(session, learner)
            form = _newcomer({**typed, "address": person.address})
            return await operators.enrol(session, form, who, fingerprint=print_, now=now)
        case "address":
            address = typed.get("address", "")
            return await operators.change_address(session, learner, address, who, fingerprint=print_, now=now)
        case "export":
            return await operators.export(session, learner, who, now=now)
        case "erase":
            if typed.get("sure") != "yes":
                raise errors.Invalid({"sure": "Cochez cette case : effacer ne se défait pas."})
            return await operators.erase(session, learner, who, now=now)
    enrolment = await _enrolment(session, learner, typed.get("enrolment", ""))
    match typed.get("do", ""):
        case "pause":
            return await operators.pause(session, enrolment, typed.get("until", ""), who, now=now)
        case "resume":
            return await operators.resume(session, enrolment, who, now=now)
        case "move":
            return await operators.move(session, enrolment, typed.get("lesson", ""), who, now=now)
        case "again":
            return await operators.resend(session, enrolment, typed.get("again", ""), who, now=now)
        case "stop":
            return await operators.stop(session, enrolment, typed.get("scope", "course"), who, now=now)
    raise errors.NotFound("Cette action n'existe pas.")


async def _enrolment(session: AsyncSession, learner: int, typed: str) -> int:
    """The course that a form is about, which must be this person's. Raises `errors.NotFound`."""
    for line in (await operators.person(session, learner)).courses:
        if str(line.enrolment_id) == typed:
            return line.enrolment_id
    raise errors.NotFound("Ce parcours n'existe plus.")


def _newcomer(typed: Mapping[str, str]) -> operators.Newcomer:
    return operators.Newcomer(
        address=typed.get("address", ""),
        slug=typed.get("course", ""),
        source=typed.get("source", ""),
        first_name=typed.get("first_name", ""),
        company=typed.get("company", ""),
        agreed=typed.get("agreed") == "yes",
    )


async def show_new(
    request: Request,
    me: Here,
    *,
    problems: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    async with site.of(request).db.reading() as session:
        courses = await operators.offered_courses(session)
    page = Enrol(courses, problems or {}, forms.shown_all(typed or {}), access.said(request, SAID))
    return access.render(request, me, page, status=422 if problems else 200)


async def enrol(request: Request, me: Here) -> Response:
    house, typed = site.of(request), await forms.read(request)
    form = _newcomer(typed)
    try:
        who = operators.by(me.account.id, typed.get("reason", ""))
        async with house.db.transaction() as session:
            learner = await operators.enrol(
                session, form, who, fingerprint=house.fingerprint, now=house.clock.now()
            )
    except errors.Invalid as invalid:
        return await show_new(request, me, problems=invalid.problems, typed=typed)
    house.wake()
    return access.done(request, f"/studio/people/{learner}/actions", "enrolled" if form.agreed else "asked")


async def export(request: Request, me: Here) -> Response:
    """Everybody, or everybody in one course, as a spreadsheet: read and sent chunk by chunk."""
    house, typed = site.of(request), await forms.read(request)
    slug = typed.get("course", "")
    async with house.db.transaction() as session:
        target = f"course:{slug}" if slug else ""
        accounts.note(session, me.account.id, "people_exported", target, now=house.clock.now())
    headers = {"Content-Disposition": 'attachment; filename="personnes.csv"'}
    return StreamingResponse(_everybody(request, slug), media_type=CSV, headers=headers)


async def _everybody(request: Request, slug: str) -> AsyncIterator[str]:
    yield csvfile.BOM + csvfile.written([roster.COLUMNS])
    after: int | None = 0
    while after is not None:
        async with site.of(request).db.reading() as session:
            chunk = await roster.read(session, after=after, slug=slug)
        yield csvfile.written(chunk.rows)
        after = chunk.last


PAGES = (
    access.Page("/studio/people/new", show_new, Right.CHANGE_PEOPLE),
    access.Page("/studio/people/new", enrol, Right.CHANGE_PEOPLE, ("POST",)),
    access.Page("/studio/people/export", export, Right.CHANGE_PEOPLE, ("POST",)),
    access.Page("/studio/people/{learner:int}/actions", show, Right.CHANGE_PEOPLE),
    access.Page("/studio/people/{learner:int}/actions", act, Right.CHANGE_PEOPLE, ("POST",)),
)
