"""A job as JSON: the fields of the design, in their order, and nothing else."""

from dataclasses import replace
from typing import Any

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.reason import Estimate, Reason
from launchyard.model.resources import Allocation, NodeShare, Request, Usage
from launchyard.model.state import JobState
from launchyard.wire import shapes
from launchyard.wire.job import command_text, job_json
from launchyard.wire.shape import names

NAMES = """
id name kind user account partition qos cluster engine_id group state reason cause exit_code
signal priority resources time_limit_s submitted_at started_at ended_at estimate nodes array submission_id
command script working_dir log_path url metadata attempt usage stale_since
"""
MORE = (
    "past_attempts nice requeue requeues retries held after begin_at deadline_at time_min_s parts runtime_env"
)
FIELDS = [*NAMES.split(), *MORE.split()]

JOB = Job(
    id=17,
    name="train",
    kind=JobKind.COMMAND,
    user="ada",
    uid=1000,
    partition="main",
    submitted_at=1_796_119_200.25,
    request=Request(cpus_milli=4000, memory_mib=8192),
    command=("python", "train.py", "--name", "a b"),
)


def test_a_job_has_exactly_the_fields_of_the_design_in_their_order() -> None:
    assert list(job_json(JOB)) == FIELDS
    assert names(shapes.Job) == FIELDS


def test_what_is_not_known_is_null_and_times_are_rfc_3339() -> None:
    told = job_json(JOB)
    assert told["submitted_at"] == "2026-12-01T10:00:00.250Z"
    unknown = [key for key, value in told.items() if value is None]
    assert {"started_at", "ended_at", "exit_code", "estimate", "reason", "array", "url"} <= set(unknown)
    assert told["resources"] == {"cpus": 4, "memory_mib": 8192, "gpus": 0, "nodes": 1}


def test_a_running_job_tells_its_nodes_and_attempt() -> None:
    share = NodeShare(node="n1", cpus_milli=4000, memory_mib=8192)
    attempt = Attempt(
        number=2, launch_id="l", epoch="e", allocation=Allocation(shares=(share,)), allocated_at=1.0
    )
    told = job_json(replace(JOB, state=JobState.RUNNING, attempt=attempt, usage=Usage(cpu_s=1.5)))
    assert (told["nodes"], told["attempt"]) == (["n1"], 2)
    assert list(told["usage"]) == names(shapes.Used)


def test_a_reason_and_an_estimate_are_joined() -> None:
    reason = Reason(
        code="resources", sentence="waits for CPUs", estimate=Estimate(start=0.0, low=0.0, high=60.0)
    )
    told = job_json(JOB, reason)
    assert told["reason"] == "waits for CPUs"
    assert told["estimate"] == {
        "start": "1970-01-01T00:00:00Z",
        "low": "1970-01-01T00:00:00Z",
        "high": "1970-01-01T00:01:00Z",
    }


def test_an_array_tells_what_is_left_of_it_and_a_task_where_it_belongs() -> None:
    array = Array(
        waiting=Indexes(((4, 20, 1),)), size=20, first=1, last=20, counts={JobState.RUNNING: 3}, throttle=8
    )
    record: dict[str, Any] = job_json(replace(JOB, array=array))["array"]
    assert record["pending"] == "4-20"
    assert (record["job_id"], record["index"], record["waiting"], record["size"]) == (17, None, 17, 20)
    assert record["counts"] == {"RUNNING": 3}
    assert list(record) == names(shapes.ArrayPlace)
    task = replace(JOB, id=18, task=Task(job_id=17, index=3))
    assert job_json(task)["array"] == {"job_id": 17, "index": 3, "pending": None}
    assert job_json(replace(JOB, array=array), index=5)["array"] == {
        "job_id": 17,
        "index": 5,
        "pending": None,
    }


def test_a_command_reads_as_a_person_would_type_it() -> None:
    assert command_text(("python", "a b.py")) == "python 'a b.py'"
    assert command_text(("/bin/sh", "-c", "echo $HOME | wc")) == "echo $HOME | wc"
    assert command_text(()) is None


def test_a_log_path_of_the_users_own_goes_before_ours() -> None:
    assert job_json(JOB, log_path="/spool/x")["log_path"] == "/spool/x"
    assert job_json(replace(JOB, stdout="/home/ada/out"), log_path="/spool/x")["log_path"] == "/home/ada/out"
