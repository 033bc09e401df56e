"""A script written for Slurm finds the variables it reads, and the files it names."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.resources import Allocation, NodeShare, Request
from launchyard.slurm.environment import kept_environment, slurm_environment
from launchyard.slurm.patterns import expand_pattern

SHARE = NodeShare(node="n2.site", cpus_milli=4_000, memory_mib=2_048, cpu_ids=(0, 1, 2, 3), gpu_ids=(1, 3))
JOB = Job(
    id=17,
    name="train",
    kind=JobKind.BATCH,
    user="ada",
    uid=1000,
    partition="main",
    submitted_at=0,
    working_dir="/home/ada/proj",
    request=Request(cpus_milli=4_000, memory_mib=2_048, gpus=2),
    attempt=Attempt(
        number=1, launch_id="l1", epoch="e", allocation=Allocation(shares=(SHARE,)), allocated_at=0
    ),
    attempts=1,
)
TASK = replace(JOB, id=20, task=Task(job_id=12, index=3))


def test_a_job_knows_who_and_where_it_is() -> None:
    variables = slurm_environment(JOB)
    expected = {
        "SLURM_JOB_ID": "17",
        "SLURM_JOBID": "17",
        "SLURM_JOB_NAME": "train",
        "SLURM_JOB_USER": "ada",
        "SLURM_JOB_UID": "1000",
        "SLURM_JOB_PARTITION": "main",
        "SLURM_SUBMIT_DIR": "/home/ada/proj",
        "SLURM_CPUS_PER_TASK": "4",
        "SLURM_CPUS_ON_NODE": "4",
        "SLURM_MEM_PER_NODE": "2048",
        "SLURM_JOB_NODELIST": "n2.site",
        "SLURM_NNODES": "1",
        "SLURM_NTASKS": "1",
        "SLURM_PROCID": "0",
        "SLURM_JOB_GPUS": "1,3",
        "SLURMD_NODENAME": "n2.site",
    }
    assert expected.items() <= variables.items()


def test_what_was_not_asked_is_not_set() -> None:
    plain = replace(SHARE, gpu_ids=(), memory_mib=0)
    job = replace(
        JOB, attempt=replace(JOB.attempt, allocation=Allocation(shares=(plain,))) if JOB.attempt else None
    )
    names = set(slurm_environment(job))
    assert not names & {"SLURM_JOB_GPUS", "SLURM_MEM_PER_NODE", "SLURM_ARRAY_JOB_ID", "SLURM_JOB_ACCOUNT"}


def test_a_task_knows_its_array() -> None:
    array = Array(waiting=Indexes(), size=5, first=1, last=9, step=2)
    variables = slurm_environment(TASK, array)
    names = ("JOB_ID", "TASK_ID", "TASK_COUNT", "TASK_MIN", "TASK_MAX", "TASK_STEP")
    assert [variables[f"SLURM_ARRAY_{name}"] for name in names] == ["12", "3", "5", "1", "9", "2"]


def test_several_nodes_are_counted_as_slurm_does() -> None:
    shares = tuple(
        NodeShare(node=f"n{n}", cpus_milli=cpus, memory_mib=1)
        for n, cpus in enumerate((4_000, 4_000, 500), start=1)
    )
    attempt = Attempt(
        number=1, launch_id="l", epoch="e", allocation=Allocation(shares=shares), allocated_at=0
    )
    variables = slurm_environment(replace(JOB, attempt=attempt))
    assert variables["SLURM_JOB_NODELIST"] == "n[1-3]"
    assert variables["SLURM_JOB_CPUS_PER_NODE"] == "4(x2),1"


def placed(request: Request, *shares: NodeShare) -> dict[str, str]:
    attempt = Attempt(
        number=1,
        launch_id="l",
        epoch="e",
        allocation=Allocation(shares=shares, licences=request.licences),
        allocated_at=1_000,
    )
    return slurm_environment(replace(JOB, request=request, attempt=attempt, time_limit_s=60))


def share(node: str, cpus: int, tasks: int = 1) -> NodeShare:
    return NodeShare(node=node, cpus_milli=cpus * 1000, memory_mib=1, tasks=tasks)


def test_tasks_are_counted_by_node_in_the_order_of_the_node_list() -> None:
    variables = placed(Request(cpus_milli=10_000, tasks=5), share("n10", 6, 3), share("n9", 4, 2))
    assert variables["SLURM_JOB_NODELIST"] == "n[9-10]"
    assert variables["SLURM_TASKS_PER_NODE"] == "2,3"
    assert variables["SLURM_JOB_CPUS_PER_NODE"] == "4,6"
    assert variables["SLURM_NTASKS"] == "5"
    assert (variables["SLURMD_NODENAME"], variables["SLURM_NODEID"]) == ("n10", "1")
    assert (variables["SLURM_CPUS_ON_NODE"], variables["SLURM_CPUS_PER_TASK"]) == ("6", "2")


@pytest.mark.parametrize(
    ("request_", "tasks", "by_node"),
    [
        (Request(nodes=2), "2", "1(x2)"),
        (Request(nodes=2, tasks_per_node=3), "6", "3(x2)"),
        (Request(nodes=1, nodes_max=2, tasks_per_node=3), "6", "3(x2)"),
        (Request(nodes=2, tasks=4), "4", "2(x2)"),
    ],
)
def test_equal_tasks_are_as_many_as_the_nodes_given(request_: Request, tasks: str, by_node: str) -> None:
    variables = placed(request_, share("n1", 4), share("n2", 4))
    assert (variables["SLURM_NTASKS"], variables["SLURM_TASKS_PER_NODE"]) == (tasks, by_node)


def test_a_job_knows_its_licences_its_reservation_and_when_it_must_end() -> None:
    request = Request(licences=(("ansys", 1), ("matlab", 2)), reservation="course")
    variables = placed(request, share("n1", 1))
    assert variables["SLURM_JOB_LICENSES"] == "ansys:1,matlab:2"
    assert variables["SLURM_JOB_RESERVATION"] == "course"
    assert (variables["SLURM_JOB_START_TIME"], variables["SLURM_JOB_END_TIME"]) == ("1000", "1060")


@pytest.mark.parametrize(
    ("pattern", "job", "name"),
    [
        ("slurm-%j.out", JOB, "slurm-17.out"),
        ("slurm-%A_%a.out", TASK, "slurm-12_3.out"),
        ("%4a-%04j-%u-%x-%N-%n-%t", TASK, "0003-0020-ada-train-n2-0-0"),
        ("%A_%a", JOB, "17_4294967294"),
        ("100%%", JOB, "100%"),
        ("%99j", JOB, "0000000017"),
        ("%q%", JOB, "%q%"),
        ("%", JOB, "%"),
        ("%5x", JOB, "train"),
        ("\\%j", JOB, "%j"),
        ("out", JOB, "out"),
    ],
)
def test_a_pattern_becomes_a_file_name(pattern: str, job: Job, name: str) -> None:
    assert expand_pattern(pattern, job) == name


def test_a_job_name_makes_no_directories() -> None:
    assert expand_pattern("logs/%x.out", replace(JOB, name="../../etc/x")) == "logs/.._.._etc_x.out"


@given(st.text(max_size=30))
def test_any_pattern_is_expanded(pattern: str) -> None:
    assert expand_pattern(pattern.replace("\\", "") + "-%j", JOB).endswith("17")


def test_what_slurm_cannot_know_of_a_task_is_told_it_by_us() -> None:
    array = Array(waiting=Indexes(), size=5, first=1, last=9, step=2)
    assert kept_environment(replace(TASK, attempts=0), array)["SLURM_ARRAY_TASK_ID"] == "3"
    assert kept_environment(replace(JOB, attempts=2), None) == {"SLURM_RESTART_COUNT": "2"}
    assert kept_environment(replace(JOB, attempts=0), None) == {}
