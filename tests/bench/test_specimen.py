"""Other programs are measured with the mail that ours is measured with."""

import email
import re
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

import jinja2

from engine.bench import service, specimen
from engine.flows import catalog, writing

NOW = datetime(2027, 3, 23, 7, 30, tzinfo=UTC)


def test_the_templates_say_what_our_mail_says() -> None:
    house = specimen.house()
    course = specimen.course(house.dress)
    to = specimen.addressed(7, catalog.Pinned(1, "", course), NOW)
    templates = specimen.templates(to, house)
    mail = email.message_from_bytes(writing.write(to, house, now=NOW).data, policy=policy.SMTP)
    assert isinstance(mail, EmailMessage)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    for subtype, template in (("plain", templates.text), ("html", templates.html)):
        part = mail.get_body((subtype,))
        assert part is not None
        ours = str(part.get_content())
        theirs = environment.from_string(template).render(templates.values)
        assert _read(theirs) == _read(ours)
    assert {"link_web", "link_my", "link_leave"} <= set(templates.values)


def _read(part: str) -> str:
    """Every link of ours as the same one: theirs are signed beforehand."""
    return re.sub(rf"{service.SITE}/[^\s\"<)]+", "LINK", "\n".join(part.splitlines())).rstrip()
