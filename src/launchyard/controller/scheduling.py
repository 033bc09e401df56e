"""From live state to a snapshot, and from the plan back to jobs that start."""

import secrets
import time
from collections.abc import Callable, Iterator

from launchyard.controller.clusters import LiveCluster
from launchyard.controller.counters import Counters
from launchyard.controller.handing import Handing
from launchyard.controller.live import may_stand_still
from launchyard.controller.loop import Loop
from launchyard.controller.yielding import Yielding
from launchyard.model.account import QOS, PreemptMode
from launchyard.model.event import Allocated
from launchyard.model.frozen import changed
from launchyard.model.job import Job
from launchyard.policy import arrays, backfill
from launchyard.policy.backfill import Start
from launchyard.policy.lifecycle import apply, made_room_for
from launchyard.policy.preempt import Preemption
from launchyard.policy.snapshot import Snapshot

STARTS_MAX = 256
"""Starts of one pass; more follow in the next, so that no pass keeps the loop for long."""

DEPTH_ALL = 1_000_000


class Scheduler:
    """Plans and carries out, cluster by cluster, as long as its engine answers."""

    def __init__(self, loop: Loop, yielding: Yielding) -> None:
        self._loop = loop
        self.yielding = yielding
        self.counters = Counters(loop.now())
        loop.watch(self.counters.count)
        self.kept_for: tuple[int, ...] = ()
        """The jobs for which the last plans keep resources."""
        self._launch_ids = _launch_ids()
        self.handing = Handing(loop, lambda: next(self._launch_ids))
        loop.changed = self.handing.follow
        self.stop: Callable[[Job, int], None] = lambda job, grace_s: None

    def snapshot(self, cluster: str) -> Snapshot:
        """Live state as the policy sees it, with what waits for one cluster."""
        live = self._loop.live
        return Snapshot(
            now=self._loop.now(),
            ledger=live.ledger,
            index=live.index,
            holdings=live.ends.in_order,
            waiting=live.queue.of(cluster),
            partitions=live.partitions,
            limits=live.parties.book,
            preempts=live.preempts,
            closures=live.closures,
            depth=DEPTH_ALL if (depth := live.parties.rules.scheduler.depth) is None else depth,
        )

    def plan(self) -> None:
        """One pass over each cluster that answers: start what may start, as one change."""
        kept: list[int] = []
        for cluster in self._loop.clusters:
            if cluster.epoch is None or not len(self._loop.live.queue.of(cluster.name)):
                continue
            if cluster.places:
                self._hand_over(cluster)
            else:
                kept += self._plan(cluster)
        self.kept_for = tuple(kept)
        if self._loop.live.yielded:
            self.yielding.go_on()

    def start_now(self, job: Job, start: Start) -> None:
        """A new job that takes nothing of any node, whatever waits; as one change with what led to it."""
        self._start(job, start, self._loop.now())

    def _hand_over(self, cluster: LiveCluster) -> None:
        """What there is of a pass where the engine places; it starts nothing."""
        began, depth = time.perf_counter(), len(self._loop.live.queue.of(cluster.name))
        self.handing.hand_over(cluster)
        self.counters.cycle(self._loop.now(), time.perf_counter() - began, depth, 0)

    def _plan(self, cluster: LiveCluster) -> tuple[int, ...]:
        """The jobs for which it keeps resources."""
        began, snapshot = time.perf_counter(), self.snapshot(cluster.name)
        depth, now = len(snapshot.waiting), snapshot.now
        found = backfill.plan(snapshot, starts_max=STARTS_MAX, foresee=False)
        self.counters.cycle(now, time.perf_counter() - began, depth, len(found.starts))
        starts: dict[int, list[Start]] = {}
        for start in found.starts:
            starts.setdefault(start.job_id, []).append(start)
        for job_id, given in starts.items():
            job = self._loop.live.jobs[job_id]
            if job.array is None:
                self._start(job, given[0], now)
            else:
                self._start_tasks(job, given, now)
        self._loop.live.ledger.drop_promises()
        for preemption in found.preemptions:
            self._make_room(preemption)
        if len(found.starts) == STARTS_MAX:
            self._loop.plan_soon()
        return found.kept_for

    def _make_room(self, preemption: Preemption) -> None:
        """Ask the victims to go, each as its QOS says."""
        for job_id in preemption.victims:
            job = self._loop.live.jobs[job_id]
            qos = self._loop.live.parties.rules.qos[job.qos]
            if self._may_stand_still(job, qos):
                self.yielding.stand_still(job, preemption.job_id)
                continue
            # Somebody sits at the terminal of an attached job: it cannot wait for another turn.
            again = qos.preempt_mode is not PreemptMode.CANCEL and not job.terminal
            self._loop.move(changed(job, stop_requested=made_room_for(preemption.job_id, again=again)))
            self.stop(job, qos.grace_s)

    def _may_stand_still(self, job: Job, qos: QOS) -> bool:
        mode_is_suspend = qos.preempt_mode is PreemptMode.SUSPEND
        return mode_is_suspend and self._loop.clusters.of(job).engine.suspends and may_stand_still(job)

    def _start(self, job: Job, start: Start, now: float) -> None:
        self._loop.move(self._allocated(job, start, now))
        self._loop.draft.starting.append(job.id)

    def _start_tasks(self, record: Job, given: list[Start], now: float) -> None:
        first_id = self._loop.new_ids(len(given))
        record, tasks = arrays.split_first(record, len(given), first_id)
        moved = [(task, self._allocated(task, one, now)) for task, one in zip(tasks, given, strict=True)]
        self._loop.move_tasks(record, moved)
        self._loop.draft.starting += [task.id for task in tasks]

    def _allocated(self, job: Job, start: Start, now: float) -> Job:
        """`now`: when the pass was made that decided so, from when on the plan counts its time limit."""
        epoch = self._loop.clusters.of(job).epoch
        if epoch is None:
            raise RuntimeError("nothing starts while the engine does not answer")
        event = Allocated(
            launch_id=next(self._launch_ids),
            epoch=epoch,
            allocation=start.allocation,
            time_limit_s=start.time_limit_s,
        )
        return apply(job, event, now)


def _launch_ids() -> Iterator[str]:
    """Ids that nobody has had. The kernel is asked for many at a time: to ask costs as much as to plan."""
    while True:
        block = secrets.token_hex(8 * 512)
        yield from (block[at : at + 16] for at in range(0, len(block), 16))
