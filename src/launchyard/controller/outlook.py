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
from launchyard.policy.estimate import estimate, start_of
from launchyard.policy.snapshot import Snapshot, seconds_of
from launchyard.policy.suggest import Entry, Suggestion, suggest

AHEAD_SHOWN = 3
SHOWN_MAX = 10_000
"""Estimates that are remembered until their jobs start."""
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


class Outlooks:
    """Answers for waiting jobs, and the record of earlier answers."""

    def __init__(self, loop: Loop, scheduler: Scheduler, reasons: Reasons, submitting: Submitting) -> None:
        self._loop = loop
        self._scheduler = scheduler
        self._reasons = reasons
        self._submitting = submitting
        self._one = asyncio.Semaphore(1)
        self._shown: dict[int, Estimate] = {}
        self._hits: deque[bool] = deque(maxlen=RECORD)
        loop.watch(self._score)

    async def of(self, job: Job, caller: Caller) -> Outlook:
        """For a job that has not ended; `caller` is who would change it."""
        async with self._one:
            job = self._loop.live.jobs.get(job.id, job)
            reason = self._reasons.of(job)
            queue = self._loop.live.queue
            if reason is None or job.id not in queue or self._scheduler.epoch is None:
                return Outlook(reason=reason)
            count = queue.ahead(job.id)
            ahead = tuple(islice(queue.in_order(), min(count, AHEAD_SHOWN)))
            asking = _Asking(self._loop, self._submitting, self._scheduler.snapshot().copy(), job, caller)
            when, sooner = await asyncio.to_thread(asking.answer)
        if when is not None:
            self._remember(job.id, when)
        seconds = seconds_of(self._loop.live.partitions, job.partition, job.time_limit_s)
        return Outlook(
            reason=Reason(code=reason.code, sentence=reason.sentence, estimate=when),
            ahead=ahead,
            ahead_count=count,
            overtaken_until=self._loop.live.ordering.overtaken_until(job, seconds),
            sooner=tuple(sooner),
            record=self._record(),
        )

    def of_new(self, job: Job) -> Reason | None:
        """Why a job that does not exist yet would wait, and until when; None: it starts at once."""
        reason = self._reasons.of_new(job)
        if reason is None or self._scheduler.epoch is None or reason.code not in ("resources", "priority"):
            return reason
        snapshot = self._scheduler.snapshot().copy()
        now = snapshot.now
        entry = self._loop.live.entry(replace(job, submitted_at=now), now)
        snapshot.waiting.put(0, entry.shape, entry.key, entry.count, entry.party)
        return Reason(code=reason.code, sentence=reason.sentence, estimate=estimate(snapshot, 0))

    def _remember(self, job_id: int, when: Estimate) -> None:
        if len(self._shown) < SHOWN_MAX:
            self._shown.setdefault(job_id, when)

    def _record(self) -> Record | None:
        return Record(right=sum(self._hits), count=len(self._hits)) if self._hits else None

    def _score(self, events: Sequence[StateChanged]) -> None:
        for event in events if self._shown else ():
            if event.state is JobState.PENDING:
                continue
            shown = self._shown.pop(event.job_id, None)
            if shown is not None and event.state in (JobState.STARTING, JobState.RUNNING):
                self._hits.append(shown.low <= event.at <= shown.high)


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

    def answer(self) -> tuple[Estimate | None, list[Suggestion]]:
        when = estimate(self._snapshot, self._job.id)
        start = None if when is None else start_of(self._snapshot, self._job.id)
        if self._job.array is not None:
            return when, []
        return when, suggest(self._snapshot, self._job, start, self._amended, self._entry)

    def _amended(self, update: Update) -> Job | None:
        try:
            return admission.amend(self._job, update, self._cluster, self._caller)
        except LaunchyardError:
            return None

    def _entry(self, job: Job) -> Entry:
        return self._live.entry(job, self._snapshot.now)
