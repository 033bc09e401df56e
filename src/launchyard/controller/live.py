"""All jobs that have not ended, and the tables that follow from them. One owner: the controller's loop.

`put` is the only way in: allocation table, waiting queue and look-ups are brought up to date by comparing
the job before with the job after, so that they cannot drift from what the jobs say.
"""

from collections.abc import Iterable, Mapping

from launchyard.controller.dependents import Dependents
from launchyard.model.array import Array
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.model.partition import Partition
from launchyard.model.resources import Allocation
from launchyard.model.state import ALLOCATED, ENDED, JobState
from launchyard.policy import arrays, order
from launchyard.policy.dependencies import Seen, Verdict, View, seen_of, verdict
from launchyard.policy.ledger import Ledger
from launchyard.policy.queue import Shape, WaitingQueue


class LiveJobs:
    """Live jobs by id, with who waits, who holds what, and who depends on whom."""

    def __init__(self, nodes: Iterable[Node], partitions: Mapping[str, Partition]) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.partitions = partitions
        self.jobs: dict[int, Job] = {}
        self.ledger = Ledger(self.nodes.values())
        self.queue = WaitingQueue()
        self.holding: dict[int, Job] = {}
        self.by_launch: dict[str, int] = {}
        self.tasks: dict[tuple[int, int], int] = {}
        self.tasks_of: dict[int, set[int]] = {}
        self.not_begun: dict[int, float] = {}
        self.waits = Dependents()

    def put(self, job: Job, now: float) -> None:
        """Take in a job as it is now; the tables follow."""
        before = self.jobs.get(job.id)
        self.jobs[job.id] = job
        if before is None:
            self._introduce(job, now)
        self.waits.take(before, job)
        self._book(before, job)
        self._line_up(job, now)

    def adopt(self, jobs: Iterable[Job], now: float) -> None:
        """Take in the live jobs of an earlier run; what they hold is booked as it is."""
        for job in jobs:
            holds = _holding(job)
            if holds is not None:
                self.ledger.adopt(holds)
                self.holding[job.id] = job
                self.jobs[job.id] = job
                self._introduce(job, now)
                self.waits.take(None, job)
                self.by_launch[job.attempt.launch_id if job.attempt else ""] = job.id
            else:
                self.put(job, now)

    def drop(self, job_id: int) -> None:
        """Forget a job whose end is durable."""
        job = self.jobs.pop(job_id)
        if job.attempt is not None:
            self.by_launch.pop(job.attempt.launch_id, None)
        if job.task is not None:
            self.tasks.pop((job.task.job_id, job.task.index), None)
            self.tasks_of.get(job.task.job_id, set()).discard(job_id)
        self.tasks_of.pop(job_id, None)
        self.waits.drop(job)

    def task(self, array_job_id: int, index: int) -> Job | None:
        """The live job of a task that has split off."""
        job_id = self.tasks.get((array_job_id, index))
        return None if job_id is None else self.jobs[job_id]

    def array_of(self, job: Job) -> Array | None:
        """The array that a task belongs to, None of a job that is none."""
        record = self.jobs.get(job.task.job_id) if job.task is not None else None
        return None if record is None else record.array

    def of_launch(self, launch_id: str) -> Job | None:
        job_id = self.by_launch.get(launch_id)
        return None if job_id is None else self.jobs[job_id]

    @property
    def blocked(self) -> set[int]:
        """Waiting jobs whose dependency is open."""
        return self.waits.blocked

    def seen(self, job_id: int, index: int | None) -> Seen | None:
        """What a dependency looks at; ended jobs only as far as somebody depends on them."""
        if index is not None and (task := self.task(job_id, index)) is not None:
            return seen_of(task)
        job = self.jobs.get(job_id)
        if job is None or (index is not None and (job.array is None or index not in job.array.waiting)):
            return self.waits.remembered(job_id, index)
        return seen_of(job) if index is None else Seen(JobState.PENDING)

    def view(self, job: Job, now: float) -> View:
        """What the verdict about a job's dependency is made from."""
        return View(seen=self.seen, now=now, alone=self._is_alone(job))

    def verdict_of(self, job: Job, now: float) -> Verdict:
        if job.dependency is None:
            return Verdict.SATISFIED
        index = job.task.index if job.task is not None else None
        return verdict(job.dependency, self.view(job, now), met=job.dependency_met, index=index)

    def unblock(self, job_id: int, now: float) -> None:
        """Its dependency is satisfied."""
        self.waits.unblock(job_id)
        self._line_up(self.jobs[job_id], now)

    def block(self, job_id: int, now: float) -> None:
        """Its dependency is open again: another one of its name goes first."""
        self.waits.blocked.add(job_id)
        self._line_up(self.jobs[job_id], now)

    def _is_alone(self, job: Job) -> bool:
        """No other job of its name and user is at work, or was submitted before and still waits."""
        if job.dependency is None or not job.dependency.singleton:
            return True
        own = job.task.job_id if job.task is not None else job.id
        others = (self.jobs.get(one) for one in self.waits.named.get((job.uid, job.name), ()) if one != own)
        return not any(
            one is not None and one.state not in ENDED and (one.id < own or one.state is not JobState.PENDING)
            for one in others
        )

    def begin(self, now: float) -> bool:
        """Let in the jobs whose begin time has come; True when there were any."""
        due = [job_id for job_id, at in self.not_begun.items() if at <= now]
        for job_id in due:
            del self.not_begun[job_id]
            if job_id in self.jobs:
                self._line_up(self.jobs[job_id], now)
        return bool(due)

    def mark(self, node: Node) -> None:
        """A node's state changed: it is open or closed for new work."""
        self.nodes[node.name] = node
        self.ledger.free[node.name].open = node.state is NodeState.UP

    def _introduce(self, job: Job, now: float) -> None:
        if job.task is not None:
            self.tasks[job.task.job_id, job.task.index] = job.id
            self.tasks_of.setdefault(job.task.job_id, set()).add(job.id)
        if job.begin_at is not None and job.begin_at > now:
            self.not_begun[job.id] = job.begin_at

    def _book(self, before: Job | None, job: Job) -> None:
        held, holds = _holding(before), _holding(job)
        if held is not None and held is not holds:
            self.ledger.release(held)
            del self.holding[job.id]
        if holds is not None:
            if held is not holds:
                self.ledger.take(holds)
            self.holding[job.id] = job
        if before is not None and before.attempt is not None and job.attempt is None:
            self.by_launch.pop(before.attempt.launch_id, None)
        if job.attempt is not None:
            self.by_launch[job.attempt.launch_id] = job.id

    def _line_up(self, job: Job, now: float) -> None:
        count = self._may_start(job, now)
        if not count:
            self.queue.drop(job.id)
            return
        tier = self.partitions[job.partition].tier
        shape = Shape(job.partition, job.request, job.time_limit_s)
        self.queue.put(job.id, shape, order.key(job, tier), count)

    def _may_start(self, job: Job, now: float) -> int:
        """How many starts the job may have now: 0 or 1, more for an array."""
        if job.held or job.id in self.blocked or job.stop_requested is not None:
            return 0
        if job.begin_at is not None and job.begin_at > now:
            self.not_begun[job.id] = job.begin_at
            return 0
        if job.array is not None:
            return arrays.available(job) if job.state not in ENDED else 0
        return 1 if job.state is JobState.PENDING else 0


def _holding(job: Job | None) -> Allocation | None:
    if job is None or job.attempt is None or job.state not in ALLOCATED:
        return None
    return job.attempt.allocation
