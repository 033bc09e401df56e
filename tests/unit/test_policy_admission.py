"""What is let in and as what, and what is refused: each refusal names the value and what would do."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.ability import Abilities, Placing
from launchyard.model.account import Account
from launchyard.model.errors import Infeasible, Invalid
from launchyard.model.job import Job
from launchyard.model.node import Node, NodeState
from launchyard.model.partition import Partition
from launchyard.model.resources import Request
from launchyard.model.rules import Rules
from launchyard.model.submission import Caller, Submission, Update
from launchyard.model.wishes import Wishes
from launchyard.policy.admission import Cluster, admit, amend
from launchyard.policy.capacity import Capacity
from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.limits import LimitBook
from launchyard.policy.need import Need
from launchyard.wire.convert import to_submission
from launchyard.wire.decode import decode
from launchyard.wire.job import resources_json
from launchyard.wire.submit import SubmitJob

T0 = 1_000_000.0
ADA = Caller(user="ada", uid=1000)
NODES = (
    *(Node(name=f"n{n}", cpus=4, memory_mib=8192, features=("ib",)) for n in range(1, 5)),
    Node(name="g1", cpus=8, memory_mib=32768, gpus=4, gpu_type="a100", features=("ib", "nvlink")),
    Node(name="g2", cpus=8, memory_mib=32768, gpus=2, gpu_type="v100", features=("old",)),
)
PARTITIONS = {
    "all": Partition(name="all", default=True),
    "small": Partition(name="small", nodes=("n1", "n2")),
    "pairs": Partition(name="pairs", nodes_max=2),
}
ODD = Node(name="odd", cpus=2, memory_mib=24105)
LICENCES = {"matlab": 4, "ansys": 1}
RULES = Rules(partitions=PARTITIONS)
CLUSTER = Cluster(
    name="local",
    capacity=Capacity(NODES, PARTITIONS, LICENCES),
    rules=RULES,
    book=LimitBook(RULES),
)
WISHES = frozenset(Wishes.__slots__)


def submission(**asked: Any) -> Submission:
    wishes = {name: asked.pop(name) for name in WISHES & asked.keys()}
    return Submission(command=("true",), wishes=Wishes(**wishes), **asked)


def admitted(**asked: Any) -> Job:
    return admit(submission(**asked), ADA, CLUSTER, job_id=1, now=T0)


@pytest.mark.parametrize("nodes", [1, 3])
def test_tasks_that_fill_nodes_fit_with_the_memory_they_get_without_asking_or_with_all_of_it(
    nodes: int,
) -> None:
    odd = tuple(replace(ODD, name=f"odd{number}") for number in range(nodes))
    cluster = replace(CLUSTER, capacity=Capacity(odd, PARTITIONS, {}))

    for asked in (None, 0, 24105):
        wish = submission(tasks=2 * nodes, partition="all", memory_mib=asked)
        need = Need.of(admit(wish, ADA, cluster, job_id=1, now=T0).request)

        assert need.tasks == 2 * nodes
        assert need.memory_mib * 2 <= ODD.memory_mib


@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        ({}, {"cpus_milli": 1000, "memory_mib": 2048}),
        ({"cpus_milli": 2000}, {"cpus_milli": 2000, "memory_mib": 4096}),
        ({"nodes": 2}, {"cpus_milli": 2000, "nodes": 2}),
        ({"memory_mib": 0}, {"memory_mib": 8192}),
        ({"memory_mib": 0, "nodes": 2, "gpus": 2}, {"memory_mib": 65536}),
        ({"gpu_type": "a100", "gpus": 1}, {"gpu_type": "a100", "memory_mib": 4096}),
        ({"gpus": 1, "gpu_milli": 500}, {"gpus": 1, "gpu_milli": 500}),
        ({"nodes": 2, "nodes_max": 4}, {"nodes": 2, "nodes_max": 4, "cpus_milli": 2000}),
        ({"tasks": 4}, {"tasks": 4, "nodes": 1, "nodes_max": 4, "cpus_milli": 4000}),
        ({"tasks": 4, "nodes": 1}, {"tasks": None, "tasks_per_node": 4, "nodes": 1}),
        ({"tasks": 4, "nodes": 2}, {"tasks": None, "tasks_per_node": 2, "nodes": 2}),
        ({"tasks": 5, "nodes": 2}, {"tasks": 5, "nodes": 2, "nodes_max": 2}),
        ({"tasks": 4, "tasks_per_node": 2}, {"tasks": 4, "tasks_per_node": 2, "nodes": 2, "nodes_max": 4}),
        ({"tasks": 4, "gpus": 1}, {"tasks": None, "tasks_per_node": 4, "gpus": 1}),
        ({"tasks": 4, "gpus": 4}, {"tasks": 4, "gpus": 4}),
        ({"tasks": 6, "partition": "pairs"}, {"tasks": 6, "nodes_max": 2}),
        ({"tasks_per_node": 3, "nodes": 2}, {"tasks_per_node": 3, "cpus_milli": 6000}),
        ({"nodelist": ("n2", "n1")}, {"nodelist": ("n1", "n2"), "nodes": 2}),
        ({"nodelist": ("n2", "n1"), "nodes": 1}, {"nodelist": ("n1", "n2"), "nodes": 1}),
        ({"exclude": ("n1", "n1")}, {"exclude": ("n1",)}),
        ({"exclusive": True}, {"exclusive": True, "cpus_milli": 4000, "memory_mib": 8192, "gpus": 0}),
        ({"exclusive": True, "gpus": 1}, {"cpus_milli": 8000, "memory_mib": 32768, "gpus": 2}),
        ({"exclusive": True, "nodes": 2}, {"cpus_milli": 8000, "nodes": 2}),
        ({"constraint": "nvlink|old"}, {"constraint": "nvlink|old", "memory_mib": 4096}),
        ({"licences": (("matlab", 4),)}, {"licences": (("matlab", 4),)}),
    ],
)
def test_what_is_asked_becomes_a_request(asked: dict[str, Any], request_: dict[str, Any]) -> None:
    made = admitted(**asked).request
    assert {name: getattr(made, name) for name in request_} == request_


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {"constraint": "h100"},
            'no node of partition all has the features "h100"; there are: ib, nvlink, old',
        ),
        ({"constraint": "ib&"}, 'the constraint "ib&" ends too early'),
        (
            {"constraint": "old", "gpu_type": "a100", "gpus": 1},
            "no node of partition all is left by what is asked of it together",
        ),
        ({"nodelist": ("n8",)}, 'there is no node "n8"; there are: n1, n2, n3, n4, g1, g2'),
        ({"nodelist": ("n11",)}, 'there is no node "n11"; did you mean n1?'),
        ({"nodelist": ("n3",), "partition": "small"}, "node n3 is not in partition small, which has: n1, n2"),
        ({"nodelist": ("n1", "n2"), "nodes": 3}, "3 nodes asked for, 2 named in --nodelist"),
        ({"nodelist": ("n1",), "exclude": ("n1",)}, "node n1 is in --nodelist and in --exclude"),
        ({"exclude": ("n9",)}, 'there is no node "n9"'),
        ({"exclude": ("n1", "n2"), "partition": "small"}, "--exclude leaves no node of partition small"),
        (
            {"gpus": 1, "gpu_type": "h100"},
            'partition all has no GPU of type "h100"; there are: a100, v100',
        ),
        ({"gpus": 1, "gpu_type": "a100", "partition": "small"}, "it has none; leave out --gpus"),
        ({"gpu_type": "a100"}, "write --gpus a100:1"),
        ({"gpus": 5}, "no node has 5 GPUs; the largest has 4: ask for --gpus 4 or less"),
        ({"gpus": 1, "partition": "small"}, "no node has a GPU, 1 asked for; leave out --gpus"),
        ({"gpus": 3, "gpu_type": "v100"}, "no node has 3 GPUs; the largest has 2"),
        ({"gpus": 1, "gpu_milli": 500, "nodes": 2}, "a part of a GPU goes to one task on one node"),
        ({"gpus": 1, "gpu_milli": 500, "tasks": 2}, "a part of a GPU goes to one task on one node"),
        ({"gpus": 1, "gpu_milli": 500, "exclusive": True}, "--exclusive gives all of a node"),
        ({"licences": (("matlba", 1),)}, 'there is no licence "matlba"; did you mean matlab?'),
        ({"licences": (("x", 1),)}, "there are: ansys, matlab"),
        (
            {"licences": (("matlab", 5),)},
            "5 of licence matlab asked for, there are 4; ask for --licences matlab:4",
        ),
        ({"nodes": 7}, "7 nodes asked for; partition all has 6: ask for --nodes 6 or less"),
        ({"nodes": 3, "partition": "pairs"}, "partition pairs allows 2 nodes a job, 3 asked for"),
        (
            {"nodes": 3, "cpus_milli": 24_000},
            "3 nodes with 8 CPUs and 16 GiB each asked for; partition all has 2 such nodes",
        ),
        (
            {"nodes": 2, "constraint": "old"},
            "2 nodes asked for; partition all has 1 of this kind: ask for --nodes 1 or less",
        ),
        ({"cpus_milli": 9000}, "no node has 9 CPUs; the largest has 8: ask for --cpus 8 or less"),
        (
            {"cpus_milli": 20_000, "nodes": 2},
            "no node has 10 CPUs for each of 2 nodes; the largest has 8: ask for --cpus 16 or less",
        ),
        (
            {"memory_mib": 40_000},
            "no node has 39.1 GiB; the largest has 32 GiB: ask for --mem 32768M or less",
        ),
        ({"cpus_milli": 8000, "memory_mib": 1, "constraint": "ib&!nvlink"}, "no node has 8 CPUs"),
        ({"cpus_milli": 2000, "gpus": 1, "memory_mib": 100, "constraint": "ib&!nvlink"}, "no node has a GPU"),
        ({"tasks": 40}, "40 tasks with 1 CPU and 2 GiB each asked for; 6 nodes hold 32 in partition all"),
        (
            {"tasks": 20, "tasks_per_node": 2, "memory_mib": 20},
            "10 nodes asked for; partition all has 6",
        ),
        (
            {"tasks": 11, "nodes": 2, "nodes_max": 2, "partition": "small", "memory_mib": 11},
            "11 tasks with 1 CPU and 1 MiB each asked for; 2 nodes hold 8 in partition small",
        ),
        ({"tasks": 2, "nodes": 3}, "2 tasks cannot use 3 nodes"),
        ({"tasks": 5, "nodes": 2, "gpus": 2}, "2 GPUs cannot be divided among 5 tasks on 2 nodes"),
        ({"tasks": 4, "tasks_per_node": 1, "nodes": 1, "nodes_max": 2}, "ask for --nodes 4 or more"),
        ({"time_limit_s": 60, "time_min_s": 120}, "--time-min 2m is more than its time limit"),
        ({"cpus_milli": -1}, "ask for 0 or more"),
        ({"gpus": 3, "nodes": 2}, "3 GPUs cannot be divided equally among 2 nodes; ask for --gpus 4"),
        ({"gpus": 1, "tasks": 4, "nodes": 2}, "1 GPU cannot be divided equally among 2 nodes"),
    ],
)
def test_what_can_never_run_is_refused_with_the_numbers(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises((Invalid, Infeasible)) as refused:
        admitted(**asked)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "asked",
    [{"nodes": 9}, {"tasks": 900}, {"partition": "pairs", "nodes": 3}],
)
def test_what_only_sizes_and_limits_forbid_may_wait_for_others(asked: dict[str, Any]) -> None:
    with pytest.raises(Infeasible):
        admitted(**asked)
    kept = admitted(**asked, keep_beyond_limits=True)
    assert kept.request.nodes == asked.get("nodes", 1)


def test_what_no_node_has_is_refused_also_where_limits_are_waited_for() -> None:
    for asked in ({"memory_mib": 1 << 30}, {"constraint": "nosuch"}, {"gpus": 99}, {"partition": "nosuch"}):
        with pytest.raises(Infeasible):
            admitted(**asked, keep_beyond_limits=True)


def test_a_drained_node_is_no_reason_to_refuse() -> None:
    nodes = [replace(node, state=NodeState.DRAIN) for node in NODES]
    cluster = replace(CLUSTER, capacity=Capacity(nodes, PARTITIONS))
    assert admit(submission(gpus=4), ADA, cluster, job_id=1, now=T0).request.gpus == 4


@pytest.mark.parametrize(
    ("asked", "update", "request_"),
    [
        ({"nodes": 2, "nodes_max": 3}, Update(nodes=4), {"nodes": 4, "nodes_max": None}),
        ({"gpus": 1, "gpu_type": "v100"}, Update(gpus=2), {"gpus": 2, "gpu_type": ""}),
        ({"constraint": "old"}, Update(wishes=Wishes(constraint="")), {"constraint": ""}),
        ({"nodelist": ("n1",)}, Update(wishes=Wishes(nodelist=())), {"nodelist": (), "nodes": 1}),
        ({"tasks": 4, "nodes": 2}, Update(nodes=1), {"tasks_per_node": 4, "nodes": 1}),
        ({"tasks": 4}, Update(wishes=Wishes(exclusive=True)), {"tasks": 4, "nodes_max": 4}),
        ({}, Update(memory_mib=0), {"memory_mib": 8192}),
        ({}, Update(cpus_milli=3000), {"cpus_milli": 3000, "memory_mib": 2048}),
    ],
)
def test_an_update_changes_what_it_names(
    asked: dict[str, Any], update: Update, request_: dict[str, Any]
) -> None:
    made = amend(admitted(**asked), update, CLUSTER, ADA).request
    assert {name: getattr(made, name) for name in request_} == request_


def test_an_update_to_what_can_never_run_is_refused() -> None:
    with pytest.raises(Infeasible, match="the largest has 4"):
        amend(admitted(gpus=1), Update(gpus=5), CLUSTER, ADA)


_ASKED = st.fixed_dictionaries(
    {},
    optional={
        "cpus_milli": st.sampled_from([500, 1000, 4000, 9000, 16_000]),
        "memory_mib": st.sampled_from([0, 1, 9000, 70_000]),
        "gpus": st.integers(0, 6),
        "gpu_type": st.sampled_from(["a100", "v100", "none"]),
        "nodes": st.integers(1, 7),
        "nodes_max": st.integers(1, 7),
        "tasks": st.integers(1, 40),
        "tasks_per_node": st.integers(1, 5),
        "exclusive": st.booleans(),
        "constraint": st.sampled_from(["ib", "!ib", "nvlink|old", "none"]),
        "nodelist": st.sampled_from([("n1",), ("n1", "g1")]),
        "exclude": st.sampled_from([("g2",), ("n1", "n2")]),
        "partition": st.sampled_from(["all", "small", "pairs"]),
    },
)


@given(_ASKED)
def test_what_is_let_in_starts_on_an_empty_cluster(asked: dict[str, Any]) -> None:
    try:
        job = admitted(**asked)
    except (Invalid, Infeasible):
        return
    ledger = Ledger(NODES, LICENCES)
    allocation = Index(ledger, NODES, PARTITIONS).place(job.partition, job.request)
    assert allocation is not None
    ledger.take(allocation)
    assert len(allocation.nodes) >= job.request.nodes


@given(_ASKED)
def test_what_was_asked_is_told_so_that_it_can_be_asked_again(asked: dict[str, Any]) -> None:
    try:
        job = admitted(**asked)
    except (Invalid, Infeasible):
        return
    told = {"command": ["true"], "partition": job.partition, "resources": resources_json(job.request)}
    body = decode(SubmitJob, json.loads(json.dumps(told)))
    again = admit(to_submission(body), ADA, CLUSTER, job_id=2, now=T0)
    assert again.request == job.request
    same = amend(job, Update(wishes=Wishes(constraint=job.request.constraint)), CLUSTER, ADA)
    assert same.request == job.request


def test_a_request_without_wishes_is_the_plain_one() -> None:
    assert admitted(memory_mib=1).request == Request(cpus_milli=1000, memory_mib=1)


def test_where_the_engine_places_accounts_and_qos_go_through_as_they_are() -> None:
    """Which of them there are, and who may use which, its engine says."""
    rules = replace(RULES, accounts={"own": Account(name="own")})
    site = replace(
        CLUSTER,
        rules=rules,
        book=LimitBook(rules),
        abilities={"local": Abilities(places=Placing.ENGINE)},
    )
    asked = submission(account="theirs", qos="urgent", reservation="theirs")
    job = admit(asked, ADA, site, job_id=1, now=T0)
    assert (job.account, job.qos, job.request.reservation) == ("theirs", "urgent", "theirs")
    again = amend(job, Update(qos="other", account="mine"), site, ADA)
    assert (again.account, again.qos) == ("mine", "other")
    plain = admit(submission(), ADA, site, job_id=1, now=T0)
    assert (plain.account, plain.qos) == (None, "normal")
    known = replace(site, accounts={"local": {"ada": "hers", "li": "his"}, "other": {"ada": "no"}})
    assert admit(submission(), ADA, known, job_id=1, now=T0).account == "hers"
    assert admit(submission(account="theirs"), ADA, known, job_id=1, now=T0).account == "theirs"
    with pytest.raises(Infeasible, match="there is no QOS 'urgent'"):
        admitted(qos="urgent")
