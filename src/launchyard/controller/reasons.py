"""Why each waiting job waits, from the same live state that the next plan is made from."""

from collections.abc import Callable, Iterable

from launchyard.controller.loop import Loop
from launchyard.controller.scheduling import Scheduler
from launchyard.model.errors import Infeasible
from launchyard.model.job import Job
from launchyard.model.parts import as_parts
from launchyard.model.reason import Reason
from launchyard.model.resources import Request
from launchyard.model.state import JobState
from launchyard.model.when import rfc3339
from launchyard.policy import dependencies, explain, reserved
from launchyard.policy.impossible import refuse_impossible
from launchyard.policy.ledger import positions
from launchyard.policy.queue import Entry, Shape
from launchyard.policy.snapshot import seconds_of


class Reasons:
    """Answers are kept until live state changes: jobs that ask for the same share what is short."""

    def __init__(
        self, loop: Loop, scheduler: Scheduler, preparing: Callable[[Job], Reason | None] = lambda job: None
    ) -> None:
        self._loop = loop
        self._scheduler = scheduler
        self._version = -1
        self._by_request: dict[tuple[str, Request], Reason] = {}
        self._bars: dict[Shape, reserved.Bar | None] = {}
        self._preparing = preparing

    def of(self, job: Job) -> Reason | None:
        """The reason of a live job, None when it does not wait."""
        return self._why(job)

    def codes(self, jobs: Iterable[Job]) -> dict[int, Reason]:
        """Code and scope, for many at once: jobs of one lane wait for the same, whatever the sentence says.

        The scope `behind` says that another job of the partition waits for resources before it.
        """
        live, found = self._loop.live, dict[int, Reason]()
        heads: dict[str, Entry] = {}
        for lane in live.queue.lanes():
            head = lane.entries.first
            first = live.jobs[head[1]]
            # What drivers may do is counted by user, and a lane may have jobs of several.
            reason = self._why(first) if first.request.cpus_milli else None
            if reason is None:
                continue
            found |= dict.fromkeys([job_id for _, job_id in lane.entries], _behind(reason))
            if reason.code == "resources":
                heads[first.partition] = min(head, heads.get(first.partition, head))
        for _, job_id in heads.values():
            found[job_id] = Reason(code="resources", sentence=found[job_id].sentence)
        waiting = (job for job in jobs if job.id not in found and _may_wait(job))
        return found | {job.id: reason for job in waiting if (reason := self._why(job)) is not None}

    def of_new(self, job: Job) -> Reason | None:
        """Why a job that does not exist yet would not be looked at by the plan; None: it would."""
        if job.held or job.dependency is not None or self._begins_later(job):
            return self._why(job)
        if (reason := self._loop.live.parties.reason(job)) is not None:
            return reason
        if (reason := self._reserved(job)) is not None:
            return reason
        return None

    def _why(self, job: Job) -> Reason | None:
        if job.array is not None and not len(job.array.waiting):
            return None
        if job.state is JobState.SUSPENDED and job.attempt is not None:
            return explain.suspended(job, job.attempt)
        if job.array is None and job.state is not JobState.PENDING:
            return None
        if job.held and job.held_because is not None:
            return Reason(
                code="held",
                sentence=f"{job.held_because}; `ly release {job.id}` lets it go on",
                scope="requeues",
            )
        if job.held:
            return explain.held(job)
        if job.handed is not None:
            waits = self._loop.clusters.of(job).waits
            return waits.get(job.handed.launch_id) or explain.handed_over(job)
        if job.dependency is not None and (job.id in self._loop.live.blocked or not job.id):
            return dependencies.reason(job, self._loop.live.view(job, self._loop.now()))
        if self._begins_later(job):
            return _begins(job)
        if job.id and (reason := self._preparing(job)) is not None:
            return reason
        live = self._loop.live
        if (reason := live.parties.reason(job) or live.drivers.reason(job)) is not None:
            return reason
        if job.array is not None and job.id not in live.queue and not live.unsettled:
            return explain.throttled(job)
        if self._loop.clusters.of(job).epoch is None:
            return explain.engine_gone(job.cluster)
        if (reason := self._reserved(job)) is not None:
            return reason
        ahead = self._loop.live.queue.ahead(job.id) if job.id in self._loop.live.queue else 0
        return self.short(job, ahead)

    def _reserved(self, job: Job) -> Reason | None:
        """Why reservations keep it from starting, whatever else is free."""
        if job.parts:
            return next((why for one in as_parts(job) if (why := self._reserved(one)) is not None), None)
        live, name = self._loop.live, job.request.reservation
        if not live.reservations and not name:
            return None
        seconds, now = seconds_of(live.partitions, job.partition, job.time_limit_s), self._loop.now()
        if name:
            return reserved.of_its_own(job, seconds, live.reservations.get(name), now)
        self._forget_older()
        key = Shape(job.partition, job.request, job.time_limit_s, job.time_min_s)
        if key not in self._bars:
            row, known = live.index.row(job.partition, job.request), list(live.reservations.values())
            self._bars[key] = reserved.bar(job.request, row, seconds, live.ledger, known, now)
        bar = self._bars[key]
        return None if bar is None else reserved.barred(job, bar, now)

    def _begins_later(self, job: Job) -> bool:
        return job.not_before is not None and job.not_before > self._loop.now()

    def short(self, job: Job, ahead: int) -> Reason:
        """What is short is the same for a request; how many are ahead is the job's own."""
        live = self._loop.live
        if job.parts:
            return self._short_together(job, ahead)
        self._forget_older()
        key = (job.partition, job.request)
        if key not in self._by_request and not live.capacity.holds(*key):
            self._by_request[key] = self._impossible(job)
        if key not in self._by_request:
            allowed = positions(live.index.allowed(job.partition, job.request))
            situation = explain.Situation(
                nodes=[live.nodes[live.ledger.names[at]] for at in allowed],
                ledger=live.ledger,
                holders=list(live.holding.values()),
                licences=live.capacity.licences,
                kept_for=self._scheduler.kept_for,
            )
            self._by_request[key] = explain.resources(job, situation)
        return explain.with_ahead(self._by_request[key], ahead)

    def _short_together(self, job: Job, ahead: int) -> Reason:
        """The first part for which there is too little; else there is too little for all at once."""
        for one in as_parts(job):
            reason = self.short(one, ahead)
            if reason.code not in ("priority", "behind"):
                return reason
        sentence = f"waits until its {len(job.parts)} parts can start at once"
        return explain.with_ahead(Reason(code="resources", sentence=sentence), ahead)

    def _forget_older(self) -> None:
        """What is known is good for one version of live state."""
        if self._version != self._loop.version:
            self._by_request.clear()
            self._bars.clear()
            self._version = self._loop.version

    def _impossible(self, job: Job) -> Reason:
        """Nodes, features, licences or partitions have changed since it was let in."""
        live = self._loop.live
        try:
            refuse_impossible(job.request, live.partitions[job.partition], live.capacity)
        except Infeasible as error:
            return Reason(
                code="impossible",
                sentence=f"waits for other nodes than there are now: {error}",
                scope="nodes" if error.code == "node-limit" else "",
            )
        return Reason(code="resources", sentence="waits for nodes")


def _may_wait(job: Job) -> bool:
    return job.state in (JobState.PENDING, JobState.SUSPENDED) or job.array is not None


def _behind(reason: Reason) -> Reason:
    """A job that is not the first lets others go before it, whatever there is too little of."""
    if reason.code != "resources":
        return reason
    return Reason(code=reason.code, sentence=reason.sentence, scope="behind")


def _begins(job: Job) -> Reason:
    """It begins later because somebody said so, or because its last attempt failed."""
    if job.retry_at is None or job.retry_at != job.not_before or job.retries is None:
        return explain.begins(rfc3339(job.not_before or 0))
    which = f"attempt {job.attempts + 1} of {job.attempts + 1 + job.retries.count - job.retried}"
    when = rfc3339(job.retry_at)
    return Reason(code="retry", sentence=f"is tried again at {when} ({which}); the last one: {job.cause}")
