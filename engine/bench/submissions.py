"""How fast answers are taken: check-ins handed in over HTTP, at a steady rate and then many at once.

The service runs as a process of its own; this one, on the same machine, plays the browsers.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy import select

from engine import paths
from engine.bench import base, service
from engine.core import links
from engine.flows import catalog
from engine.tables import Submission, db

COURSE, ACTIVITY = "ia-pme", "point-reperes"
_LESSON = "inventaire"


@dataclass(frozen=True)
class Result:
    rate: int
    """Asked for, a second."""
    sent: int
    achieved_rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    burst: int
    burst_seconds: float
    """Until the last of the burst was answered."""
    statuses: dict[str, int]
    recorded: int
    lost: int
    """Answers that were sent and are not in the database as sent."""


async def run(*, rate: int, seconds: int, burst: int, database: str, now: datetime) -> Result:
    """Raises `errors.Invalid` when the database is not empty."""
    steady = rate * seconds
    keys = service.keys()
    files, at = catalog.read_directory(paths.courses() / COURSE), {"next_key": _LESSON}
    ids = await base.enrol(database, steady + burst, files=files, slug=COURSE, place=at, now=now)
    signed = links.Links(
        "http://127.0.0.1",
        (keys["PARCOURS_SECRET_KEY"].encode(),),
        lasting=keys["PARCOURS_SUPPRESSION_KEY"].encode(),
    )
    where = {each: f"/a/{signed.token('a', each, ACTIVITY)}" for each in ids}
    async with service.served(database, keys) as (port, _):
        await service.send(port, where[ids[0]])  # the first page compiles the templates
        began = asyncio.get_running_loop().time()
        answers = await _steadily(port, ids[:steady], where, rate)
        lasted = asyncio.get_running_loop().time() - began
        began = asyncio.get_running_loop().time()
        rush = await asyncio.gather(*(_send(port, where[each], each) for each in ids[steady:]))
        burst_seconds = asyncio.get_running_loop().time() - began
    recorded = await _recorded(database)
    times = sorted(answer.seconds for answer in answers)
    return Result(
        rate=rate,
        sent=steady,
        achieved_rate=round(steady / lasted, 1),
        p50_ms=service.percentile(times, 50),
        p95_ms=service.percentile(times, 95),
        p99_ms=service.percentile(times, 99),
        burst=burst,
        burst_seconds=round(burst_seconds, 3),
        statuses=dict(Counter(str(answer.status) for answer in (*answers, *rush))),
        recorded=len(recorded & set(ids)),
        lost=len(set(ids) - recorded),
    )


async def _steadily(port: int, ids: Sequence[int], where: dict[int, str], rate: int) -> list[service.Answer]:
    """One request every 1/rate seconds, whether or not the one before was answered."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    tasks = []
    for number, each in enumerate(ids):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        tasks.append(asyncio.create_task(_send(port, where[each], each)))
    return list(await asyncio.gather(*tasks))


async def _send(port: int, path: str, enrolment: int) -> service.Answer:
    body = urlencode({"step": "", "go": "next", "status": "done", "text": f"said by {enrolment}"})
    return await service.send(port, path, body=body)


async def _recorded(database: str) -> set[int]:
    """The enrolments whose answer is in the database, handed in and word for word."""
    found = db.Database(database)
    try:
        async with found.reading() as session:
            rows = await session.scalars(
                select(Submission).where(
                    Submission.activity == ACTIVITY, Submission.handed_in_at.is_not(None)
                )
            )
            return {
                row.enrolment_id for row in rows if row.answers.get("text") == f"said by {row.enrolment_id}"
            }
    finally:
        await found.close()
