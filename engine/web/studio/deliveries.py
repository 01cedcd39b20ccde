"""What is waiting to leave and why, what did not leave and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from engine.core import delivery
from engine.core.accounts import Right
from engine.flows import catalog, ledger
from engine.flows.accounts import Here
from engine.flows.ledger import Filters
from engine.web import site
from engine.web.studio import access
from engine.web.studio.people import address, asked
from engine.web.studio.said import SAID as WORDS

#: In the order in which somebody wants to know.
_SHOWN = ("", "held", "retry", "in_doubt", "failed", "planned", "sending", "cancelled", "sent")


@dataclass(frozen=True)
class Deliveries:
    template: ClassVar = "studio/deliveries.html"
    page: ledger.Page
    filters: Filters
    tabs: Sequence[tuple[str, str, ledger.Number | None]]
    """State, address, and how many there are; None: not counted."""
    reasons: Sequence[ledger.Reason]
    kinds: Sequence[str]
    courses: Mapping[str, catalog.Names]
    words: Mapping[str, str]
    first: bool
    again: str
    following: str


async def show(request: Request, me: Here) -> Response:
    filters = Filters(**{name: asked(request, name) for name in ("state", "kind", "course", "lesson")})
    after = asked(request, "after")
    async with site.of(request).db.reading() as session:
        courses = await catalog.names(session)
        page = await ledger.find(session, filters, after=after)
        counts = await ledger.counts(session)
        reasons = await ledger.reasons(session, filters.state) if filters.state != "sent" else ()
    values = asdict(filters)
    shown = Deliveries(
        page=page,
        filters=filters,
        tabs=[
            (state, address(request, {"state": state}), counts.get(delivery.State(state)) if state else None)
            for state in _SHOWN
        ],
        reasons=[each for each in reasons if each.text],
        kinds=list(delivery.Kind),
        courses=courses,
        words=WORDS,
        first=not after,
        again=address(request, values),
        following=address(request, {**values, "after": page.following}) if page.following else "",
    )
    return access.render(request, me, shown)


PAGES = (access.Page("/studio/deliveries", show, Right.READ_PEOPLE),)
