"""All jobs that have not ended, and the tables that follow from them. One owner: the controller's loop.

`put` is the only way in: allocation table, waiting queue and look-ups are brought up to date by comparing
the job before with the job after, so that they cannot drift from what the jobs say.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from launchyard.controller.dependents import Dependents
from launchyard.controller.drivers import Drivers
from launchyard.controller.parties import Parties
from launchyard.controller.queues import Queues
from launchyard.controller.tally import Tally
from launchyard.model.account import PreemptMode
from launchyard.model.array import Array
from launchyard.model.change import NodeMark
from launchyard.model.cluster import LOCAL
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.model.partition import Partition, PartitionState
from launchyard.model.reservation import Reservation
from launchyard.model.resources import Allocation
from launchyard.model.rules import Rules
from launchyard.model.state import ALLOCATED, ENDED, JobState
from launchyard.policy import arrays
from launchyard.policy.capacity import Capacity
from launchyard.policy.clusters import Ground, in_force
from launchyard.policy.dependencies import Seen, Verdict, View, seen_of, verdict
from launchyard.policy.future import Closure, Ends, Holding
from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.limits import Party
from launchyard.policy.order import Ordering, Totals
from launchyard.policy.queue import Shape
from launchyard.policy.reserved import closures_of
from launchyard.policy.snapshot import seconds_of
from launchyard.policy.suggest import Entry

SETTLED_AT_ONCE = 500
"""So many jobs take another place in one turn of the loop."""


class LiveJobs:
    """Live jobs by id, with who waits, who holds what, and who depends on whom."""

    def __init__(
        self,
        nodes: Iterable[Node],
        parties: Parties,
        licences: Mapping[str, int] | None = None,
        clusters: Sequence[str] = (LOCAL,),
        told: Rules | None = None,
    ) -> None:
        """`told` are the rules as they are written, of which those of `parties` were made."""
        self.clusters = tuple(clusters)
        self.told = told or parties.rules
        self.own: dict[str, tuple[Partition, ...]] = {}
        """By cluster the partitions that its engine has of its own."""
        self.marks: dict[tuple[str, str], NodeMark] = {}
        """What was said of nodes, by cluster and name, of those too that are away."""
        self.nodes = {node.name: node for node in nodes}
        self.parties = parties
        self.partitions = dict(parties.rules.partitions)
        """Those of the rules, and those that are gone while jobs are still in them."""
        self.jobs: dict[int, Job] = {}
        self.licences = dict(licences or {})
        self.ledger = Ledger(self.nodes.values(), licences)
        self.index = Index(self.ledger, self.nodes.values(), self.partitions)
        self.capacity = Capacity(self.nodes.values(), self.partitions, licences)
        self.reservations: dict[str, Reservation] = {}
        self.closures: tuple[Closure, ...] = ()
        """The same as the plan knows them."""
        self.ordering = self._ordering()
        self.preempts = _preempts(parties.rules)
        self.queue = Queues()
        self.unsettled: deque[int] = deque()
        """Jobs that have no place yet under rules or standings in force; nothing is planned meanwhile."""
        self.ends = Ends()
        self.holding: dict[int, Job] = {}
        self.by_launch: dict[str, int] = {}
        """Jobs by their attempt, or by what was handed to an engine that places."""
        self.placed_elsewhere: frozenset[str] = frozenset()
        """Clusters whose engines place: what they say that a job has is so, whatever is free here."""
        self.tasks: dict[tuple[int, int], int] = {}
        self.tasks_of: dict[int, set[int]] = {}
        self.not_begun: dict[int, float] = {}
        self.yielded: set[int] = set()
        """Jobs that stand still to make room for others."""
        self.deadlines: set[int] = set()
        """Jobs that must have ended by a certain time."""
        self.tally = Tally()
        self.waits = Dependents()
        self.drivers = Drivers()
        self.prepared: set[int] = set()
        """Jobs with a runtime environment that is set up; an array stands for its tasks."""

    def put(self, job: Job, now: float) -> None:
        """Take in a job as it is now; the tables follow."""
        self._take(job, now)
        self._line_up(job, now)
        if not job.request.cpus_milli:
            self._let_drivers_in(job.uid, now)

    def adopt(self, jobs: Collection[Job], now: float) -> None:
        """Take in the live jobs of an earlier run; what they hold is booked as it is."""
        self._keep_partitions(_partitions_of(jobs), {})
        places: list[tuple[Entry, Job]] = []
        for job in jobs:
            holds = _holding(job)
            if holds is not None:
                self.ledger.adopt(holds)
                self._hold(job, holds)
                self.jobs[job.id] = job
                self.tally.move(None, job)
                self._introduce(job, now)
                self.waits.take(None, job)
                self.drivers.admitted(job, 0)
                self.by_launch[job.launch_id or ""] = job.id
                self.parties.follow(job, now)
                self._note_yielded(job)
            elif not job.request.cpus_milli:
                self.put(job, now)
            else:
                self._take(job, now)
                if (place := self._place(job, now)) is not None:
                    places.append((place, job))
        # First to start first: a queue takes who comes last at once, and moves all others for anybody else.
        for place, job in sorted(places, key=lambda one: (one[0].key, one[1].id)):
            self._stand(job, place)

    def drop(self, job_id: int) -> None:
        """Forget a job whose end is durable."""
        job = self.jobs.pop(job_id)
        self.tally.move(job, None)
        if job.launch_id is not None:
            self.by_launch.pop(job.launch_id, None)
        if job.task is not None:
            self.tasks.pop((job.task.job_id, job.task.index), None)
            self.tasks_of.get(job.task.job_id, set()).discard(job_id)
        self.tasks_of.pop(job_id, None)
        self.deadlines.discard(job_id)
        self.waits.drop(job)
        self.prepared.discard(job_id)

    def is_prepared(self, job: Job) -> bool:
        """Whether the runtime environment, if it needs one, is set up."""
        if job.runtime_env is None or job.id in self.prepared:
            return True
        return job.task is not None and job.task.job_id in self.prepared

    def prepare(self, job_id: int, now: float) -> None:
        """Its runtime environment is set up."""
        self.prepared.add(job_id)
        for one in (job_id, *self.tasks_of.get(job_id, ())):
            if one in self.jobs:
                self._line_up(self.jobs[one], now)

    def use_rules(self, rules: Rules, now: float) -> None:
        """Other rules are in force: whoever waits stands anew under them, all of them after some `settle`."""
        self.told = rules
        self._use(in_force(rules, self.grounds()), now)

    def use_nodes(
        self, cluster: str, nodes: Iterable[Node], own: tuple[Partition, ...] | None, now: float
    ) -> None:
        """These are the nodes of a cluster now, and its engine's own partitions. One that is gone stays, and
        is down, for as long as a job holds anything there."""
        held = {share.node for job in self.holding.values() if job.holds for share in job.holds.shares}
        others = {name: node for name, node in self.nodes.items() if node.cluster != cluster}
        given = {node.name: replace(node, cluster=cluster) for node in nodes if node.name not in others}
        gone = {
            name: replace(node, state=NodeState.DOWN, reason=node.reason or "it is not there any more")
            for name, node in self.nodes.items()
            if node.cluster == cluster and name not in given and name in held
        }
        self.nodes = {**others, **given, **gone}
        if own is not None:
            self.own[cluster] = own
        self.ledger = Ledger(self.nodes.values(), self.licences)
        for job in self.holding.values():
            if (holds := job.holds) is not None:
                self.ledger.adopt(holds)
        self.use_reservations(self.reservations.values())
        self._use(in_force(self.told, self.grounds()), now)

    def grounds(self) -> list[Ground]:
        """The clusters as rules meet them."""
        names: dict[str, list[str]] = {cluster: [] for cluster in self.clusters}
        for node in self.nodes.values():
            names.setdefault(node.cluster, []).append(node.name)
        return [
            Ground(name=one, nodes=tuple(names[one]), partitions=self.own.get(one, ()))
            for one in self.clusters
        ]

    def _use(self, rules: Rules, now: float) -> None:
        before, self.partitions = self.partitions, dict(rules.partitions)
        self._keep_partitions(_partitions_of(self.jobs.values()), before)
        at_work = [job for job in self.jobs.values() if job.attempt is not None]
        self.parties.use_rules(rules, at_work, now)
        self.index = Index(self.ledger, self.nodes.values(), self.partitions)
        self.capacity = Capacity(self.nodes.values(), self.partitions, self.capacity.licences)
        self.ordering = self._ordering()
        self.preempts = _preempts(rules)
        self.queue, self.unsettled = Queues(), deque(self.jobs)
        self.settle(now)

    def settle(self, now: float, count: int | None = SETTLED_AT_ONCE) -> None:
        """So many of those who have no place yet under the rules in force take theirs; None: all."""
        left = len(self.unsettled)
        for _ in range(left if count is None else min(count, left)):
            job = self.jobs.get(self.unsettled.popleft())
            if job is not None:
                self.parties.follow(job, now)
                self._line_up(job, now)

    def use_reservations(self, reservations: Iterable[Reservation]) -> None:
        """These are kept now, and no others."""
        self.reservations = {one.name: one for one in reservations}
        self.closures = closures_of(self.reservations.values(), self.ledger)

    def stand_anew(self, parties: Collection[Party], now: float) -> None:
        """The waiting jobs of these parties have another place now, all of them after some `settle`."""
        if parties:
            self.unsettled.extend(one for one in self.queue.in_order() if Party.of(self.jobs[one]) in parties)
            self.settle(now)

    def keep_partition(self, job: Job) -> None:
        """A partition that is gone stays closed for as long as there are jobs in it."""
        self._keep_partitions(_partitions_of([job]), {})

    def _keep_partitions(self, named: set[str], before: Mapping[str, Partition]) -> None:
        for name in named - self.partitions.keys():
            gone = before.get(name) or Partition(name=name)
            self.partitions[name] = replace(gone, default=False, state=PartitionState.INACTIVE)

    def _ordering(self) -> Ordering:
        rules = self.parties.rules.scheduler
        return Ordering(
            order=rules.order,
            ageing_s=rules.ageing_h * 3600,
            totals=_totals(self.nodes.values()),
            weights=rules.weights,
            standings=self.parties.standings,
            partitions={
                name: one.priority / max(1, *(other.priority for other in self.partitions.values()))
                for name, one in self.partitions.items()
            },
        )

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
        return verdict(
            job.dependency,
            self.view(job, now),
            met=job.dependency_met,
            index=index,
            array=job.array is not None,
        )

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
            one is not None and one.state not in ENDED and (one.id < own or _at_work(one)) for one in others
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
        self.ledger.set_open(node.name, node.state is NodeState.UP)

    def _take(self, job: Job, now: float) -> None:
        """All tables but the queue follow."""
        before = self.jobs.get(job.id)
        self.jobs[job.id] = job
        self.tally.move(before, job)
        if before is None:
            self._introduce(job, now)
        if job.deadline_at is not None:
            self.deadlines.add(job.id)
        self.waits.take(before, job)
        self._book(before, job)
        self.parties.follow(job, now)

    def _introduce(self, job: Job, now: float) -> None:
        if job.task is not None:
            self.tasks[job.task.job_id, job.task.index] = job.id
            self.tasks_of.setdefault(job.task.job_id, set()).add(job.id)
        if job.not_before is not None and job.not_before > now:
            self.not_begun[job.id] = job.not_before

    def _book(self, before: Job | None, job: Job) -> None:
        held, holds = _holding(before), _holding(job)
        if held is not None and held is not holds:
            self.ledger.release(held)
            self.ends.drop(job.id)
            del self.holding[job.id]
        if holds is not None:
            if held is not holds and job.cluster in self.placed_elsewhere:
                self.ledger.adopt(holds)
            elif held is not holds:
                self.ledger.take(holds)
            self._hold(job, holds)
        if before is not None and before.launch_id is not None and job.launch_id is None:
            self.by_launch.pop(before.launch_id, None)
        if job.launch_id is not None:
            self.by_launch[job.launch_id] = job.id
        self._note_yielded(job)

    def _note_yielded(self, job: Job) -> None:
        if job.attempt is not None and job.attempt.yielded_to is not None and job.state not in ENDED:
            self.yielded.add(job.id)
        elif self.yielded:
            self.yielded.discard(job.id)

    def _hold(self, job: Job, allocation: Allocation) -> None:
        """It holds this, at the latest until its time is up."""
        self.holding[job.id] = job
        seconds = seconds_of(self.partitions, job.partition, job.limit_s)
        leaving = job.stop_requested is not None or job.state is JobState.COMPLETING
        since, stays = _since(job), not leaving and self._would_stay(job)
        self.ends.put(
            Holding(
                since + seconds, job.id, allocation, since=since, qos=job.qos, leaving=leaving, stays=stays
            )
        )

    def _would_stay(self, job: Job) -> bool:
        """Whether it would make room by standing still; one that has not begun cannot."""
        qos = self.parties.rules.qos.get(job.qos)
        return qos is not None and qos.preempt_mode is PreemptMode.SUSPEND and may_stand_still(job)

    def _let_drivers_in(self, uid: int, now: float) -> None:
        """Jobs without CPUs, as far as there is room for them now."""
        for job_id in self.drivers.next_of(uid):
            if job_id in self.jobs:
                self._line_up(self.jobs[job_id], now)
                if not self.drivers.next_of(uid):
                    return

    def _line_up(self, job: Job, now: float) -> None:
        place = self._place(job, now)
        if place is None:
            self.queue.drop(job.id)
        else:
            self._stand(job, place)

    def _stand(self, job: Job, place: Entry) -> None:
        self.queue.put(job.cluster, job.id, place.shape, place.key, place.count, place.party)

    def _place(self, job: Job, now: float) -> Entry | None:
        """Where the job stands in the queue; None: it is not to be considered now."""
        if job.state is not JobState.PENDING and job.array is None and job.request.cpus_milli:
            return None
        count = self.drivers.admitted(job, self._may_start(job, now))
        return self.entry(job, now, count) if count else None

    def entry(self, job: Job, now: float, count: int = 1) -> Entry:
        """Where the job stands in the queue."""
        tier = self.partitions[job.partition].tier
        seconds = seconds_of(self.partitions, job.partition, job.time_limit_s)
        lengths, to_its_end = (job.time_limit_s, job.time_min_s), job.until_reservation_ends
        shape = Shape(job.partition, job.request, *lengths, job.parts, to_its_end)
        key = self.ordering.key(job, tier, seconds, now)
        party = self.parties.party_in_limits(job)
        if party is None and job.qos in self.preempts:
            party = Party.of(job)
        return Entry(shape, key, count, party)

    def _may_start(self, job: Job, now: float) -> int:
        """How many starts the job may have now: 0 or 1, more for an array."""
        if job.array is None and job.state is not JobState.PENDING:
            return 0
        if job.held or job.id in self.blocked or job.stop_requested is not None or job.handed is not None:
            return 0
        if not self.is_prepared(job):
            return 0
        if job.not_before is not None and job.not_before > now:
            self.not_begun[job.id] = job.not_before
            return 0
        if job.state in ENDED or self.parties.barred(job) is not None:
            return 0
        if job.array is not None:
            return arrays.available(job)
        return 1


def _partitions_of(jobs: Collection[Job]) -> set[str]:
    named = {job.partition for job in jobs}
    return named.union(part.partition for job in jobs if job.parts for part in job.parts)


def _at_work(job: Job) -> bool:
    """Of an array: any of its tasks."""
    if job.array is None:
        return job.state is not JobState.PENDING
    return any(state in ALLOCATED for state in job.array.counts)


def _holding(job: Job | None) -> Allocation | None:
    return None if job is None else job.holds


def may_stand_still(job: Job) -> bool:
    """Somebody sits at the terminal of an attached job, and a GPU's memory stays in use: those are asked
    to go instead."""
    held = job.attempt.allocation.shares if job.attempt is not None else ()
    running = job.state in (JobState.RUNNING, JobState.SUSPENDED)
    return running and not job.terminal and not any(share.gpu_ids for share in held)


def _preempts(rules: Rules) -> dict[str, frozenset[str]]:
    """Of a QOS, those whose jobs make room for it."""
    willing = frozenset(name for name, qos in rules.qos.items() if qos.preempt_mode is not PreemptMode.OFF)
    return {one.name: willing.intersection(one.preempts) for one in rules.qos.values() if one.preempts}


def _since(job: Job) -> float:
    """From when its time limit counts: the time that it stood still does not."""
    if job.started_at is not None:
        return job.started_at + (job.attempt.suspended_s if job.attempt is not None else 0)
    return job.attempt.allocated_at if job.attempt is not None else job.submitted_at


def _totals(nodes: Iterable[Node]) -> Totals:
    every = list(nodes)
    return Totals(
        cpus_milli=sum(node.cpus for node in every) * 1000,
        memory_mib=sum(node.memory_mib for node in every),
        gpus=sum(node.gpus for node in every),
    )
