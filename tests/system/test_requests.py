"""Everything a job may ask for, over HTTP or in the lines of a script, up to what its process is told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.ly import ly
from tests.system.product import Json, Product, Refused, wait_for

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 2
licences = { matlab = 2 }
[[nodes]]
name = "n[1-3]"
cpus = 4
memory = "4GiB"
features = ["ib"]
[[nodes]]
name = "g1"
cpus = 4
memory = "8GiB"
gpus = "fake:2"
features = ["ib", "nvlink"]
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One daemon with four virtual nodes, of which one has two fake GPUs, and two licences."""
    one = Product(tmp_path_factory.mktemp("yard") / "state", CONFIG)
    one.start()
    yield one
    one.destroy()


@pytest.fixture(autouse=True)
def nothing_left(product: Product) -> Iterator[None]:
    """Each test has the whole cluster to itself."""
    yield
    for job in product.all_jobs():
        if job["ended_at"] is None:
            product.call("POST", f"/v1/jobs/{job['id']}/cancel")
            product.until(job["id"])


def told(product: Product, resources: Json, *names: str) -> list[str]:
    """What a job that asks for this finds in its environment."""
    script = "printf '%s\\n' " + " ".join(f'"${name}"' for name in names)
    job_id = product.submit(script, resources=resources)
    assert product.until(job_id)["state"] == "COMPLETED"
    return product.log(job_id).decode().split("\n")[: len(names)]


def running(product: Product, **resources: object) -> Json:
    """A job that holds what it asked for."""
    return product.until(product.submit("sleep 600", resources=resources), "RUNNING")


def waiting(product: Product, **resources: object) -> int:
    """A job that waits, as is seen when a later one without wishes has run."""
    job_id = product.submit("sleep 600", resources=resources)
    product.until(product.submit("true", resources={"cpus": 0.1, "memory_mib": 16}), "COMPLETED")
    assert product.job(job_id)["state"] == "PENDING"
    return job_id


def test_tasks_are_spread_over_nodes_and_the_script_knows_where(product: Product) -> None:
    names = ("NNODES", "NTASKS", "TASKS_PER_NODE", "JOB_CPUS_PER_NODE", "JOB_NODELIST", "CPUS_PER_TASK")
    asked = {"tasks": 6, "cpus": 6, "nodes": 2, "memory_mib": 600, "exclude": "g1,n3"}
    found = told(product, asked, *(f"SLURM_{name}" for name in names))
    assert found == ["2", "6", "3(x2)", "3(x2)", "n[1-2]", "1"]


def test_more_tasks_than_a_node_holds_go_to_several(product: Product) -> None:
    names = ("SLURM_NTASKS", "SLURM_NNODES", "LAUNCHYARD_CPUS")
    found = told(product, {"tasks": 10, "memory_mib": 100}, *names)
    assert found == ["10", "3", "10"]


def test_a_range_of_nodes_takes_what_is_free(product: Product) -> None:
    assert told(product, {"nodes": 2, "nodes_max": 3, "cpus": 8}, "SLURM_NNODES") == ["3"]


def test_an_exclusive_job_gets_all_of_its_node_and_nobody_beside(product: Product) -> None:
    job = running(product, exclusive=True, nodelist="n2")
    (node,) = [one for one in product.call("GET", "/v1/nodes")["nodes"] if one["name"] == "n2"]
    assert (node["used"]["cpus"], node["used"]["memory_mib"]) == (4, 4096)
    assert job["resources"]["exclusive"]
    waiting(product, cpus=1, nodelist="n2")


def test_all_memory_of_a_node_is_given_to_who_asks_for_it(product: Product) -> None:
    job = running(product, memory_mib=0, constraint="nvlink")
    assert job["resources"]["memory_mib"] == 8192
    assert job["nodes"] == ["g1"]


def test_two_halves_of_a_gpu_are_one_gpu(product: Product) -> None:
    halves = [running(product, gpus=0.5, cpus=1, memory_mib=10) for _ in range(2)]
    assert [one["resources"]["gpus"] for one in halves] == [0.5, 0.5]
    third = running(product, gpus=0.25, cpus=1, memory_mib=10)
    (node,) = [one for one in product.call("GET", "/v1/nodes")["nodes"] if one["name"] == "g1"]
    assert node["used"]["gpus"] == 1.25
    product.call("POST", f"/v1/jobs/{third['id']}/cancel")
    product.until(third["id"])
    script = {"gpus": 1, "gpu_type": "fake", "memory_mib": 10}
    assert told(product, script, "CUDA_VISIBLE_DEVICES", "SLURM_GPUS_ON_NODE") == ["1", "1"]
    waiting(product, gpus=2, memory_mib=10)


def test_a_part_of_a_gpu_is_told_to_the_program(product: Product) -> None:
    names = ("CUDA_VISIBLE_DEVICES", "LAUNCHYARD_GPUS", "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE")
    assert told(product, {"gpus": 0.25, "memory_mib": 10}, *names) == ["0", "0.25", "25"]


def test_licences_are_never_given_twice(product: Product) -> None:
    holder = running(product, licences={"matlab": 2})
    second = waiting(product, licences={"matlab": 1})
    product.call("POST", f"/v1/jobs/{holder['id']}/cancel")
    product.until(second, "RUNNING")


def test_a_script_asks_in_slurms_words_and_none_is_without_effect(product: Product, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text(
        "#!/bin/sh\n#SBATCH -N1 -n4 --gres=gpu:fake:1 -C 'nvlink&ib' -L matlab:1 --mem=1G --time-min=5\n"
        "#SBATCH --time=10 -x n1\n"
        "echo $SLURM_NTASKS $SLURM_JOB_LICENSES $CUDA_VISIBLE_DEVICES $SLURM_NTASKS_PER_NODE\n"
    )
    answer = ly(product.state, "submit", "--json", str(script))
    assert (answer.code, answer.err) == (0, "")
    job = json.loads(answer.out)
    assert product.until(job["id"])["state"] == "COMPLETED"
    assert product.log(job["id"]) == b"4 matlab:1 0 4\n"
    assert job["time_min_s"] == 300
    assert job["resources"] == {
        "cpus": 4,
        "memory_mib": 1024,
        "gpus": 1,
        "nodes": 1,
        "gpu_type": "fake",
        "tasks": 4,
        "tasks_per_node": 4,
        "constraint": "nvlink&ib",
        "exclude": ["n1"],
        "licences": {"matlab": 1},
    }


def test_a_job_with_wishes_is_run_again_with_the_same(product: Product) -> None:
    options = ["--gpus", "fake:0.5", "--constraint", "nvlink", "-w", "g1", "--licenses", "matlab:1"]
    first = json.loads(ly(product.state, "submit", "--json", *options, "--", "true").out)
    product.until(first["id"])
    again = json.loads(ly(product.state, "rerun", "--json", str(first["id"])).out)[0]
    assert again["resources"] == first["resources"]
    assert product.until(again["id"])["state"] == "COMPLETED"


def test_a_waiting_job_is_given_other_wishes(product: Product) -> None:
    running(product, exclusive=True, nodelist="n1")
    job_id = waiting(product, nodelist="n1")
    ly(product.state, "update", str(job_id), "--nodelist", "n[2-3]", "--nodes", "1")
    assert product.until(job_id, "RUNNING")["nodes"] == ["n2"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--constraint", "gpu"], "there are: ib, nvlink"),
        (["--gpus", "a100:1"], "there are: fake"),
        (["--nodelist", "n7"], "there is no node"),
        (["--licences", "matlab:3"], "there are 2; ask for --licences matlab:2 or less"),
        (["--ntasks", "20"], "4 nodes hold 16 in partition main"),
        (["--nodes", "3-2"], "Write 2-3"),
    ],
)
def test_what_can_never_run_is_refused_in_a_sentence(
    product: Product, options: list[str], sentence: str
) -> None:
    answer = ly(product.state, "submit", *options, "--", "true")
    assert answer.code == 2
    assert sentence in answer.err
    assert answer.err.count("\n") == 1


def test_a_wrong_request_over_http_names_its_key(product: Product) -> None:
    with pytest.raises(Refused) as refused:
        product.submit("true", resources={"gpus": 1.5})
    assert refused.value.status == 400
    assert "1.5 GPUs" in refused.value.problem["detail"]
    wait_for(lambda: product.running() or None, 5, "the daemon runs on")


def test_maintenance_closes_nodes_to_what_would_run_into_it(product: Product) -> None:
    made = ly(
        product.state,
        *("reservations", "create", "night", "--start", "now+1hour", "--duration", "2h"),
        *("--nodes", "n[1-3]", "--maintenance", "--reason", "new disks"),
    )
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("night keeps n[1-3] from ")
    assert "maintenance: new disks" in ly(product.state, "reservations", "list").out
    short = product.submit("true", time_limit_s=1800, resources={"nodelist": "n1"})
    assert product.until(short)["state"] == "COMPLETED"
    long = product.submit("true", time_limit_s=7200, resources={"nodelist": "n1"})
    reason = product.call("GET", f"/v1/jobs/{long}/why")["reason"]
    assert "node n1 is reserved for new disks" in reason
    assert product.job(long)["state"] == "PENDING"
    assert ly(product.state, "reservations", "delete", "night").code == 0
    assert product.until(long)["state"] == "COMPLETED"


def test_a_reservation_is_for_its_users_and_outlives_the_daemon(product: Product) -> None:
    body = {"name": "course", "duration_s": 3600, "nodes": ["g1"], "users": ["root"]}
    assert product.call("POST", "/v1/reservations", body)["jobs"] == []
    assert "reserved as course" in ly(product.state, "nodes").out
    product.kill()
    product.start()
    outside = waiting(product, gpus=1, memory_mib=10)
    names = ("SLURM_JOB_RESERVATION", "SLURMD_NODENAME")
    assert told(product, {"gpus": 1, "memory_mib": 10, "reservation": "course"}, *names) == ["course", "g1"]
    assert product.job(outside)["state"] == "PENDING"
    product.call("DELETE", "/v1/reservations/course")
    product.until(outside, "RUNNING")
