"""scancel, scontrol and sacctmgr as people and programs call them, against the daemon with its jobs."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, Refused, wait_for

CONFIG = DEFAULT_CONFIG.replace('name = "node"', 'name = "n[1-3]"')


class Result(NamedTuple):
    """The exit code and what was printed."""

    code: int
    out: str
    err: str


class Slurm:
    """The commands in the drop-in directory of one server."""

    def __init__(self, product: Product, directory: Path) -> None:
        self.product = product
        self.directory = directory

    def __call__(self, command: str, *words: str, typed: str = "", **more: str) -> Result:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH", "LAUNCHYARD"))}
        done = subprocess.run(
            [f"{self.product.state}/slurm/{command}", *words],
            env={**kept, **more},
            cwd=self.directory,
            input=typed.encode(),
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def sbatch(self, *words: str) -> str:
        done = self("sbatch", "--parsable", "-o", "/dev/null", *words)
        assert done.code == 0, done.err
        return done.out.strip()

    def state(self, job: str) -> str:
        return str(self.product.job(job)["state"])

    def until(self, job: str, state: str) -> None:
        wait_for(lambda: self.state(job) == state or None, PATIENCE_S, f"job {job} {state}")


SILENT = Result(0, "", "")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    directory = tmp_path_factory.mktemp("doing")
    product = Product(directory / "s", CONFIG)
    product.start()
    yield Slurm(product, directory)
    product.destroy()


def test_scancel_ends_jobs_and_says_nothing_of_those_that_are_not_there(slurm: Slurm) -> None:
    waiting, running = slurm.sbatch("-H", "--wrap", "true"), slurm.sbatch("--wrap", "sleep 300")

    assert slurm("scancel", waiting, running, "999999") == SILENT

    slurm.until(waiting, "CANCELLED")
    slurm.until(running, "CANCELLED")
    assert slurm("scancel", waiting) == SILENT


def test_scancel_refuses_what_is_no_job_in_slurms_words(slurm: Slurm) -> None:
    ended = slurm.sbatch("-W", "--wrap", "true")
    gone = f"scancel: error: Kill job error on job id {ended}: Invalid job id specified\n"

    assert slurm("scancel", "bogus") == (1, "", "scancel: error: Invalid job id bogus\n")
    assert slurm("scancel") == (1, "", "scancel: error: No job identification provided\n")
    assert slurm("scancel", "-s", "USR1", "-b", ended) == (1, "", gone)
    assert slurm("scancel", "-t", "bogus").code == 1
    assert slurm("scancel", "--bogus").code == 1


def test_scancel_takes_tasks_of_an_array_and_leaves_the_others(slurm: Slurm) -> None:
    array = slurm.sbatch("-H", "--array", "0-5", "--wrap", "true")

    assert slurm("scancel", f"{array}_[0-1,4]") == SILENT

    states = [slurm.state(f"{array}_{index}") for index in range(6)]
    assert [index for index, state in enumerate(states) if state == "CANCELLED"] == [0, 1, 4]
    assert slurm("scancel", array) == SILENT


def test_a_filter_by_state_ends_waiting_tasks_and_leaves_those_at_work(slurm: Slurm) -> None:
    array = slurm.sbatch("-H", "-J", "mixed", "--array", "0-3", "--wrap", "sleep 300")
    assert slurm("scontrol", "release", f"{array}_1") == SILENT
    slurm.until(f"{array}_1", "RUNNING")

    assert slurm("scancel", "-n", "mixed", "-t", "PENDING") == SILENT

    assert [slurm.state(f"{array}_{index}") for index in (0, 1, 3)] == ["CANCELLED", "RUNNING", "CANCELLED"]
    assert slurm("scancel", "-f", "-s", "TERM", array) == SILENT
    slurm.until(f"{array}_1", "FAILED")


def test_scancel_finds_jobs_by_name_and_asks_before_each(slurm: Slurm) -> None:
    job = slurm.sbatch("-H", "-J", "by-name", "--wrap", "true")

    assert slurm("scancel", "-i", "-n", "by-name", typed="n\n").out.endswith("[y/n]? ")
    assert slurm.state(job) == "PENDING"
    assert slurm("scancel", "-n", "nobody-has-this-name") == SILENT
    assert slurm("scancel", "--me", "-t", "PENDING", SCANCEL_NAME="by-name") == SILENT
    slurm.until(job, "CANCELLED")


def test_a_signal_to_the_batch_shell_reaches_it(slurm: Slurm) -> None:
    script = slurm.directory / "trap.sh"
    script.write_text(
        "#!/bin/bash\ntrap 'touch got; exit 0' USR1\ntouch ready\nwhile :; do sleep 0.1; done\n"
    )
    job = slurm.sbatch(str(script))
    # Its script may be at work before it is known to run: then the signal waits for that.
    wait_for(lambda: (slurm.directory / "ready").exists() or None, PATIENCE_S, "the trap is set")

    assert slurm("scancel", "--batch", "--signal=USR1", job) == SILENT

    slurm.until(job, "COMPLETED")
    assert (slurm.directory / "got").exists()


def test_a_script_signals_itself_in_its_first_line(slurm: Slurm) -> None:
    script = slurm.directory / "itself.sh"
    script.write_text(
        "#!/bin/bash\ntrap 'got=yes' USR1\n"
        'scancel --batch --signal=USR1 "$SLURM_JOB_ID" 2> said || exit 7\n'
        'while [ -z "$got" ]; do sleep 0.1; done\n'
    )
    job = slurm.sbatch(str(script))

    slurm.until(job, "COMPLETED")
    assert (slurm.directory / "said").read_text() == ""


def test_jobs_are_held_and_released_singly_and_by_name(slurm: Slurm) -> None:
    job = slurm.sbatch("-H", "-J", "held-one", "--wrap", "sleep 300")

    assert slurm("scontrol", "release", "name=held-one") == SILENT
    slurm.until(job, "RUNNING")
    unknown = "Invalid job id specified for job 999999\nslurm_suspend error: Invalid job id specified\n"
    assert slurm("scontrol", "hold", "999999") == (1, "", unknown)
    assert slurm("scontrol", "hold") == (1, "", "too few arguments for keyword:hold\n")
    assert slurm("scancel", job) == SILENT


def test_a_job_that_requeues_itself_runs_again_whatever_its_exit_was(slurm: Slurm) -> None:
    script = slurm.directory / "again.sh"
    script.write_text(
        '#!/bin/bash\necho "$SLURM_RESTART_COUNT" >> runs\n'
        'if [ ! -e once ]; then touch once; scontrol requeue "$SLURM_JOB_ID"; exit 3; fi\n'
    )
    job = slurm.sbatch(str(script))

    wait_for(
        lambda: ((slurm.directory / "runs").exists() and slurm.state(job) == "COMPLETED") or None,
        PATIENCE_S,
        "the second run ends",
    )
    assert (slurm.directory / "runs").read_text().split() in (["1"], ["0", "1"])


def test_an_ended_job_is_requeued_and_held_under_its_own_id(slurm: Slurm) -> None:
    job = slurm.sbatch("-W", "--wrap", "true")

    assert slurm("scontrol", "requeuehold", job) == SILENT
    assert slurm.state(job) == "PENDING"
    assert slurm("scontrol", "release", job) == SILENT
    slurm.until(job, "COMPLETED")


def test_what_a_waiting_job_asks_for_is_changed(slurm: Slurm) -> None:
    job = slurm.sbatch("-H", "--wrap", "true")

    assert slurm("scontrol", "update", f"JobId={job}", "TimeLimit=30", "Name=other", "Comment=a b") == SILENT

    shown = slurm("scontrol", "show", "job", job).out
    assert "JobName=other" in shown
    assert "TimeLimit=00:30:00" in shown
    assert "Comment=a b" in shown
    wrong = slurm("scontrol", "update", f"jobid={job}", "partition=nosuch")
    assert wrong == (1, "", f"Invalid partition name specified for job {job}\n")
    assert slurm("scontrol", "update", f"jobid={job}") == (1, "", "No changes specified\n")
    assert slurm("scancel", job) == SILENT


def test_an_administrator_gives_a_waiting_job_a_priority(slurm: Slurm) -> None:
    first, second = (slurm.sbatch("--begin=now+1hour", "--wrap", "true") for _ in range(2))

    def number(job: str) -> int:
        return int(slurm("squeue", "-h", "-j", job, "-o", "%Q").out)

    above = number(first) + 1_000
    assert slurm("scontrol", "update", f"JobId={second}", f"Priority={above}") == SILENT
    assert number(second) > number(first)
    assert slurm("scontrol", "update", f"JobId={second}", "Priority=5") == SILENT
    assert number(second) < number(first)

    assert slurm("scontrol", "update", f"JobId={second}", "Priority=0") == SILENT
    assert number(second) == 0
    held = f"Job is in held state, pending scheduler release for job {second}\n"
    assert slurm("scontrol", "update", f"JobId={second}", "Priority=77") == (1, "", held)
    wrong = "scontrol: error: Invalid Priority value: -1\n"
    assert slurm("scontrol", "update", f"JobId={second}", "Priority=-1") == (1, "", wrong)
    unknown = "Invalid job id specified for job 999999\n"
    assert slurm("scontrol", "update", "JobId=999999", "Priority=5") == (1, "", unknown)
    assert slurm("scancel", first, second) == SILENT


def test_a_node_is_drained_for_a_reason_and_resumed(slurm: Slurm) -> None:
    refused = slurm("scontrol", "update", "NodeName=n3", "State=DRAIN")
    assert refused == (
        1,
        "",
        "You must specify a reason when DOWNING or DRAINING a node. Request denied\n",
    )
    assert slurm("scontrol", "update", "NodeName=n3", "State=DRAIN", "Reason=disk") == SILENT
    assert "disk" in slurm("sinfo", "-R").out
    assert slurm("scontrol", "update", "NodeName=n3", "State=RESUME") == SILENT


def test_nothing_starts_in_a_partition_that_is_down(slurm: Slurm) -> None:
    partition = slurm("sinfo", "-h", "-o", "%R").out.strip()
    assert slurm("scontrol", "update", f"PartitionName={partition}", "State=DOWN") == SILENT

    job = slurm.sbatch("--wrap", "true")

    shown = wait_for(
        lambda: (
            reason if "None" not in (reason := slurm("squeue", "-h", "-j", job, "-o", "%r").out) else None
        ),
        PATIENCE_S,
        "the reason",
    )
    assert shown.strip() == "PartitionDown"
    assert slurm("scontrol", "update", f"PartitionName={partition}", "State=UP") == SILENT
    slurm.until(job, "COMPLETED")


def test_a_reservation_is_named_after_its_user_and_deleted(slurm: Slurm) -> None:
    made = slurm(
        *("scontrol", "create", "reservation", "StartTime=now+1hour", "Duration=60", "Nodes=n2", "Users=root")
    )

    assert made == (0, "Reservation created: root_1\n", "")
    assert slurm("scontrol", "delete", "ReservationName=root_1") == SILENT
    assert slurm("scontrol", "delete", "ReservationName=root_1").code == 1


def test_nodes_with_jobs_are_reserved_only_by_who_ignores_them(slurm: Slurm) -> None:
    job = slurm.sbatch("-w", "n1", "-t", "10", "--wrap", "sleep 300")
    slurm.until(job, "RUNNING")
    wanted = ("create", "reservation", "StartTime=now", "Duration=60", "Nodes=n1", "Users=root")

    refused = slurm("scontrol", *wanted)

    assert refused == (1, "", "Error creating the reservation: Requested nodes are busy\n")
    assert slurm("scontrol", *wanted, "Flags=IGNORE_JOBS").out == "Reservation created: root_1\n"
    assert slurm("scontrol", "delete", "ReservationName=root_1") == SILENT
    assert slurm("scancel", job) == SILENT


def test_accounts_users_and_qos_are_added_shown_changed_and_deleted(slurm: Slurm) -> None:
    assert slurm("sacctmgr", "-i", "add", "account", "physics").out.startswith(
        " Adding Account(s)\n  physics\n"
    )
    assert slurm("sacctmgr", "-i", "add", "account", "physics") == (1, "", " Nothing new added.\n")
    assert slurm("sacctmgr", "-i", "add", "user", "root", "account=physics", "fairshare=10").code == 0
    assert slurm("sacctmgr", "-i", "add", "qos", "high", "priority=1000", "maxjobspu=3").code == 0
    assert slurm("sacctmgr", "-i", "modify", "user", "root", "set", "qos=high,normal", "maxjobs=4").code == 0

    line = slurm(
        "sacctmgr", "-nP", "show", "assoc", "user=root", "account=physics", "format=share,maxjobs,qos"
    )
    assert line == (0, "10|4|high,normal\n", "")
    limits = slurm("sacctmgr", "-nP", "show", "qos", "high", "format=name,priority,maxjobspu")
    assert limits == (0, "high|1000|3\n", "")
    declined = slurm("sacctmgr", "delete", "user", "root", typed="N\n")
    assert declined.out.endswith(" Changes Discarded\n")
    assert slurm("sacctmgr", "-i", "delete", "account", "physics").code == 0
    assert slurm("sacctmgr", "-i", "delete", "qos", "high").code == 0
    assert slurm("sacctmgr", "-i", "delete", "qos", "high") == (1, "", " Nothing deleted\n")


def test_many_jobs_are_acted_upon_in_one_request_each_with_its_own_result(slurm: Slurm) -> None:
    job = slurm.sbatch("-H", "--wrap", "true")

    answer = slurm.product.call("POST", "/v1/acts", {"act": "cancel", "jobs": [job, "999999", "x"]})

    assert [one["status"] for one in answer["results"]] == [200, 404, 400]
    with pytest.raises(Refused) as refused:
        slurm.product.call("POST", "/v1/acts", {"act": "signal", "jobs": [job]})
    assert refused.value.status == 400
