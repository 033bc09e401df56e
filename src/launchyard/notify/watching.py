"""Who wants to be told of a job, and when: by `--notify`, or by Slurm's `--mail-type`.

A watcher of the controller remembers the jobs that want it, so that all others cost nothing. What is to be
told is made in tasks of its own and given to the outbox; the controller never waits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Protocol

from launchyard.controller.controller import Controller
from launchyard.model import notify
from launchyard.model.errors import LaunchyardError
from launchyard.model.event import SessionMoved, StateChanged
from launchyard.model.job import Job
from launchyard.model.state import ENDED, JobState
from launchyard.model.walltime import humane
from launchyard.notify.outbox import Entry, Outbox
from launchyard.notify.ways import Ways
from launchyard.notify.words import Notice, last_lines, news, part_reached, title_of
from launchyard.policy.diagnose import diagnose
from launchyard.policy.sessions import ends_at, nears_end
from launchyard.slurm import kept, mails
from launchyard.store.protocol import Store

PATIENCE_S = 5.0
LOOK_S = 10.0
LOG_BYTES = 64 * 1024
AT_ONCE = 8
_WARNINGS = frozenset({"ending", "idle", "node"})

_log = logging.getLogger(__name__)


class Part(Protocol):
    """Bytes of a log."""

    @property
    def data(self) -> bytes: ...


class ReadLog(Protocol):
    """Reads a job's output as its user."""

    def read(self, job: Job, stream: str, offset: int, limit: int) -> Awaitable[Part]: ...


def wants(metadata: Mapping[str, str]) -> bool:
    """Whether anybody is to be told anything of such a job."""
    return kept.MAIL_TYPE in metadata or notify.KEY in metadata


async def send(ways: Ways, entry: Entry) -> None:
    """What an outbox holds, by the way that it names."""
    if entry.notice is not None:
        await ways.deliver(entry.place, entry.notice)
    elif entry.mail is not None:
        await ways.send_mail(entry.mail.encode())


class Watching:
    """`start` it inside the loop; `close` it before the store."""

    def __init__(
        self,
        controller: Controller,
        store: Store,
        logs: ReadLog,
        ways: Ways,
        outbox: Outbox,
        clock: Callable[[], float],
        cluster: str,
        url: str,
    ) -> None:
        self._controller = controller
        self._store = store
        self._logs = logs
        self._ways = ways
        self._outbox = outbox
        self._clock = clock
        self._cluster = cluster
        self._url = url
        self._wanting: set[int] = set()
        self._told: set[tuple[int, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._making = asyncio.Semaphore(AT_ONCE)
        self._unwatch: list[Callable[[], None]] = []

    async def start(self, earlier: Sequence[StateChanged] = ()) -> None:
        """`earlier`: what moved while the server came up."""
        self._wanting = {job.id for job in self._controller.live_jobs() if wants(job.metadata)}
        self._unwatch = [
            self._controller.watch(self._look),
            self._controller.sessions.watch(self._look_at_session),
        ]
        self._spawn(self._look_at_times())
        for event in earlier:
            self._spawn(self._of_earlier(event))
        await self._outbox.start()

    async def close(self) -> None:
        for unwatch in self._unwatch:
            unwatch()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._outbox.close()
        await self._ways.close()

    # -- what happens

    def _look(self, events: Sequence[StateChanged]) -> None:
        for event in events:
            job = self._controller.live_job(event.job_id)
            if job is not None and event.job_id not in self._wanting and wants(job.metadata):
                self._wanting.add(event.job_id)
            if event.job_id in self._wanting:
                self._spawn(self._moved(event, job))

    def _look_at_session(self, moved: SessionMoved) -> None:
        job = self._controller.live_job(moved.session_id)
        if job is None or moved.what not in _WARNINGS or notify.LIMIT not in notify.moments_of(job.metadata):
            return
        sentence = self._warning(job, moved.what)
        if sentence is not None:
            title = f"Session {job.id} ({job.name}): {sentence}"
            self._put(self._notice(notify.LIMIT, job, job.state, title), job)

    def _warning(self, job: Job, what: str) -> str | None:
        """None: it was taken back."""
        now = self._clock()
        if what == "node":
            return self._controller.sessions.notice(job)
        if what == "idle":
            idle = self._controller.sessions.idling.since(job.id)
            return None if idle is None else f"nobody uses it; it is stopped in {humane(idle[1] - now)}"
        until = ends_at(job)
        if until is None or not nears_end(job, now):
            return None
        return f"its time is over in {humane(until - now)}"

    async def _look_at_times(self) -> None:
        """Parts of time limits, and dependencies that can never be."""
        while True:
            for job_id in list(self._wanting):
                job = self._controller.live_job(job_id)
                if job is not None:
                    self._look_at(job)
            await asyncio.sleep(LOOK_S)

    def _look_at(self, job: Job) -> None:
        now = self._clock()
        kinds = mails.parts_reached(job, now)
        reason = self._controller.reason(job.id) if job.state is JobState.PENDING else None
        if reason is not None and (reason.code, reason.scope) == ("dependency", "never"):
            kinds += [mails.INVALID_DEPEND] if mails.INVALID_DEPEND in mails.wanted(job.metadata) else []
        for kind in kinds:
            if self._first(job, kind):
                self._mail(kind, job)
        asked = notify.LIMIT in notify.moments_of(job.metadata)
        if asked and part_reached(job, now) and self._first(job, notify.LIMIT):
            self._put(self._notice(notify.LIMIT, job, job.state, title_of(notify.LIMIT, job, job.state)), job)

    def _first(self, job: Job, kind: str) -> bool:
        known = (job.id, kind) in self._told
        self._told.add((job.id, kind))
        return not known

    # -- what is told

    async def _of_earlier(self, event: StateChanged) -> None:
        job = self._controller.live_job(event.job_id)
        job = job or await asyncio.to_thread(self._store.job, event.job_id)
        if job is not None and wants(job.metadata):
            await self._moved(event, job)

    async def _moved(self, event: StateChanged, job: Job | None) -> None:
        async with self._making:
            if event.state in ENDED or job is None:
                # It is stored as it ended; what is live, if anything, may be older. One that began and ended
                # before its begin was published is live no more.
                job = await asyncio.to_thread(self._store.job, event.job_id)
            if event.state in ENDED:
                self._wanting.discard(event.job_id)
                self._told = {one for one in self._told if one[0] != event.job_id}
            if job is None:
                return
            job = mails.as_ended(job, event.previous, event.state) or job
            state = job.state if job.cron is not None and job.ended else event.state
            for one in mails.news(job, event.previous, state):
                self._mail(one, job, await self._last(job, state))
            moment = news(notify.moments_of(job.metadata), job, event.previous, state)
            if moment is not None:
                title = title_of(moment, job, state)
                self._put(self._notice(moment, job, state, title, *await self._last(job, state)), job)

    async def _last(self, job: Job, state: JobState) -> tuple[str | None, tuple[str, ...]]:
        """Why it ended as it did, and its last lines. A log that does not answer keeps nobody waiting."""
        data = b""
        if state not in ENDED:
            return None, ()
        if job.array is None and job.started_at is not None:
            try:
                part = await asyncio.wait_for(
                    self._logs.read(job, "stdout", -LOG_BYTES, LOG_BYTES), PATIENCE_S
                )
                data = part.data
            except (LaunchyardError, TimeoutError, OSError) as error:
                _log.info("the output of job %d cannot be told: %s", job.id, error)
        cause = job.cause
        if state is not JobState.COMPLETED:
            room, text = self._controller.room(job), data.decode("utf-8", "replace")
            found = await asyncio.to_thread(diagnose, job, text, room=room, task=None)
            cause = found.sentence or cause
        return cause, last_lines(data)

    def _notice(
        self,
        event: str,
        job: Job,
        state: JobState,
        title: str,
        cause: str | None = None,
        lines: tuple[str, ...] = (),
    ) -> Notice:
        return Notice(
            event=event,
            at=self._clock(),
            job_id=job.id,
            name=job.name,
            user=job.user,
            state=state.value,
            title=title,
            cause=cause,
            exit_code=job.exit_code,
            signal=job.signal,
            lines=lines,
            link=self._link(job),
        )

    def _link(self, job: Job) -> str:
        return f"{self._url}/jobs/{job.id}"

    def _put(self, notice: Notice, job: Job) -> None:
        for place in notify.places_of(job.metadata):
            self._outbox.put(job.user, place, notice=notice)

    def _mail(self, kind: str, job: Job, last: tuple[str | None, tuple[str, ...]] = (None, ())) -> None:
        if not self._ways.sends_mail:
            return
        text = mails.message(kind, job, self._clock(), self._cluster, (*last, self._link(job)))
        self._outbox.put(job.user, notify.MAIL, mail=text.decode())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a notification could not be made", exc_info=error)
