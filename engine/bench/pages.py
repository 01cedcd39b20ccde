"""How fast pages come on a base of `parcours seed`: all kinds in turn, at a steady rate, over HTTP.

The service runs as a process of its own; this one, on the same machine, plays the browsers.
"""

import asyncio
import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from engine.bench import service
from engine.core import consent, errors
from engine.core.accounts import Role
from engine.flows import accounts
from engine.tables import Account, Course, Enrolment, Learner, db, schema

_EXAMPLE = "example.org"  # where nobody real lives
_DRAWN = 20


@dataclass(frozen=True)
class Page:
    sent: int
    p50_ms: float
    p95_ms: float
    most_ms: float


@dataclass(frozen=True)
class Result:
    learners: int
    rate: int
    """Asked for, a second."""
    achieved_rate: float
    p50_ms: float
    p95_ms: float
    """Of all pages together."""
    statuses: dict[str, int]
    pages: dict[str, Page]


async def run(*, rate: int, seconds: int, database: str, now: datetime) -> Result:
    """Raises `errors.Invalid` when the base is none of `parcours seed`."""
    keys = service.keys()
    found = db.Database(database)
    try:
        await schema.upgrade(found)
        async with found.transaction() as session:
            learners, kinds = await _kinds(session)
            account, token = await _enter(session, keys, now)
        try:
            async with service.served(database, keys) as (port, _):
                times, statuses, lasted = await _browse(
                    port, kinds, {"Cookie": f"studio={token}"}, rate, rate * seconds
                )
        finally:
            async with found.transaction() as session:
                await accounts.close(session, account.id, by=None, now=now)
    finally:
        await found.close()
    every = sorted(time for some in times.values() for time in some)
    return Result(
        learners=learners,
        rate=rate,
        achieved_rate=round(len(every) / lasted, 1),
        p50_ms=service.percentile(every, 50),
        p95_ms=service.percentile(every, 95),
        statuses=statuses,
        pages={kind: _page(sorted(some)) for kind, some in times.items()},
    )


def _page(times: Sequence[float]) -> Page:
    p50, p95 = service.percentile(times, 50), service.percentile(times, 95)
    return Page(len(times), p50, p95, round(1000 * times[-1], 1))


async def _enter(session: AsyncSession, keys: dict[str, str], now: datetime) -> tuple[Account, str]:
    """Somebody who may look at people, for as long as this runs."""
    address = f"bench-{secrets.token_hex(8)}@{_EXAMPLE}"
    account = await accounts.create(session, address, "Bench", Role.TUTOR, by=None, now=now)
    attempt = accounts.Attempt(address, "")
    fingerprint = consent.fingerprint(keys["PARCOURS_SUPPRESSION_KEY"].encode())
    token = await accounts.enter(
        session, account, attempt=attempt, agent="", fingerprint=fingerprint, now=now
    )
    return account, token


async def _kinds(session: AsyncSession) -> tuple[int, dict[str, list[str]]]:
    """How many learners there are, and for each kind of page the addresses that are asked for in turn."""
    highest = await session.scalar(select(func.max(Learner.id))) or 0
    rng = Random(highest)  # noqa: S311  # nothing here is a secret
    drawn = [rng.randint(1, highest) for _ in range(_DRAWN)] if highest else []
    rows = await session.execute(
        select(Learner.id, Learner.address, Learner.first_name).where(Learner.id.in_(drawn))
    )
    people = [(row.id, row.address, row.first_name) for row in rows]
    if not people or any(_EXAMPLE not in address for _, address, _ in people):
        raise errors.Invalid("This base is not one of `parcours seed`: pages are measured on no other.")
    course, lesson = await _lesson(session)
    names = [first_name for *_, first_name in people]
    trades = [address.partition("@")[2].partition("-")[0].partition(".")[0] for _, address, _ in people]
    return highest, {
        "form": [f"/c/{course}"],
        "people": ["/studio/people"],
        "next page": [_people(before=str(id_)) for id_, *_ in people],
        "rare word": [_people(q=str(id_)) for id_, *_ in people],
        "common beginning": [_people(q=letter) for letter in "aeclmp"],
        "one name": [_people(q=name) for name in names],
        "two words": [_people(q=f"{name} {trade}") for name, trade in zip(names, trades, strict=True)],
        "three words": [_people(q=f"{name[0]} {trade} d") for name, trade in zip(names, trades, strict=True)],
        "whole address": [_people(q=address) for _, address, _ in people],
        "state": [_people(state=state) for state in ("pending", "active", "paused", "completed", "stopped")],
        "course": [_people(course=course)],
        "lesson": [_people(course=course, lesson=lesson)],
        "company": [_people(company=trade) for trade in trades],
        "state, word": [_people(state="completed", q=name) for name in names],
        "course, two words": [
            _people(course=course, q=f"{name} {trade}") for name, trade in zip(names, trades, strict=True)
        ],
        "person": [f"/studio/people/{id_}" for id_, *_ in people],
        "deliveries": ["/studio/deliveries"],
        "deliveries by state": [f"/studio/deliveries?state={state}" for state in ("failed", "sent", "held")],
        "deliveries of a course": [f"/studio/deliveries?state=sent&course={course}&kind=lesson"],
        "numbers": ["/studio/numbers"],
        "numbers of a course": [f"/studio/numbers/{course}"],
    }


def _people(**query: str) -> str:
    return f"/studio/people?{urlencode(query)}"


async def _lesson(session: AsyncSession) -> tuple[str, str]:
    """A course that most follow, and a lesson that somebody receives next."""
    row = (
        await session.execute(
            select(Course.slug, Enrolment.next_key)
            .join(Enrolment)
            .where(Enrolment.next_kind == "lesson")
            .order_by(Enrolment.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return (row[0], row[1]) if row else ("", "")


async def _browse(
    port: int, kinds: Mapping[str, Sequence[str]], headers: Mapping[str, str], rate: int, count: int
) -> tuple[dict[str, list[float]], dict[str, int], float]:
    """Pages of all kinds in turn, one every 1/rate seconds, whether or not the one before was answered."""
    names = list(kinds)
    for name in names:  # the first of each compiles its template
        await service.send(port, kinds[name][0], headers=headers)
    times: dict[str, list[float]] = defaultdict(list)
    statuses: Counter[str] = Counter()

    async def one(number: int) -> None:
        name = names[number % len(names)]
        path = kinds[name][number // len(names) % len(kinds[name])]
        answer = await service.send(port, path, headers=headers)
        times[name].append(answer.seconds)
        statuses[str(answer.status)] += 1

    loop = asyncio.get_running_loop()
    began, tasks = loop.time(), list[asyncio.Task[Any]]()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    return dict(times), dict(statuses), loop.time() - began
