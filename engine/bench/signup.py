"""How fast people can sign up: the real form over HTTP, and what is in the database afterwards.

The service runs as a process of its own; this one, on the same machine, plays the browsers, and the proxy in
front of it, for sign-ups are counted by network address and by company.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from urllib.parse import urlencode

from sqlalchemy import func, select

from engine.bench import service, sink
from engine.bench.specimen import COURSE
from engine.core import delivery, errors
from engine.core.progress import State
from engine.tables import Consent, Delivery, Enrolment, Learner, db, schema

_FORM = f"/c/{COURSE}"
_STAMP = re.compile(r'name="stamp" value="([^"]+)"')
_TYPING = 2.2
"""Seconds that nobody is faster than."""
_COLLEAGUES = 50
_NETWORK = IPv4Address("198.18.0.0")  # for measuring, RFC 2544


@dataclass(frozen=True)
class Result:
    signups: int
    browsers: int
    signups_per_s: float
    """The form fetched and sent; the time of typing is not counted."""
    form_p95_ms: float
    p50_ms: float
    p95_ms: float
    """From sending the form to the page that says to look for the mail."""
    statuses: dict[str, int]
    found: int
    """Learners with an enrolment that waits for its confirmation, a consent asked and the mail that asks."""


async def run(*, signups: int, browsers: int, database: str, smtp: str | None) -> Result:
    """Raises `errors.Invalid` when the database is not empty, or smtp-sink is missing."""
    keys, data = service.keys(), db.Database(database)
    try:
        await schema.upgrade(data)
        if await _count(data):
            raise errors.Invalid("The bench needs a database without learners.")
        async with (
            sink.somewhere(smtp) as address,
            service.served(database, keys, sink=address, PARCOURS_TRUSTED_PROXIES="127.0.0.1/32") as (
                port,
                _,
            ),
        ):
            await service.send(port, _FORM)  # the first page compiles the templates
            forms, looking = await _all(lambda number: _get(port, number), signups, browsers)
            stamps = [_STAMP.findall(form.page)[0] for form in forms if form.status == 200]
            if len(stamps) < signups:
                raise errors.ParcoursError(f"The form was answered by {forms[0].status}.")
            await asyncio.sleep(_TYPING)
            posted, asking = await _all(lambda number: _post(port, number, stamps[number]), signups, browsers)
        found = await _count(data)
    finally:
        await data.close()
    times = sorted(answer.seconds for answer in posted)
    return Result(
        signups=signups,
        browsers=browsers,
        signups_per_s=round(signups / (looking + asking), 1),
        form_p95_ms=service.percentile(sorted(form.seconds for form in forms), 95),
        p50_ms=service.percentile(times, 50),
        p95_ms=service.percentile(times, 95),
        statuses=dict(Counter(str(answer.status) for answer in posted)),
        found=found,
    )


async def _all(
    ask: Callable[[int], Awaitable[service.Answer]], count: int, browsers: int
) -> tuple[Sequence[service.Answer], float]:
    """As many requests, by so many browsers, each of which waits for its answer; and the seconds."""
    loop, numbers = asyncio.get_running_loop(), iter(range(count))
    answers: dict[int, service.Answer] = {}

    async def browse() -> None:
        for number in numbers:
            answers[number] = await ask(number)

    began = loop.time()
    await asyncio.gather(*(browse() for _ in range(browsers)))
    return [answers[number] for number in range(count)], loop.time() - began


async def _get(port: int, number: int) -> service.Answer:
    return await service.send(port, _FORM, headers=_from(number))


async def _post(port: int, number: int, stamp: str) -> service.Answer:
    """What the form sends; `sure`: the address is no slip of the finger."""
    address = f"learner-{number}@company-{number // _COLLEAGUES}.example.com"
    typed = {"stamp": stamp, "first_name": "Alice", "address": address, "consent": "yes", "sure": "yes"}
    return await service.send(port, _FORM, body=urlencode(typed), headers=_from(number))


def _from(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": str(_NETWORK + number)}


async def _count(found: db.Database) -> int:
    """People of whom everything is there."""
    async with found.reading() as session:
        return (
            await session.scalar(
                select(func.count(Learner.id.distinct()))
                .join(Enrolment, Enrolment.learner_id == Learner.id)
                .join(Consent, Consent.enrolment_id == Enrolment.id)
                .join(Delivery, Delivery.enrolment_id == Enrolment.id)
                .where(
                    Enrolment.state == State.PENDING,
                    Consent.event == "asked",
                    Delivery.kind == delivery.Kind.CONFIRM,
                )
            )
            or 0
        )
