"""Every table and index, and nothing that they do. One noun, one file."""

from engine.tables.account import Account, AccountSession, Audit, Backoff
from engine.tables.base import Base
from engine.tables.certificate import Certificate
from engine.tables.company import Company, Seat
from engine.tables.course import Course, Draft, DraftFile, Version
from engine.tables.delivery import Delivery
from engine.tables.enrolment import Enrolment, Submission
from engine.tables.imports import Import, ImportRow
from engine.tables.inbound import Inbound
from engine.tables.lane import LaneSlot
from engine.tables.learner import Consent, Event, Learner, Suppression
from engine.tables.meta import Meta
from engine.tables.numbers import AnswerTotal, DailyCount, Forecast, Standing
from engine.tables.publication import Publication, PublicationRow
from engine.tables.search import SearchWord
from engine.tables.token import ApiToken
from engine.tables.webhook import Webhook, WebhookDelivery

__all__ = [
    "Account",
    "AccountSession",
    "AnswerTotal",
    "ApiToken",
    "Audit",
    "Backoff",
    "Base",
    "Certificate",
    "Company",
    "Consent",
    "Course",
    "DailyCount",
    "Delivery",
    "Draft",
    "DraftFile",
    "Enrolment",
    "Event",
    "Forecast",
    "Import",
    "ImportRow",
    "Inbound",
    "LaneSlot",
    "Learner",
    "Meta",
    "Publication",
    "PublicationRow",
    "SearchWord",
    "Seat",
    "Standing",
    "Submission",
    "Suppression",
    "Version",
    "Webhook",
    "WebhookDelivery",
]
