"""How fast mails are made, without sending: `writing.write` as the sender calls it, and compiling a build.

In the same run the same mail as one writes it at first: Jinja, then the standard library's `EmailMessage`.
"""

import email
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from functools import partial
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

import jinja2

from engine.bench import specimen
from engine.flows import catalog, writing
from engine.mail import compile

_COMPILED, _PLAIN = 5, 50
"""How many of what is slow are made in a round."""
_OF_THE_BODY = ("content-type", "content-transfer-encoding", "mime-version")


@dataclass(frozen=True)
class Result:
    messages: int
    """In each round; the figures are the medians of the rounds."""
    message_bytes: int
    messages_per_s: float
    us_per_message: float
    """Of CPU, as all that follow: the links signed, the conditions decided, all headers."""
    compile_ms: float
    """From Markdown to a skeleton, once for each lesson and version."""
    plain_us_per_message: float
    """By Jinja and `EmailMessage`, with the links and conditions given."""
    ratio_to_plain: float


def run(*, messages: int, rounds: int, now: datetime) -> Result:
    """Nothing is read and nothing is sent."""
    house = specimen.house()
    course = specimen.course(house.dress)
    lesson, pinned = course.lessons[0], catalog.Pinned(1, "", course)
    owed = [specimen.addressed(number, pinned, now) for number in range(1, messages + 1)]
    mail = writing.write(owed[0], house, now=now).data  # makes the build
    write = [partial(writing.write, to, house, now=now) for to in owed]
    plain = [_plain(specimen.templates(owed[0], house), mail)] * _PLAIN
    make = [partial(compile.lesson, lesson, course=course, dress=house.dress)] * _COMPILED
    costs = [(_cost(write), _cost(plain), _cost(make)) for _ in range(rounds)]
    return Result(
        messages=messages,
        message_bytes=len(mail),
        messages_per_s=round(median(1 / ours.seconds for ours, _, _ in costs), 1),
        us_per_message=round(median(1e6 * ours.cpu for ours, _, _ in costs), 1),
        compile_ms=round(median(1e3 * made.cpu for _, _, made in costs), 2),
        plain_us_per_message=round(median(1e6 * theirs.cpu for _, theirs, _ in costs), 1),
        ratio_to_plain=round(median(theirs.cpu / ours.cpu for ours, theirs, _ in costs), 1),
    )


class _Cost(NamedTuple):
    """Seconds for one."""

    seconds: float
    cpu: float


def _cost(work: Sequence[Callable[[], object]]) -> _Cost:
    began, before = perf_counter(), process_time()
    for one in work:
        one()
    return _Cost((perf_counter() - began) / len(work), (process_time() - before) / len(work))


def _plain(templates: specimen.Templates, ours: bytes) -> Callable[[], bytes]:
    """What makes the same mail, with the headers of `ours`."""
    environment = jinja2.Environment(autoescape=True)
    text, html = map(environment.from_string, (templates.text, templates.html))
    headers = [
        (name, value)
        for name, value in email.message_from_bytes(ours, policy=policy.SMTP).items()
        if name.lower() not in _OF_THE_BODY
    ]

    def make() -> bytes:
        mail = EmailMessage(policy.SMTP)
        for name, value in headers:
            mail[name] = str(value)
        mail.set_content(text.render(templates.values), cte="quoted-printable")
        mail.add_alternative(html.render(templates.values), subtype="html", cte="quoted-printable")
        return mail.as_bytes()

    return make
