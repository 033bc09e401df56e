"""The queue of waiting jobs is always what sorting its jobs anew would make of it."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.partition import Partition
from launchyard.policy import ordered, paged
from launchyard.policy.backfill import plan
from launchyard.policy.limits import Party
from launchyard.policy.order import Key
from launchyard.policy.queue import Shape, WaitingQueue, Walk
from launchyard.policy.thinning import Thinning
from tests.unit.cluster import Cluster, node, request

PARTIES = [None, Party("ada", "physics", "normal")]
PUT = st.tuples(
    st.integers(1, 12),
    st.sampled_from([1, 2, 3]),
    st.integers(0, 4),
    st.sampled_from(PARTIES),
    st.integers(1, 3),
)
DROP = st.tuples(st.integers(1, 12))
COPY = st.tuples()
Plain = dict[int, tuple[Shape, Key, int, Party | None]]


@pytest.fixture(autouse=True)
def _few_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "RUN_MAX", 3)
    monkeypatch.setattr(paged, "PAGE_BITS", 1)


@given(st.lists(PUT | DROP, max_size=60))
def test_whatever_comes_moves_and_goes_all_stand_in_order(steps: list[tuple[object, ...]]) -> None:
    queue, plain = WaitingQueue(), Plain()
    for step in steps:
        _do(step, queue, plain)

    _assert_stands(queue, plain)


@given(st.lists(st.tuples(st.integers(0, 3), PUT | DROP | COPY), max_size=60))
def test_copies_of_copies_know_nothing_of_each_other(steps: list[tuple[int, tuple[object, ...]]]) -> None:
    queues: list[tuple[WaitingQueue, Plain]] = [(WaitingQueue(), {})]
    for number, step in steps:
        queue, plain = queues[number % len(queues)]
        if step:
            _do(step, queue, plain)
        else:
            queues.append((queue.copy(), dict(plain)))

    for queue, plain in queues:
        _assert_stands(queue, plain)


def test_a_copy_with_one_more_costs_no_steps_for_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    queue = WaitingQueue()
    for job_id in range(20_000):
        queue.put(job_id, Shape("all", request(1), 60), (0.0, float(job_id)))

    def copy_with_one_more() -> None:
        queue.copy().put(20_000, Shape("all", request(2), 60), (0.0, 0.5))

    assert _lines_of(copy_with_one_more) < 200
    assert len(queue) == 20_000


def test_who_waits_for_a_full_partition_is_left_out_though_another_has_room() -> None:
    partitions = {name: Partition(name=name, nodes=(name,)) for name in ("full", "idle")}
    cluster = Cluster(node("full"), node("idle"), partitions=partitions)
    allocation = cluster.index.place("full", request(4))
    assert allocation is not None
    cluster.ledger.take(allocation)
    for job_id in range(1, 101):
        cluster.waiting(job_id, request(1, memory_mib=job_id), partition="full")
    cluster.waiting(101, request(1), partition="idle")
    snapshot = cluster.snapshot()

    walk = Walk(cluster.queue, None, snapshot.seconds, Thinning(snapshot, lambda: True, least=50))
    looked_at = [one.job_id for one in walk.walk()]

    assert looked_at == [101]
    assert [start.job_id for start in plan(snapshot, thin_from=50).starts] == [101]


def test_who_needs_more_memory_than_is_free_beside_its_cpus_is_left_out() -> None:
    """Of thousands of unlike kinds a pass looks at those that a node may hold, and at the first of all."""
    cluster = Cluster(node("narrow", cpus=1, memory_mib=8_000), node("wide", cpus=4, memory_mib=1_000))
    for job_id in range(1, 4_001):
        cluster.waiting(job_id, request(2 + job_id % 3, memory_mib=1_000 + job_id))
    cluster.waiting(4_001, request(2, memory_mib=1_000))
    cluster.waiting(4_002, request(1, memory_mib=8_000))
    snapshot = cluster.snapshot()

    walk = Walk(cluster.queue, None, snapshot.seconds, Thinning(snapshot, lambda: True, least=50))

    assert [one.job_id for one in walk.walk()] == [4_001, 4_002]
    assert [start.job_id for start in plan(snapshot).starts] == [4_001, 4_002]


def test_a_pass_takes_three_steps_for_each_of_very_many_kinds_that_wait() -> None:
    cluster = Cluster(node(cpus=4)).running(request(4), 60)
    for job_id in range(1, 4_001):
        cluster.waiting(job_id, request(4, memory_mib=job_id))
    snapshot = cluster.snapshot()

    assert _lines_of(lambda: plan(snapshot, foresee=False)) < 3 * 4_000


def _lines_of(act: Callable[[], object]) -> int:
    """Lines of Python that it takes."""
    lines = 0

    def count(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    finally:
        sys.settrace(before)
    return lines


def _do(step: tuple[object, ...], queue: WaitingQueue, plain: Plain) -> None:
    match step:
        case (int() as job_id, int() as cpus, int() as place, (None | Party()) as party, int() as count):
            plain[job_id] = (Shape("all", request(cpus), 60), (0.0, float(place)), count, party)
            queue.put(job_id, *plain[job_id])
        case (int() as job_id,):
            plain.pop(job_id, None)
            queue.drop(job_id)


def _assert_stands(queue: WaitingQueue, plain: Plain) -> None:
    order = sorted(plain, key=lambda job_id: (plain[job_id][1], job_id))
    assert list(queue.in_order()) == order
    assert [queue.ahead(job_id) for job_id in order] == list(range(len(order)))
    assert queue.counts == {job_id: one[2] for job_id, one in plain.items()}
    lanes = {(lane.shape, lane.party): [job_id for _, job_id in lane.entries] for lane in queue.lanes()}
    heads, by_number = queue.heads()
    assert [by_number[number].entries.first for _, number in heads] == [entry for entry, _ in heads]
    assert [entry for entry, _ in heads] == sorted(lane.entries.first for lane in queue.lanes())
    names = {(one[0], one[3]) for one in plain.values()}
    assert lanes == {
        name: [job_id for job_id in order if (plain[job_id][0], plain[job_id][3]) == name] for name in names
    }
