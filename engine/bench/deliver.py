"""How fast mails leave: a worker drains the ledger into a sink, beside smtp-source in the same run.

Each pair sends as many messages of the same size over as many connections, first by smtp-source, then by
`parcours worker`; the figures are the medians of the pairs.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from sqlalchemy import select, update

from engine.bench import base, ledger, service, signing, sink, specimen
from engine.bench.peers import sending as peers
from engine.bench.specimen import COURSE, LESSON
from engine.clock import SystemClock
from engine.core import delivery, fictitious
from engine.core.progress import State as Progress
from engine.flows import outbox
from engine.mail import proof
from engine.tables import Delivery, Enrolment, db

_ASKING, _EVERY = 50, 0.05
"""How many people sign up while lessons leave, and the seconds between them."""
_TRIAL = 20


@dataclass(frozen=True)
class Run:
    """One pair."""

    messages_per_s: float
    source_per_s: float
    cpu_us_per_message: float
    source_cpu_us: float
    peak_rss_mb: float
    sent: int
    """Rows of the ledger that are `sent`, each tried once."""
    received: int | None
    """By the count of the sink, where it is ours."""


@dataclass(frozen=True)
class Result:
    messages: int
    connections: int
    message_bytes: int
    messages_per_s: float
    ratio_to_smtp_source: float
    cpu_us_per_message: float
    cpu_ratio_to_smtp_source: float
    peak_rss_mb: float
    received: list[int | None]
    """In each run."""
    lost: int
    """Mails that the ledger or the sink do not know of."""
    doubled: int
    """Mails that the sink took beyond those."""
    confirm_p95_s_under_bulk: float
    """From owing a confirmation, while lessons leave as fast as they can, to its 250."""
    signed: bool
    """Every mail of a trial arrived with the signature asked for."""
    peers: dict[str, peers.Peer]
    """Other programs, where `make bench-peers` installed them."""
    runs: list[Run]


async def run(
    *,
    messages: int,
    connections: int,
    pairs: int,
    database: str,
    smtp: str | None,
    key: signing.Signing | None = None,
    now: datetime,
) -> Result:
    """Signed where there is a `key`.

    Raises `errors.Invalid` when the database is not empty, or smtp-sink is missing.
    """
    sink.find("smtp-source")
    keys = service.keys() | {"PARCOURS_DKIM_KEYS": key.setting if key else ""}
    files = specimen.files()
    at = {"next_key": LESSON}
    places = await base.enrol(database, messages, files=files, slug=COURSE, place=at, now=now)
    found, runs, size = db.Database(database), list[Run](), _size(key, now)
    try:
        for _ in range(pairs):
            async with sink.counting(smtp) as target:
                await ledger.owe(found, places, LESSON, now)
                source = await sink.source(
                    target.address, messages=messages, size=size, connections=connections
                )
                runs.append(await _work(found, database, target, keys, messages, connections, source))
        signed = key is not None and await _signed(found, database, keys, places[:_TRIAL], key, now)
        async with sink.somewhere(smtp) as address:
            await ledger.owe(found, places[_ASKING:], LESSON, now)
            waited = await _confirm(found, database, address, keys, connections, places[:_ASKING])
            speed = median(each.messages_per_s for each in runs)
            beside = await peers.compare(
                peers.installed(), speed, messages=messages, connections=connections, sink=address, now=now
            )
    finally:
        await found.close()
    return Result(
        messages=messages,
        connections=connections,
        message_bytes=size,
        messages_per_s=round(speed, 1),
        ratio_to_smtp_source=round(median(each.messages_per_s / each.source_per_s for each in runs), 3),
        cpu_us_per_message=round(median(each.cpu_us_per_message for each in runs), 1),
        cpu_ratio_to_smtp_source=round(
            median(each.cpu_us_per_message / each.source_cpu_us for each in runs), 2
        ),
        peak_rss_mb=max(each.peak_rss_mb for each in runs),
        received=[each.received for each in runs],
        lost=sum(max(0, messages - _least(each)) for each in runs),
        doubled=sum(max(0, (each.received or 0) - messages) for each in runs),
        confirm_p95_s_under_bulk=waited,
        signed=signed,
        peers=beside,
        runs=runs,
    )


def _size(key: signing.Signing | None, now: datetime) -> int:
    """The bytes of the mail, as it travels to one of its learners."""
    dress = specimen.dress()
    source = proof.make(specimen.course(dress), f"lesson-{LESSON}", dress, fictitious.LEARNERS[0]).source
    return len(source) + (len(key.sign(source, now)) if key else 0)


def _least(run: Run) -> int:
    return run.sent if run.received is None else min(run.sent, run.received)


async def _work(
    found: db.Database,
    database: str,
    target: sink.Sink,
    keys: dict[str, str],
    messages: int,
    connections: int,
    compared: sink.Cost,
) -> Run:
    loop, first = asyncio.get_running_loop(), target.received()
    async with service.worker(database, target.address, keys, connections=connections) as process:
        began, before = loop.time(), sink.cpu_seconds(process.pid)
        await ledger.drained(found)
        lasted, took = loop.time() - began, sink.cpu_seconds(process.pid) - before
        memory = sink.peak_rss_mb(process.pid)
    last = target.received()
    return Run(
        messages_per_s=round(messages / lasted, 1),
        source_per_s=round(messages / compared.seconds, 1),
        cpu_us_per_message=round(1e6 * took / messages, 1),
        source_cpu_us=round(1e6 * compared.cpu_seconds / messages, 1),
        peak_rss_mb=memory,
        sent=await ledger.sent_once(found),
        received=None if first is None or last is None else last - first,
    )


async def _confirm(
    found: db.Database,
    database: str,
    address: str,
    keys: dict[str, str],
    connections: int,
    places: list[int],
) -> float:
    """While lessons leave, people sign up one after the other; the seconds that 95 % of them wait at most."""
    clock = SystemClock()
    async with found.transaction() as session:
        pending = update(Enrolment).where(Enrolment.id.in_(places)).values(state=Progress.PENDING)
        await session.execute(pending)
    async with service.worker(database, address, keys, connections=connections):
        for place in places:
            async with found.transaction() as session:
                learner = await session.scalar(select(Enrolment.learner_id).where(Enrolment.id == place))
                row = outbox.row(
                    kind=delivery.Kind.CONFIRM, learner_id=learner, enrolment_id=place, now=clock.now()
                )
                await outbox.owe(session, [row])
            await asyncio.sleep(_EVERY)
        await ledger.drained(found)
    async with found.reading() as session:
        rows = await session.execute(
            select(Delivery.created_at, Delivery.sent_at).where(Delivery.kind == delivery.Kind.CONFIRM)
        )
        times = sorted((sent - owed).total_seconds() if sent else ledger.PATIENCE for owed, sent in rows)
    return round(service.percentile(times, 95) / 1000, 3)


async def _signed(
    found: db.Database,
    database: str,
    keys: dict[str, str],
    places: list[int],
    key: signing.Signing,
    now: datetime,
) -> bool:
    """Whether all mails of a trial arrive with the right signature."""
    await ledger.owe(found, places, LESSON, now)
    async with (
        signing.mailbox() as (mailbox, address),
        service.worker(database, address, keys, connections=2),
    ):
        await ledger.drained(found)
    return len(mailbox.mails) == len(places) and all(map(key.right, mailbox.mails))
