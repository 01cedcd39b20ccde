"""Whether a certificate is one of ours: the page that its QR code leads to, open to everybody."""

from starlette.requests import Request
from starlette.responses import Response

from engine.core import errors
from engine.flows import certificates
from engine.web import contexts, pages, site


async def show(request: Request) -> Response:
    """By the code in the address, or the one that was typed into the form."""
    code = request.path_params.get("code") or request.query_params.get("code", "")
    if not code:
        return pages.render(request, contexts.Verification("", None))
    try:
        async with site.of(request).db.reading() as session:
            found = await certificates.verify(session, code)
    except errors.NotFound:
        return pages.render(request, contexts.Verification(code[:100], None), status=404)
    page = contexts.Verification(code, found)
    return pages.render(request, page, language=found.language)
