"""HTTP in, HTML or JSON out; every rule and every row is the flows'."""

from starlette.middleware import Middleware
from starlette.routing import Route

from engine.web import (
    activities,
    company,
    confirm,
    data,
    documents,
    guard,
    invitation,
    learner,
    leave,
    public,
    static,
    studio,
    verify,
)


def routes() -> list[Route]:
    """Every page of the service but the demo's own (`demo.routes`). GET and HEAD never act."""
    return [
        Route("/", public.courses),
        Route("/c/{slug}", public.show_form),
        Route("/c/{slug}", public.sign_up, methods=["POST"]),
        Route("/c/{slug}/images/{name:path}", public.image),
        Route("/embed/{slug}", public.show_form),
        Route("/embed/{slug}", public.sign_up, methods=["POST"]),
        Route("/privacy", public.privacy),
        Route("/k/{token}", confirm.show),
        Route("/k/{token}", confirm.confirm, methods=["POST"]),
        Route("/k/{token}/again", confirm.resend, methods=["POST"]),
        Route("/n/{token}", confirm.show_address),
        Route("/n/{token}", confirm.confirm_address, methods=["POST"]),
        Route("/l/{token}", learner.lesson),
        Route("/a/{token}", activities.show),
        Route("/a/{token}", activities.act, methods=["POST"]),
        Route("/a/{token}/entry", activities.ask_entry, methods=["POST"]),
        Route("/a/{token}/rapport.pdf", documents.report),
        Route("/a/{token}/radar.svg", documents.radar),
        Route("/a/{token}/charte.pdf", documents.charter_pdf),
        Route("/a/{token}/charte.docx", documents.charter_word),
        Route("/f/{token}", documents.show),
        Route("/f/{token}", documents.issue, methods=["POST"]),
        Route("/f/{token}/attestation.pdf", documents.certificate),
        Route("/f/{token}/entry", documents.ask_entry, methods=["POST"]),
        Route("/v/", verify.show),
        Route("/v/{code}", verify.show),
        Route("/w/{token}", activities.enter),
        Route("/m/{token}", learner.my),
        Route("/m/{token}/resume", learner.resume),
        Route("/m/{token}/{action}", learner.change, methods=["POST"]),
        Route("/u/{token}", leave.show),
        Route("/u/{token}", leave.leave, methods=["POST"]),
        Route("/d/{token}", data.show),
        Route("/d/{token}/export.json", data.as_json),
        Route("/d/{token}/export.html", data.as_page),
        Route("/d/{token}/export.csv", data.as_table),
        Route("/d/{token}/erase", data.ask_erase),
        Route("/d/{token}/erase", data.erase, methods=["POST"]),
        Route("/e/{token}", company.show),
        Route("/e/{token}/registre.pdf", company.record),
        Route("/e/{token}/{action}", company.change, methods=["POST"]),
        Route("/j/{token}", invitation.show_shared),
        Route("/j/{token}", invitation.ask, methods=["POST"]),
        Route("/i/{token}", invitation.show),
        Route("/i/{token}", invitation.accept, methods=["POST"]),
        Route("/i/{token}/decline", invitation.decline, methods=["POST"]),
        *studio.routes(),
        Route("/static/{name}", static.serve),
        Route("/healthz", public.healthz),
        Route("/readyz", public.readyz),
    ]


def middleware() -> list[Middleware]:
    return [Middleware(guard.Guard)]
