"""The studio: pages for those who write courses and look after learners.

A page is a line of a module's `PAGES`: its path, its handler, the right it asks for, its methods. `access`
sees to the rest before the handler is called as `handler(request, me)`: who is signed in, whether he may,
and that a form was sent from our own pages. A handler draws its context with `access.render`, whose template
extends `studio/_base.html`; forms carry `{{ csrf_field() }}` from there. A form that uploads files posts to a
path that ends with `/upload` (the guard lets more through) and carries the mark in its address: `?csrf=…`.
"""

from starlette.routing import Route

from engine.web.studio import (
    access,
    accounts,
    course,
    courses,
    editor,
    entry,
    frame,
    home,
    images,
    own,
    publishing,
)

PAGES: tuple[access.Page, ...] = (
    *home.PAGES,
    *courses.PAGES,
    *course.PAGES,
    *editor.PAGES,
    *frame.PAGES,
    *images.PAGES,
    *publishing.PAGES,
    *accounts.PAGES,
    *own.PAGES,
)
"""Those behind the sign-in."""


def routes() -> list[Route]:
    return [*entry.ROUTES, *(page.route() for page in PAGES)]
