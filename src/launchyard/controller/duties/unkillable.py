"""Duty, each second: a node on which a job cannot be killed takes no new work.

A process in an uninterruptible wait (a dead disk, a dead network directory) survives every signal. Its job
stays COMPLETING and keeps what it holds; after a while its node is drained, with the reason, for a person to
look at. When the kernel lets go the job ends by itself; the node stays drained until it is resumed.
"""

from collections.abc import Callable

from launchyard.controller.loop import Loop
from launchyard.model.job import Job
from launchyard.model.node import NodeState
from launchyard.model.state import JobState

AFTER_S = 60.0


class Unkillable:
    """Remembers since when (`clock`: seconds that no setting of the date moves) each job is being killed."""

    def __init__(self, loop: Loop, clock: Callable[[], float], after_s: float = AFTER_S) -> None:
        self._loop = loop
        self._clock = clock
        self._after_s = after_s
        self._since: dict[int, float] = {}

    def look(self) -> None:
        jobs = {job.id: job for job in self._loop.live.holding.values() if job.state is JobState.COMPLETING}
        self._since = {job_id: self._since.get(job_id, self._clock()) for job_id in jobs}
        for job_id, since in self._since.items():
            if self._clock() - since >= self._after_s:
                self._drain(jobs[job_id])

    def _drain(self, job: Job) -> None:
        for name in job.attempt.allocation.nodes if job.attempt is not None else ():
            node = self._loop.live.nodes.get(name)
            if node is None or node.state is not NodeState.UP:
                continue
            self._loop.mark(node, NodeState.DRAIN, f"job {job.id} cannot be killed")
