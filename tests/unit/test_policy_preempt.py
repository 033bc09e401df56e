"""Who makes room for urgent jobs: as few as will do, the youngest, and only those who may be asked."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.node import Node
from launchyard.model.resources import Part, Request
from launchyard.policy.backfill import Plan, plan
from launchyard.policy.future import Ends, Holding
from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.limits import Party
from launchyard.policy.parts import place
from launchyard.policy.queue import Shape, WaitingQueue
from launchyard.policy.snapshot import Snapshot
from tests.unit.cluster import ALL, T0, node, request

URGENT = Party("ada", "default", "urgent")


@dataclass
class Yard:
    """Nodes on which `low` jobs run, and an `urgent` queue that may make them go."""

    nodes: tuple[Node, ...]
    queue: WaitingQueue = field(default_factory=WaitingQueue)
    ends: Ends = field(default_factory=Ends)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.nodes)
        self.index = Index(self.ledger, self.nodes, ALL)

    def running(self, job_id: int, asked: Request, qos: str = "low", *, leaving: bool = False) -> None:
        """Ids are the order of starting."""
        allocation = self.index.place("all", asked)
        assert allocation is not None
        self.ledger.take(allocation)
        self.ends.put(Holding(T0 + 9000, job_id, allocation, since=T0 + job_id, qos=qos, leaving=leaving))

    def urgent(self, job_id: int, asked: Request) -> None:
        self.queue.put(job_id, Shape("all", asked, 3600), (-1, job_id), 1, URGENT)

    def waiting(self, job_id: int, asked: Request, seconds: int = 3600) -> None:
        self.queue.put(job_id, Shape("all", asked, seconds), (0, job_id))

    def plan(self) -> Plan:
        found = plan(
            Snapshot(
                now=T0,
                ledger=self.ledger,
                index=self.index,
                holdings=self.ends.in_order,
                waiting=self.queue,
                partitions=ALL,
                preempts={"urgent": frozenset({"low"})},
            )
        )
        self.ledger.drop_promises()
        return found

    def victims(self) -> list[tuple[int, ...]]:
        return [one.victims for one in self.plan().preemptions]


def test_a_job_whose_parts_share_a_node_goes_as_one_and_counts_once() -> None:
    yard = Yard((node(cpus=8),))
    parts = tuple(Part(partition="all", request=request(cpus)) for cpus in (2, 1))
    allocation = place(yard.ledger, yard.index, parts, lambda part, row: row.fits)
    assert allocation is not None
    yard.ledger.take(allocation)
    yard.ends.put(Holding(T0 + 9000, 1, allocation, since=T0 + 1, qos="low"))
    yard.running(2, request(5))
    yard.urgent(9, request(4))
    assert yard.victims() == [(2,)]
    yard.queue.drop(9)
    yard.urgent(10, request(8))
    assert yard.victims() == [(1, 2)]


def test_one_large_job_goes_rather_than_two_small_ones() -> None:
    yard = Yard((node(cpus=4),))
    yard.running(1, request(2))
    yard.running(2, request(1))
    yard.running(3, request(1))
    yard.urgent(9, request(2))
    assert yard.victims() == [(1,)]


def test_of_equals_the_youngest_goes() -> None:
    yard = Yard((node(cpus=3),))
    for job_id in (1, 2, 3):
        yard.running(job_id, request(1))
    yard.urgent(9, request(1))
    assert yard.victims() == [(3,)]


def test_who_may_not_be_asked_stays() -> None:
    yard = Yard((node(cpus=2),))
    yard.running(1, request(1), qos="normal")
    yard.running(2, request(1))
    yard.urgent(9, request(2))
    found = yard.plan()
    assert found.preemptions == ()


def test_nobody_goes_while_there_is_room() -> None:
    yard = Yard((node(cpus=2),))
    yard.running(1, request(1))
    yard.urgent(9, request(1))
    found = yard.plan()
    assert ([start.job_id for start in found.starts], found.preemptions) == ([9], ())


def test_those_on_their_way_out_are_not_joined_by_others() -> None:
    yard = Yard((node(cpus=2),))
    yard.running(1, request(1), leaving=True)
    yard.running(2, request(1))
    yard.urgent(9, request(1))
    assert yard.victims() == []


def test_what_victims_leave_is_kept_for_whom_they_went() -> None:
    yard = Yard((node(cpus=2),))
    yard.running(1, request(1), leaving=True)
    yard.urgent(9, request(2))
    yard.waiting(10, request(1), seconds=60)
    yard.running(2, request(1))
    found = yard.plan()
    assert ([one.victims for one in found.preemptions], found.starts) == ([(2,)], ())
    assert next(kept.job_id for kept in found.reservations) == 9


def test_a_gang_takes_the_nodes_that_cost_the_fewest() -> None:
    yard = Yard((node("a", cpus=2), node("b", cpus=2), node("c", cpus=2)))
    yard.running(1, request(4, nodes=2))
    yard.running(2, request(1))
    yard.running(3, request(1))
    yard.urgent(9, request(4, nodes=2))
    assert yard.victims() == [(1,)]


def test_urgent_jobs_of_one_kind_are_served_one_after_the_other() -> None:
    yard = Yard((node(cpus=2),))
    yard.running(1, request(1))
    yard.running(2, request(1))
    yard.urgent(8, request(1))
    yard.urgent(9, request(1))
    assert yard.victims() == [(2,)]


_asked = st.builds(
    request,
    cpus=st.integers(1, 4),
    memory_mib=st.sampled_from([0, 2000, 8000]),
    gpus=st.integers(0, 1),
    nodes=st.integers(1, 2),
)


@given(st.lists(st.tuples(_asked, st.sampled_from(["low", "low", "normal"])), max_size=10), _asked)
def test_enough_go_and_not_one_too_many(running: list[tuple[Request, str]], asked: Request) -> None:
    yard = Yard((node("a", gpus=1), node("b", gpus=1), node("c")))
    for job_id, (one, qos) in enumerate(running, start=1):
        if yard.index.place("all", one) is not None:
            yard.running(job_id, one, qos)
    if yard.index.place("all", asked) is not None:
        return
    yard.urgent(99, asked)
    victims = {job_id for group in yard.victims() for job_id in group}
    held = {one.job_id: one for one in yard.ends.in_order}
    low = {job_id for job_id, one in held.items() if one.qos == "low"}
    assert victims <= low
    if not victims:
        assert not _fits_without(yard, asked, low)
        return
    assert _fits_without(yard, asked, victims)
    assert not any(_fits_without(yard, asked, victims - {one}) for one in victims)


def _fits_without(yard: Yard, asked: Request, gone: set[int]) -> bool:
    ledger = yard.ledger.copy()
    for one in yard.ends.in_order:
        if one.job_id in gone:
            ledger.release(one.allocation)
    return yard.index.over(ledger).place("all", asked) is not None
