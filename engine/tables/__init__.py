"""Every table and index, and nothing that they do. One noun, one file."""

from engine.tables.account import Account, AccountSession, Audit, Backoff
from engine.tables.base import Base
from engine.tables.certificate import Certificate
from engine.tables.company import Company, Seat
from engine.tables.course import Course, Version
from engine.tables.delivery import Delivery
from engine.tables.enrolment import Enrolment, Submission
from engine.tables.learner import Consent, Event, Learner, Suppression
from engine.tables.meta import Meta
from engine.tables.token import ApiToken
from engine.tables.webhook import Webhook, WebhookDelivery

__all__ = [
    "Account",
    "AccountSession",
    "ApiToken",
    "Audit",
    "Backoff",
    "Base",
    "Certificate",
    "Company",
    "Consent",
    "Course",
    "Delivery",
    "Enrolment",
    "Event",
    "Learner",
    "Meta",
    "Seat",
    "Submission",
    "Suppression",
    "Version",
    "Webhook",
    "WebhookDelivery",
]
