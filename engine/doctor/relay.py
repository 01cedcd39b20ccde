"""The relay, called as the sender calls it: is the way there private, and may we hand over mails?"""

import ssl
from contextlib import suppress
from datetime import datetime

import aiosmtplib

from engine.doctor import certificate, finding
from engine.doctor.finding import Finding
from engine.mail import smtp

_PATIENCE = 10.0  # seconds for each step
_NEAR = ("localhost", "127.0.0.1", "::1")


async def examine(
    server: smtp.Server, tls: ssl.SSLContext, *, helo: str, now: datetime
) -> tuple[Finding, Finding]:
    """Connect, greet and encrypt; sign in; leave without a mail."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls == "implicit",
        start_tls=False,
        tls_context=tls,
        local_hostname=helo or None,
        timeout=_PATIENCE,
    )
    try:
        return await _connected(client, server, tls, now), await _admitted(client, server)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return _failed(server, error), finding.not_checked("There is no connection to the relay.")
    finally:
        with suppress(aiosmtplib.SMTPException):
            await client.quit()
        client.close()


async def _connected(
    client: aiosmtplib.SMTP, server: smtp.Server, tls: ssl.SSLContext, now: datetime
) -> Finding:
    await client.connect()
    await client.ehlo()
    offered = client.supports_extension("starttls")
    if offered and server.tls in ("required", "opportunistic"):
        await client.starttls(tls_context=tls)
        await client.ehlo()
    ends = certificate.ends(client.get_transport_info("ssl_object"))
    return certificate.expiry(f"{server}: TLS", ends, now) if ends else _in_clear(server, offered)


def _in_clear(server: smtp.Server, offered: bool) -> Finding:
    told = f"{server}: no TLS"
    if server.tls == "required":
        cure = "Use the port of the relay that offers STARTTLS (587), or smtps:// (465)."
        return finding.error(f"{told} is offered, and PARCOURS_SMTP_URL requires it.", cure)
    if server.host in _NEAR:
        return finding.ok(f"{told}, on this machine.")
    cure = "Write starttls=required in PARCOURS_SMTP_URL." if offered else "Let the relay offer STARTTLS."
    if server.user:
        return finding.error(f"{told}: the password and all mails travel in clear.", cure)
    return finding.warning(f"{told}: mails travel in clear.", cure)


def _failed(server: smtp.Server, error: Exception) -> Finding:
    distrusted = [each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError)]
    if not distrusted:
        told = f"{server} does not answer as a relay does: {error}."
        return finding.error(told, "Start it, open the way to it, or correct PARCOURS_SMTP_URL.")
    told = f"{server}: its certificate does not hold: {distrusted[0].verify_message}."
    cure = "Let it show a certificate for that name by a known authority, or name the host that it is for."
    if server.tls == "opportunistic":
        return finding.warning(f"{told} Mails go there all the same, to whoever answers.", cure)
    return finding.error(told, cure)


def _causes(error: BaseException | None) -> list[BaseException]:
    return [error, *_causes(error.__cause__ or error.__context__)] if error else []


async def _admitted(client: aiosmtplib.SMTP, server: smtp.Server) -> Finding:
    offered = client.supports_extension("auth")
    if not server.user:
        return finding.ok(f"{server} is used without a password.")
    if not offered:
        told = f"{server} offers no AUTH, and PARCOURS_SMTP_URL has a user."
        return finding.error(told, "Use the port of the relay that is for clients (587 or 465).")
    try:
        await client.login(server.user, server.password)
    except aiosmtplib.SMTPAuthenticationError as error:
        told = f"{server} refuses user and password: {error.code} {error.message}."
        return finding.error(told, "Correct them in PARCOURS_SMTP_URL (in it, @ is %40 and % is %25).")
    return finding.ok(f"{server} takes user and password.")
