"""Work of which any number of hosts take their part, as jobs of Procrastinate on the same PostgreSQL.

A job says no more than that something is due: what, stands in our own tables, under leases. So a job that is
lost or doubled harms nothing. (procrastinate.readthedocs.io)
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress

from procrastinate import App, PsycopgConnector, exceptions, jobs
from procrastinate.worker import Worker
from sqlalchemy.engine import URL

from engine import observe
from engine.workers import loop

_AFTER_TROUBLE = 5.0
_POLL = 30.0
"""Seconds between two looks for jobs: for the case that PostgreSQL's notice of one was lost."""
_SELDOM = 3600.0
_DEAD = 30.0
"""Seconds without a sign of life of a worker, after which its job is nobody's."""
_AT_ONCE = {"mail": 1, "tasks": 2}
"""Jobs of one process: it has one sender, and a second job `sender` is for another host to take."""

log = observe.logger("shared")


class Shared:
    """The jobs of one process: asks for them, and takes those of its queues."""

    def __init__(self, url: URL) -> None:
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._app = App(connector=PsycopgConnector(conninfo=address, min_size=1, max_size=4))
        self._stop = asyncio.Event()
        self._working: list[asyncio.Task[None]] = []
        logging.getLogger("procrastinate").setLevel(logging.WARNING)  # our own log tells of the work itself

    def share(self, name: str, queue: str, step: loop.Step, due: Callable[[], Awaitable[bool]]) -> loop.Step:
        """Make `step`, again and again while it finds work, the job `name`.

        What is returned asks for the job where something is `due`, or was not asked for an hour.
        """

        async def work() -> None:
            while not self._stop.is_set() and await step():
                pass

        self._app.task(name=name, queue=queue)(work)
        asked = -_SELDOM

        async def ask() -> bool:
            nonlocal asked
            now = asyncio.get_running_loop().time()
            if now < asked + _SELDOM and not await due():
                return False
            asked = now
            # Whoever is idle takes it. While one waits, another would change nothing.
            with suppress(exceptions.AlreadyEnqueued):
                await self._app.configure_task(name, queueing_lock=name).defer_async()
            return False

        return ask

    async def open(self, queues: Collection[str]) -> None:
        """Begin to take jobs of these queues."""
        await self._app.open_async()
        self._working = [asyncio.create_task(self._take(queue)) for queue in queues]

    async def close(self) -> None:
        """Take no more jobs, and wait for those in hand."""
        self._stop.set()
        await asyncio.gather(*self._working)
        await self._app.close_async()

    async def _take(self, queue: str) -> None:
        """Work, and begin anew when the database was away."""
        while not self._stop.is_set():
            try:
                await self._forget_the_dead(queue)
                await self._live(queue)
            except Exception as error:  # Procrastinate raises whatever its connections do
                log.error("no jobs are taken", queue=queue, error=repr(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _AFTER_TROUBLE)

    async def _live(self, queue: str) -> None:
        worker = Worker(
            self._app,
            queues=[queue],
            name=queue,
            concurrency=_AT_ONCE[queue],
            fetch_job_polling_interval=_POLL,
            abort_job_polling_interval=_SELDOM,
            delete_jobs="always",
            install_signal_handlers=False,
            stalled_worker_timeout=_DEAD,
        )
        running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]  # its return is not said
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        worker.stop()  # type: ignore[no-untyped-call]  # as above
        await running

    async def _forget_the_dead(self, queue: str) -> None:
        """Jobs that a killed process left behind; what they were about is still due, and asked for anew."""
        left: Iterable[jobs.Job] = await self._app.job_manager.get_stalled_jobs(
            queue=queue, seconds_since_heartbeat=_DEAD
        )
        for job in left:
            await self._app.job_manager.finish_job(job, jobs.Status.ABORTED, delete_job=True)
