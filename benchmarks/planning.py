"""Planning passes on a large cluster, in CPU time, against a plain loop of the same interpreter.

10,000 nodes, 4,000 running jobs, 10,000 waiting jobs of 180 shapes: once with every node in use (a pass that
can start nothing), once with room (starts). And 100,000 waiting jobs.
"""

import random
import resource
import time
from collections.abc import Callable

from benchmarks.row import Row
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.resources import Request
from launchyard.policy.backfill import plan
from launchyard.policy.future import Ends, Holding
from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.queue import Shape, WaitingQueue
from launchyard.policy.snapshot import Snapshot

NODES = 10_000
RUNNING = 4_000
WAITING = 10_000
MANY = 100_000
SHAPES = 180
STARTS = 256
PARTITIONS = {"all": Partition(name="all", default=True)}
LOOP = 1_000_000


class Yard:
    """A cluster as the controller holds it."""

    def __init__(self, *, full: bool) -> None:
        self._chance = random.Random(180)
        self.nodes = [Node(name=f"n{n}", cpus=64, memory_mib=256 * 1024) for n in range(NODES)]
        self.ledger = Ledger(self.nodes)
        self.index = Index(self.ledger, self.nodes, PARTITIONS)
        self.queue = WaitingQueue()
        self.ends = Ends()
        self._next = 0
        whole = NODES // RUNNING + 1
        left = NODES
        for _ in range(RUNNING):
            if full:
                nodes = min(left, whole if self._chance.random() < 0.5 else whole - 1)
                left -= nodes
                asked = Request(cpus_milli=64_000 * nodes, memory_mib=1024 * nodes, nodes=nodes)
            else:
                cpus = self._chance.choice([1, 4, 16, 64])
                asked = Request(cpus_milli=cpus * 1000, memory_mib=self._chance.randrange(1, 64) * 1024)
            if asked.nodes:
                self._run(asked, 1_000 + self._chance.random() * 1e5)
        while full and left:
            nodes, left = min(left, 500), left - min(left, 500)
            self._run(Request(cpus_milli=64_000 * nodes, memory_mib=0, nodes=nodes), 1e6)

    def wait(self, count: int) -> None:
        """Put so many jobs into the queue."""
        shapes = [self._shape() for _ in range(SHAPES)]
        for _ in range(count):
            self._next += 1
            shape = self._chance.choice(shapes)
            self.queue.put(self._next, shape, (0, self._next))

    def snapshot(self) -> Snapshot:
        return Snapshot(
            now=0.0,
            ledger=self.ledger,
            index=self.index,
            holdings=self.ends.in_order,
            waiting=self.queue,
            partitions=PARTITIONS,
        )

    def start_some(self) -> tuple[float, int]:
        """One pass that is carried out: its CPU seconds and its starts."""
        snapshot = self.snapshot()
        began = time.process_time()
        starts = plan(snapshot, starts_max=STARTS).starts
        spent = time.process_time() - began
        for start in starts:
            self.ledger.take(start.allocation)
            self.ends.put(Holding(3_600, start.job_id, start.allocation))
            self.queue.drop(start.job_id)
        return spent, len(starts)

    def _shape(self) -> Shape:
        cpus = self._chance.choice([1, 2, 4, 8, 16, 32, 64])
        asked = Request(cpus_milli=cpus * 1000, memory_mib=self._chance.randrange(1, 200) * 1024)
        return Shape("all", asked, self._chance.choice([600, 3_600, 7_200, 86_400, 30 * 86_400]))

    def _run(self, asked: Request, until: float) -> None:
        allocation = self.index.place("all", asked)
        if allocation is not None:
            self._next -= 1
            self.ledger.take(allocation)
            self.ends.put(Holding(until, self._next, allocation))


def rows() -> list[Row]:
    """Passes without and with starts, and with a very long queue."""
    loop_s = _best(_loop)
    full = Yard(full=True)
    full.wait(WAITING)
    first_s = _spent(lambda: plan(full.snapshot()))
    idle_s = _best(lambda: plan(full.snapshot()))
    room = Yard(full=False)
    room.wait(WAITING)
    passes = [room.start_some() for _ in range(12)]
    start_s = min(spent / starts for spent, starts in passes[4:] if starts)
    full.wait(MANY)
    many_s = _best(lambda: plan(full.snapshot()))
    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    note = f"bare loop {loop_s * 1000:.0f} ms"
    size = "10,000 nodes x 10,000 waiting"
    many = f"pass, {WAITING + MANY:,} waiting"
    return [
        _row(f"pass, {size}, no start", "ms", idle_s, loop_s, 0.5, f"{note}; asked: ≤ 20 ms"),
        _row("the first pass of all, nothing known yet", "ms", first_s, loop_s, 5, note),
        _row(f"a start, {size}", "us", start_s, loop_s / 1000, 2, "asked: ≤ 60 us"),
        _row(many, "ms", many_s, loop_s, 2, "asked: ≤ 250 ms"),
        Row(
            work="memory of all that",
            value=memory_mib,
            unit="MiB",
            against="300 MiB",
            ratio=memory_mib / 300,
            gate=1,
            lower_is_better=True,
        ),
    ]


def _row(work: str, unit: str, spent_s: float, loop_s: float, gate: float, note: str) -> Row:
    return Row(
        work=work,
        value=spent_s * (1e6 if unit == "us" else 1e3),
        unit=unit,
        against="a loop of 1,000" if unit == "us" else "a loop of 1,000,000",
        ratio=spent_s / loop_s,
        gate=gate,
        lower_is_better=True,
        note=note,
    )


def _loop() -> None:
    total = 0
    for n in range(LOOP):
        total += n


def _best(work: Callable[[], object]) -> float:
    """The least CPU seconds of five: what else the machine did is not counted."""
    return min(_spent(work) for _ in range(5))


def _spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
