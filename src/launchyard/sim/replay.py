"""A trace through a policy, event by event.

Within one second "the prediction ran out" comes before submissions, submissions before ends, first in first
out within a kind. A pass follows each submission and each end (or, `per_second`, each second with any); a
prediction that ran out is set to the requested time, without a pass.
"""

import heapq
from collections.abc import Callable

from launchyard.policy.backfill import fill
from launchyard.policy.conservative import Conservative
from launchyard.policy.processors import Processors
from launchyard.sim.line import Line
from launchyard.sim.policies import Policy
from launchyard.sim.trace import Trace, TraceJob

OVERRUN, SUBMITTED, ENDED, DUE = 0, 1, 2, 3

Progress = Callable[[int], None]


class History:
    """What is believed of a job's run time when it is submitted.

    `last-two`: the mean of the last two runs of the same user, at most what was requested. Source: D.
    Tsafrir, Y. Etsion, D. Feitelson, "Backfilling using system-generated predictions", IEEE TPDS 18(6), 2007.
    """

    def __init__(self, how: str) -> None:
        self._how = how
        self._runs: dict[int, tuple[int | None, int]] = {}

    def predict(self, job: TraceJob) -> int:
        if self._how == "run":
            return job.run_s
        if self._how == "last-two" and job.user in self._runs:
            before, last = self._runs[job.user]
            if before is not None:
                return min(job.requested_s, (before + last) // 2)
        return job.requested_s

    def learn(self, job: TraceJob) -> None:
        """The job ended."""
        known = self._runs.get(job.user)
        self._runs[job.user] = (None if known is None else known[1], job.run_s)


class Replay:
    """The events of one trace in order, and the state that they leave."""

    def __init__(self, trace: Trace, policy: Policy, *, per_second: bool = False) -> None:
        self._policy = policy
        self._per_second = per_second
        self._total = trace.processors
        self._jobs = sorted(trace.jobs, key=lambda job: (job.submit, job.number))
        self._history = History(policy.predict)
        self._space = Processors(trace.processors)
        key = None if policy.key is None else policy.key(trace.processors)
        self._line = Line(self._space, key, policy.behind, strict=not policy.backfill)
        self._depth = int(policy.backfill)
        self._events: list[tuple[int, int, int, TraceJob]] = []
        self._sequence = 0

    def run(self, progress: Progress | None = None) -> None:
        """Give every job its `start`."""
        jobs, events = self._jobs, self._events
        count, at, due = len(jobs), 0, False
        while at < count or events:
            if events and (at >= count or events[0][:2] < (jobs[at].submit, SUBMITTED)):
                now, kind, _, job = heapq.heappop(events)
            else:
                job, kind = jobs[at], SUBMITTED
                now = job.submit
                at += 1
                if progress is not None and not at % 1000:
                    progress(at)
            due |= self._happen(kind, job, now)
            if due and not (self._per_second and self._more_at(now, at)):
                if kind != SUBMITTED or self._per_second or not self._beside_the_head(job, now):
                    self._pass(now)
                due = False

    def _more_at(self, now: int, at: int) -> bool:
        """Whether anything else happens within this second."""
        submitted = at < len(self._jobs) and self._jobs[at].submit == now
        return submitted or bool(self._events and self._events[0][0] == now)

    def _happen(self, kind: int, job: TraceJob, now: int) -> bool:
        """Take in one event; whether a pass follows."""
        if kind == SUBMITTED:
            job.predicted_s = self._history.predict(job)
            self._line.put(job)
            return True
        if kind == ENDED:
            self._space.end(job)
            self._history.learn(job)
            return True
        job.predicted_s = job.requested_s
        self._space.overrun(job, job.start + job.requested_s)
        return False

    def _beside_the_head(self, job: TraceJob, now: int) -> bool:
        """Whether this submission changed nothing for those who wait already, so that it alone was looked at.

        As long as nothing ended, who could not start still cannot: less is free, and the head's time nearer.
        """
        if self._policy.ages is not None or self._line.is_first(job) or not self._space.goes_on(now):
            return False
        if self._space.start(job) is not None:
            self._line.drop(job)
            self._begin(job, now)
        return True

    def _pass(self, now: int) -> None:
        line, space = self._line, self._space
        space.begin_pass(now)
        if not len(line):
            return
        if self._policy.ages is not None:
            line.rearrange(self._policy.ages(self._total, now))
        starts, _ = fill(line, space, depth=self._depth, starts_max=len(line))
        for job, _ in starts:
            line.drop(job)
            self._begin(job, now)

    def _begin(self, job: TraceJob, now: int) -> None:
        job.start = now
        self._sequence += 1
        if job.predicted_s < job.run_s:
            heapq.heappush(self._events, (now + job.predicted_s, OVERRUN, self._sequence, job))
        heapq.heappush(self._events, (now + job.run_s, ENDED, self._sequence, job))


class ConservativeReplay:
    """The same events with a reservation for every job."""

    def __init__(self, trace: Trace, plan: Conservative | None = None) -> None:
        self._jobs = sorted(trace.jobs, key=lambda job: (job.submit, job.number))
        self._plan = plan or Conservative(trace.processors)
        self._events: list[tuple[int, int, int, TraceJob]] = []
        self._sequence = 0

    def run(self, progress: Progress | None = None) -> None:
        """Give every job its `start`."""
        jobs, events = self._jobs, self._events
        at = 0
        while at < len(jobs) or events:
            if events and (at >= len(jobs) or events[0][:2] < (jobs[at].submit, SUBMITTED)):
                now, kind, _, job = heapq.heappop(events)
            else:
                job, kind = jobs[at], SUBMITTED
                now = job.submit
                at += 1
                if progress is not None and not at % 1000:
                    progress(at)
            self._happen(kind, job, now)

    def _happen(self, kind: int, job: TraceJob, now: int) -> None:
        if kind == SUBMITTED:
            self._push(self._plan.submitted(job, now), DUE, job)
        elif kind == ENDED:
            for moved, start in self._plan.ended(job, now):
                self._push(start, DUE, moved)  # type: ignore[arg-type]
        elif self._plan.is_due(job, now):
            job.start = now
            self._push(now + job.run_s, ENDED, job)

    def _push(self, at: int, kind: int, job: TraceJob) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (at, kind, self._sequence, job))


def replay(
    trace: Trace, policy: Policy, *, per_second: bool = False, progress: Progress | None = None
) -> None:
    """Give every job of the trace its start under a policy."""
    if policy.conservative:
        ConservativeReplay(trace).run(progress)
    else:
        Replay(trace, policy, per_second=per_second).run(progress)
