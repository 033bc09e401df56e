"""Every suggested change, applied, gives the promised start; none is missing where one is plain to see."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.job import Job
from launchyard.model.resources import Request
from launchyard.model.submission import Update
from launchyard.policy.estimate import start_of
from launchyard.policy.order import Ordering, Totals
from launchyard.policy.queue import Shape
from launchyard.policy.suggest import Entry, suggest
from tests.unit.cluster import T0, Cluster, job, node, request

ORDERING = Ordering(totals=Totals(cpus_milli=12_000, memory_mib=3 * 8192, gpus=2))


def entry_of(changed: Job) -> Entry:
    shape = Shape(changed.partition, changed.request, changed.time_limit_s)
    return Entry(shape, ORDERING.key(changed, 0, changed.time_limit_s or 0, T0), 1, None)


def amended(one: Job, update: Update) -> Job:
    """As `admission.amend` does it, for what is suggested."""
    asked = one.request
    return replace(
        one,
        time_limit_s=update.time_limit_s or one.time_limit_s,
        request=replace(
            asked,
            cpus_milli=update.cpus_milli or asked.cpus_milli,
            memory_mib=update.memory_mib or asked.memory_mib,
            gpus=update.gpus or asked.gpus,
        ),
    )


def put(cluster: Cluster, one: Job) -> None:
    entry = entry_of(one)
    cluster.queue.put(one.id, entry.shape, entry.key, entry.count)


_requests = st.builds(
    request,
    cpus=st.sampled_from([1, 2, 4]),
    memory_mib=st.sampled_from([0, 1000, 6000]),
    gpus=st.sampled_from([0, 0, 1, 2]),
)
_jobs = st.lists(st.tuples(_requests, st.sampled_from([300, 3600, 20_000, 90_000])), min_size=1, max_size=12)


@pytest.mark.long
@given(_jobs, st.lists(st.tuples(_requests, st.sampled_from([200, 4000, 50_000])), max_size=6))
def test_every_suggested_change_gives_the_promised_start(
    waiting: list[tuple[Request, int]], running: list[tuple[Request, int]]
) -> None:
    cluster = Cluster(node("a", gpus=2), node("b"), node("c"))
    for asked, ends_in in running:
        if cluster.index.place("all", asked) is not None:
            cluster.running(asked, ends_in)
    jobs = [
        job(number, request=asked, time_limit_s=limit_s, submitted_at=T0 - 100 * number)
        for number, (asked, limit_s) in enumerate(waiting, start=1)
    ]
    for one in jobs:
        put(cluster, one)
    for one in jobs:
        snapshot = cluster.snapshot()
        start = start_of(snapshot, one.id)
        for found in suggest(snapshot, one, start, partial(amended, one), entry_of):
            assert start is None or found.start < start
            put(cluster, amended(one, found.update))
            assert start_of(cluster.snapshot(), one.id) == found.start
            put(cluster, one)
        assert start_of(cluster.snapshot(), one.id) == start


def test_a_shorter_time_limit_that_fits_before_the_head_is_found() -> None:
    cluster = Cluster(node(cpus=4)).running(request(3), ends_in=3600)
    put(cluster, job(1, request=request(4), time_limit_s=600, submitted_at=T0 - 1e6))
    late = job(2, request=request(1), time_limit_s=7200)
    put(cluster, late)
    snapshot = cluster.snapshot()
    found = suggest(snapshot, late, start_of(snapshot, 2), partial(amended, late), entry_of)
    assert (found[0].update, found[0].start) == (Update(time_limit_s=3600), T0)


def test_fewer_cpus_that_are_free_now_are_found() -> None:
    cluster = Cluster(node(cpus=4)).running(request(1), ends_in=3600)
    wide = job(1, request=request(4))
    put(cluster, wide)
    snapshot = cluster.snapshot()
    found = suggest(snapshot, wide, start_of(snapshot, 1), partial(amended, wide), entry_of)
    assert [(one.update, one.start) for one in found] == [(Update(cpus_milli=3000), T0)]
