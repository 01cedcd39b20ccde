"""Mails that come in: bounces, complaints, answers. Bytes in, a value of `core.feedback` out; no database."""

import re

from engine.core.feedback import Cause, Kind, Recipient, Report
from engine.mail.inbound import (
    addresses,
    answers,
    complaints,
    layout,
    mime,
    notices,
    ses,
    statuses,
    traces,
    verdict,
)
from engine.mail.inbound.mime import LONGEST, Entity

__all__ = ["LONGEST", "read"]

#: Who writes notices.
_DAEMON = re.compile(
    r"""(?ix)mailer[-_. ]?daemon | post_?master\b | mdaemon | system\ administrator | bounce | ^<>$ | ^$
    | -(?:admin|owner|request)@ | \bowner-
    | mail[ .-]*deliver\w*[ .-]*(?:system|sub|service|agent)
    | delivery[ .-]*(?:system|subsystem|status|failure|notification)"""
)
#: Their subjects.
_FAILED = re.compile(
    r"""(?ix)undeliver | (?:un|non)[ -]?deliver | non[ -](?:remis|distribu|d[ée]livr) | remise
    | [ée]chec | [ée]chou | rejected
    | unzustellbar | r[üu]ckl[äa]ufer | nicht\ zugestellt | не\ достав
    | (?:delivery|mail|message|sending|send)\b.{0,30}\b(?:fail|error|problem|delay|status)
    | returned\ (?:mail|to\ sender) | failure\ notice | failed\ (?:mail|delivery) | bounced?\b
    | could\ not\ (?:be\ )?(?:send|sent|deliver) | not\ (?:be\ )?deliver | blocked\ by | mail\ delivery
    | warning.{0,40}(?:delay|not\ (?:yet|send|sent)) | error\ sending | delivery\ (?:report|notification)
    | not\ (?:a\ )?member | there\ was\ an\ error | user\ unknown | address\ (?:unknown|error)
    | non-?receipt"""
)
#: Their first words.
_TOLD = re.compile(
    r"""(?ix)(?:could\ ?n[o']t|can\ ?not|was\ not|(?:un|not\ )able\ to
    |fail\w*|trouble|error|n'a(?:\ pas)?\ pu)\W+
    (?:\w+\W+){0,4}?(?:deliver|reach|sen[dt]|remis)
    | had\ (?:permanent|delivery|fatal|transient) | delivery\ (?:to\ the\ following|has\ failed)
    | following\ (?:address|recipient) | mail\ delivery | undeliverable | returned\ to
    | not\ a\ (?:member|subscriber) | transcript\ of\ session | message\ was\ (?:not|blocked|rejected)"""
)


def read(raw: bytes, *, envelope: str = "") -> Report:
    """What a mail says. Never raises.

    `envelope` is the address it was delivered to (RCPT), where that is known.
    """
    mail = mime.parse(raw)
    kind, recipients, words = _judged(mail)
    return Report(
        kind=kind,
        recipients=recipients,
        traces=traces.find(mail, envelope=envelope),
        author=_author(mail),
        words=words,
    )


def _judged(mail: Entity) -> tuple[Kind, tuple[Recipient, ...], str]:
    if found := complaints.read(mail) or ses.read(mail):
        return (*found, "")
    if _noticing(mail):
        return (*notices.read(mail), "")
    if answers.automatic(mail):
        away = Recipient(_author(mail), Cause.AUTO_REPLY, said=mail.get("subject")[: verdict.SAID])
        return Kind.AUTO_REPLY, (away,), ""
    if answers.written(mail) and not _by_daemon(mail):
        return Kind.REPLY, (), answers.words(mail)
    return Kind.UNKNOWN, (), ""


def _noticing(mail: Entity) -> bool:
    """Whether it tells about the delivery of another mail."""
    if mail.parameter("report-type").lower() == "delivery-status" or mail.every("x-failed-recipients"):
        return True
    if any("delivery-status" in part.type for part in mail.walk()):
        return True
    by_daemon = _by_daemon(mail)
    failed = bool(_FAILED.search(mail.get("subject")))
    if not (by_daemon or failed) and answers.automatic(mail):
        return False
    text = layout.notice(mail)[:3000]
    signs = (failed, bool(_TOLD.search(text)), bool(statuses.reply(text) or statuses.find(text)))
    # People speak of failures too: they have an address to write back to, and no daemon's name.
    return sum(signs) >= (1 if by_daemon or "<>" in mail.every("return-path") else 3)


def _by_daemon(mail: Entity) -> bool:
    return bool(_DAEMON.search(" ".join(mail.every("from"))))


def _author(mail: Entity) -> str:
    return next(iter(addresses.every(mail.get("from"))), "")
