"""This machine and a real Slurm under one server: one list of jobs, each where it was sent."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.lab import Lab, missing
from tests.slurm.ours import drop_in
from tests.system.ly import ly
from tests.system.product import Product

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(300)]
CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
[[nodes]]
name = "own[1-2]"
cpus = 2
memory = "1GiB"
[[clusters]]
name = "local"
engine = "local"
[[clusters]]
name = "site"
engine = "slurm"
conf = "{conf}"
bin = "/usr/bin"
"""


@pytest.fixture(scope="module")
def product(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    lack = missing()
    if lack:
        pytest.skip(f"real Slurm is not installed (scripts/install-slurm): no {', '.join(lack)}")
    lab = Lab(place / "lab-beside")
    product = Product(
        tmp_path_factory.mktemp("two") / "state", CONFIG.format(conf=lab.environment["SLURM_CONF"])
    )
    try:
        lab.start()
        product.start()
        yield product
    finally:
        product.destroy()
        lab.stop()


def test_jobs_go_where_they_are_sent_and_are_in_one_list(product: Product) -> None:
    here = ly(product.state, "submit", "-q", "-c", "1", "--mem", "100M", "--", "sleep", "0.1").out.strip()
    there = ly(
        product.state, "submit", "-q", "--cluster", "site", "-c", "1", "--mem", "50M", "--", "true"
    ).out.strip()
    ended = [product.until(int(one)) for one in (here, there)]
    assert [(one["state"], one["cluster"]) for one in ended] == [
        ("COMPLETED", "local"),
        ("COMPLETED", "site"),
    ]
    assert ended[0]["nodes"][0].startswith("own")
    listed = {job["id"] for job in product.call("GET", "/v1/jobs")["jobs"]}
    assert {int(here), int(there)} <= listed
    assert f"site, known there as {ended[1]['engine_id']}" in ly(product.state, "show", there).out


def test_nodes_partitions_and_lacks_are_told_by_cluster(product: Product) -> None:
    nodes = {one["name"]: one["cluster"] for one in product.call("GET", "/v1/nodes")["nodes"]}
    assert nodes == {"own1": "local", "own2": "local", **{f"n{number}": "site" for number in range(1, 5)}}
    clusters = {one["name"]: one for one in product.call("GET", "/v1/status")["clusters"]}
    assert (clusters["local"]["places"], clusters["site"]["places"]) == ("launchyard", "engine")
    assert "steps" in clusters["site"]["cannot"]
    refused = ly(product.state, "submit", "--cluster", "site", "--cpus", "0.5", "--", "true")
    assert refused.code == 2
    assert refused.err.startswith("ly: cluster site cannot run this: Slurm gives whole CPUs")
    wrong = ly(product.state, "submit", "--cluster", "site", "-p", "main", "--", "true")
    assert "partition main is on cluster local, not on site" in wrong.err


def slurms(product: Product, line: str) -> "subprocess.CompletedProcess[str]":
    """A line of shell with our commands of Slurm's names."""
    environment = {**os.environ, "LAUNCHYARD_STATE": str(product.state)}
    environment["PATH"] = f"{drop_in(product)}:{environment['PATH']}"
    return subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_commands_of_slurm_know_the_clusters_by_name(product: Product) -> None:
    sent = slurms(product, "sbatch -M site --mem=50 -t 5 -o /dev/null --wrap 'sleep 600'").stdout
    there = sent.split()[3]
    assert sent == f"Submitted batch job {there} on cluster site\n"
    here = slurms(product, "sbatch --parsable -M local --mem=50 -o /dev/null --wrap 'sleep 600'").stdout
    here, cluster = here.strip().split(";")
    assert cluster == "local"
    for one in (here, there):
        product.until(int(one), "RUNNING")

    assert slurms(product, "squeue -h -M site -o %i").stdout.split() == [there]
    assert slurms(product, "squeue -M local,site -o %i").stdout == (
        f"CLUSTER: local\nJOBID\n{here}\n\nCLUSTER: site\nJOBID\n{there}\n"
    )
    assert set(slurms(product, "squeue -h -O JobID:10,Cluster:10").stdout.split()) == {
        *(here, "local", there, "site")
    }
    assert slurms(product, "sinfo -h -M site -N -p debug -o %N").stdout.split() == ["n1", "n2", "n3", "n4"]
    assert slurms(product, "sinfo -h -M local -N -o %N").stdout.split() == ["own1", "own2"]
    told = slurms(product, "sacct -M site -X -n -P -o jobid,cluster").stdout.split()
    assert f"{there}|site" in told
    assert {line.partition("|")[2] for line in told} == {"site"}
    assert slurms(product, "sacct -M nowhere -X -n -P").stdout == ""
    unknown = slurms(product, "squeue -M nowhere")
    assert (unknown.returncode, unknown.stderr) == (
        1,
        "squeue: error: No cluster 'nowhere' known by database.\n",
    )

    assert slurms(product, "scancel -M local -n wrap").returncode == 0
    assert product.until(int(here))["state"] == "CANCELLED"
    assert product.job(int(there))["state"] == "RUNNING"
    assert slurms(product, f"scancel -M site {there}").returncode == 0
    assert product.until(int(there))["state"] == "CANCELLED"


UNKNOWN = (
    "'nowhere' can't be reached now, or it is an invalid entry for --cluster.  "
    "Use 'sacctmgr list clusters' to see available clusters."
)


def test_scontrol_shows_the_cluster_that_is_named_alone(product: Product) -> None:
    def names(line: str, of: str) -> list[str]:
        words = slurms(product, line).stdout.split()
        return [word.removeprefix(f"{of}=") for word in words if word.startswith(f"{of}=")]

    assert names("scontrol -M site show node", "NodeName") == ["n1", "n2", "n3", "n4"]
    assert names("SLURM_CLUSTERS=local scontrol show node", "NodeName") == ["own1", "own2"]
    assert names("scontrol --clusters=site -o show partition", "PartitionName") == ["debug", "short"]
    told = slurms(product, "sbatch --parsable -M site --mem=50 -H -o /dev/null --wrap true").stdout
    job = told.partition(";")[0]
    assert job in names("scontrol -M site,local show job", "JobId")
    assert job not in names("scontrol -M local show job", "JobId")
    elsewhere = slurms(product, f"scontrol -M local show job {job}")
    assert (elsewhere.returncode, elsewhere.stderr) == (
        1,
        "slurm_load_jobs error: Invalid job id specified\n",
    )
    assert slurms(product, f"scancel {job}").returncode == 0
    unknown = slurms(product, "scontrol -M nowhere show node")
    assert (unknown.returncode, unknown.stdout, unknown.stderr) == (1, "", f"scontrol: error: {UNKNOWN}\n")


def test_srun_and_salloc_go_to_the_cluster_that_is_named(product: Product) -> None:
    here = slurms(product, "srun -M local -n 1 --mem=50 sh -c 'echo $SLURMD_NODENAME'")
    assert (here.returncode, here.stdout[:3]) == (0, "own"), here
    held = slurms(product, "SALLOC_CLUSTERS=local salloc --mem=50 srun sh -c 'echo $SLURMD_NODENAME'")
    assert (held.returncode, held.stdout[:3]) == (0, "own"), held
    sentence = "steps of a job in Slurm are Slurm's own: call Slurm's srun, in its script or by itself"
    for line in (
        "srun -M site -n 1 --mem=50 true",
        "salloc -M site --mem=50 true",
        "salloc -M site --no-shell",
    ):
        refused = slurms(product, line)
        assert refused.returncode == 1, refused
        assert sentence in refused.stderr, refused
        unknown = slurms(product, line.replace("-M site", "-M nowhere"))
        assert (unknown.returncode, unknown.stderr) == (1, f"{line.split()[0]}: error: {UNKNOWN}\n")


def test_session_goes_to_the_cluster_that_is_named(product: Product) -> None:
    words = ("session", "start", "shell", "-q", "-c", "1", "--mem", "300M")
    here = ly(product.state, *words, "--cluster", "local").out.strip()
    there = ly(product.state, *words, "--cluster", "site").out.strip()
    for one, cluster, node in ((here, "local", "own"), (there, "site", "n")):
        job = product.until(int(one), "RUNNING")
        assert (job["cluster"], job["nodes"][0][: len(node)]) == (cluster, node)
        assert ly(product.state, "session", "stop", one).code == 0
        product.until(int(one))
    wrong = ly(product.state, *words, "--cluster", "mars")
    assert (wrong.code, "mars" in wrong.err) == (2, True), wrong


def test_of_several_clusters_sbatch_takes_the_one_that_can(product: Product) -> None:
    sent = slurms(product, "sbatch --parsable -M local,site --mem=50 -t 5 -n 4 -N 2 -o /dev/null --wrap true")
    assert sent.stdout.strip().endswith(";local"), sent.stderr
    sent = slurms(product, "sbatch --parsable -M local,site --mem=50 -t 5 -N 4 -o /dev/null --wrap true")
    assert sent.stdout.strip().endswith(";site"), sent.stderr
    assert product.until(int(sent.stdout.partition(";")[0]))["state"] == "COMPLETED"


def test_lists_show_one_cluster_alone(product: Product) -> None:
    there = ly(
        product.state, "submit", "-q", "--cluster", "site", "--mem", "50M", "-t", "5", "--", "sleep", "600"
    ).out.strip()
    here = ly(product.state, "submit", "-q", "--mem", "50M", "--", "sleep", "600").out.strip()
    assert ly(product.state, "jobs", "-q", "--cluster", "site").out.split() == [there]
    assert ly(product.state, "jobs", "-q", "--cluster", "local").out.split() == [here]
    assert "CLUSTER" in ly(product.state, "jobs").out.splitlines()[0]
    wrong = ly(product.state, "jobs", "--cluster", "mars")
    assert (wrong.code, wrong.err) == (2, 'ly: there is no cluster "mars"; there are: local, site\n')
    assert ly(product.state, "nodes", "-q", "--cluster", "local").out.split() == ["own1", "own2"]
    table = product.call("GET", "/v1/tables/list?cluster=site&state=PENDING,STARTING,RUNNING")
    assert table["columns"]["id"] == [int(there)]
    for one in (here, there):
        product.call("POST", f"/v1/jobs/{one}/cancel")
        product.until(int(one))
