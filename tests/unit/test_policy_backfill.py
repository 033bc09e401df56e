"""Who starts now, and who must not go ahead."""

from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.partition import Partition
from launchyard.model.resources import Request
from launchyard.policy.backfill import plan
from tests.unit.cluster import T0, Cluster, node, request


def test_jobs_start_in_the_order_of_submission() -> None:
    cluster = Cluster(node(cpus=2)).waiting(3, request(1)).waiting(1, request(1)).waiting(2, request(1))
    assert cluster.starts() == [1, 2]


def test_short_job_backfills_behind_a_blocked_wide_job() -> None:
    cluster = Cluster(node(cpus=4)).running(request(2), ends_in=600)
    cluster.waiting(1, request(4)).waiting(2, request(2), time_limit_s=600)
    assert cluster.starts() == [2]


def test_long_job_that_would_delay_the_head_waits() -> None:
    cluster = Cluster(node(cpus=4)).running(request(2), ends_in=600)
    cluster.waiting(1, request(4)).waiting(2, request(2), time_limit_s=601)
    assert cluster.starts() == []


def test_long_job_starts_on_what_the_head_will_not_need() -> None:
    cluster = Cluster(node(cpus=4)).running(request(2), ends_in=600)
    cluster.waiting(1, request(3)).waiting(2, request(1), time_limit_s=10_000)
    assert cluster.starts() == [2]


def test_what_is_spare_beside_the_head_is_given_once() -> None:
    cluster = Cluster(node(cpus=4)).running(request(2), ends_in=600)
    cluster.waiting(1, request(3)).waiting(2, request(1), 10_000).waiting(3, request(1), 10_000)
    assert cluster.starts() == [2]


def test_pinned_cpus_stay_pinned_when_backfilled_beside_a_reservation() -> None:
    cluster = Cluster(node(cpus=4)).running(request(2), ends_in=600)
    cluster.waiting(1, request(3)).waiting(2, request(1), time_limit_s=10_000)
    (start,) = plan(cluster.snapshot()).starts
    assert start.allocation.shares[0].cpu_ids == (2,)


def test_the_head_is_promised_the_earliest_time_at_which_enough_ends() -> None:
    cluster = Cluster(node(cpus=4)).running(request(1), 100).running(request(2), 200).running(request(1), 300)
    found = plan(cluster.waiting(1, request(3)).snapshot())
    assert [(kept.job_id, kept.at) for kept in found.reservations] == [(1, T0 + 200)]


def test_jobs_started_in_this_pass_count_towards_the_reservation() -> None:
    cluster = (
        Cluster(node(cpus=2)).waiting(1, request(1), 500).waiting(2, request(2)).waiting(3, request(1), 500)
    )
    assert cluster.starts() == [1, 3]


def test_gpus_are_given_by_index_and_never_twice() -> None:
    cluster = Cluster(node(gpus=2)).waiting(1, request(1, gpus=1)).waiting(2, request(1, gpus=1))
    starts = plan(cluster.waiting(3, request(1, gpus=1)).snapshot()).starts
    assert [start.allocation.shares[0].gpu_ids for start in starts] == [(0,), (1,)]


def test_gang_starts_on_all_its_nodes_or_not_at_all() -> None:
    cluster = Cluster(node("a", cpus=2), node("b", cpus=2)).running(request(2), ends_in=100)
    assert cluster.waiting(1, request(4, nodes=2)).starts() == []


def test_gang_spreads_evenly_over_its_nodes() -> None:
    cluster = Cluster(node("a", cpus=2), node("b", cpus=2)).waiting(1, request(4, nodes=2))
    (start,) = plan(cluster.snapshot()).starts
    assert [(share.node, share.cpus_milli) for share in start.allocation.shares] == [("a", 2000), ("b", 2000)]


def test_array_starts_as_many_tasks_as_fit() -> None:
    assert Cluster(node(cpus=3)).waiting(1, request(1), count=20).starts() == [1, 1, 1]


def test_drained_node_does_not_hold_up_work_for_the_others() -> None:
    drained = node("a", cpus=8)
    cluster = Cluster(node("b", cpus=2), drained)
    cluster.ledger.set_open("a", False)
    cluster.waiting(1, request(8)).waiting(2, request(1))
    assert cluster.starts() == [2]


def test_higher_tier_goes_first_and_jobs_keep_to_the_nodes_of_their_partition() -> None:
    partitions = {
        "all": Partition(name="all", default=True),
        "express": Partition(name="express", nodes=("b",), tier=10),
    }
    cluster = Cluster(node("a", cpus=1), node("b", cpus=1), partitions=partitions)
    cluster.waiting(1, request(1)).waiting(2, request(1)).waiting(3, request(1), partition="express")
    starts = plan(cluster.snapshot()).starts
    assert [(start.job_id, start.allocation.nodes[0]) for start in starts] == [(3, "b"), (1, "a")]


def test_a_pass_starts_no_more_than_its_bound() -> None:
    cluster = Cluster(node(cpus=8)).waiting(1, request(1), count=3).waiting(2, request(1), count=9)
    assert [start.job_id for start in plan(cluster.snapshot(), starts_max=5).starts] == [1, 1, 1, 2, 2]


_requests = st.builds(
    request,
    cpus=st.sampled_from([0.5, 1, 2, 3, 4]),
    memory_mib=st.sampled_from([0, 100, 4000]),
    gpus=st.integers(0, 2),
    nodes=st.integers(1, 2),
)


@given(st.lists(st.tuples(_requests, st.integers(1, 5000)), max_size=30), st.lists(_requests, max_size=4))
def test_no_plan_gives_more_than_there_is(waiting: list[tuple[Request, int]], running: list[Request]) -> None:
    cluster = Cluster(node("a", gpus=2), node("b", cpus=2), node("c", cpus=8, gpus=1))
    for n, asked in enumerate(running):
        if cluster.index.place("all", asked) is not None:
            cluster.running(asked, ends_in=100 * n)
    for n, (asked, limit_s) in enumerate(waiting):
        cluster.waiting(n + 1, asked, limit_s)
    found = plan(cluster.snapshot())
    for start in found.starts:
        cluster.ledger.take(start.allocation)
    assert len({start.job_id for start in found.starts}) == len(found.starts)


@given(st.lists(st.tuples(_requests, st.integers(1, 5000)), min_size=1, max_size=20))
def test_no_backfilled_job_delays_the_reservation_of_the_head(waiting: list[tuple[Request, int]]) -> None:
    cluster = Cluster(node("a", gpus=2), node("b", cpus=4)).running(request(3), 300).running(request(2), 900)
    for n, (asked, limit_s) in enumerate(waiting):
        cluster.waiting(n + 1, asked, limit_s)
    found = plan(cluster.snapshot())
    if not found.reservations:
        return
    (kept,) = found.reservations
    at, then = kept.at, cluster.ledger.copy()
    for holding in cluster.ends.in_order:
        if holding.until <= at:
            then.release(holding.allocation)
    for start in found.starts:
        shape = cluster.queue.shape_of(start.job_id)
        if T0 + (shape.time_limit_s or 0) <= at:
            then.release(start.allocation)
    assert cluster.index.over(then).place("all", cluster.queue.shape_of(kept.job_id).request) is not None
