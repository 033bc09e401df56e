"""Jobs handed to engines that decide themselves when and where each starts."""

from collections.abc import Callable

from launchyard.controller.clusters import LiveCluster
from launchyard.controller.loop import Loop
from launchyard.model.event import HandedOver
from launchyard.model.job import Job
from launchyard.policy import arrays
from launchyard.policy.handover import waits_for_more
from launchyard.policy.lifecycle import apply

AT_ONCE_MAX = 256
"""Jobs handed over in one turn of the loop; more follow in the next."""


class Handing:
    """Whatever may start is handed over at once: the order of the queue is the engine's business."""

    def __init__(self, loop: Loop, new_launch_id: Callable[[], str]) -> None:
        self._loop = loop
        self._new_launch_id = new_launch_id

    def hand_over(self, cluster: LiveCluster) -> None:
        """All that waits for this cluster, as one change with what led to it."""
        live, left = self._loop.live, AT_ONCE_MAX
        for job_id in list(live.queue.of(cluster.name).in_order()):
            job = live.jobs[job_id]
            if waits_for_more(job, live.capacity):
                continue
            if job.array is None:
                self._hand(cluster, job)
                left -= 1
            else:
                left -= self._hand_tasks(cluster, job, left)
            if left <= 0:
                self._loop.plan_soon()
                return

    def follow(self, before: Job, job: Job) -> None:
        """A job that waits in its engine asks for something else, or is held, or not any more."""
        handed, queue = job.handed, self._loop.clusters.of(job).queue
        if handed is None or queue is None or job.stop_requested is not None:
            return
        if before.held != job.held:
            self._loop.effect(lambda: queue.hold(handed.launch_id, held=job.held))
        if _asks(before) != _asks(job):
            self._loop.effect(lambda: queue.amend(handed.launch_id, job))

    def _hand(self, cluster: LiveCluster, job: Job) -> None:
        self._loop.move(self._handed(cluster, job))
        self._loop.draft.starting.append(job.id)

    def _hand_tasks(self, cluster: LiveCluster, record: Job, most: int) -> int:
        count = min(most, arrays.available(record) - self._waiting_there(record))
        if count <= 0:
            return 0
        record, tasks = arrays.split_first(record, count, self._loop.new_ids(count))
        self._loop.move_tasks(record, [(task, self._handed(cluster, task)) for task in tasks])
        self._loop.draft.starting += [task.id for task in tasks]
        return count

    def _waiting_there(self, record: Job) -> int:
        """Tasks of a throttled array that may begin at any moment count as at work."""
        if record.array is None or record.array.throttle is None:
            return 0
        live = self._loop.live
        return sum(live.jobs[one].handed is not None for one in live.tasks_of.get(record.id, ()))

    def _handed(self, cluster: LiveCluster, job: Job) -> Job:
        event = HandedOver(launch_id=self._new_launch_id(), epoch=cluster.epoch or "")
        return apply(job, event, self._loop.now())


def _asks(job: Job) -> tuple[object, ...]:
    """What an engine is told of a job."""
    wishes = (job.request, job.time_limit_s, job.time_min_s, job.nice)
    return (*wishes, job.name, job.partition, job.account, job.qos, job.metadata)
