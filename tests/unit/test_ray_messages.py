"""What Ray's clients are told of a job: statuses, sentences, kinds of failure."""

from dataclasses import replace

import pytest

from launchyard.api.ray_jobs.details import REDACTED, Beside, details, status_of
from launchyard.api.ray_jobs.messages import TAIL_CHARS, error_type, message, tail_of
from launchyard.model.reason import Estimate, Reason
from launchyard.model.state import ENDED, JobState
from tests.api_bench import ADA, T0, job_of

JOB = job_of(ADA, 12, submission_id="one", command=("/bin/sh", "-c", "echo hi | cat"))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (JobState.PENDING, "PENDING"),
        (JobState.STARTING, "PENDING"),
        (JobState.RUNNING, "RUNNING"),
        (JobState.SUSPENDED, "RUNNING"),
        (JobState.COMPLETING, "RUNNING"),
        (JobState.COMPLETED, "SUCCEEDED"),
        (JobState.CANCELLED, "STOPPED"),
        (JobState.FAILED, "FAILED"),
        (JobState.TIMEOUT, "FAILED"),
        (JobState.OUT_OF_MEMORY, "FAILED"),
        (JobState.NODE_FAIL, "FAILED"),
        (JobState.PREEMPTED, "FAILED"),
        (JobState.DEADLINE, "FAILED"),
        (JobState.LOST, "FAILED"),
    ],
)
def test_each_state_has_a_status_of_ray(state: JobState, status: str) -> None:
    assert status_of(replace(JOB, state=state)) == status


def test_every_state_has_a_sentence() -> None:
    for state in JobState:
        assert message(replace(JOB, state=state), None, None, None, T0)


def test_a_waiting_job_says_for_what_until_when_and_its_place() -> None:
    estimate = Estimate(start=T0 + 600, low=T0, high=T0 + 900)
    reason = Reason(
        code="resources", sentence="waits for 1 GPU (2 of 2 in use); ahead: 2 jobs", estimate=estimate
    )

    told = message(JOB, reason, 2, None, T0)

    assert told.startswith(
        "Job has not started yet. It is waiting for resources: 1 GPU (2 of 2 in use); about "
    )
    assert told.endswith("; 3rd in line.")


@pytest.mark.parametrize(
    ("ahead", "place"),
    [(0, "1st"), (1, "2nd"), (3, "4th"), (10, "11th"), (12, "13th"), (20, "21st"), (111, "112th")],
)
def test_places_in_line_are_counted_as_people_do(ahead: int, place: str) -> None:
    reason = Reason(code="priority", sentence="lets those ahead go first")

    assert f"; {place} in line." in message(JOB, reason, ahead, None, T0)


def test_what_is_no_lack_of_resources_is_not_called_so() -> None:
    reason = Reason(code="held", sentence="is held; release it with `ly release 12`")

    told = message(JOB, reason, None, None, T0)

    assert told == "Job has not started yet. It is held; release it with `ly release 12`."


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("waits for its runtime environment", "waiting for the runtime environment to be set up."),
        (
            "sets up its runtime environment: installs 2 packages, 3 s",
            "waiting for the runtime environment to be set up (installs 2 packages, 3 s).",
        ),
    ],
)
def test_a_job_whose_environment_is_made_says_so(sentence: str, told: str) -> None:
    reason = Reason(code="runtime-env", sentence=sentence)

    assert message(JOB, reason, None, None, T0).endswith(told)


def test_a_failed_job_tells_its_code_and_the_last_ten_lines() -> None:
    log = "".join(f"line {n}\n" for n in range(40))
    job = replace(JOB, state=JobState.FAILED, exit_code=3, cause="ended with exit code 3", ended_at=T0 + 1)

    told = message(job, None, None, tail_of(log), T0)

    assert told == (
        "Job entrypoint command failed with exit code 3, last available logs (truncated to 20,000 chars):\n"
        + "".join(f"line {n}\n" for n in range(30, 40))
    )
    assert error_type(job) == "JOB_ENTRYPOINT_COMMAND_ERROR"


def test_long_lines_are_cut_to_twenty_thousand_characters() -> None:
    assert tail_of("ä" * 50_000) == "ä" * TAIL_CHARS


def test_without_a_log_that_is_said() -> None:
    job = replace(JOB, state=JobState.FAILED, exit_code=1, cause="ended with exit code 1")

    assert message(job, None, None, "", T0).endswith("with exit code 1. No logs available.")


def test_a_signal_is_a_negative_exit_code() -> None:
    job = replace(JOB, state=JobState.FAILED, signal=9, cause="was ended by signal 9", ended_at=T0)

    told = details(job, Beside(), T0)

    assert told["driver_exit_code"] == -9
    assert "exit code -9" in told["message"]


def test_what_ray_does_not_know_fails_with_our_sentence() -> None:
    job = replace(JOB, state=JobState.TIMEOUT, cause="ran longer than its time limit of 60 s", ended_at=T0)

    assert message(job, None, None, None, T0) == "Job timed out: ran longer than its time limit of 60 s."
    assert error_type(job) == "JOB_TIMEOUT"


def test_a_set_up_that_failed_is_named_as_such() -> None:
    cause = "runtime_env setup failed: No matching distribution found for nope"
    job = replace(JOB, state=JobState.FAILED, cause=cause, ended_at=T0)

    assert message(job, None, None, None, T0) == (
        "runtime_env setup failed: Failed to set up runtime environment: "
        "No matching distribution found for nope"
    )
    assert error_type(job) == "RUNTIME_ENV_SETUP_FAILURE"


def test_who_else_stopped_it_is_told() -> None:
    job = replace(JOB, state=JobState.CANCELLED, ended_at=T0)

    assert (
        message(replace(job, cause="cancelled by ada"), None, None, None, T0)
        == "Job was intentionally stopped."
    )
    assert "cancelled by root" in message(replace(job, cause="cancelled by root"), None, None, None, T0)


def test_a_job_is_told_with_the_names_that_the_clients_know() -> None:
    job = replace(JOB, state=JobState.COMPLETED, exit_code=0, ended_at=T0 + 1.5, metadata={"a": "b"})

    told = details(job, Beside(runtime_env={"env_vars": {"A": "1"}}), T0 + 9)

    assert told["type"] == "SUBMISSION"
    assert told["submission_id"] == "one"
    assert told["entrypoint"] == "echo hi | cat"
    assert told["message"] == "Job finished successfully."
    assert (told["start_time"], told["end_time"]) == (int(T0) * 1000, int(T0) * 1000 + 1500)
    assert told["metadata"] == {"a": "b"}
    assert told["runtime_env"] == {"env_vars": {"A": "1"}}
    assert told["driver_exit_code"] == 0
    assert told["error_type"] is None


def test_a_browser_sees_no_values_of_variables() -> None:
    beside = Beside(runtime_env={"env_vars": {"KEY": "secret"}, "pip": ["x"]}, redacted=True)

    assert details(JOB, beside, T0)["runtime_env"] == {"env_vars": {"KEY": REDACTED}, "pip": ["x"]}


def test_only_ended_jobs_have_an_end_and_a_code() -> None:
    for state in JobState:
        told = details(replace(JOB, state=state, exit_code=0, ended_at=T0), Beside(), T0)
        assert (told["end_time"] is not None) == (state in ENDED)


def test_a_job_that_nobody_has_looked_at_yet_may_wait_for_all_that_ray_names() -> None:
    waiting = replace(JOB, state=JobState.PENDING, runtime_env="d")

    told = message(waiting, None, None, None, T0)

    assert "It may be waiting for resources (CPUs, GPUs, memory, custom resources) to become" in told
    assert told.endswith("It may be waiting for the runtime environment to be set up.")
    starting = message(replace(waiting, state=JobState.STARTING), None, None, None, T0)
    assert starting.endswith("It may be waiting for the runtime environment to be set up.")
