"""Keys to the JSON API: what they look like, and what each may do."""

import hashlib
import re
import secrets
from enum import StrEnum

PREFIX = "parc_"
"""By which a key that leaked into a repository is recognised."""

_TOKEN = re.compile(r"parc_[A-Za-z0-9_-]{43}")
_HINT = 9


class Scope(StrEnum):
    COURSES_READ = "courses:read"
    LEARNERS_READ = "learners:read"
    LEARNERS_WRITE = "learners:write"
    ENROLMENTS_READ = "enrolments:read"
    ENROLMENTS_WRITE = "enrolments:write"
    DELIVERIES_READ = "deliveries:read"
    SUBMISSIONS_READ = "submissions:read"
    WEBHOOKS = "webhooks"


def new() -> str:
    """256 bits from the system's randomness."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str | None:
    """By which a token is known without being kept; None for what is no token of ours.

    A plain hash is enough, for nobody guesses 256 bits; and looking a hash up tells nothing by its time.
    """
    return hashlib.sha256(token.encode()).hexdigest() if _TOKEN.fullmatch(token) else None


def hint(token: str) -> str:
    """The beginning of a token, by which its owner knows it again."""
    return token[:_HINT]
