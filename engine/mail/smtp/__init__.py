"""SMTP out: `smtp.Pool(smtp.parse(url)).send(…)` returns an outcome of `core.delivery`."""

from engine.mail.smtp.connection import Timeouts
from engine.mail.smtp.pool import Pool
from engine.mail.smtp.server import Server, parse

__all__ = ["Pool", "Server", "Timeouts", "parse"]
