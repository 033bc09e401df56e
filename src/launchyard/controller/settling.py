"""What a job's move means for those who wait for it: they may go on, or never can."""

from collections.abc import Iterable
from dataclasses import replace

from launchyard.controller.dependents import waits
from launchyard.controller.loop import Loop
from launchyard.model.dependency import format_dependency
from launchyard.model.event import DependencyFailed
from launchyard.model.job import Job
from launchyard.model.state import ENDED, JobState
from launchyard.policy import arrays, dependencies
from launchyard.policy.dependencies import Verdict
from launchyard.policy.lifecycle import apply


class Settling:
    """Called by the loop after each move; acts on the verdicts about dependencies."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._live = loop.live

    def moved(self, before: Job | None, job: Job) -> None:
        """A job came, or its state is another one: look at those whose dependency this may settle."""
        look_up = self._live.waits
        if before is None or (before.ended and not job.ended):
            self.settle(job)
        elif job.state is JobState.PENDING:
            self._waits_again(job)
        for dependent in list(look_up.of.get(job.id, ())):
            self._settle_id(dependent)
        if job.task is not None:
            for dependent in list(look_up.of.get(job.task.job_id, ())):
                self._settle_id(dependent, job.task.index)
            if job.state in ENDED and job.task.job_id in look_up.blocked:
                # A place of the throttle of its own array is free again.
                self._settle_id(job.task.job_id)
        elif (job.uid, job.name) in look_up.singles:
            self._settle_namesakes(job)

    def settle(self, job: Job, index: int | None = None) -> None:
        """Act on the verdict about one job's dependency. `index`: only this task of another array moved."""
        if job.ended or job.dependency is None or job.id not in self._live.blocked:
            # One that has ended is live until its end is committed.
            return
        found = self._live.verdict_of(job, self._loop.now())
        if found is Verdict.SATISFIED:
            self._go_on(job)
        elif found is Verdict.IMPOSSIBLE:
            self._give_up(job)
        elif job.array is not None and dependencies.by_task(job.dependency):
            self._settle_tasks(job, index)

    def settle_delayed(self) -> None:
        """Duty, each second: those to whom time alone may open the way."""
        for job_id in list(self._live.waits.delayed):
            self._settle_id(job_id)

    def _settle_id(self, job_id: int, index: int | None = None) -> None:
        job = self._live.jobs.get(job_id)
        if job is not None:
            self.settle(job, index)

    def _go_on(self, job: Job) -> None:
        live, now = self._live, self._loop.now()
        live.waits.unblock(job.id)
        if job.dependency is not None and not job.dependency_met:
            index = job.task.index if job.task is not None else None
            array = job.array is not None
            if dependencies.met_for_good(job.dependency, live.view(job, now), index=index, array=array):
                self._loop.move(replace(job, dependency_met=True))
                return
        live.unblock(job.id, now)
        self._loop.plan_soon()

    def _give_up(self, job: Job) -> None:
        if job.keep_on_failed_dependency or job.dependency is None:
            return
        live, now = self._live, self._loop.now()
        event = DependencyFailed(sentence=dependencies.never(job.dependency, live.view(job, now)))
        if job.array is None:
            self._loop.move(apply(job, event, now))
            return
        self._loop.move(arrays.cancel_waiting(job, now, event.sentence))

    # -- tasks that go on one by one

    def _settle_tasks(self, record: Job, index: int | None) -> None:
        """Split off the tasks whose own counterpart has ended, as many as the throttle lets wait beside."""
        array = record.array
        if array is None or record.held:
            return
        room = len(array.waiting) if array.throttle is None else self._room(record, array.throttle)
        ready: list[int] = []
        lost: list[int] = []
        for one in array.waiting if index is None else [index] if index in array.waiting else ():
            if len(ready) >= room:
                break
            found = self._verdict(record, one)
            if found is Verdict.SATISFIED:
                ready.append(one)
            elif found is Verdict.IMPOSSIBLE and not record.keep_on_failed_dependency:
                lost.append(one)
        if ready or lost:
            self._split(record, ready, lost)

    def _room(self, record: Job, throttle: int) -> int:
        return throttle - sum(
            not self._live.jobs[task_id].ended for task_id in self._live.tasks_of.get(record.id, ())
        )

    def _verdict(self, record: Job, index: int) -> Verdict:
        if record.dependency is None:
            return Verdict.SATISFIED
        return dependencies.verdict(record.dependency, self._live.view(record, self._loop.now()), index=index)

    def _split(self, record: Job, ready: list[int], lost: list[int]) -> None:
        now, dependency = self._loop.now(), record.dependency
        first_id = self._loop.new_ids(len(ready) + len(lost))
        record, tasks = arrays.split(record, [*ready, *lost], first_id)
        moved: list[tuple[Job, Job]] = []
        for task in tasks[: len(ready)]:
            moved.append((task, replace(task, dependency_met=True)))
        for task in tasks[len(ready) :]:
            index = task.task.index if task.task is not None else 0
            corresponding = f"its task {index} did not complete"
            text = format_dependency(dependency) if dependency is not None else ""
            event = DependencyFailed(sentence=f"dependency {text} can never be satisfied: {corresponding}")
            moved.append((task, apply(task, event, now)))
        self._loop.move_tasks(record, moved)

    # -- one of a name at a time

    def _settle_namesakes(self, job: Job) -> None:
        """Of those who want to be alone: the first that waits may go on, and whoever is not alone waits."""
        live, now = self._live, self._loop.now()
        singles = self._pending(live.waits.singles.get((job.uid, job.name), ()))
        for one in singles:
            if one.id not in live.blocked and live.verdict_of(one, now) is Verdict.WAITING:
                live.block(one.id, now)
        blocked = [one for one in singles if one.id in live.blocked]
        first = min((_own(one) for one in blocked), default=None)
        for one in blocked:
            if _own(one) == first:
                self._settle_id(one.id)

    def _pending(self, job_ids: Iterable[int]) -> list[Job]:
        """Those that wait, and arrays of which a part waits."""
        found = (self._live.jobs.get(job_id) for job_id in list(job_ids))
        return [job for job in found if job is not None and waits(job)]

    def _waits_again(self, job: Job) -> None:
        """It was requeued or is to be tried again: another one of its name may have gone ahead."""
        if job.dependency is not None and job.dependency.singleton:
            self._live.block(job.id, self._loop.now())
            self.settle(job)


def _own(job: Job) -> int:
    """The id by which it stands among those of its name: of a task that of its array."""
    return job.task.job_id if job.task is not None else job.id
