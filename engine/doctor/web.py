"""The public address, called as mail programs call it: leaving by one POST (RFC 8058)."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from engine.doctor import certificate, finding
from engine.doctor.finding import Finding

_PATIENCE = 10.0  # seconds
OURS = b"OK"
"""What Parcours answers to it, begins with."""
FORM = {"List-Unsubscribe": (None, "One-Click")}  # as a file: multipart/form-data, which the RFC prefers


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    location: str
    body: bytes
    date: datetime | None
    """By the server's clock, aware."""
    certificate_ends: datetime | None


async def post(url: str, tls: ssl.SSLContext) -> Answer:
    """Leave by `url`, following nothing. Raises httpx.HTTPError."""
    async with (
        httpx.AsyncClient(verify=tls, timeout=_PATIENCE, trust_env=False) as client,
        client.stream("POST", url, files=FORM) as answer,
    ):
        ends = certificate.ends(answer.extensions["network_stream"].get_extra_info("ssl_object"))
        body = b""
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > 100:
                break
        headers = answer.headers
        return Answer(answer.status_code, headers.get("location", ""), body, _date(headers.get("date")), ends)


def _date(written: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(written or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def https(url: str, answer: Answer | httpx.HTTPError, now: datetime) -> Finding:
    """Whether links in mails are https, and the certificate holds."""
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme != "https":
        told = f"PARCOURS_BASE_URL is {where}: mail programs offer no leaving by one click."
        return finding.error(told, "Serve it by https (section 5 of the runbook) and name that address.")
    if isinstance(answer, httpx.HTTPError):
        told = f"{where} does not answer from here: {str(answer) or type(answer).__name__}."
        return finding.error(told, "Start service and proxy; look at name, certificate and firewall.")
    if answer.certificate_ends is None:
        return finding.ok(f"{where} answers.")
    return certificate.expiry(f"{where} answers", answer.certificate_ends, now)


def redirect(url: str, answer: Answer | httpx.HTTPError) -> Finding:
    """Whether the POST of a mail program arrives where it was sent."""
    if isinstance(answer, httpx.HTTPError):
        return finding.not_checked(f"{url} does not answer from here.")
    told = f"POST {url} answers {answer.status}"
    if 300 <= answer.status < 400:
        told = f"{told} and leads to {answer.location}: mail programs do not follow, nobody can leave."
        cure = "Let the proxy answer POST /u/… itself, and name the last address in PARCOURS_BASE_URL."
        return finding.error(told, cure)
    cure = "Let the proxy pass POST /u/… on to Parcours."
    if not 200 <= answer.status < 300:
        return finding.error(f"{told}: nobody can leave by one click.", cure)
    if not answer.body.startswith(OURS):
        return finding.error(f"{told}, but it is not Parcours that does.", cure)
    return finding.ok(f"{told}, without a redirect.")
