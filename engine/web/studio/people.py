"""Finding people, and one person's line of time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from engine.core import paging, progress
from engine.core.accounts import Right
from engine.flows import catalog, people, timeline
from engine.flows.accounts import Here
from engine.flows.people import Filters
from engine.web import site
from engine.web.studio import access
from engine.web.studio.said import SAID as WORDS

_LONGEST = 200


@dataclass(frozen=True)
class People:
    template: ClassVar = "studio/people.html"
    page: people.Page
    query: str
    filters: Filters
    courses: Mapping[str, catalog.Names]
    states: Sequence[str]
    words: Mapping[str, str]
    first: bool
    """Nothing newer stands before this page."""
    again: str
    """The address of the first page of this list."""
    following: str
    """The address of the next page; "" on the last."""


@dataclass(frozen=True)
class Person:
    template: ClassVar = "studio/person.html"
    person: people.Person
    story: timeline.Story
    courses: Mapping[str, catalog.Names]
    group: str
    groups: Sequence[str]
    words: Mapping[str, str]


async def find(request: Request, me: Here) -> Response:
    query, filters = asked(request, "q"), Filters(**{name: asked(request, name) for name in _FILTERS})
    before = _number(asked(request, "before"))
    async with site.of(request).db.reading() as session:
        courses = await catalog.names(session)
        page = await people.find(session, query, filters, before=before)
    values = {"q": query, **asdict(filters)}
    shown = People(
        page=page,
        query=query,
        filters=filters,
        courses=courses,
        states=list(progress.State),
        words=WORDS,
        first=before is None,
        again=address(request, values),
        following=address(request, {**values, "before": page.following}) if page.following else "",
    )
    return access.render(request, me, shown)


_FILTERS = ("course", "state", "lesson", "company")


def asked(request: Request, name: str) -> str:
    """A value of the address's query, as a database can take it."""
    return request.query_params.get(name, "")[:_LONGEST].replace("\x00", "").strip()


def address(request: Request, values: Mapping[str, object]) -> str:
    """This page with other values in its query; empty ones are left out."""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{request.url.path}?{query}" if query else request.url.path


def _number(text: str) -> int | None:
    return min(int(text), paging.LARGEST_ID) if text.isascii() and text.isdecimal() else None


async def show(request: Request, me: Here) -> Response:
    group = asked(request, "group")
    learner_id = min(request.path_params["learner"], paging.LARGEST_ID)
    async with site.of(request).db.reading() as session:
        courses = await catalog.names(session)
        story = await timeline.one(session, learner_id, group)
    groups = list(timeline.Group)
    return access.render(request, me, Person(story.person, story, courses, group, groups, WORDS))


PAGES = (
    access.Page("/studio/people", find, Right.READ_PEOPLE),
    access.Page("/studio/people/{learner:int}", show, Right.READ_PEOPLE),
)
