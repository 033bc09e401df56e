"""Mail to users who asked for it when their jobs begin, end, fail or run out of time.

A watcher of the controller remembers the jobs that want mail, so that all others cost nothing. Mails are
given one after another to a program (`[mail] command`), which gets the whole message on its standard input.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from launchyard.controller.controller import Controller
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.state import ENDED, JobState
from launchyard.slurm import mails
from launchyard.store.protocol import Store

QUEUE_MAX = 1_000
PATIENCE_S = 30.0
LOOK_S = 10.0

_log = logging.getLogger(__name__)


class Mailing:
    """`start` it inside the loop; `close` it before the store."""

    def __init__(
        self,
        controller: Controller,
        store: Store,
        command: Sequence[str],
        clock: Callable[[], float],
        cluster: str,
    ) -> None:
        self._controller = controller
        self._store = store
        self._command = command
        self._clock = clock
        self._cluster = cluster
        self._wanting: set[int] = set()
        self._told: set[tuple[int, str]] = set()
        self._queue: asyncio.Queue[tuple[StateChanged | None, Job | None, str]] = asyncio.Queue(QUEUE_MAX)
        self._tasks: list[asyncio.Task[None]] = []
        self._unwatch: Callable[[], None] | None = None

    def start(self) -> None:
        self._wanting = {job.id for job in self._controller.live_jobs() if mails.wanted(job.metadata)}
        self._unwatch = self._controller.watch(self._look)
        self._tasks = [asyncio.ensure_future(self._send_all()), asyncio.ensure_future(self._look_at_times())]

    async def close(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look(self, events: Sequence[StateChanged]) -> None:
        for event in events:
            job = self._controller.live_job(event.job_id)
            if job is not None and event.job_id not in self._wanting and mails.wanted(job.metadata):
                self._wanting.add(event.job_id)
            if event.job_id in self._wanting:
                self._put((event, job, ""))

    def _put(self, item: tuple[StateChanged | None, Job | None, str]) -> None:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            _log.warning("more than %d mails wait to be sent; one is left out", QUEUE_MAX)

    async def _look_at_times(self) -> None:
        """Parts of time limits, and dependencies that can never be."""
        while True:
            await asyncio.sleep(LOOK_S)
            for job_id in list(self._wanting):
                job = self._controller.live_job(job_id)
                if job is not None:
                    self._look_at(job)

    def _look_at(self, job: Job) -> None:
        kinds = mails.parts_reached(job, self._clock())
        reason = self._controller.reason(job.id) if job.state is JobState.PENDING else None
        if reason is not None and (reason.code, reason.scope) == ("dependency", "never"):
            kinds += [mails.INVALID_DEPEND] if mails.INVALID_DEPEND in mails.wanted(job.metadata) else []
        for kind in kinds:
            if (job.id, kind) not in self._told:
                self._told.add((job.id, kind))
                self._put((None, job, kind))

    async def _send_all(self) -> None:
        while True:
            event, job, kind = await self._queue.get()
            try:
                await self._send_about(event, job, kind)
            except (OSError, TimeoutError) as error:
                _log.warning("mail could not be sent: %s", error or "it took too long")

    async def _send_about(self, event: StateChanged | None, job: Job | None, kind: str) -> None:
        if event is None:
            if job is not None:
                await self._send(kind, job)
            return
        if event.state in ENDED:
            # It is stored as it ended; what is live, if anything, may be older.
            job = await asyncio.to_thread(self._store.job, event.job_id)
            self._wanting.discard(event.job_id)
            self._told = {one for one in self._told if one[0] != event.job_id}
        if job is not None:
            job = mails.as_ended(job, event.previous, event.state) or job
            state = job.state if job.cron is not None and job.ended else event.state
            for one in mails.news(job, event.previous, state):
                await self._send(one, job)

    async def _send(self, kind: str, job: Job) -> None:
        text = mails.message(kind, job, self._clock(), self._cluster)
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
        )
        try:
            await asyncio.wait_for(process.communicate(text), PATIENCE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode:
            _log.warning("%s ended with exit code %s", self._command[0], process.returncode)
