"""Jobs of unlike parts through Slurm's commands, on virtual nodes with the real daemon."""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, wait_for

CONFIG = DEFAULT_CONFIG.replace('name = "node"', 'name = "n[1-3]"')
WHO = "echo $SLURM_PROCID/$SLURM_NTASKS on $SLURMD_NODENAME"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("het") / "s", CONFIG)
    running.start()
    yield running
    running.destroy()


def run(product: Product, *words: str, **more: str) -> Any:
    """A command to its end."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "LAUNCHYARD", "SBATCH"))}
    return subprocess.run(
        words,
        env={**kept, "PATH": f"{product.state}/slurm:{os.environ['PATH']}", **more},
        cwd=product.state.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def said(product: Product, *words: str) -> list[str]:
    """What it prints, line by line."""
    done = run(product, *words)
    assert done.returncode == 0, done.stderr
    return list(done.stdout.splitlines())


def test_a_script_of_parts_runs_in_the_first_and_starts_steps_in_all(product: Product) -> None:
    path = product.state.parent / "parts.sh"
    path.write_text(
        "#!/bin/bash\n"
        "#SBATCH --ntasks=1 --nodelist=n1 --mem=64 --output=parts.out\n"
        "#SBATCH hetjob\n"
        "#SBATCH --ntasks=2 --nodelist=n2\n"
        "echo $SLURM_HET_SIZE $SLURM_JOB_NODELIST $SLURM_JOB_NODELIST_HET_GROUP_1 $SLURM_NTASKS_HET_GROUP_1\n"
        f"srun bash -c '{WHO}'\n"
        f"srun --het-group=0,1 bash -c '{WHO}' | sort\n"
        f"srun bash -c '{WHO} a' : bash -c '{WHO} b' | sort\n"
        f"srun --het-group=1 bash -c '{WHO}' | sort\n"
        "srun --het-group=2 true || echo refused\n"
    )
    (job,) = said(product, "sbatch", "--parsable", "--wait", str(path))
    assert (product.state.parent / "parts.out").read_text().splitlines() == [
        *("2 n1 n2 2", "0/1 on n1"),
        *("0/3 on n1", "1/3 on n2", "2/3 on n2"),
        *("0/3 on n1 a", "1/3 on n2 b", "2/3 on n2 b"),
        *("0/2 on n2", "1/2 on n2"),
        *("srun: error: Requested het-group offset exceeds highest hetjob index (2 > 1)", "refused"),
    ]
    ids = said(product, "sacct", "-n", "-P", "-j", job, "-o", "jobid,jobidraw,alloccpus,state")
    assert ids == [
        f"{job}+0|{job}|1|COMPLETED",
        f"{job}+0.batch|{job}.batch|1|COMPLETED",
        *(f"{job}+0.{step}|{job}.{step}|1|COMPLETED" for step in range(3)),
        f"{job}+1|{int(job) + 1}|2|COMPLETED",
        *(f"{job}+1.{step}|{int(job) + 1}.{step}|2|COMPLETED" for step in range(1, 4)),
    ]
    assert said(product, "sacct", "-n", "-X", "-P", "-j", f"{job}+1", "-o", "jobid") == [f"{job}+1"]


def test_parts_are_shown_one_by_one_and_cancelled_as_one(product: Product) -> None:
    line = ("-n1", "--mem=64", ":", "-n2", "-J", "both", ":", "--exclusive", "-N1", "--wrap", "sleep 100")
    job = int(said(product, "sbatch", "--parsable", *line)[0])
    wait_for(
        lambda: said(product, "squeue", "-h", "-j", str(job), "-o", "%t") == ["R"] * 3, PATIENCE_S, "runs"
    )
    rows = said(product, "squeue", "-h", "-S", "i", "-j", str(job), "-o", "%i %A %j %D")
    assert rows == [f"{job}+{part} {job + part} both 1" for part in range(3)]
    assert said(product, "squeue", "-h", "-j", str(job + 1), "-o", "%i") == [f"{job}+1"]
    (record,) = said(product, "scontrol", "-o", "show", "job", str(job + 1))
    assert f"JobId={job + 1} HetJobId={job} HetJobOffset=1 " in record
    assert f"HetJobIdSet={job}-{job + 2} " in record
    (told,) = json.loads("".join(said(product, "squeue", "--json", "-j", str(job + 2))))["jobs"]
    assert (told["het_job_id"]["number"], told["het_job_offset"]["number"]) == (job, 2)

    assert_parts_are_asked_for_alone(product, job)
    refused = run(product, "scancel", str(job + 1))
    assert refused.returncode == 60
    assert "Operation not permitted on individual component of heterogeneous job" in refused.stderr
    assert run(product, "scancel", str(job)).returncode == 0
    wait_for(lambda: said(product, "squeue", "-h") == [], PATIENCE_S, "has ended")
    assert set(said(product, "sacct", "-n", "-X", "-P", "-j", str(job), "-o", "state")) == {
        f"CANCELLED by {os.getuid()}"
    }


def assert_parts_are_asked_for_alone(product: Product, job: int) -> None:
    """As Slurm 22.05 answers: squeue and sstat know the job alone, scontrol and sacct its parts."""
    every = [f"{job}+{part}" for part in range(3)]
    for asked in (every[1], f"{job}+7", f"{every[1]},{every[2]}"):
        assert sorted(said(product, "squeue", "-h", "-j", asked, "-o", "%i")) == every
    for part, name in enumerate(every):
        (record,) = said(product, "scontrol", "-o", "show", "job", name)
        assert record.startswith(f"JobId={job + part} HetJobId={job} HetJobOffset={part} ")
        assert said(product, "sacct", "-n", "-X", "-P", "-j", name, "-o", "jobid") == [name]
    assert said(product, "sacct", "-n", "-P", "-j", every[0], "-o", "jobid") == [
        every[0],
        f"{every[0]}.batch",
    ]
    assert said(product, "sacct", "-n", "-X", "-P", "-j", f"{every[0]},{job}", "-o", "jobid") == every
    assert said(product, "sacct", "-n", "-X", "-P", "-j", f"{job}+9", "-o", "jobid") == []
    assert said(product, "sstat", "-n", "-a", "-P", "-j", every[1], "-o", "jobid") == [f"{job}.batch"]
    script = said(product, "scontrol", "write", "batch_script", every[1], "-")
    assert script[0] == "#!/bin/sh"
    for words, out, error in (
        (("show", "job", f"{job}+9"), f"Job {job}+9 not found\n", ""),
        (("show", "job", "999999+1"), "", "slurm_load_jobs error: Invalid job id specified\n"),
        (("listpids", every[1]), "", f'"{every[1]}" does not look like a jobid\n'),
        (("requeue", every[1]), "", f"Invalid job id specified for job {every[1]}\n"),
        (("top", every[1]), "", f"Invalid job id specified for job {every[1]}\n"),
    ):
        done = run(product, "scontrol", *words)
        assert (done.returncode, done.stdout, done.stderr) == (1, out, error)


def test_what_no_job_of_parts_can_be_is_refused_in_slurms_words(product: Product) -> None:
    array = run(product, "sbatch", "--array=0-3", "-n1", ":", "-n1", "--wrap", "true")
    assert (array.returncode, array.stderr) == (
        1,
        "sbatch: error: Batch job submission failed: Invalid job array specification\n",
    )
    large = run(product, "sbatch", "-n1", ":", "-c400", "--wrap", "true")
    assert (large.returncode, large.stderr) == (
        1,
        "sbatch: error: Batch job submission failed: Requested node configuration is not available\n",
    )


def test_allocations_of_parts_are_for_salloc_and_srun_too(product: Product) -> None:
    got = run(
        product,
        "salloc",
        "-Q",
        "-w",
        "n1",
        ":",
        "-n2",
        "-w",
        "n3",
        "srun",
        "--het-group=0,1",
        "bash",
        "-c",
        WHO,
    )
    assert got.returncode == 0, got.stderr
    assert sorted(got.stdout.splitlines()) == ["0/3 on n1", "1/3 on n3", "2/3 on n3"]
    both = run(
        product, "srun", "-w", "n2", "bash", "-c", WHO, ":", "-w", "n3", "bash", "-c", f"{WHO}; exit 3"
    )
    assert (sorted(both.stdout.splitlines()), both.returncode) == (["0/2 on n2", "1/2 on n3"], 3)
