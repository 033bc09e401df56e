"""squeue, sprio and scontrol show job, by the real commands and daemon."""

import json
import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.system.product import PATIENCE_S, Product, wait_for

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 1
licences = { matlab = 2 }
[slurm]
cluster = "lab"
min_job_age_s = 600
[[nodes]]
name = "n[1-2]"
cpus = 4
memory = "4GiB"
gpus = "fake:2"
[[partitions]]
name = "debug"
default = true
time_limit = "1h"
[[partitions]]
name = "short"
time_limit = "10m"
time_limit_max = "10m"
[[qos]]
name = "normal"
[[qos]]
name = "one"
per_user = { jobs = 1 }
"""
ME = pwd.getpwuid(os.getuid()).pw_name
HEADER = "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("looking") / "s", CONFIG)
    running.start()
    yield running
    running.destroy()


@pytest.fixture(scope="module")
def ids(product: Product) -> Mapping[str, int]:
    """Jobs that ended, run and wait for every kind of reason."""
    all_cpus = {"cpus": 8, "nodes": 2}
    found = {
        "ok": product.submit("true", name="ok"),
        "bad": product.submit("exit 3", name="bad"),
    }
    for id in found.values():
        product.until(id)
    found["runs"] = product.submit("sleep 600", name="runs", resources=all_cpus, qos="one")
    product.until(found["runs"], "RUNNING")
    found |= {
        "next": product.submit("true", name="next", resources=all_cpus),
        "behind": product.submit("true", name="behind", resources=all_cpus),
        "held": product.submit("true", name="held", hold=True),
        "after": product.submit("true", name="after", after=f"afterok:{found['runs']}"),
        "later": product.submit("true", name="later", begin_at="2037-01-01T00:00:00Z"),
        "limited": product.submit("true", name="limited", qos="one"),
        "arr": product.submit("true", name="arr", array="1-9:2%2", hold=True),
        "short": product.submit("true", name="short", partition="short", hold=True),
    }
    return found


def run(product: Product, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [f"{product.state}/slurm/{words[0]}", *words[1:]]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SQUEUE", "LAUNCHYARD"))}
    return subprocess.run(
        command,
        env={**kept, "TZ": "UTC", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def rows(product: Product, *words: str, **environment: str) -> list[str]:
    return run(product, *words, **environment).stdout.split("\n")[:-1]


def test_default_lists_what_waits_and_runs_in_slurms_order(product: Product, ids: Mapping[str, int]) -> None:
    done = run(product, "squeue")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(HEADER)
    shown = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert shown[-2:] == [str(ids["runs"]), str(ids["short"])]
    assert str(ids["ok"]) not in shown
    assert f"{ids['arr']}_[1,3,5,7,9%2]" in shown


def test_reasons_are_slurms_words(product: Product, ids: Mapping[str, int]) -> None:
    shown = dict(line.split("|") for line in rows(product, "squeue", "-ho", "%j|%r", "-t", "all"))

    assert shown == {
        **{"ok": "None", "bad": "NonZeroExitCode", "runs": "None", "next": "Resources"},
        **{"behind": "Priority", "held": "JobHeldUser", "after": "Dependency", "later": "BeginTime"},
        **{"limited": "QOSMaxJobsPerUserLimit", "arr": "JobHeldUser", "short": "JobHeldUser"},
    }


def test_choices_narrow_what_is_shown(product: Product, ids: Mapping[str, int]) -> None:
    def names(*words: str, **environment: str) -> set[str]:
        return set(rows(product, "squeue", "-ho", "%j", *words, **environment))

    assert names("-n", "held,after") == {"held", "after"}
    assert names("-p", "short") == {"short"}
    assert names("-q", "one") == {"runs", "limited"}
    assert names("-t", "R") == names("-w", "n2") == {"runs"}
    assert names("-t", "f,cd") == {"bad", "ok"}
    assert names("-j", f"{ids['bad']},{ids['held']}", "-t", "all") == {"bad", "held"}
    assert names("--me") == names("-u", ME) == names("-u", str(os.getuid()))
    assert names(SQUEUE_STATES="RUNNING") == {"runs"}
    assert names("-A", "nobody") == names("-R", "none") == names("-L", "matlab") == set()


def test_tasks_of_an_array_are_chosen_and_written_out(product: Product, ids: Mapping[str, int]) -> None:
    array = ids["arr"]

    assert rows(product, "squeue", "-ho", "%i", "-j", f"{array}_[1-5]") == [f"{array}_[1,3,5]"]
    assert rows(product, "squeue", "-ho", "%i", "-j", f"{array}_3", "-j", str(ids["held"])) == [
        *(str(ids["held"]), f"{array}_3")
    ]
    assert len(rows(product, "squeue", "-rho", "%i", "-n", "arr")) == 5


def test_unknown_ids_and_words_are_refused_as_slurm_refuses_them(
    product: Product, ids: Mapping[str, int]
) -> None:
    refused = {
        ("squeue", "-j", "99999"): (1, "slurm_load_jobs error: Invalid job id specified\n"),
        ("squeue", "-j", "x"): (1, "squeue: error: Invalid job id: x\n"),
        ("squeue", "-w", "n77"): (1, "squeue: error: Invalid node name n77\n"),
        ("squeue", "what"): (1, "squeue: error: Unrecognized option: what\n"),
        ("scontrol", "show", "job", "99999"): (1, "slurm_load_jobs error: Invalid job id specified\n"),
    }
    for words, wanted in refused.items():
        done = run(product, *words)
        assert (done.returncode, done.stderr, done.stdout) == (*wanted, ""), words
    assert run(product, "squeue", "-j", "99999,99998").stdout == HEADER
    assert run(product, "squeue", "-u", "no.such.user").stdout == HEADER
    assert run(product, "squeue", "--nix").returncode == 1
    assert run(product, "squeue", "-t", "nix").stderr.startswith(
        "squeue: error: Invalid job state specified: nix\n"
    )


def test_formats_may_come_from_the_environment(product: Product, ids: Mapping[str, int]) -> None:
    one = ("-j", str(ids["runs"]))

    assert rows(product, "squeue", "-h", *one, SQUEUE_FORMAT="%j\x1f%T\x1e") == ["runs\x1fRUNNING\x1e"]
    assert rows(product, "squeue", "-h", *one, SQUEUE_FORMAT2="name:.6,state:;") == ["  runsRUNNING;"]
    assert rows(product, "squeue", "-ho", "%S", *one, SLURM_TIME_FORMAT="%Y") >= ["2026"]
    there, here = (rows(product, "squeue", "-ho", "%V", *one, TZ=zone)[0] for zone in ("Asia/Tokyo", "UTC"))
    assert (int(there[11:13]) - int(here[11:13])) % 24 == 9


def test_everything_is_told_as_json(product: Product, ids: Mapping[str, int]) -> None:
    told = json.loads(run(product, "squeue", "--json").stdout)

    jobs = {job["name"]: job for job in told["jobs"]}
    assert told["meta"]["slurm"]["release"] == "23.11.4"
    assert told["meta"]["slurm"]["cluster"] == jobs["runs"]["cluster"] == "lab"
    assert jobs["runs"]["job_state"] == ["RUNNING"]
    assert jobs["runs"]["job_resources"]["nodes"] == "n[1-2]"
    assert jobs["arr"]["array_task_string"] == "1,3,5,7,9%2"
    assert jobs["limited"]["state_reason"] == "QOSMaxJobsPerUserLimit"
    assert (told["errors"], told["warnings"]) == ([], [])


def test_records_tell_everything_of_a_job(product: Product, ids: Mapping[str, int]) -> None:
    text = run(product, "scontrol", "show", "job", str(ids["runs"])).stdout
    line = rows(product, "scontrol", "-o", "show", "job", str(ids["bad"]))
    task = rows(product, "scontrol", "show", f"job={ids['arr']}_3")

    fields = dict(word.split("=", 1) for word in text.split() if "=" in word)
    assert fields["JobState"] == "RUNNING"
    assert (fields["NodeList"], fields["NumCPUs"], fields["BatchHost"]) == ("n[1-2]", "8", "n1")
    assert fields["TimeLimit"] == "01:00:00"
    assert len(line) == 1
    assert "JobState=FAILED Reason=NonZeroExitCode" in line[0]
    assert "ExitCode=3:0" in line[0]
    assert task[0] == f"JobId={ids['arr']} ArrayJobId={ids['arr']} ArrayTaskId=3 JobName=arr"


def test_the_script_of_a_job_is_written_out(product: Product, tmp_path: Path) -> None:
    script = "#!/bin/sh\necho hello\n"
    id = str(
        product.client().call("POST", "/v1/jobs", {"script": script, "hold": True, "name": "script"})["id"]
    )
    path = tmp_path / "out.sh"

    assert run(product, "scontrol", "write", "batch_script", id, "-").stdout == script
    assert run(product, "scontrol", "write", "batch_script", id, str(path)).returncode == 0
    assert path.read_text() == script
    assert run(product, "scontrol", "write", "batch_script", "9999", "-").stderr == (
        "job script retrieval failed: Invalid job id specified\n"
    )
    product.client().call("POST", f"/v1/jobs/{id}/cancel", {})


def test_priorities_sort_as_the_queue_does(product: Product, ids: Mapping[str, int]) -> None:
    numbers = dict(line.split() for line in rows(product, "squeue", "-ho", "%j %Q"))
    weights = rows(product, "sprio", "-w")
    shown = [line.split() for line in rows(product, "sprio", "-h")]

    assert int(numbers["next"]) >= int(numbers["behind"]) > int(numbers["held"]) == 0
    assert weights[0].split()[:4] == ["JOBID", "PARTITION", "PRIORITY", "SITE"]
    assert weights[1].split()[0] == "Weights"
    assert [int(row[0]) for row in shown] == sorted(ids[one] for one in ("next", "behind", "limited"))


def test_the_batch_step_of_a_running_job_is_a_step(product: Product, ids: Mapping[str, int]) -> None:
    script = "#!/bin/sh\nsleep 600\n"
    waiting = run(product, "squeue", "-s")
    client = product.client()
    client.call("POST", f"/v1/jobs/{ids['runs']}/cancel", {})
    id = client.call("POST", "/v1/jobs", {"script": script, "name": "stepped"})["id"]

    wait_for(lambda: f"{id}.batch" in run(product, "squeue", "-s").stdout, PATIENCE_S, "the step is shown")

    assert waiting.stdout.startswith("         STEPID     NAME PARTITION     USER      TIME NODELIST\n")
    assert f"StepId={id}.batch" in run(product, "scontrol", "show", "step", str(id)).stdout


def test_what_is_asked_beyond_the_limits_of_a_partition_waits(
    product: Product, ids: Mapping[str, int]
) -> None:
    for options in (("-p", "short", "-t", "60"), ("-N", "20"), ("-n", "100")):
        done = run(product, "sbatch", "-Q", "-J", "beyond", *options, "--wrap", "true")
        assert (done.returncode, done.stderr) == (0, "")

    assert rows(product, "squeue", "-hn", "beyond", "-S", "i", "-o", "%t %r %D %C") == [
        "PD PartitionTimeLimit 1 1",
        "PD PartitionConfig 20 20",
        "PD PartitionConfig 25 100",
    ]
    assert run(product, "scancel", "-n", "beyond").returncode == 0
