"""From what Ray's client sends to a submission of ours: resources, keys of our own, refusals."""

import json
from typing import Any

import pytest

from launchyard.model.entrypoint import CONFIG, argv_of, variables_of, with_env_vars
from launchyard.model.errors import Invalid
from launchyard.model.job import Entrypoint
from launchyard.model.submission import Submission
from launchyard.wire.raysubmit import asked_id, awaited, read_job, to_job
from tests.api_bench import ADA, job_of

STOPPED = Entrypoint(stop_signal=15, grace_s=3)


def submission(**body: Any) -> Submission:
    return to_job(read_job({"entrypoint": "python train.py", **body}), "one")


def refusal(**body: Any) -> str:
    with pytest.raises(Invalid) as caught:
        submission(**body)
    return str(caught.value)


def test_an_entrypoint_is_a_line_for_the_shell() -> None:
    made = submission()

    assert made.command == ("/bin/sh", "-c", "python train.py")
    assert made.submission_id == "one"
    assert made.cpus_milli is None
    assert made.memory_mib is None
    assert made.entrypoint == Entrypoint(stop_signal=15, grace_s=3)


def test_nulls_are_as_if_they_were_not_there() -> None:
    made = submission(metadata=None, entrypoint_num_cpus=None, runtime_env=None, submission_id=None)

    assert made.metadata == {}
    assert made.runtime_env is None


def test_resources_become_requests_and_zero_is_the_default() -> None:
    made = submission(
        entrypoint_num_cpus=0.5,
        entrypoint_num_gpus=2,
        entrypoint_memory=1_500_000_000,
        entrypoint_resources={"matlab": 2, "accelerator_type:A100": 0.001},
    )

    assert made.cpus_milli == 500
    assert made.gpus == 2
    assert made.memory_mib == 1431
    assert made.wishes.licences == (("matlab", 2),)
    assert made.wishes.gpu_type == "A100"
    assert submission(entrypoint_num_cpus=0).cpus_milli is None


def test_labels_become_features_of_nodes() -> None:
    made = submission(
        entrypoint_label_selector={"zone": "in(a, b)", "old": "!yes", "ray.io/accelerator-type": "H100"}
    )

    assert made.wishes.constraint == "(zone=a|zone=b)&!(old=yes)"
    assert made.wishes.gpu_type == "H100"


def test_metadata_keys_of_ours_are_options_and_are_kept() -> None:
    metadata = {
        "team": "vision",
        "launchyard.queue": "gpu",
        "launchyard.time": "2:00:00",
        "launchyard.priority": "5",
        "launchyard.account": "lab",
        "launchyard.qos": "high",
        "launchyard.retries": "3:1m",
        "launchyard.after": "afterok:12",
        "launchyard.array": "1-10%2",
        "launchyard.group": "sweep",
        "launchyard.nodes": "2-4",
        "launchyard.requeue": "true",
    }

    made = submission(metadata=metadata)

    assert made.metadata == metadata
    assert (made.partition, made.account, made.qos, made.group) == ("gpu", "lab", "high", "sweep")
    assert made.time_limit_s == 7200
    assert made.nice == -5
    assert made.retries is not None
    assert (made.retries.count, made.retries.backoff_s) == (3, 60)
    assert made.dependency is not None
    assert made.throttle == 2
    assert (made.nodes, made.wishes.nodes_max) == (2, 4)
    assert made.requeue


def test_a_job_waits_for_others_by_their_submission_ids() -> None:
    job = read_job(
        {"entrypoint": "x", "metadata": {"launchyard.after": "afterok:raysubmit_a:12,after:b.1-c+5"}}
    )

    assert awaited(job) == {"raysubmit_a", "b.1-c"}
    made = to_job(job, "one", {"raysubmit_a": 3, "b.1-c": 4})
    assert made.dependency is not None
    assert [clause.job_id for clause in made.dependency.clauses] == [3, 12, 4]
    assert made.dependency.clauses[2].delay_min == 5
    assert made.metadata["launchyard.after"] == "afterok:raysubmit_a:12,after:b.1-c+5"


def test_keys_of_a_runtime_environment_that_nobody_knows_are_kept() -> None:
    assert submission(runtime_env={"nope_field": 1}).runtime_env == {"nope_field": 1}


def test_the_same_keys_may_come_typed_in_the_runtime_environment() -> None:
    made = submission(
        runtime_env={"launchyard": {"time": 90, "hold": True, "licences": {"x": 1}}, "pip": ["a"]}
    )

    assert made.time_limit_s == 90
    assert made.held
    assert made.wishes.licences == (("x", 1),)
    assert made.runtime_env is not None
    assert made.runtime_env["pip"] == ["a"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"metadata": {"launchyard.tme": "1h"}},
            "metadata \"launchyard.tme\" is not understood; did you mean 'time'?",
        ),
        (
            {"runtime_env": {"launchyard": {"zzz": 1}}},
            "runtime_env.launchyard.zzz is not understood; known are",
        ),
        ({"runtime_env": {"launchyard": 3}}, "runtime_env.launchyard is 3"),
        (
            {"metadata": {"launchyard.time": "1h"}, "runtime_env": {"launchyard": {"time": "2h"}}},
            "launchyard.time is given in metadata and in runtime_env",
        ),
        ({"metadata": {"launchyard.time": ""}}, "is empty"),
        ({"metadata": {"launchyard.priority": "high"}}, "write a whole number"),
        ({"metadata": {"launchyard.hold": "maybe"}}, "write true or false"),
        ({"entrypoint": "  "}, "entrypoint is empty"),
        ({"entrypoint_num_cpus": -1}, "entrypoint_num_cpus is -1"),
        ({"entrypoint_memory": 1.5}, "entrypoint_memory must be a whole number"),
        ({"entrypoint_resources": {"matlab": 0.5}}, "whole number of it"),
        ({"entrypoint_label_selector": {"zone": "a b"}}, "label selector"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"runtime_env": []}, "runtime_env must be an object"),
        ({"runtime_env": {"env_vars": {"A": 1}}}, "runtime_env.env_vars.A is a number"),
        ({"runtime_env": {"env_vars": ["A"]}}, "env_vars"),
        ({"runtime_env": {"pip": ["a"], "conda": "b"}}, "conda"),
        ({"runtime_env": {"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "soon"}}}, "RAY_JOB_STOP_WAIT_TIME_S"),
        ({"runtime_env": {"env_vars": {"RAY_JOB_STOP_SIGNAL": "SIGNOPE"}}}, "no signal"),
    ],
)
def test_what_is_not_understood_is_one_sentence(body: dict[str, Any], words: str) -> None:
    assert words in refusal(**body)


def test_an_unknown_key_is_refused_in_the_words_that_programs_look_for() -> None:
    with pytest.raises(Invalid) as caught:
        read_job({"entrypont": "x"})

    assert str(caught.value) == (
        "TypeError: __init__() got an unexpected keyword argument 'entrypont' "
        "(TypeError: JobSubmitRequest.__init__() got an unexpected keyword argument 'entrypont'; "
        "did you mean 'entrypoint'?)"
    )


@pytest.mark.parametrize("name", ["a b", "../x", "a/b", "x" * 129, "ünï", ".", ".."])
def test_ids_are_letters_digits_and_a_few_signs(name: str) -> None:
    with pytest.raises(Invalid):
        asked_id(read_job({"entrypoint": "x", "submission_id": name}))


def test_an_empty_id_is_none_and_job_id_is_the_older_name() -> None:
    assert asked_id(read_job({"entrypoint": "x", "submission_id": ""})) is None
    assert asked_id(read_job({"entrypoint": "x", "job_id": "old"})) == "old"


def test_grace_and_signal_come_from_the_variables_that_ray_reads() -> None:
    made = submission(
        runtime_env={"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "0.5", "RAY_JOB_STOP_SIGNAL": "SIGINT"}}
    )

    assert made.entrypoint == Entrypoint(stop_signal=2, grace_s=0.5)


def test_the_log_begins_with_the_line_that_programs_look_for() -> None:
    job = job_of(ADA, 1, submission_id="one", entrypoint=STOPPED, command=("/bin/sh", "-c", "echo hi"))

    argv = argv_of(job)

    assert argv[-3:] == ("/bin/sh", "-c", "echo hi")
    assert argv[4:6] == ("one", "echo hi")
    assert "Running entrypoint for job" in argv[2]
    assert argv_of(job_of(ADA, 1, command=("true",))) == ("true",)


def test_a_job_knows_its_names_and_no_address_of_a_cluster() -> None:
    job = job_of(ADA, 1, submission_id="one", entrypoint=STOPPED, metadata={"job_name": "x", "a": "b"})

    variables = variables_of(job)

    assert variables["PYTHONUNBUFFERED"] == "1"
    assert json.loads(variables["RAY_JOB_CONFIG_JSON_ENV_VAR"]) == {
        "runtime_env": {},
        "metadata": {"job_submission_id": "one", "job_name": "x", "a": "b"},
    }


def test_ray_is_told_the_variables_of_the_runtime_environment_as_they_are() -> None:
    config = json.dumps({"runtime_env": {}, "metadata": {"job_name": "x"}})
    variables = {CONFIG: config, "A": "1-/home/ada", "B": "2"}

    told = with_env_vars(variables, {"A": "1-${HOME}"})

    assert json.loads(told[CONFIG]) == {
        "runtime_env": {"env_vars": {"A": "1-/home/ada"}},
        "metadata": {"job_name": "x"},
    }
    assert with_env_vars({"A": "1"}, {"A": "1"}) == {"A": "1"}
    assert "RAY_ADDRESS" not in variables
    assert variables_of(job_of(ADA, 1)) == {}
