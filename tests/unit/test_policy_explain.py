"""Sentences for waiting jobs, with the numbers of the allocation table."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.event import Allocated
from launchyard.model.node import NodeState
from launchyard.model.resources import Request
from launchyard.policy import explain
from launchyard.policy.estimate import start_of
from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.lifecycle import apply
from tests.unit.cluster import ALL, T0, Cluster, job, node, request


def why(asked: Request, *running: tuple[int, Request], ahead: int = 0, gpus: int = 2) -> str:
    nodes = [node(cpus=4, gpus=gpus)]
    ledger = Ledger(nodes)
    holders = []
    for job_id, held in running:
        allocation = Index(ledger, nodes, ALL).place("all", held)
        assert allocation is not None
        ledger.take(allocation)
        holders.append(apply(job(job_id), Allocated(launch_id="l", epoch="e", allocation=allocation), T0))
    situation = explain.Situation(nodes=nodes, ledger=ledger, holders=holders)
    return explain.with_ahead(explain.resources(job(9, request=asked), situation), ahead).sentence


def test_waiting_for_a_gpu_names_who_holds_them() -> None:
    found = why(request(1, gpus=1), (15, request(1, gpus=1)), (18, request(1, gpus=1)), ahead=1)
    assert found == "waits for 1 GPU: 2 of 2 are held by jobs 15 (ada) and 18 (ada); ahead: 1 job"


def test_waiting_for_cpus_counts_them() -> None:
    assert why(request(4), (1, request(1.5))) == "waits for 4 CPUs: 1.5 of 4 are held by job 1 (ada)"


def test_waiting_for_memory_counts_it() -> None:
    found = why(request(1, memory_mib=4096), (1, request(1, memory_mib=6144)))
    assert found == "waits for 4 GiB of memory: 6 GiB of 8 GiB are held by job 1 (ada)"


def test_what_would_fit_waits_for_those_ahead() -> None:
    assert why(request(1), ahead=2) == "lets those ahead go first; ahead: 2 jobs"


def test_drained_node_is_named_with_its_reason() -> None:
    closed = replace(node(), state=NodeState.DRAIN, reason="new disk")
    situation = explain.Situation(nodes=[closed], ledger=Ledger([closed]), holders=[])
    found = explain.resources(job(9, request=request(1)), situation).sentence
    assert found == "waits for a node that takes work: n1 (new disk) does not"


def test_drained_node_is_named_when_those_that_are_open_are_too_small() -> None:
    nodes = [node("n1", cpus=1), replace(node("n2"), state=NodeState.DRAIN, reason="new disk")]
    situation = explain.Situation(nodes=nodes, ledger=Ledger(nodes), holders=[])
    found = explain.resources(job(9, request=request(2)), situation).sentence
    assert found == "waits for a node that takes work: n2 (new disk) does not"


def test_estimate_is_the_plan_played_forward() -> None:
    cluster = Cluster(node(cpus=2)).running(request(2), ends_in=600)
    cluster.waiting(1, request(2), time_limit_s=1000).waiting(2, request(2))
    assert start_of(cluster.snapshot(), 2) == T0 + 600 + 1000


def test_estimate_leaves_the_snapshot_as_it_was() -> None:
    cluster = Cluster(node(cpus=2)).running(request(2), ends_in=600).waiting(1, request(2), count=3)
    start_of(cluster.snapshot(), 1)
    assert (cluster.queue.counts[1], cluster.ledger.free["n1"].cpus_milli) == (3, 0)


def situation(cluster: Cluster, **more: object) -> explain.Situation:
    return explain.Situation(nodes=cluster.nodes, ledger=cluster.ledger, holders=[], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (request(8, nodes=2), "waits for 2 nodes with 4 CPUs each: 1 of 3 has that free"),
        (
            Request(cpus_milli=9000, tasks=9, nodes_max=3),
            "waits for room for 9 tasks of 1 CPU: 6 fit now",
        ),
        (Request(exclusive=True, nodes=2), "waits for 2 whole nodes: 1 of 3 is idle"),
        (
            request(3, memory_mib=8704, gpus=1),
            "waits for 3 CPUs, 8.5 GiB of memory and 1 GPU on one node: no node has them free together",
        ),
        (Request(licences=(("matlab", 2),)), "waits for 2 licences of matlab: 1 of 2 are held"),
    ],
)
def test_what_is_short_is_said_of_every_kind_of_request(asked: Request, sentence: str) -> None:
    cluster = Cluster(node("a", gpus=1), node("b"), node("c", memory_mib=9000))
    cluster.ledger.licences["matlab"] = 1
    cluster.running(request(3), 100).running(request(3), 100)
    found = explain.resources(job(9, request=asked), situation(cluster, licences={"matlab": 2}))
    assert found.sentence == sentence


def test_who_is_kept_back_for_others_is_told_for_whom() -> None:
    cluster = Cluster(node(cpus=4)).running(request(2), 100)
    found = explain.resources(job(9, request=request(1)), situation(cluster, kept_for=(7,)))
    assert (found.code, found.sentence) == ("priority", "would delay job 7, which comes first")


_asked = st.builds(
    request,
    cpus=st.sampled_from([0.5, 1, 2, 4]),
    memory_mib=st.sampled_from([0, 500, 8000]),
    gpus=st.integers(0, 2),
)


@given(st.lists(_asked, max_size=6), _asked)
def test_every_number_is_that_of_the_allocation_table(running: list[Request], asked: Request) -> None:
    nodes = (node("a", gpus=2), node("b", gpus=1))
    cluster = Cluster(*nodes)
    for one in running:
        if cluster.index.place("all", one) is not None:
            cluster.running(one, 100)
    found = explain.resources(job(9, request=asked), situation(cluster))
    assert " " in found.sentence
    match = re.fullmatch(
        r"waits for .*: (\S+) of (\S+) (of memory )?are held", found.sentence.replace(" GiB", "G")
    )
    if match is None:
        return
    free = list(cluster.ledger.free.values())
    if "GPU" in found.sentence:
        total, left = 3.0, float(sum(one.gpus.bit_count() for one in free))
    elif "CPU" in found.sentence:
        total, left = 8.0, sum(one.cpus_milli for one in free) / 1000
    else:
        return
    assert (float(match[1]), float(match[2])) == (total - left, total)
