"""What may be done to jobs at work: let them stand still, let them go on, move their time limit."""

from dataclasses import replace

from launchyard.controller.loop import Loop
from launchyard.model.errors import Conflict, Forbidden, Unavailable
from launchyard.model.event import Resumed, Suspended
from launchyard.model.job import Job
from launchyard.model.state import JobState
from launchyard.model.submission import Caller, Update
from launchyard.model.walltime import format_walltime, humane
from launchyard.policy.admission import merged
from launchyard.policy.lifecycle import apply
from launchyard.policy.rights import Right, may

CHANGEABLE = ("name", "time_limit_s", "metadata", "requeue", "nice")
"""What of a running job may be changed."""


class Running:
    """Orders leave once what they follow from is durable; after a reconnection they are given again."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def suspend(self, job: Job) -> Job:
        """Raises `Conflict` for one that does not run."""
        if job.state is JobState.SUSPENDED:
            return job
        if job.state is not JobState.RUNNING or job.stop_requested is not None:
            raise Conflict(f"job {job.id} {_is(job)}; only a running job can be suspended")
        self._refuse_old_engine(job)
        return self.moved(apply(job, Suspended(), self._loop.now()))

    def resume(self, job: Job) -> Job:
        """Raises `Conflict` for one that was not suspended."""
        if job.state is not JobState.SUSPENDED or job.attempt is None:
            raise Conflict(f"job {job.id} {_is(job)}; only a suspended job can be resumed")
        if job.attempt.yielded_to is not None and not self._loop.live.ledger.has_cpus(job.attempt.allocation):
            raise Conflict(
                f"job {job.id} makes room for job {job.attempt.yielded_to}; it goes on by itself when its "
                f"CPUs are free again"
            )
        job = apply(job, Resumed(), self._loop.now())
        if job.deadline_at is not None and job.attempt is not None:
            # The time it stood still is lost to it: its limit ends at the deadline as before.
            job = replace(job, attempt=replace(job.attempt, limit_moved=True))
        return self.moved(job)

    def update(self, job: Job, update: Update, caller: Caller) -> Job:
        """Only less time, but for an administrator. Raises `Conflict` or `Forbidden`."""
        others = [name for name in Update.__slots__ if getattr(update, name) is not None]
        wrong = [name for name in others if name not in CHANGEABLE]
        if wrong or job.attempt is None or job.stop_requested is not None:
            raise Conflict(f"job {job.id} {_is(job)}; of a running job only its time limit may be changed")
        if update.name is not None:
            job = replace(job, name=update.name)
        if update.requeue is not None or update.nice is not None or update.metadata is not None:
            job = replace(
                job,
                requeue=job.requeue if update.requeue is None else update.requeue,
                nice=job.nice if update.nice is None else update.nice,
                metadata=merged(job.metadata, update.metadata or {}),
            )
        if update.time_limit_s is None or update.time_limit_s == job.time_limit_s:
            self._loop.move(job)
            return job
        self._check_limit(job, update.time_limit_s, caller)
        self._refuse_old_engine(job)
        attempt = job.attempt
        if attempt is not None:
            attempt = replace(attempt, limit_moved=True, limit_cut_from_s=None)
        return self.moved(replace(job, time_limit_s=update.time_limit_s, attempt=attempt))

    def tell_again(self, job: Job) -> None:
        """After a reconnection: what may have been lost on the way."""
        attempt, engine = job.attempt, self._loop.clusters.of(job).engine
        if attempt is None:
            return
        if job.state is JobState.SUSPENDED or attempt.suspended_s:
            engine.suspend(attempt.launch_id, suspended=job.state is JobState.SUSPENDED)
        if attempt.limit_moved:
            engine.limit(attempt.launch_id, job.limit_s)

    def moved(self, job: Job) -> Job:
        """It is so now, and the engine hears of it once that is durable."""
        self._loop.move(job)
        self._loop.effect(lambda: self.tell_again(job))
        return job

    def _check_limit(self, job: Job, limit_s: int, caller: Caller) -> None:
        now_s = job.time_limit_s
        if now_s is not None and limit_s > now_s and not may(caller, Right.RULES):
            raise Forbidden(
                f"the time limit of running job {job.id} is {humane(now_s)} and may only fall; "
                f"an administrator may raise it"
            )
        attempt = job.attempt
        if attempt is not None and attempt.started_at is not None:
            until = attempt.suspended_at if attempt.suspended_at is not None else self._loop.now()
            ran_s = until - attempt.started_at - attempt.suspended_s
            if limit_s <= ran_s:
                least = format_walltime(int(ran_s) + 60)
                raise Conflict(
                    f"job {job.id} has run for {humane(ran_s)} already; ask for --time {least} or more, "
                    f"or cancel it"
                )

    def _refuse_old_engine(self, job: Job) -> None:
        abilities = self._loop.clusters.of(job).engine.abilities
        if not (abilities.suspends and abilities.limits):
            raise Conflict(
                f"the engine of cluster {job.cluster} cannot do this to a job that runs; cancel it instead"
            )
        if not self._loop.clusters.of(job).engine.suspends:
            raise Unavailable(
                "the launcher that runs is of an older version, or does not answer; restart the server "
                "with no job running, then try again"
            )


def _is(job: Job) -> str:
    return f"is {job.state}" if job.stop_requested is None else "is being stopped"
