"""What sacct, sstat, seff, sshare and sreport tell of a history of jobs, by the real commands and daemon."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.system.product import PATIENCE_S, Product, wait_for

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 60
[[nodes]]
name = "n[1-3]"
cpus = 4
memory = "4GiB"
[[accounts]]
name = "physics"
everyone = true
"""
FILL = "x = bytearray(300 << 20)\nimport time\ntime.sleep(60)"
UID = os.getuid()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("accounting") / "s", CONFIG)
    running.start()
    yield running
    running.destroy()


def submit(product: Product, name: str, command: str | list[str], **fields: Any) -> int:
    return product.submit(command, name=name, account="physics", **fields)


@pytest.fixture(scope="module")
def ids(product: Product) -> Mapping[str, int]:
    """The history: jobs that ended in every way, an array, one tried twice, one held, one that runs."""
    srun = f"{product.state}/slurm/srun"
    found = {
        "ok": submit(product, "ok", "true"),
        "fail3": submit(product, "fail3", "exit 3"),
        "sig9": submit(product, "sig9", "kill -9 $$"),
        "cancelled": submit(product, "cancelled", "sleep 600"),
        "late": submit(product, "late", "sleep 600", time_limit_s=1),
        "memory": submit(product, "memory", [sys.executable, "-c", FILL], resources={"memory_mib": 64}),
        "again": submit(product, "again", "exec sleep 600", requeue=True),
        "steps": submit(product, "steps", f"{srun} true; {srun} -J bad false; exit 0"),
        "arr": submit(product, "arr", "true", array="0-9:3%2"),
        "held": submit(product, "held", "true", hold=True),
        "live": submit(product, "live", "exec sleep 600", resources={"cpus": 2, "memory_mib": 512}),
    }
    for name in ("cancelled", "again", "live"):
        product.until(found[name], "RUNNING")
    product.call("POST", f"/v1/jobs/{found['cancelled']}/cancel")
    product.call("POST", f"/v1/jobs/{found['again']}/requeue")
    wait_for(lambda: product.job(found["again"])["past_attempts"] or None, PATIENCE_S, "the job was put back")
    product.until(found["again"], "RUNNING")
    product.call("POST", f"/v1/jobs/{found['again']}/cancel")
    for name in ("ok", "fail3", "sig9", "cancelled", "late", "memory", "again", "steps", "arr"):
        product.until(found[name])
    return found


def run(product: Product, *words: str, code: int = 0, **more: str) -> str:
    """A command's stdout; its stderr where it is to fail."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SACCT", "LAUNCHYARD"))}
    done = subprocess.run(
        [f"{product.state}/slurm/{words[0]}", *words[1:]],
        env={**kept, "TZ": "UTC", **more},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def sacct(product: Product, *words: str) -> list[str]:
    return run(product, "sacct", "-n", "-P", *words).splitlines()


def test_a_history_of_jobs_is_told_in_slurms_words(product: Product, ids: Mapping[str, int]) -> None:
    told = sacct(product, "-o", "jobname,state,exitcode,alloccpus,nnodes,account", "-j", _all(ids))

    # Where it stands says when it was put back: in the same second as others were submitted, or later.
    again = told.index(f"again|CANCELLED by {UID}|0:0|1|1|physics")
    assert told[again + 1] == "batch|CANCELLED|0:15|1|1|physics"
    del told[again : again + 2]
    assert told[: told.index("held|PENDING|0:0|1|1|physics")] == [
        "ok|COMPLETED|0:0|1|1|physics",
        "batch|COMPLETED|0:0|1|1|physics",
        "fail3|FAILED|3:0|1|1|physics",
        "batch|FAILED|3:0|1|1|physics",
        "sig9|FAILED|0:9|1|1|physics",
        "batch|CANCELLED|0:9|1|1|physics",
        f"cancelled|CANCELLED by {UID}|0:0|1|1|physics",
        "batch|CANCELLED|0:15|1|1|physics",
        "late|TIMEOUT|0:0|1|1|physics",
        "batch|CANCELLED|0:15|1|1|physics",
        "memory|OUT_OF_MEMORY|0:125|1|1|physics",
        "batch|OUT_OF_MEMORY|0:125|1|1|physics",
        "steps|COMPLETED|0:0|1|1|physics",
        "batch|COMPLETED|0:0|1|1|physics",
        "true|COMPLETED|0:0|1|1|physics",
        "bad|FAILED|1:0|1|1|physics",
        *["arr|COMPLETED|0:0|1|1|physics", "batch|COMPLETED|0:0|1|1|physics"] * 4,
    ]


def _all(ids: Mapping[str, int]) -> str:
    return ",".join(map(str, ids.values()))


def test_programs_poll_jobs_by_id_and_state(product: Product, ids: Mapping[str, int]) -> None:
    array = ids["arr"]

    polled = sacct(product, "-X", "-o", "JobId,State", "-j", f"{array},{ids['live']}")

    assert polled == [*(f"{array}_{index}|COMPLETED" for index in (0, 3, 6, 9)), f"{ids['live']}|RUNNING"]
    assert sacct(product, "-X", "-o", "jobid", "-j", f"{array}_[3-6]") == [f"{array}_3", f"{array}_6"]
    assert sacct(product, "-o", "jobid", "-j", f"{array}_0.batch") == [f"{array}_0.batch"]
    assert sacct(product, "-j", "99999") == []


def test_the_default_columns_are_those_of_slurm(product: Product, ids: Mapping[str, int]) -> None:
    job = ids["fail3"]

    assert run(product, "sacct", "-j", str(job)).splitlines() == [
        "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode ",
        "------------ ---------- ---------- ---------- ---------- ---------- -------- ",
        f"{job:<12}      fail3       main    physics          1     FAILED      3:0 ",
        f"{f'{job}.batch':<12}      batch               physics          1     FAILED      3:0 ",
    ]


def test_jobs_are_chosen_by_name_state_time_and_user(product: Product, ids: Mapping[str, int]) -> None:
    names = ["-X", "-o", "jobname"]

    assert sacct(product, *names, "--name", "ok,late") == ["ok", "late"]
    assert sacct(product, *names, "-s", "F,OOM", "-S", "today", "-E", "now") == ["fail3", "sig9", "memory"]
    assert sacct(product, *names, "-s", "R") == ["live"]
    assert "held" not in sacct(product, *names)
    assert sacct(product, *names, "-E", "now-1hour", "-S", "now-2hours") == []
    assert sacct(product, *names, "-A", "other") == []
    assert sacct(product, *names, "-u", str(UID), "--name", "ok") == ["ok"]


def test_each_run_of_a_job_that_was_put_back_is_shown(product: Product, ids: Mapping[str, int]) -> None:
    runs = sacct(product, "-D", "-o", "jobid,state,exitcode", "-j", str(ids["again"]))

    assert runs[:2] == [f"{ids['again']}|REQUEUED|0:0", f"{ids['again']}.batch|CANCELLED|0:15"]
    assert len(runs) == 4


def test_figures_of_a_job_are_told_in_the_units_asked_for(product: Product, ids: Mapping[str, int]) -> None:
    fields = "reqmem,alloctres,timelimit,nodelist,start"
    live, job = sacct(product, "-X", "-o", fields, "-j", str(ids["live"])), product.job(ids["live"])

    assert live[0].split("|")[:3] == ["512M", "billing=2,cpu=2,mem=512M,node=1", "1-00:00:00"]
    assert live[0].split("|")[3:] == [job["nodes"][0], job["started_at"][:19]]
    held = sacct(product, "-o", "start,end,nodelist,reason", "-j", str(ids["held"]))
    assert held == ["Unknown|Unknown|None assigned|JobHeldUser"]
    assert sacct(product, "-X", "-o", "derivedexitcode", "-j", str(ids["steps"])) == ["1:0"]


def test_json_tells_jobs_with_their_steps(product: Product, ids: Mapping[str, int]) -> None:
    told = json.loads(run(product, "sacct", "--json", "-j", str(ids["steps"])))

    (job,) = told["jobs"]
    assert told["meta"]["plugin"]["data_parser"] == "data_parser/v0.0.40"
    assert (job["job_id"], job["state"]["current"]) == (ids["steps"], ["COMPLETED"])
    assert [step["step"]["name"] for step in job["steps"]] == ["batch", "true", "bad"]


def test_wrong_use_is_said_as_slurm_says_it(product: Product, ids: Mapping[str, int]) -> None:
    wrong = {
        ("-o", "bogus"): 'sacct: error: Invalid field requested: "bogus"\n',
        ("-j", "abc"): "sacct: fatal: Bad job/step specified: abc\n",
        ("--bogus",): "sacct: unrecognized option '--bogus'\n",
        ("-s", "XX"): "sacct: fatal: unrecognized job state value 'XX'\n",
        ("-S", "foo"): "Invalid time specification (pos=0): foo\n",
        ("-u", "nobody-of-that-name"): "sacct: error: Invalid user id: nobody-of-that-name\n",
    }

    assert {words: run(product, "sacct", *words, code=1) for words in wrong} == wrong


def test_sstat_tells_what_a_running_job_uses(product: Product, ids: Mapping[str, int]) -> None:
    live = ids["live"]

    told = run(product, "sstat", "-a", "-n", "-P", "-o", "jobid,maxrss,ntasks", "-j", str(live))

    id, memory, tasks = told.strip().split("|")
    assert (id, tasks) == (f"{live}.batch", "1")
    assert memory.endswith(("K", "M"))


def test_seff_tells_how_well_a_job_used_what_it_got(product: Product, ids: Mapping[str, int]) -> None:
    lines = run(product, "seff", str(ids["fail3"])).splitlines()

    assert [line.partition(":")[0] for line in lines] == [
        *("Job ID", "Cluster", "User/Group", "State", "Cores", "CPU Utilized", "CPU Efficiency"),
        *("Job Wall-clock time", "Memory Utilized", "Memory Efficiency"),
    ]
    assert lines[3] == "State: FAILED (exit code 3)"
    assert run(product, "seff", str(ids["live"])).splitlines()[-1].startswith("WARNING: Efficiency")
    assert f"Array Job ID: {ids['arr']}_3" in run(product, "seff", f"{ids['arr']}_3")
    assert run(product, "seff", "-d", str(ids["ok"])).startswith("Slurm data: JobID ArrayJobID User Group")
    assert run(product, "seff", "99999", code=2) == "Job not found.\n"


def test_shares_and_reports_name_the_account(product: Product, ids: Mapping[str, int]) -> None:
    shares = run(product, "sshare", "-a", "-n", "-P", "-o", "account,user").splitlines()
    report = run(product, "sreport", "-P", "cluster", "AccountUtilizationByUser", "start=today", "end=now")
    total = run(product, "sreport", "-n", "-P", "cluster", "utilization", "start=today", "end=now")

    assert [line.split("|")[0] for line in shares] == ["root", " root", " physics", "  physics"]
    assert report.splitlines()[4] == "Cluster|Account|Login|Proper Name|Used|Energy"
    assert [line.split("|")[1] for line in report.splitlines()[5:]] == ["root", "physics", "physics"]
    assert len(total.strip().split("|")) == 7
    assert run(product, "sreport", "foo", code=1) == "invalid keyword: foo\n"
