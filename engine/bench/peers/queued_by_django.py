"""django-post_office: mails queued in its table, filled and sent by its own command's function.

Runs in an environment of its own (`make bench-peers`); reads a job, prints what it did, both as JSON.
"""

import json
import os
import sys
import time
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

_QUEUED = 500
"""Mails in one statement."""


def configure(job: dict[str, Any], processes: int) -> None:
    """As its manual advises for many mails: large batches, processes, a connection for each thread."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "queue.db"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST=job["host"],
        EMAIL_PORT=job["port"],
        POST_OFFICE={
            "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
            "BATCH_SIZE": job["messages"],
            "BATCH_DELIVERY_TIMEOUT": 900,
            "THREADS_PER_PROCESS": max(1, job["connections"] // processes),
            "LOG_LEVEL": 1,
        },
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def queue(job: dict[str, Any]) -> None:
    """Owe the mails; they are filled when they are sent, as ours are."""
    from post_office import mail  # here: only after the settings are there
    from post_office.models import EmailTemplate

    template = EmailTemplate.objects.create(
        name="lesson", subject=job["subject"], content=job["text"], html_content=job["html"]
    )
    for start in range(0, job["messages"], _QUEUED):
        mail.send_many(
            [
                {
                    "recipients": [f"Alice {number} <learner-{number}@example.com>"],
                    "sender": job["sender"],
                    "template": template,
                    "context": job["values"],
                    "headers": {"List-Unsubscribe": job["leave"]},
                    "render_on_delivery": True,
                }
                for number in range(start, min(start + _QUEUED, job["messages"]))
            ]
        )


def send(processes: int) -> dict[str, float]:
    """What it took, and how many were sent."""
    from post_office import mail, models  # as above

    began, before = time.monotonic(), cpu_seconds()
    mail.send_queued_mail_until_done(processes=processes)
    return {
        "seconds": time.monotonic() - began,
        "cpu_seconds": cpu_seconds() - before,
        "sent": models.Email.objects.filter(status=models.STATUS.sent).count(),
    }


def cpu_seconds() -> float:
    """Of this process and those that it started and that ended."""
    took = os.times()
    return took.user + took.system + took.children_user + took.children_system


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    at_once = os.cpu_count() or 1
    configure(asked, at_once)
    queue(asked)
    json.dump(send(at_once), sys.stdout)
