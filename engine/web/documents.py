"""What a learner takes home: the report, the charter, the attestation, and the page that holds them all.

A browser that is not the learner's gets none of it, however it came by the link (see `device`).
"""

import asyncio
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.core import errors, views
from engine.documents import certificate as certificates_drawn
from engine.documents import charter as charters_drawn
from engine.documents import charts
from engine.documents import report as reports_drawn
from engine.flows import activities, certificates, documents
from engine.web import contexts, device, downloads, forms, pages, site
from engine.web.site import To

SVG = "image/svg+xml"
# A drawing brings its own style, and needs nothing else.
_DRAWING = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


async def show(request: Request) -> Response:
    (enrolment,) = site.read(request, To.DOCUMENTS)
    page = await _page(request, enrolment)
    if not device.knows(request, enrolment):
        return _stranger(request, page)
    return _shown(request, page, enrolment)


async def _page(request: Request, enrolment: str) -> views.Documents:
    house = site.of(request)
    async with house.db.reading() as session:
        return await documents.page(session, int(enrolment), now=house.clock.now())


def _stranger(
    request: Request, found: views.Documents | views.Played, *, status: int = 200, asked: bool = False
) -> Response:
    """The page for a browser that is not the learner's: a link for it can be mailed to him."""
    purpose = To.DOCUMENTS if isinstance(found, views.Documents) else To.ACTIVITY
    entry_url = f"/{purpose}/{request.path_params['token']}/entry"
    page = contexts.Personal(found.course, found.slug, found.language, entry_url, documents=True, asked=asked)
    return pages.render(request, page, language=found.language, status=status)


def _shown(
    request: Request,
    page: views.Documents,
    enrolment: str,
    *,
    problems: dict[str, str] | None = None,
    typed: str = "",
) -> Response:
    keys = {paper.key for paper in page.papers}
    keys |= {each.key for each in (page.attestation.missing if page.attestation else ()) if each.key}
    context = contexts.Documents(
        page=page,
        documents_url=f"/{To.DOCUMENTS}/{request.path_params['token']}",
        my_url=site.path(request, To.MY, enrolment),
        activity_urls={key: site.path(request, To.ACTIVITY, enrolment, key) for key in keys},
        problems=problems or {},
        typed=forms.shown(typed),
    )
    return pages.render(request, context, language=page.language, status=422 if problems else 200)


async def issue(request: Request) -> Response:
    """Issue the attestation in the name that was typed, or correct the name."""
    house = site.of(request)
    (enrolment,) = site.read(request, To.DOCUMENTS)
    if not device.knows(request, enrolment):
        return _stranger(request, await _page(request, enrolment), status=403)
    name = (await forms.read(request)).get("name", "")
    try:
        async with house.db.transaction() as session:
            await certificates.issue(session, int(enrolment), name, now=house.clock.now())
    except errors.Invalid as invalid:
        page = await _page(request, enrolment)
        return _shown(request, page, enrolment, problems=invalid.problems, typed=name)
    return RedirectResponse(pages.stay(request, request.url.path), status_code=303)


async def ask_entry(request: Request) -> Response:
    """Mail the learner a link for this device."""
    house = site.of(request)
    (enrolment,) = site.read(request, To.DOCUMENTS)
    async with house.db.transaction() as session:
        await activities.ask_entry(session, int(enrolment), "", now=house.clock.now())
    house.wake()
    return _stranger(request, await _page(request, enrolment), asked=True)


async def certificate(request: Request) -> Response:
    house = site.of(request)
    (enrolment,) = site.read(request, To.DOCUMENTS)
    if not device.knows(request, enrolment):
        return _stranger(request, await _page(request, enrolment), status=403)
    async with house.db.reading() as session:
        found = await documents.certificate(session, int(enrolment), house=house.dress, now=house.clock.now())
    return await downloads.drawn(lambda: certificates_drawn.pdf(found), found.title, ".pdf", downloads.PDF)


async def report(request: Request) -> Response:
    found = await _report(request)
    if isinstance(found, Response):
        return found
    return await downloads.drawn(lambda: reports_drawn.pdf(found), found.title, ".pdf", downloads.PDF)


async def radar(request: Request) -> Response:
    found = await _report(request)
    if isinstance(found, Response):
        return found
    if len(found.diagnosis.axes) < 3:
        raise errors.NotFound("Ce résultat n'a pas assez d'axes pour une toile.")
    earlier = found.earlier[1].axes if found.earlier else None
    drawn = await asyncio.to_thread(charts.radar, found.diagnosis.axes, earlier, language=found.language)
    return Response(drawn, media_type=SVG, headers=_DRAWING)


async def _report(request: Request) -> reports_drawn.Report | Response:
    """The report that was asked for, or the page for a browser that may not see it."""
    house = site.of(request)
    enrolment, key = site.read(request, To.ACTIVITY)
    now = house.clock.now()
    async with house.db.reading() as session:
        played = await activities.open(session, int(enrolment), key, now=now)
        if not device.knows(request, enrolment, key):
            return _stranger(request, played, status=403)
        report = await documents.report(session, int(enrolment), key, now=now)
        if played.earlier and not device.knows(request, enrolment, played.earlier.key):
            return replace(report, earlier=None)  # as the page does
        return report


async def charter_pdf(request: Request) -> Response:
    found, now = await _charter(request), site.of(request).clock.now()
    if isinstance(found, Response):
        return found
    written, zone = found.written, found.zone
    drawn = partial(charters_drawn.pdf, written, now=now, zone=zone)
    return await downloads.drawn(drawn, written.title, ".pdf", downloads.PDF)


async def charter_word(request: Request) -> Response:
    found, now = await _charter(request), site.of(request).clock.now()
    if isinstance(found, Response):
        return found
    written, zone = found.written, found.zone
    drawn = partial(charters_drawn.word, written, found.template, now=now, zone=zone)
    return await downloads.drawn(drawn, written.title, ".docx", downloads.WORD)


async def _charter(request: Request) -> documents.Charter | Response:
    """The charter that was asked for, or the page for a browser that may not see it."""
    house = site.of(request)
    enrolment, key = site.read(request, To.ACTIVITY)
    now = house.clock.now()
    async with house.db.reading() as session:
        if not device.knows(request, enrolment, key):
            return _stranger(
                request, await activities.open(session, int(enrolment), key, now=now), status=403
            )
        return await documents.charter(session, int(enrolment), key, now=now)
