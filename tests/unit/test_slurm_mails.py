"""Which mails a job wants, and what they say."""

from dataclasses import replace

import pytest

from launchyard.model.array import Array, Indexes, Task
from launchyard.model.cron import Cron
from launchyard.model.job import Attempt, Job, JobKind, PastAttempt
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.state import JobState
from launchyard.slurm.mails import as_ended, message, news, parts_reached, subject, wanted

S = JobState
ATTEMPT = Attempt(
    number=1,
    launch_id="l",
    epoch="e",
    allocation=Allocation(shares=(NodeShare(node="n1", cpus_milli=1000, memory_mib=1),)),
    allocated_at=100,
    started_at=100,
)


def job(kinds: str = "ALL", **changes: object) -> Job:
    made = Job(
        id=12,
        name="x",
        kind=JobKind.BATCH,
        user="ada",
        uid=7,
        partition="main",
        submitted_at=99,
        metadata={"slurm.mail-type": kinds},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_all_is_not_all_there_are() -> None:
    assert "END" in wanted({"slurm.mail-type": "ALL,TIME_LIMIT_80"})
    assert "TIME_LIMIT_80" in wanted({"slurm.mail-type": "all,time_limit_80"})
    assert "ARRAY_TASKS" not in wanted({"slurm.mail-type": "ALL"})
    assert not wanted({"slurm.mail-type": "NONE,END"})
    assert not wanted({})


@pytest.mark.parametrize(
    ("kinds", "previous", "state", "expected"),
    [
        ("ALL", S.STARTING, S.RUNNING, ["BEGIN"]),
        ("ALL", S.SUSPENDED, S.RUNNING, []),
        ("ALL", S.COMPLETING, S.COMPLETED, ["END"]),
        ("ALL", S.COMPLETING, S.FAILED, ["FAIL"]),
        ("END", S.COMPLETING, S.FAILED, ["END"]),
        ("FAIL", S.COMPLETING, S.COMPLETED, []),
        ("ALL", S.RUNNING, S.PENDING, ["REQUEUE"]),
        ("ALL", None, S.PENDING, []),
        ("TIME_LIMIT", S.RUNNING, S.TIMEOUT, ["TIME_LIMIT"]),
    ],
)
def test_a_move_is_worth_the_mails_asked_for(
    kinds: str, previous: JobState | None, state: JobState, expected: list[str]
) -> None:
    assert news(job(kinds), previous, state) == expected


def test_an_array_is_one_mail_unless_each_task_was_asked_for() -> None:
    task = Task(job_id=12, index=3)
    array = Array(waiting=Indexes(), size=2, first=1, last=2)
    assert news(job("END", task=task), S.RUNNING, S.COMPLETED) == []
    assert news(job("END", array=array), S.RUNNING, S.COMPLETED) == ["END"]
    assert news(job("END,ARRAY_TASKS", task=task), S.RUNNING, S.COMPLETED) == ["END"]
    assert news(job("END,ARRAY_TASKS", array=array), S.RUNNING, S.COMPLETED) == []


def test_a_job_of_a_crontab_ends_each_time() -> None:
    past = PastAttempt(number=1, launch_id="l", state=S.FAILED, started_at=100, ended_at=161, exit_code=3)
    waits = job(cron=Cron("* * * * *", 1, 1), past=(past,))

    ended = as_ended(waits, S.RUNNING, S.PENDING)

    assert ended is not None
    assert news(ended, S.RUNNING, ended.state) == ["FAIL"]
    assert "Failed, Run time 00:01:01, FAILED, ExitCode 3" in subject("FAIL", ended, 200)
    assert as_ended(waits, S.PENDING, S.STARTING) is None
    assert as_ended(job(past=(past,)), S.RUNNING, S.PENDING) is None


def test_subjects_are_slurms() -> None:
    ended = job(state=S.COMPLETED, started_at=100, ended_at=101, exit_code=0)
    failed = job(state=S.FAILED, started_at=100, ended_at=3761, exit_code=3, task=Task(job_id=9, index=2))
    assert subject("BEGIN", job(attempt=ATTEMPT), 100) == "Slurm Job_id=12 Name=x Began, Queued time 00:00:01"
    assert subject("END", ended, 200) == (
        "Slurm Job_id=12 Name=x Ended, Run time 00:00:01, COMPLETED, ExitCode 0"
    )
    assert subject("FAIL", failed, 200) == (
        "Slurm Array Task Job_id=9_2 (12) Name=x Failed, Run time 01:01:01, FAILED, ExitCode 3"
    )


def test_a_name_cannot_add_a_header() -> None:
    evil = job(name="x\nBcc: all", metadata={"slurm.mail-type": "END", "slurm.mail-user": "a@b\nBcc: c"})
    lines = message("END", evil, 0, "local").decode().splitlines()
    assert lines[0] == "To: a@b?Bcc: c"
    assert lines[1].startswith("Subject: Slurm Job_id=12 Name=x?Bcc: all Ended")
    assert not any(line.startswith("Bcc") for line in lines)


def test_parts_of_a_time_limit_are_told_once_they_are_over() -> None:
    running = job("TIME_LIMIT_50,TIME_LIMIT_90", attempt=ATTEMPT, time_limit_s=100)
    assert parts_reached(running, 149) == []
    assert parts_reached(running, 150) == ["TIME_LIMIT_50"]
    assert parts_reached(running, 195) == ["TIME_LIMIT_90", "TIME_LIMIT_50"]
