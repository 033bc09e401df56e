"""What no plan may do, for requests of every kind: on random clusters with random queues."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.resources import Allocation, NodeShare, Request
from launchyard.policy.backfill import Plan, fill, plan
from launchyard.policy.estimate import start_of
from launchyard.policy.future import Closure, Ends, Holding
from launchyard.policy.index import Index
from launchyard.policy.ledger import Free, Ledger, positions
from launchyard.policy.need import Need
from launchyard.policy.processors import Processors
from launchyard.policy.queue import Shape, WaitingQueue
from launchyard.policy.snapshot import Snapshot
from launchyard.policy.spare import take_any

T0 = 1_000.0
NODES = (
    Node(name="a", cpus=4, memory_mib=4_000, gpus=2, gpu_type="a100", features=("fast", "nvlink")),
    Node(name="b", cpus=4, memory_mib=4_000, features=("fast",)),
    Node(name="c", cpus=8, memory_mib=2_000, threads_per_core=2),
    Node(name="d", cpus=2, memory_mib=1_000, gpus=1, gpu_type="l4", features=("old",)),
)
PARTITIONS = {
    "all": Partition(name="all", default=True),
    "fast": Partition(name="fast", nodes=("a", "b"), tier=1),
}
LICENCES = {"matlab": 2}


@dataclass
class Yard:
    """A cluster with what runs and what waits."""

    ledger: Ledger
    index: Index
    ends: Ends
    queue: WaitingQueue
    closures: tuple[Closure, ...] = ()
    depth: int = 1

    @classmethod
    def empty(cls, nodes: tuple[Node, ...] = NODES) -> "Yard":
        ledger = Ledger(nodes, LICENCES)
        return cls(ledger, Index(ledger, nodes, PARTITIONS), Ends(), WaitingQueue())

    def run(self, job_id: int, asked: Request, until: float) -> None:
        """Start it now, if it fits."""
        if not self.ledger.has_licences(asked):
            return
        allocation = self.index.place("all", asked)
        if allocation is not None:
            self.ledger.take(allocation)
            self.ends.put(Holding(until, job_id, allocation))

    def wait(self, job_id: int, asked: Request, seconds: int, partition: str = "all") -> None:
        tier = PARTITIONS[partition].tier
        self.queue.put(job_id, Shape(partition, asked, seconds), (-tier, job_id))

    def plan(self) -> Plan:
        return plan(self.snapshot())

    def snapshot(self) -> Snapshot:
        return Snapshot(
            now=T0,
            ledger=self.ledger,
            index=self.index,
            holdings=self.ends.in_order,
            waiting=self.queue,
            partitions=PARTITIONS,
            closures=self.closures,
            depth=self.depth,
        )


def requests() -> st.SearchStrategy[Request]:
    plain = st.builds(
        Request,
        cpus_milli=st.sampled_from([0, 500, 1000, 2000, 4000, 8000]),
        memory_mib=st.sampled_from([0, 100, 900, 3000]),
        gpus=st.integers(0, 2),
        nodes=st.integers(1, 3),
        exclusive=st.booleans(),
    )
    parts = st.builds(
        Request,
        cpus_milli=st.just(1000),
        gpus=st.just(1),
        gpu_milli=st.sampled_from([100, 250, 500, 700]),
        gpu_type=st.sampled_from(["", "a100"]),
    )
    spread = st.builds(
        Request,
        cpus_milli=st.sampled_from([3000, 6000, 12000]),
        memory_mib=st.sampled_from([0, 300]),
        tasks=st.sampled_from([3, 6]),
        nodes=st.integers(1, 2),
        nodes_max=st.sampled_from([2, 4]),
        tasks_per_node=st.sampled_from([None, 2]),
    )
    placed = st.builds(
        Request,
        cpus_milli=st.sampled_from([1000, 2000]),
        constraint=st.sampled_from(["fast", "fast&nvlink", "!old", "old|nvlink"]),
        nodelist=st.sampled_from([(), ("a", "b")]),
        exclude=st.sampled_from([(), ("b",)]),
        licences=st.sampled_from([(), (("matlab", 1),), (("matlab", 2),)]),
    )
    ranged = st.builds(Request, cpus_milli=st.just(2000), nodes=st.just(1), nodes_max=st.sampled_from([2, 3]))
    return st.one_of(plain, parts, spread, placed, ranged)


_SECONDS = st.sampled_from([50, 100, 500, 5_000])
_waiting = st.lists(st.tuples(requests(), _SECONDS, st.sampled_from(["all", "fast"])), max_size=25)
_running = st.lists(st.tuples(requests(), st.sampled_from([10, 100, 100, 700, 5_000])), max_size=8)


def yard(waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]], depth: int = 1) -> Yard:
    made = Yard.empty()
    made.depth = depth
    for number, (asked, ends_in) in enumerate(running, start=1):
        made.run(-number, asked, T0 + ends_in)
    for number, (asked, seconds, partition) in enumerate(waiting, start=1):
        made.wait(number, asked, seconds, partition)
    return made


def held(allocations: list[Allocation], node: Node) -> tuple[int, int, dict[int, int], list[int]]:
    """What these allocations hold of a node, counted anew: CPUs, memory, GPU thousandths by id, CPU ids."""
    cpus, memory, gpus = 0, 0, dict.fromkeys(range(node.gpus), 0)
    ids: list[int] = []
    for share in (share for one in allocations for share in one.shares if share.node == node.name):
        cpus, memory = cpus + share.cpus_milli, memory + share.memory_mib
        ids += share.cpu_ids
        for gpu in share.gpu_ids:
            gpus[gpu] += share.gpu_milli
    return cpus, memory, gpus, ids


@given(_waiting, _running, st.sampled_from([1, 3, 100]))
def test_no_plan_gives_more_than_there_is(
    waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]], depth: int
) -> None:
    made = yard(waiting, running, depth)
    given_ = [holding.allocation for holding in made.ends.in_order]
    given_ += [start.allocation for start in made.plan().starts]
    for node in NODES:
        cpus, memory, gpus, ids = held(given_, node)
        assert cpus <= node.cpus * 1000
        assert memory <= node.memory_mib
        assert all(milli <= 1000 for milli in gpus.values())
        assert len(ids) == len(set(ids))
    assert sum(count for one in given_ for _, count in one.licences) <= LICENCES["matlab"]


@given(_waiting, _running)
def test_every_start_is_what_was_asked_for(
    waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]]
) -> None:
    made = yard(waiting, running)
    nodes = {node.name: node for node in NODES}
    for start in made.plan().starts:
        asked, _, partition = waiting[start.job_id - 1]
        need, shares = Need.of(asked), start.allocation.shares
        assert need.nodes <= len(shares) <= need.nodes_max
        assert len({share.node for share in shares}) == len(shares)
        for share in shares:
            _assert_suits(share, nodes[share.node], asked, need, partition)
        if need.tasks:
            assert sum(share.tasks for share in shares) == need.tasks


def _assert_suits(share: NodeShare, node: Node, asked: Request, need: Need, partition: str) -> None:
    assert not PARTITIONS[partition].nodes or node.name in PARTITIONS[partition].nodes
    assert not asked.nodelist or node.name in asked.nodelist
    assert node.name not in asked.exclude
    assert not asked.gpu_type or node.gpu_type == asked.gpu_type
    assert share.tasks <= (need.tasks_per_node or share.tasks)
    if asked.exclusive:
        assert (share.cpus_milli, share.memory_mib) == (node.cpus * 1000, node.memory_mib)
        return
    assert share.memory_mib == need.memory_mib * share.tasks
    assert share.cpus_milli >= need.cpus_milli * share.tasks
    assert len(share.gpu_ids) == need.gpus * share.tasks
    assert share.gpu_milli == (need.gpu_milli if need.gpus else 1000)
    if share.cpu_ids:
        assert len(share.cpu_ids) * 1000 == share.cpus_milli


@given(_waiting, _running, st.sampled_from([1, 3, 100]))
def test_no_start_delays_a_reservation(
    waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]], depth: int
) -> None:
    """At the moment when a reservation begins, what it keeps is there, whatever was started or reserved
    else."""
    made = yard(waiting, running, depth)
    found = made.plan()
    ends = [(one.until, one.allocation) for one in made.ends.in_order]
    ends += [(T0 + waiting[one.job_id - 1][1], one.allocation) for one in found.starts]
    for kept in found.reservations:
        whole = Ledger(NODES).free
        for until, allocation in ends:
            if until > kept.at:
                for share in allocation.shares:
                    _take(whole[share.node], share)
        for other in found.reservations:
            if other.at <= kept.at < other.until:
                for position, part in other.shares.items():
                    take_any(whole[NODES[position].name], part)
        for position in positions(kept.nodes):
            free = whole[NODES[position].name]
            assert free.cpus_milli >= 0
            assert free.memory_mib >= 0


def _take(free: Free, share: NodeShare) -> None:
    free.cpus_milli -= share.cpus_milli
    free.memory_mib -= share.memory_mib


@given(_waiting, _running)
def test_a_plan_that_is_not_carried_out_leaves_no_trace(
    waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]]
) -> None:
    made = yard(waiting, running)
    before = [replace(free, parts=dict(free.parts)) for free in made.ledger.at]
    levels, licences = dict(made.ledger.levels), dict(made.ledger.licences)
    made.plan()
    made.ledger.drop_promises()
    assert made.ledger.at == before
    assert (made.ledger.levels, made.ledger.licences) == (levels, licences)


@given(_waiting, _running, st.sampled_from([0, 1, 3, 100]))
def test_what_is_left_out_for_want_of_room_would_not_have_started(
    waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]], depth: int
) -> None:
    whole = plan(yard(waiting, running, depth).snapshot(), thin_from=10_000)

    thinned = plan(yard(waiting, running, depth).snapshot(), thin_from=1)

    assert (thinned.starts, thinned.kept_for) == (whole.starts, whole.kept_for)
    assert [(one.job_id, one.at, one.shares) for one in thinned.reservations] == [
        (one.job_id, one.at, one.shares) for one in whole.reservations
    ]


@given(_waiting, _running, st.sampled_from([0, 1, 3]))
def test_what_is_left_out_for_want_of_room_is_foretold_the_same(
    waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]], depth: int
) -> None:
    snapshot = yard(waiting, running, depth).snapshot()
    for job_id in snapshot.waiting.in_order():
        thinned = start_of(snapshot, job_id, thin_from=1)
        assert thinned == start_of(snapshot, job_id, thin_from=10_000)


@given(_waiting, _running)
def test_the_index_says_what_the_nodes_say(
    waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]]
) -> None:
    """Rows that were followed change by change equal rows that are made anew."""
    made = yard(waiting, running)
    for asked, _, partition in waiting:
        made.index.row(partition, asked)
    made.plan()
    fresh = Index(made.ledger, NODES, PARTITIONS)
    for asked, _, partition in waiting:
        assert made.index.row(partition, asked).fits == fresh.row(partition, asked).fits


@given(_waiting, _running)
def test_no_node_is_missing_where_a_plan_looks(
    waiting: list[tuple[Request, int, str]], running: list[tuple[Request, int]]
) -> None:
    """Rows that may name too many nodes name all that hold the need; nodes booked anew give the same."""
    made = yard(waiting, running)
    starts = made.plan().starts
    anew = Ledger(NODES, LICENCES)
    for allocation in [*(one.allocation for one in made.ends.in_order), *(one.allocation for one in starts)]:
        anew.adopt(allocation)
    fresh = Index(anew, NODES, PARTITIONS)
    for asked, _, partition in waiting:
        row, exact = made.index.widest(partition, asked), fresh.row(partition, asked)
        assert not exact.fits & ~row.fits
        assert made.ledger.shares(asked, row.need, row.fits) == anew.shares(asked, row.need, exact.fits)


@dataclass
class Rigid:
    number: int
    processors: int
    predicted_s: int


class Queue:
    """Jobs in their order, for a pass over processors."""

    def __init__(self, jobs: list[Rigid]) -> None:
        self.jobs = jobs

    def walk(self) -> list[Rigid]:
        return self.jobs

    def block(self, job: Rigid) -> None: ...


_rigid = st.lists(st.tuples(st.integers(1, 8), st.sampled_from([10, 60, 100, 900])), max_size=20)


@given(_rigid, _rigid)
def test_one_node_is_planned_as_a_number_of_processors(
    running: list[tuple[int, int]], waiting: list[tuple[int, int]]
) -> None:
    made = Yard.empty((Node(name="a", cpus=8, memory_mib=0),))
    space = Processors(8)
    space.begin_pass(int(T0))
    for number, (cpus, seconds) in enumerate(running, start=100):
        if cpus <= space.free:
            space.start(Rigid(number, cpus, seconds))
            made.run(number, Request(cpus_milli=cpus * 1000), T0 + seconds)
    for number, (cpus, seconds) in enumerate(waiting, start=1):
        made.wait(number, Request(cpus_milli=cpus * 1000), seconds)
    jobs = Queue([Rigid(n, cpus, seconds) for n, (cpus, seconds) in enumerate(waiting, start=1)])
    started, _ = fill(jobs, space, depth=1, starts_max=100)  # type: ignore[arg-type]
    assert [start.job_id for start in made.plan().starts] == [job.number for job, _ in started]


def test_nodes_that_are_closed_soon_take_only_what_ends_before() -> None:
    made = Yard.empty((Node(name="a", cpus=4, memory_mib=0),))
    made.closures = (Closure(name="", start=T0 + 100, end=T0 + 200, nodes=1),)
    made.wait(1, Request(), 101)
    made.wait(2, Request(), 100)
    found = made.plan()
    assert [start.job_id for start in found.starts] == [2]
    assert [(kept.job_id, kept.at) for kept in found.reservations] == [(1, T0 + 200)]


def test_an_advance_reservation_is_for_those_who_name_it() -> None:
    made = Yard.empty((Node(name="a", cpus=4, memory_mib=0),))
    made.closures = (Closure(name="course", start=T0 - 10, end=T0 + 200, nodes=1),)
    made.wait(1, Request(), 50)
    made.wait(2, Request(reservation="course"), 50)
    made.wait(3, Request(reservation="course"), 500)
    made.wait(4, Request(reservation="nothing"), 50)
    assert [start.job_id for start in made.plan().starts] == [2]


def test_a_job_with_a_minimum_of_time_starts_shorter_where_that_lets_it_start() -> None:
    made = Yard.empty((Node(name="a", cpus=4, memory_mib=0),))
    made.run(-1, Request(cpus_milli=3000), T0 + 100)
    made.wait(1, Request(cpus_milli=4000), 100)
    made.queue.put(2, Shape("all", Request(), 500, time_min_s=101), (0, 2))
    made.queue.put(3, Shape("all", Request(), 500, time_min_s=60), (0, 3))
    (start,) = made.plan().starts
    assert (start.job_id, start.time_limit_s) == (3, 100)


def test_what_may_run_until_its_reservation_ends_is_cut_for_that_alone_and_its_start_is_kept() -> None:
    made = Yard.empty((Node(name="a", cpus=4, memory_mib=0),))
    made.closures = (Closure(name="course", start=T0 - 10, end=T0 + 200, nodes=1),)
    made.run(-1, Request(cpus_milli=2000), T0 + 100)
    whole, part = (Request(cpus_milli=cpus, reservation="course") for cpus in (4000, 1000))
    made.queue.put(1, Shape("all", whole, 500, until_reservation_ends=True), (0, 1))
    made.queue.put(2, Shape("all", part, 500, until_reservation_ends=True), (0, 2))
    made.queue.put(3, Shape("all", part, 100), (0, 3))
    found = made.plan()
    assert [(start.job_id, start.time_limit_s) for start in found.starts] == [(3, None)]
    assert [(kept.job_id, kept.at) for kept in found.reservations] == [(1, T0 + 100)]


def test_hyperthreads_of_a_core_go_to_one_job() -> None:
    made = Yard.empty((Node(name="a", cpus=4, memory_mib=0, threads_per_core=2),))
    for number in (1, 2, 3):
        made.wait(number, Request(), 50)
    starts = made.plan().starts
    assert [start.allocation.shares[0].cpu_ids for start in starts] == [(0, 1), (2, 3)]


def test_parts_of_gpus_fill_one_before_the_next_is_begun() -> None:
    made = Yard.empty((Node(name="a", cpus=8, memory_mib=0, gpus=2),))
    for number, milli in enumerate((500, 250, 500, 250), start=1):
        made.wait(number, Request(gpus=1, gpu_milli=milli), 50)
    starts = made.plan().starts
    assert [start.allocation.shares[0].gpu_ids for start in starts] == [(0,), (0,), (1,), (0,)]


def test_a_head_that_cannot_be_foreseen_does_not_use_up_the_reservation() -> None:
    made = Yard.empty((Node(name="a", cpus=8, memory_mib=0), Node(name="b", cpus=4, memory_mib=0)))
    made.ledger.set_open("a", False)
    made.run(-1, Request(cpus_milli=2000), T0 + 100)
    made.wait(1, Request(cpus_milli=8000), 100)
    made.wait(2, Request(cpus_milli=4000), 100)
    made.wait(3, Request(), 500)
    found = made.plan()
    assert [(kept.job_id, kept.at) for kept in found.reservations] == [(2, T0 + 100)]
    assert (found.kept_for, found.starts) == ((2,), ())


def test_depth_keeps_time_for_more_than_the_head() -> None:
    made = Yard.empty((Node(name="a", cpus=4, memory_mib=0),))
    made.depth = 2
    made.run(-1, Request(cpus_milli=3000), T0 + 100)
    made.wait(1, Request(cpus_milli=4000), 100)
    made.wait(2, Request(cpus_milli=2000), 100)
    made.wait(3, Request(), 300)
    found = made.plan()
    assert [(kept.job_id, kept.at) for kept in found.reservations] == [(1, T0 + 100), (2, T0 + 200)]
    assert found.starts == ()


@pytest.mark.parametrize(
    ("asked", "nodes"),
    [
        (Request(cpus_milli=6000, tasks=6, nodes_max=4), ["c"]),
        (Request(cpus_milli=12000, tasks=6, nodes_max=2), ["c", "a"]),
        (Request(cpus_milli=6000, tasks=6, tasks_per_node=2, nodes_max=4), ["a", "b", "c"]),
        (Request(cpus_milli=2000, nodes=1, nodes_max=2), ["b", "c"]),
    ],
)
def test_tasks_and_ranges_of_nodes_are_spread(asked: Request, nodes: list[str]) -> None:
    made = Yard.empty()
    made.wait(1, asked, 50)
    (start,) = made.plan().starts
    assert list(start.allocation.nodes) == nodes
