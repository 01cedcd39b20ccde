"""The composition root: the only place that wires objects. No pages here: a worker needs none."""

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from engine import clock as clocks
from engine import observe, paths
from engine.core import consent, errors, links, verp
from engine.flows import catalog, installation, instance, letters, publishing
from engine.mail import builds, dress, header, smtp
from engine.settings import Settings
from engine.tables import db as databases
from engine.tables import schema
from engine.workers import counter, keeper, loop, planner, sender, tasks, webhooks

if TYPE_CHECKING:
    from engine.mail import dkim

TICK_SECONDS = 30
QUEUES = ("mail", "tasks")
"""What a process may work on: sending, and all that goes before and beside it."""
_REST = 3600.0
_LATE = {"coalesce": True, "misfire_grace_time": None}
"""A tick that was missed is made up for, once: it says nothing but that time has passed."""

log = observe.logger("app")


class Site:
    """One running installation: everything that lives as long as the process."""

    def __init__(self, settings: Settings, db: databases.Database, clock: clocks.Clock) -> None:
        signing, suppressing = keys(settings)
        self.settings, self.db, self.clock = settings, db, clock
        self.links = links.Links(settings.url, signing, lasting=suppressing)
        self.fingerprint = consent.fingerprint(suppressing)
        self.dress = wardrobe(settings)
        self.returns = verp.Returns(settings.return_domain, signing)
        named = self.returns if settings.return_domain else None
        self.house = letters.House(self.links, self.dress, builds.Builds(), settings.mail_host, named)
        self.pool = smtp.Pool(
            smtp.parse(settings.smtp_url.get_secret_value()),
            size=settings.smtp_connections,
            per_connection=settings.smtp_messages_per_connection,
            helo=settings.mail_host,
        )
        self.plan_bell, self.send_bell, self.tell_bell = loop.Bell(), loop.Bell(), loop.Bell()
        self.task_bell, self.count_bell, self.keep_bell = loop.Bell(), loop.Bell(), loop.Bell()
        self.planner = planner.Planner(db, clock, planned=self.send_bell.ring)
        self.sender = sender.Sender(
            db,
            clock,
            self.house,
            self.pool,
            connections=settings.smtp_connections,
            in_doubt=settings.in_doubt,
            limits=settings.lanes,
            more=self.send_bell.ring,
            sign=signer(settings),
        )
        self.tasks = tasks.Tasks(db, clock, self.fingerprint, owed=self._owed)
        self.counter = counter.Counter(db, clock)
        self.keeper = keeper.Keeper(db, clock, settings.terms)
        self.messenger = webhooks.Messenger(db, clock, allowed=settings.webhook_networks)
        self.turn = asyncio.Lock()
        """Planner and sender of one process take turns; the demo's clock takes it for a whole step."""

    def stop(self) -> None:
        """The signal came: no mail is begun any more, those in hand have 9 seconds."""
        self.sender.stopping.set()
        self.messenger.stopping.set()

    def wake(self) -> None:
        self._owed()
        self.task_bell.ring()
        self.keep_bell.ring()

    def _owed(self) -> None:
        self.plan_bell.ring()
        self.send_bell.ring()
        self.tell_bell.ring()

    async def plan(self) -> bool:
        """One step of the planner's loop."""
        async with self.turn:
            await self.planner.tick()
        self.send_bell.ring()
        return False

    async def send(self) -> bool:
        """One step of the sender's loop; what was sent may complete a course."""
        async with self.turn:
            return await self.sender.step()

    async def health(self) -> Mapping[str, object]:
        try:
            async with self.db.reading() as session:
                found = await installation.health(session, now=self.clock.now())
        except Exception as error:  # whatever a database does when it is away is not well
            return {"ok": False, "database": type(error).__name__}
        relay = self.sender.relay
        refuses = relay.said if relay.open else ""
        well = not (found["rests"] or refuses)
        return {"ok": well, "now": self.clock.now().isoformat(), **found, "relay_refuses": refuses}

    async def ready(self) -> bool:
        try:
            return await schema.is_current(self.db)
        except Exception:  # as above
            return False


Keys = tuple[tuple[bytes, ...], bytes]
"""The signing keys, of which the first signs, and the suppression key."""


def keys(settings: Settings) -> Keys:
    """Both kinds of keys.

    Beside a SQLite file they are made at first start and kept in `<file>.keys`; with PostgreSQL they must be
    set, for several machines share them. Raises `errors.Invalid`.
    """
    signing, suppressing = known_keys(settings)
    if signing and suppressing:
        return signing, suppressing
    path = keys_file(settings)
    if path is None:
        raise errors.Invalid(
            "PARCOURS_SECRET_KEY and PARCOURS_SUPPRESSION_KEY must be set with PostgreSQL: "
            "`openssl rand -hex 32` makes one."
        )
    made = (secrets.token_hex(32).encode(),), secrets.token_hex(32).encode()
    with suppress(FileExistsError):
        keep_keys(path, made)
    return known_keys(settings)


def known_keys(settings: Settings) -> Keys:
    """The keys as far as there are any: from the settings, else from beside the SQLite file."""
    signing = tuple(key.get_secret_value().encode() for key in settings.secret_key)
    suppressing = settings.suppression_key.get_secret_value().encode() if settings.suppression_key else b""
    path = keys_file(settings)
    if (signing and suppressing) or path is None or not path.exists():
        return signing, suppressing
    lines = [line.strip() for line in path.read_text().splitlines()]
    if len(lines) != 2:
        raise errors.Invalid(f"{path}: two keys are expected, one a line; restore it from a backup.")
    return signing or tuple(lines[0].encode().split(b",")), suppressing or lines[1].encode()


def keys_file(settings: Settings) -> Path | None:
    """Where the keys are kept when they are not set; None with PostgreSQL."""
    url = databases.parse(settings.database_url)
    sqlite = url.get_backend_name() == "sqlite" and url.database
    return Path(f"{url.database}.keys") if sqlite else None


def keep_keys(path: Path, keys: Keys) -> None:
    """Write them to a new file; FileExistsError. Raises `errors.Invalid` where it cannot be written."""
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(b",".join(keys[0]) + b"\n" + keys[1] + b"\n")
    except FileExistsError:
        raise
    except OSError as error:
        raise errors.Invalid(f"{path}: the keys cannot be kept there ({error.strerror}).") from None


def signer(settings: Settings) -> sender.Sign | None:
    """What signs mails, where a key is set. Raises `errors.Invalid`."""
    if not settings.dkim_keys:
        return None
    from engine.mail import dkim  # here: OpenSSL is 8 MB that most workers need not have

    return dkim.Signer(signing_domain(settings), signing_keys(settings)).sign


def signing_keys(settings: Settings) -> "tuple[dkim.Key, ...]":
    """The keys that sign mails, none where the relay does. Raises `errors.Invalid`."""
    from engine.mail import dkim  # as above

    keys = []
    for selector, _, path in (each.partition(":") for each in settings.dkim_keys):
        try:
            keys.append(dkim.read(selector, Path(path).read_bytes()))
        except errors.Invalid as problem:
            raise errors.Invalid(f"PARCOURS_DKIM_KEYS: {path}: {problem}") from None
        except OSError as problem:
            raise errors.Invalid(f"PARCOURS_DKIM_KEYS: {path} cannot be read ({problem.strerror}).") from None
    return tuple(keys)


def signing_domain(settings: Settings) -> str:
    """The sender's own: DMARC wants no other. Raises `errors.Invalid`."""
    domain = settings.mail_host
    if "." not in domain:
        raise errors.Invalid(f"PARCOURS_FROM: mails from {domain} cannot be signed, for no DNS knows it.")
    return header.ascii_domain(domain)


def relay(settings: Settings) -> str:
    """The host that mails are handed to."""
    return smtp.parse(settings.smtp_url.get_secret_value()).host


def wardrobe(settings: Settings) -> dress.Dress:
    """The dress that all mails of this installation wear."""
    tutor_name, tutor_email = parseaddr(settings.tutor)
    sender_name, _ = parseaddr(settings.from_)
    return dress.Dress(
        language="fr",
        base_url=settings.url,
        controller="\n".join(line.strip() for line in settings.controller.split(",")),
        sender=settings.from_,
        tutor_name=tutor_name or sender_name,
        tutor_email=tutor_email,
    )


@asynccontextmanager
async def running(
    site: Site, queues: Collection[str] = QUEUES, *, alone: bool = False
) -> AsyncIterator[None]:
    """The work of these queues, APScheduler ringing the bells; a clean end within 10 seconds.

    On PostgreSQL any number of processes have a part in it, unless this one is `alone`.
    """
    stop = asyncio.Event()
    scheduler = AsyncIOScheduler(timezone="UTC")
    async with AsyncExitStack() as stack:
        loops = {name: each for name, each in _clocked(site).items() if "tasks" in queues}
        if alone or site.db.is_sqlite:
            mine = {name: each for name, each in _works(site).items() if each.queue in queues}
            loops |= {name: (each.step, each.bell) for name, each in mine.items()}
        else:
            loops |= await stack.enter_async_context(_shared(site, queues))
        for name, (_, bell) in loops.items():
            scheduler.add_job(_ring(bell), "interval", seconds=TICK_SECONDS, id=name, **_LATE)
        scheduler.start()
        site.wake()
        at_work = {
            name: asyncio.create_task(loop.run(step, bell=bell, stop=stop, rest=_REST, name=name))
            for name, (step, bell) in loops.items()
        }
        try:
            yield
        finally:
            stop.set()
            site.stop()
            if "counter" in at_work:
                at_work["counter"].cancel()  # it may look at the whole base, and loses nothing
            site.wake()
            scheduler.shutdown(wait=False)
            # What a step raises is logged by its loop; what is left is the counter's cancellation.
            await asyncio.gather(*at_work.values(), return_exceptions=True)
    await site.sender.finish()
    await site.pool.close()
    await site.db.close()


_Loops = dict[str, tuple[loop.Step, loop.Bell]]


class _Work(NamedTuple):
    queue: str
    step: loop.Step
    bell: loop.Bell
    due: Callable[[], Awaitable[bool]]


def _works(site: Site) -> dict[str, _Work]:
    """What is done because something waits in a table."""
    return {
        "sender": _Work("mail", site.send, site.send_bell, site.sender.due),
        "tasks": _Work("tasks", site.tasks.step, site.task_bell, site.tasks.due),
        "webhooks": _Work("tasks", site.messenger.step, site.tell_bell, site.messenger.due),
    }


def _clocked(site: Site) -> _Loops:
    """What is done because time passes."""
    return {
        "planner": (site.plan, site.plan_bell),
        "counter": (site.counter.step, site.count_bell),
        "keeper": (site.keeper.step, site.keep_bell),
    }


@asynccontextmanager
async def _shared(site: Site, queues: Collection[str]) -> AsyncIterator[_Loops]:
    """All processes ask for jobs, also for those that only others take."""
    from engine.workers import shared  # here: on SQLite nobody needs it

    jobs = shared.Shared(site.db.url)
    asking = {
        name: (jobs.share(name, each.queue, each.step, each.due), each.bell)
        for name, each in _works(site).items()
    }
    await jobs.open(queues)
    try:
        yield asking
    finally:
        await jobs.close()


def _ring(bell: loop.Bell) -> object:
    async def ring() -> None:
        bell.ring()

    return ring


_GARBAGE = 20_000, 20, 50
"""After how many new objects cycles are looked for, and how much more seldom among older ones."""


async def prepare(site: Site) -> None:
    """Make the database ready: its schema, and at first start the courses that come with Parcours.

    Raises `errors.Conflict` where the work goes on in another database.
    """
    url = site.settings.base_url
    if url.scheme == "http" and url.host not in ("localhost", "127.0.0.1", "[::1]"):
        log.warning("PARCOURS_BASE_URL is not https: mail programs ignore one-click unsubscribe (RFC 8058)")
    await schema.upgrade(site.db)
    async with site.db.transaction() as session:
        await instance.check_here(session)
        await instance.establish(session)
    # What lives as long as the process need not be looked through again and again for what does not.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    async with site.db.reading() as session:
        known = await catalog.slugs(session)
    if known:
        return
    for path in sorted(paths.courses().iterdir()):
        if (path / "course.yaml").is_file():
            files = catalog.read_directory(path)
            async with site.db.transaction() as session:
                now = site.clock.now()
                await publishing.publish(session, files, slug=path.name, house=site.house.dress, now=now)
            log.info("course published", course=path.name)
