"""What a waiting job can expect: why it waits, when it may start, who is ahead, what would start it sooner.

Planned on a copy, off the loop, one at a time: it may take a while, and the queue goes on meanwhile. How
often the estimates that were shown came true is counted, and told with the next.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from launchyard.controller.loop import Loop
from launchyard.controller.reasons import Reasons
from launchyard.controller.scheduling import Scheduler
from launchyard.controller.submitting import Submitting
from launchyard.model.errors import LaunchyardError
from launchyard.model.event import StateChanged
from launchyard.model.job import Job
from launchyard.model.reason import Estimate, Reason
from launchyard.model.state import JobState
from launchyard.model.submission import Caller, Update
from launchyard.policy import admission
from launchyard.policy.calibration import Calibration
from launchyard.policy.estimate import start_of
from launchyard.policy.snapshot import Snapshot, seconds_of
from launchyard.policy.suggest import Entry, Suggestion, suggest

AHEAD_SHOWN = 3
PLANNED = frozenset({"resources", "priority", "licences", "node-down"})
"""Reasons that the plan itself gives."""
TOLD_MAX = 10_000
"""Estimates that are remembered until their jobs start."""
SAMPLE_S = 5.0
"""So often one waiting job is foretold that nobody asked about: to learn from what becomes of it."""
SAMPLE_QUEUE_MAX = 2_000
"""In a longer queue only answers that somebody asked for are learnt from: others would cost too much."""
SAMPLE_REST = 50
"""After a sample that took long, so many times as long passes before the next."""
RECORD = 50
"""So many of the last estimates make the hit rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How many of the last `count` estimates were right: the job started within the range."""

    right: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """`ahead` are the first of the `ahead_count` jobs that come before. `overtaken_until`: nobody submitted
    later than this can go ahead. `sooner` are changes with which it starts sooner."""

    reason: Reason | None
    ahead: tuple[int, ...] = ()
    ahead_count: int = 0
    overtaken_until: float | None = None
    sooner: tuple[Suggestion, ...] = ()
    record: Record | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What was foretold of a job at `at`; `when` was shown to somebody, None: it was a sample."""

    at: float
    bound: float
    when: Estimate | None = None


class Outlooks:
    """Answers for waiting jobs, and what is learnt from how earlier ones came true."""

    def __init__(self, loop: Loop, scheduler: Scheduler, reasons: Reasons, submitting: Submitting) -> None:
        self._loop = loop
        self._scheduler = scheduler
        self._reasons = reasons
        self._submitting = submitting
        self._one = asyncio.Semaphore(1)
        self._told: dict[int, _Told] = {}
        self._calibration = Calibration()
        self._hits: deque[bool] = deque(maxlen=RECORD)
        self._sampling: asyncio.Task[None] | None = None
        self._rests_until = 0.0
        loop.watch(self._score)

    async def of(self, job: Job, caller: Caller) -> Outlook:
        """For a job that has not ended; `caller` is who would change it."""
        async with self._one:
            job = self._loop.live.jobs.get(job.id, job)
            reason = self._reasons.of(job)
            queue = self._loop.live.queue
            if reason is None or job.id not in queue or self._loop.clusters.of(job).epoch is None:
                return Outlook(reason=reason)
            count = queue.ahead(job.id)
            ahead = tuple(islice(queue.beside(job.id), min(count, AHEAD_SHOWN)))
            snapshot = self._scheduler.snapshot(job.cluster).copy()
            asking = _Asking(self._loop, self._submitting, snapshot, job, caller)
            bound, sooner = await asyncio.to_thread(asking.answer)
        when = None
        if bound is not None:
            when = self._calibration.estimate(snapshot.now, bound)
            self._remember(job.id, _Told(at=snapshot.now, bound=bound, when=when))
        seconds = seconds_of(self._loop.live.partitions, job.partition, job.time_limit_s)
        return Outlook(
            reason=Reason(code=reason.code, sentence=reason.sentence, estimate=when),
            ahead=ahead,
            ahead_count=count,
            overtaken_until=self._loop.live.ordering.overtaken_until(job, seconds),
            sooner=tuple(sooner),
            record=Record(right=sum(self._hits), count=len(self._hits)) if self._hits else None,
        )

    async def of_new(self, job: Job, caller: Caller) -> Outlook:
        """For a job that does not exist yet. Without a reason it starts at once."""
        reason = self._reasons.of_new(job)
        cluster = self._loop.clusters.of(job)
        if cluster.epoch is None or cluster.places or (reason is not None and reason.code not in PLANNED):
            return Outlook(reason=reason)
        async with self._one:
            snapshot = self._scheduler.snapshot(job.cluster).copy()
            job = replace(job, submitted_at=snapshot.now)
            entry = self._loop.live.entry(job, snapshot.now)
            snapshot.waiting.put(job.id, entry.shape, entry.key, entry.count, entry.party)
            count = snapshot.waiting.ahead(job.id)
            ahead = tuple(islice(snapshot.waiting.in_order(), min(count, AHEAD_SHOWN)))
            asking = _Asking(self._loop, self._submitting, snapshot, job, caller)
            bound, sooner = await asyncio.to_thread(asking.answer)
        if bound is not None and bound <= snapshot.now:
            return Outlook(reason=None)
        short = self._reasons.short(job, count)
        when = None if bound is None else self._calibration.estimate(snapshot.now, bound)
        return Outlook(
            reason=Reason(code=short.code, sentence=short.sentence, estimate=when),
            ahead=ahead,
            ahead_count=count,
            sooner=tuple(sooner),
        )

    def look(self) -> None:
        """A duty: now and then foretell the newest waiting job, so that there is something to learn from."""
        clock = asyncio.get_running_loop().time()
        resting = clock < self._rests_until or self._one.locked()
        if resting or self._loop.clusters.default.epoch is None or len(self._told) >= TOLD_MAX:
            return
        if len(self._loop.live.queue) > SAMPLE_QUEUE_MAX:
            return
        job_id = max(self._loop.live.queue.in_order(), default=None)
        if job_id is None or job_id in self._told:
            return
        self._rests_until = clock + SAMPLE_S
        self._sampling = asyncio.ensure_future(self._sample(job_id))

    async def close(self) -> None:
        """End what is being foretold."""
        if self._sampling is not None:
            await asyncio.gather(self._sampling, return_exceptions=True)

    async def _sample(self, job_id: int) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        async with self._one:
            if job_id in self._loop.live.queue:
                cluster = self._loop.live.jobs[job_id].cluster
                snapshot = self._scheduler.snapshot(cluster).copy()
                bound = await asyncio.to_thread(start_of, snapshot, job_id)
                if bound is not None:
                    self._remember(job_id, _Told(at=snapshot.now, bound=bound))
        self._rests_until = clock() + max(SAMPLE_S, SAMPLE_REST * (clock() - began))

    def _remember(self, job_id: int, told: _Told) -> None:
        known = self._told.get(job_id)
        if job_id in self._loop.live.queue and (known is None or known.when is None):
            self._told[job_id] = told

    def _score(self, events: Sequence[StateChanged]) -> None:
        for event in events if self._told else ():
            if event.state is JobState.PENDING:
                continue
            told = self._told.pop(event.job_id, None)
            if told is None or event.state not in (JobState.STARTING, JobState.RUNNING):
                continue
            self._calibration.learn(event.at - told.at, told.bound - told.at)
            if told.when is not None:
                self._hits.append(told.when.low <= event.at <= told.when.high)


class _Asking:
    """One question, answered from copies alone: it runs beside the loop."""

    def __init__(
        self, loop: Loop, submitting: Submitting, snapshot: Snapshot, job: Job, caller: Caller
    ) -> None:
        self._live = loop.live
        self._cluster = submitting.cluster()
        self._snapshot = snapshot
        self._job = job
        self._caller = caller

    def answer(self) -> tuple[float | None, list[Suggestion]]:
        """When it starts at the latest, and what would start it sooner."""
        bound = start_of(self._snapshot, self._job.id)
        if self._job.array is not None:
            return bound, []
        return bound, suggest(self._snapshot, self._job, bound, self._amended, self._entry)

    def _amended(self, update: Update) -> Job | None:
        try:
            return admission.amend(self._job, update, self._cluster, self._caller)
        except LaunchyardError:
            return None

    def _entry(self, job: Job) -> Entry:
        return self._live.entry(job, self._snapshot.now)
