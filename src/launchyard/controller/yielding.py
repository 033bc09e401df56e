"""Jobs that stand still to make room for others, and go on when there is room for both.

They keep their memory and give back their CPUs alone, so they can only go on where they are: as soon as the
very CPUs that they had are free, and nobody waits for whom they would have to stand still again.
"""

from launchyard.controller.loop import Loop
from launchyard.controller.running import Running
from launchyard.model.event import Suspended
from launchyard.model.job import Job
from launchyard.policy.lifecycle import apply


class Yielding:
    """Part of each planning pass."""

    def __init__(self, loop: Loop, running: Running) -> None:
        self._loop = loop
        self._running = running

    def stand_still(self, job: Job, for_job: int) -> None:
        """From now on its CPUs are free."""
        self._running.moved(apply(job, Suspended(yielded_to=for_job), self._loop.now()))

    def go_on(self) -> None:
        """Those for whom there is room again, the oldest first."""
        live = self._loop.live
        for job_id in sorted(live.yielded):
            job = live.jobs[job_id]
            if job.attempt is None or not live.ledger.has_cpus(job.attempt.allocation):
                continue
            if not any(
                job.qos in live.preempts.get(live.jobs[one].qos, ())
                for one in live.queue.of(job.cluster).in_order()
            ):
                self._running.resume(job)
