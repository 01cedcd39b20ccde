"""Certificates, of the relay and of the web: until when they hold."""

import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.doctor import finding
from engine.doctor.finding import Finding

_SOON = timedelta(days=14)


def ends(connection: Any) -> datetime | None:
    """When the certificate of the other side ends; None without TLS. `connection`: asyncio's `ssl_object`."""
    if connection is None:
        return None
    shown = (connection.getpeercert() or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown), UTC) if shown else None


def expiry(what: str, ends: datetime, now: datetime) -> Finding:
    told = f"{what}, certificate valid until {ends:%Y-%m-%d}"
    if ends - now < _SOON:
        days = max(0, (ends - now).days)
        return finding.warning(f"{told}: {days} days left.", "See why it was not renewed (`certbot renew`).")
    return finding.ok(f"{told}.")
