"""Ended jobs, which live in the store alone: run again under the same id, or forgotten."""

from launchyard.controller.loop import Loop
from launchyard.controller.submitting import Submitting
from launchyard.model.errors import Conflict
from launchyard.model.frozen import changed
from launchyard.model.job import Job, JobKind
from launchyard.policy.attempts import again

AGE_MAX_S = 300.0
"""Programs may have acted upon the end of an older one, and forgotten it."""


class Reviving:
    """Ended jobs live in the store alone; one that comes back is live from the moment that it is decided."""

    def __init__(self, loop: Loop, submitting: Submitting) -> None:
        self._loop = loop
        self._submitting = submitting

    async def revive(self, job: Job, *, held: bool) -> Job:
        """It waits again, durably. Raises `Conflict` for what cannot."""
        loop, now = self._loop, self._loop.now()
        loop.refuse_when_degraded()
        if job.kind is JobKind.DRIVER or job.terminal or job.array is not None:
            raise Conflict(f"job {job.id} has ended ({job.state}) and cannot be put back into the queue")
        if job.ended_at is None or now - job.ended_at > AGE_MAX_S:
            raise Conflict(f"job {job.id} ended too long ago; `ly rerun {job.id}` runs it again")
        if job.id in loop.live.jobs:
            raise Conflict(f"job {job.id} is on its way back into the queue already")
        # As it ended it is live for this turn: its array and whoever else follows it sees it move.
        loop.live.put(job, now)
        loop.move(changed(again(job, now, requeued=True), held=held, cause=None, eligible_at=None))
        return await self._submitting.settled(loop.live.jobs[job.id])

    async def forget(self, job: Job) -> None:
        """The Ray Jobs API does not know it any more; accounting does, and its id and name stay taken."""
        self._loop.refuse_when_degraded()
        live = self._loop.live.jobs.get(job.id)
        if live is not None and live.ended:
            # The caller has seen an end that is on its way to the store.
            await self._loop.committed()
        if not job.ended or job.id in self._loop.live.jobs:
            raise Conflict(f"job {job.id} has not ended; cancel it first")
        self._loop.draft.jobs[job.id] = changed(job, forgotten=True)
        await self._loop.committed()
