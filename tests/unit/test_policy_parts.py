"""Jobs of unlike parts: all parts start at once or none does, beside others and never in their way."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.resources import Allocation, Part, Request, in_all
from launchyard.policy.index import Index
from launchyard.policy.ledger import Free, Ledger, positions
from launchyard.policy.need import Need
from launchyard.policy.queue import Shape
from launchyard.policy.spare import take_any
from tests.unit.test_policy_plans import NODES, PARTITIONS, T0, Yard, held, requests

Waiting = list[tuple[list[tuple[Request, str]], int]]
Running = list[tuple[Request, int]]

_part = st.tuples(requests(), st.sampled_from(["all", "all", "fast"]))
_job = st.tuples(st.lists(_part, min_size=1, max_size=3), st.sampled_from([50, 100, 500, 5_000]))
_waiting = st.lists(_job, max_size=12)
_running = st.lists(st.tuples(requests(), st.sampled_from([10, 100, 100, 700, 5_000])), max_size=6)


def yard(waiting: Waiting, running: Running, depth: int = 1) -> Yard:
    made = Yard.empty()
    made.depth = depth
    for number, (asked, ends_in) in enumerate(running, start=1):
        made.run(-number, asked, T0 + ends_in)
    for number, (parts, seconds) in enumerate(waiting, start=1):
        wait(made, number, parts, seconds)
    return made


def wait(made: Yard, job_id: int, asked: list[tuple[Request, str]], seconds: int) -> None:
    parts = tuple(Part(partition=partition, request=request) for request, partition in asked)
    first = parts[0]
    if len(parts) == 1:
        shape = Shape(first.partition, first.request, seconds)
    else:
        shape = Shape(first.partition, in_all(parts), seconds, None, parts)
    made.queue.put(job_id, shape, (-PARTITIONS[first.partition].tier, job_id))


def small(cpus: int, **more: object) -> tuple[Request, str]:
    return Request(cpus_milli=cpus * 1000, **more), "all"  # type: ignore[arg-type]


def test_parts_start_at_once_on_what_each_of_them_needs() -> None:
    made = Yard.empty()
    wait(made, 1, [small(1), small(2, gpus=2), (Request(cpus_milli=4000, nodes=2), "fast")], 100)
    (start,) = made.plan().starts
    one, two, three = (start.allocation.of_part(number) for number in range(3))
    assert [share.cpus_milli for share in one.shares] == [1000]
    assert (two.nodes, two.shares[0].gpu_ids) == (("a",), (0, 1))
    assert sorted(three.nodes) == ["a", "b"]


def test_parts_may_share_a_node_and_never_hold_the_same_of_it() -> None:
    made = Yard.empty(NODES[1:2])
    wait(made, 1, [small(1), small(3)], 100)
    (start,) = made.plan().starts
    assert start.allocation.nodes == ("b",)
    (both,) = start.allocation.by_node
    assert (both.cpus_milli, both.cpu_ids) == (4000, (0, 1, 2, 3))


def test_a_job_of_which_one_part_does_not_fit_takes_nothing() -> None:
    made = Yard.empty(NODES[1:2])
    made.run(-1, Request(cpus_milli=2000), T0 + 100)
    wait(made, 1, [small(1), small(2)], 100)
    wait(made, 2, [small(2)], 100)
    found = made.plan()
    assert [start.job_id for start in found.starts] == [2]
    assert {(kept.job_id, kept.at) for kept in found.reservations} == {(1, T0 + 100)}


def test_who_comes_later_does_not_delay_a_job_of_parts_at_the_head() -> None:
    made = Yard.empty(NODES[1:2])
    made.run(-1, Request(cpus_milli=2000), T0 + 100)
    wait(made, 1, [small(1), small(2)], 100)
    wait(made, 2, [small(2)], 101)
    wait(made, 3, [small(1)], 101)
    assert [start.job_id for start in made.plan().starts] == [3]


def test_the_part_that_few_nodes_suit_goes_first() -> None:
    made = Yard.empty(NODES[:2])
    wait(made, 1, [small(4), small(4, gpus=1)], 100)
    (start,) = made.plan().starts
    assert [start.allocation.of_part(number).nodes for number in range(2)] == [("b",), ("a",)]


def test_another_order_is_tried_when_the_first_does_not_do() -> None:
    made = Yard.empty(NODES[:2])
    few = Request(cpus_milli=8000, nodes=2, exclusive=True)
    wait(made, 1, [(few, "all")], 100)
    wait(made, 2, [(Request(cpus_milli=2000, constraint="fast"), "all"), small(4), small(2)], 100)
    assert [start.job_id for start in made.plan().starts] == [1]
    made.queue.drop(1)
    made.ledger.drop_promises()
    assert [start.job_id for start in made.plan().starts] == [2]


def test_a_part_that_may_go_anywhere_leaves_the_only_node_of_another() -> None:
    made = Yard.empty(NODES[:2])
    alone = Request(cpus_milli=4000, constraint="nvlink"), "all"
    wait(made, 1, [(Request(cpus_milli=1000, exclusive=True), "all"), alone], 100)
    (start,) = made.plan().starts
    assert [start.allocation.of_part(number).nodes for number in range(2)] == [("b",), ("a",)]


@given(_waiting, _running, st.sampled_from([1, 3, 100]))
def test_no_plan_with_parts_gives_more_than_there_is(waiting: Waiting, running: Running, depth: int) -> None:
    made = yard(waiting, running, depth)
    allocations = [holding.allocation for holding in made.ends.in_order]
    allocations += [start.allocation for start in made.plan().starts]
    for node in NODES:
        cpus, memory, gpus, ids = held(allocations, node)
        assert cpus <= node.cpus * 1000
        assert memory <= node.memory_mib
        assert all(milli <= 1000 for milli in gpus.values())
        assert len(ids) == len(set(ids))


@given(_waiting, _running)
def test_every_part_gets_what_it_asked_for_or_the_job_gets_nothing(
    waiting: Waiting, running: Running
) -> None:
    for start in yard(waiting, running).plan().starts:
        asked, _ = waiting[start.job_id - 1]
        assert len(start.allocation.parts) == (len(asked) if len(asked) > 1 else 0)
        for number, (request, partition) in enumerate(asked):
            part = start.allocation.of_part(number) if len(asked) > 1 else start.allocation
            _assert_enough(part, request, partition)


def _assert_enough(given_: Allocation, asked: Request, partition: str) -> None:
    need, names = Need.of(asked), {share.node for share in given_.shares}
    assert need.nodes <= len(names) == len(given_.shares) <= need.nodes_max
    assert names <= set(PARTITIONS[partition].nodes or [node.name for node in NODES])
    assert not names & set(asked.exclude)
    if need.tasks:
        assert sum(share.tasks for share in given_.shares) == need.tasks
    for share in given_.shares:
        tasks = share.tasks if need.tasks else 1
        assert share.cpus_milli >= need.cpus_milli * tasks or asked.exclusive
        assert share.memory_mib >= need.memory_mib * tasks or asked.exclusive


@given(_waiting, _running, st.sampled_from([1, 3, 100]))
def test_no_start_delays_a_reservation_of_parts(waiting: Waiting, running: Running, depth: int) -> None:
    """At the moment when a reservation begins, what it keeps is there, whatever else starts."""
    made = yard(waiting, running, depth)
    found = made.plan()
    ends = [(one.until, one.allocation) for one in made.ends.in_order]
    ends += [(T0 + waiting[one.job_id - 1][1], one.allocation) for one in found.starts]
    for kept in found.reservations:
        whole = Ledger(NODES).free
        for share in (share for until, one in ends if until > kept.at for share in one.shares):
            whole[share.node].cpus_milli -= share.cpus_milli
            whole[share.node].memory_mib -= share.memory_mib
        for other in found.reservations:
            if other.at <= kept.at < other.until:
                for position, part in other.shares.items():
                    take_any(whole[NODES[position].name], part)
        assert all(_is_there(whole[NODES[position].name]) for position in positions(kept.nodes))


def _is_there(free: Free) -> bool:
    return free.cpus_milli >= 0 and free.memory_mib >= 0


@given(_waiting, _running, st.sampled_from([1, 100]))
def test_all_parts_of_a_job_are_reserved_for_the_same_time(
    waiting: Waiting, running: Running, depth: int
) -> None:
    found = yard(waiting, running, depth).plan()
    for job_id in {kept.job_id for kept in found.reservations}:
        times = [kept.at for kept in found.reservations if kept.job_id == job_id]
        assert times == [times[0]] * len(waiting[job_id - 1][0])
    assert len({kept.job_id for kept in found.reservations}) <= depth
    assert len(found.kept_for) == len(set(found.kept_for))


@given(_waiting, _running)
def test_a_plan_with_parts_that_is_not_carried_out_leaves_no_trace(
    waiting: Waiting, running: Running
) -> None:
    made = yard(waiting, running)
    before = [replace(free, parts=dict(free.parts)) for free in made.ledger.at]
    licences = dict(made.ledger.licences)
    made.plan()
    made.ledger.drop_promises()
    assert made.ledger.at == before
    assert made.ledger.licences == licences
    fresh = Index(made.ledger, NODES, PARTITIONS)
    for request, partition in (part for parts, _ in waiting for part in parts):
        assert made.index.row(partition, request).fits == fresh.row(partition, request).fits
