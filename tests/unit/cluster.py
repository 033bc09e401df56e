"""Builders for policy tests: nodes, jobs and snapshots in one line each."""

from collections.abc import Sequence

from launchyard.model.job import Job, JobKind
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.resources import Request
from launchyard.policy.backfill import plan
from launchyard.policy.future import Ends, Holding
from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.queue import Shape, WaitingQueue
from launchyard.policy.snapshot import Snapshot

T0 = 1_000_000.0
ALL = {"all": Partition(name="all", default=True)}


def node(name: str = "n1", cpus: int = 4, memory_mib: int = 8192, gpus: int = 0) -> Node:
    return Node(name=name, cpus=cpus, memory_mib=memory_mib, gpus=gpus)


def request(cpus: float = 1, memory_mib: int = 0, gpus: int = 0, nodes: int = 1) -> Request:
    return Request(cpus_milli=int(cpus * 1000), memory_mib=memory_mib, gpus=gpus, nodes=nodes)


def job(job_id: int = 1, **changes: object) -> Job:
    fields: dict[str, object] = {
        "id": job_id,
        "name": "job",
        "kind": JobKind.COMMAND,
        "user": "ada",
        "uid": 1000,
        "partition": "all",
        "submitted_at": T0,
        "time_limit_s": 3600,
    }
    return Job(**{**fields, **changes})  # type: ignore[arg-type]


class Cluster:
    """Nodes with running jobs and a queue, on which a plan is made; ids are the order of submission."""

    def __init__(self, *nodes: Node, partitions: dict[str, Partition] = ALL) -> None:
        self.nodes = nodes or (node(),)
        self.partitions = partitions
        self.ledger = Ledger(self.nodes)
        self.index = Index(self.ledger, self.nodes, partitions)
        self.queue = WaitingQueue()
        self.ends = Ends()

    def running(self, asked: Request, ends_in: float) -> "Cluster":
        allocation = self.index.place("all", asked)
        assert allocation is not None
        self.ledger.take(allocation)
        self.ends.put(Holding(T0 + ends_in, -len(self.ends.in_order) - 1, allocation))
        return self

    def waiting(
        self, job_id: int, asked: Request, time_limit_s: int = 3600, count: int = 1, partition: str = "all"
    ) -> "Cluster":
        tier = self.partitions[partition].tier
        self.queue.put(job_id, Shape(partition, asked, time_limit_s), (-tier, 0, job_id), count)
        return self

    def snapshot(self) -> Snapshot:
        return Snapshot(
            now=T0,
            ledger=self.ledger,
            index=self.index,
            holdings=self.ends.in_order,
            waiting=self.queue,
            partitions=self.partitions,
        )

    def starts(self) -> Sequence[int]:
        return [start.job_id for start in plan(self.snapshot()).starts]
