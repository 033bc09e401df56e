"""The whole product in front of a real Slurm, and everything killed under load."""

import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.lab import Lab, brought_up
from tests.slurm.ours import drop_in
from tests.slurm.settings import USERS
from tests.system.ly import ly
from tests.system.product import ENDED, Product, Refused, wait_for
from tests.system.verify import script, until_all_ended, verify

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(900)]
CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 2
[[clusters]]
name = "site"
engine = "slurm"
conf = "{conf}"
bin = "/usr/bin"
"""


@pytest.fixture(scope="module")
def lab(place: Path) -> Iterator[Lab]:
    with brought_up(Lab(place / "lab-behind")) as lab:
        yield lab


@pytest.fixture
def product(lab: Lab, place: Path, tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path / "state", CONFIG.format(conf=lab.environment["SLURM_CONF"]))
    try:
        product.start()
        yield product
    finally:
        product.destroy()


def body(command: list[str], **more: object) -> dict[str, object]:
    return {"command": command, "resources": {"cpus": 1, "memory_mib": 50}, "time_limit_s": 600, **more}


def test_job_is_found_by_slurms_number_and_says_why_it_waits(product: Product, lab: Lab) -> None:
    held = product.call("POST", "/v1/jobs", body(["sleep", "100"], name="wide"))
    job = product.until(held["id"], "RUNNING")
    assert job["engine_id"]
    assert job["nodes"][0] in lab.nodes
    assert ly(product.state, "show", job["engine_id"]).code == 0
    product.call("POST", f"/v1/jobs/{job['id']}/cancel")
    assert product.until(job["id"])["state"] == "CANCELLED"
    assert lab.run("squeue", "-h", "-j", job["engine_id"]) == 0


def test_orders_for_a_waiting_job_reach_slurm(product: Product, lab: Lab) -> None:
    whole = {"resources": {"cpus": 16, "memory_mib": 400, "nodes": 4}}
    first = product.call("POST", "/v1/jobs", body(["sleep", "600"]) | whole)["id"]
    product.until(first, "RUNNING")
    second = product.call("POST", "/v1/jobs", body(["sleep", "600"], requeue=True) | whole)["id"]
    number = wait_for(lambda: product.job(second)["engine_id"], 60, "Slurm has the second job")

    def slurm_says(letters: str) -> str:
        return lab.said("squeue", "-h", "-j", number, "-o", letters).strip()

    wait_for(lambda: slurm_says("%r") in ("Resources", "Priority"), 60, "Slurm says why it waits")
    product.call("POST", f"/v1/jobs/{second}/hold")
    wait_for(lambda: slurm_says("%r") == "JobHeldUser", 60, "it is held there")
    assert "held" in product.job(second)["reason"]
    product.call("POST", f"/v1/jobs/{second}/update", {"name": "renamed", "time_limit_s": 1200})
    wait_for(lambda: slurm_says("%j %l") == "renamed 20:00", 60, "it is another one there")
    product.call("POST", f"/v1/jobs/{second}/release")
    wait_for(lambda: slurm_says("%r") in ("Resources", "Priority"), 60, "it is let go")
    product.call("POST", f"/v1/jobs/{first}/cancel")
    product.until(second, "RUNNING")
    product.call("POST", f"/v1/jobs/{second}/requeue")
    wait_for(lambda: product.job(second)["engine_id"] != number, 60, "a new attempt is handed over")
    product.call("POST", f"/v1/jobs/{second}/cancel")
    assert product.until(second)["state"] == "CANCELLED"
    assert product.job(first)["state"] == "CANCELLED"


def test_arrays_and_our_own_sbatch_go_through(product: Product, tmp_path: Path) -> None:
    array = ly(
        product.state, *("submit", "--array", "1-3%2", "--mem", "50MiB", "-t", "5", "--json", "--"), "true"
    )
    assert array.code == 0, array.err
    wrapped = 'echo $SLURM_NTASKS $SLURM_JOB_ID; type -p srun sbatch; echo "$SLURM_JOB_COMMENT"'
    told = subprocess.run(
        [
            *(f"{drop_in(product)}/sbatch", "--parsable", "--ntasks=2", "--switches=1", "--comment=mine"),
            *("--mem=50", "--time=5", f"--output={tmp_path}/%j.out", f"--wrap=bash -c '{wrapped}'"),
        ],
        env={**os.environ, "LAUNCHYARD_STATE": str(product.state)},
        capture_output=True,
        text=True,
        check=True,
    )
    job = product.until(int(told.stdout))
    assert job["state"] == "COMPLETED", job
    lines = product.log(job["id"]).decode().splitlines()
    assert lines[:3] == [f"2 {job['engine_id']}", "/usr/bin/srun", "/usr/bin/sbatch"]
    until_all_ended(product)
    ends = [one["state"] for one in product.all_jobs() if one["array"] is not None]
    assert set(ends) == {"COMPLETED"}


def test_srun_in_a_job_is_slurms_and_gives_its_tasks_the_variables_of_the_job(product: Product) -> None:
    said = ["srun", "sh", "-c", "echo $WORD $SLURM_PROCID"]
    variables = {"WORD": "mine", "PATH": "/usr/bin:/bin"}
    job = product.until(product.call("POST", "/v1/jobs", body(said, environment=variables))["id"])
    assert (job["state"], product.log(job["id"])) == ("COMPLETED", b"mine 0\n")


def test_names_and_options_that_are_slurms_alone_go_through_and_so_does_its_refusal(
    product: Product, lab: Lab
) -> None:
    """Its accounts, QOS, lists of partitions, and what we have no word for."""

    def ours(*words: str) -> str:
        return subprocess.run(
            [f"{drop_in(product)}/sbatch", "--parsable", "--mem=50", "--time=5", *words, "--wrap=sleep 60"],
            env={**os.environ, "LAUNCHYARD_STATE": str(product.state)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    words = ("--account=physics", "--qos=high", "--partition=short,debug", "--switches=1@00:05", "--nice=5")
    further = ("--licenses=ansys:1", "--gres=gpu:1", "--delay-boot=5", "--hint=nomultithread", "--wckey=w")
    job = product.until(int(ours(*words, *further)), "RUNNING")
    straight = ("--mem=50", "--time=5", "-o", "/dev/null", *words, *further, "--wrap=sleep 60")
    theirs = lab.said("sbatch", "--parsable", *straight).strip()
    known, same = _facts(lab, theirs), _facts(lab, job["engine_id"])
    for name in (
        *("Account", "QOS", "Nice", "Licenses", "TresPerNode", "DelayBoot", "Switches", "WCKey", "TimeLimit"),
        *("NtasksPerN:B:S:C", "CoreSpec", "MinMemoryNode", "Socks/Node", "ReqB:S:C:T", "TRES"),
    ):
        assert same.get(name) == known.get(name), name
    assert (known["Account"], known["QOS"], known["Nice"]) == ("physics", "high", "5")
    lab.run("scancel", theirs)
    assert (job["qos"], job["account"]) == ("high", "physics")
    product.call("POST", f"/v1/jobs/{job['id']}/cancel")
    for wrong, why in (("--qos=nosuch", "Invalid qos"), ("--reservation=nosuch", "reservation is invalid")):
        cause = product.until(int(ours(wrong)))["cause"]
        assert cause.startswith("Slurm refused it: ")
        assert why in cause


def _facts(lab: Lab, number: str) -> dict[str, str]:
    """What Slurm has written down of a job."""
    words = lab.said("scontrol", "-o", "show", "job", number).split()
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def test_what_is_not_given_to_slurm_is_refused_at_once(product: Product) -> None:
    """With the sentence that its engine declares, for all that it does."""
    needing: dict[str, dict[str, object]] = {
        "terminal": {"terminal": True},
        "steps": {"kind": "driver"},
        "parts of CPUs": {"resources": {"cpus": 0.5, "memory_mib": 50}},
        "unlike parts": {"parts": [{"resources": {"cpus": 1}}]},
        "ray": {"metadata": {"launchyard.ray": "true"}},
    }
    declared: dict[str, str] = product.call("GET", "/v1/status")["clusters"][0]["cannot"]
    assert declared.keys() == needing.keys()
    for lack, more in needing.items():
        with pytest.raises(Refused, match=re.escape(declared[lack])):
            product.call("POST", "/v1/jobs", body(["true"]) | more)
    assert product.all_jobs() == []


def test_ordinary_user_has_it_for_himself(lab: Lab, place: Path) -> None:
    entry = pwd.getpwnam(USERS[0])
    home = place / "ordinary"
    home.mkdir()
    os.chown(home, entry.pw_uid, entry.pw_gid)
    environment = {**lab.environment, "HOME": entry.pw_dir, "LAUNCHYARD_STATE": str(home / "state")}

    def ly_as_user(*words: str) -> str:
        command = ["setpriv", "--reuid", USERS[0], "--regid", str(entry.pw_gid), "--init-groups"]
        return subprocess.run(
            [*command, sys.executable, "-m", "launchyard.cli", *words],
            env=environment,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        ).stdout

    ly_as_user("up", "-d", "--engine", "slurm", "--listen", "127.0.0.1:0")
    try:
        said = ly_as_user(
            *("submit", "--mem", "50MiB", "-t", "5", "--follow", "--"),
            "sh",
            "-c",
            "id -un; echo $SLURM_JOB_ID",
        )
    finally:
        ly_as_user("down")
    assert USERS[0] in said.splitlines()


def test_everything_killed_among_two_hundred_jobs(product: Product, lab: Lab, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.mkdir()
    jobs = [
        {
            "script": script(journal, lines=3, pause_s=0.3, code=number % 3),
            "resources": {"cpus": 1, "memory_mib": 50},
            "time_limit_s": 120,
            # Where Slurm adds words of its own.
            "stderr": str(tmp_path / "%j.err"),
        }
        for number in range(200)
    ]
    answered = product.call("POST", "/v1/jobs", jobs)
    acknowledged = [one["id"] for one in answered]
    for victim in ("slurmctld", "slurmd-n2", None):
        _until_ended(product, _ended(product) + 10)
        if victim is None:
            product.kill()
            product.start()
        else:
            lab.kill(victim)
            lab.start_again(victim)
    # What slurmd was about to start when it was killed Slurm takes for running until its time is up.
    until_all_ended(product, 600)
    verify(product, acknowledged, journal, lost_allowed=True)
    ends = [job["state"] for job in product.all_jobs()]
    assert ends.count("COMPLETED") + ends.count("FAILED") > 150, sorted(ends)


def _until_ended(product: Product, count: int) -> None:
    wait_for(lambda: _ended(product) >= count, 120, f"{count} jobs have ended")


def _ended(product: Product) -> int:
    return sum(job["state"] in ENDED for job in product.all_jobs())
