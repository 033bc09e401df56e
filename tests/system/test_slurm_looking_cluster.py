"""sinfo, scontrol show and sdiag of a real server with virtual nodes."""

import json
import os
import pwd
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.system.product import PATIENCE_S, Product

ME = pwd.getpwuid(os.geteuid()).pw_name
CONFIG = """listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
licences = { matlab = 4 }
[[nodes]]
name = "n[1-4]"
cpus = 4
memory = "4000MiB"
gpus = "fake:2"
features = ["lab"]
[[partitions]]
name = "debug"
default = true
time_limit = "1h"
[[partitions]]
name = "short"
nodes = "n[1-2]"
time_limit_max = "10m"
tier = 10
[slurm]
cluster = "lab"
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """n1 is full and n2 half full, n3 is closed."""
    running = Product(tmp_path_factory.mktemp("look") / "s", CONFIG)
    running.start()
    for node, cpus in (("n1", 4), ("n2", 2)):
        resources = {"cpus": cpus, "memory_mib": 100 * cpus, "nodelist": [node]}
        body = {"command": "sleep 600", "resources": resources, "working_dir": "/"}
        id = running.call("POST", "/v1/jobs", body)["id"]
        running.until(id, "RUNNING")
    running.call("POST", "/v1/nodes/n3", {"state": "drain", "reason": "new disk"})
    yield running
    running.destroy()


def run(product: Product, *words: str, **more: str) -> Any:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SINFO", "LAUNCHYARD"))}
    return subprocess.run(
        [f"{product.state}/slurm/{words[0]}", *words[1:]],
        env={**kept, **more},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def out(product: Product, *words: str, **more: str) -> str:
    done = run(product, *words, **more)
    assert (done.returncode, done.stderr) == (0, "")
    return str(done.stdout)


def test_sinfo_puts_nodes_together_by_partition_and_state(product: Product) -> None:
    assert out(product, "sinfo").splitlines() == [
        "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST",
        "debug*       up   infinite      1  drain n3",
        "debug*       up   infinite      1    mix n2",
        "debug*       up   infinite      1  alloc n1",
        "debug*       up   infinite      1   idle n4",
        "short        up      10:00      1    mix n2",
        "short        up      10:00      1  alloc n1",
    ]


def test_sinfo_reads_joined_letters_and_a_value_that_begins_with_a_blank(product: Product) -> None:
    assert out(product, "sinfo", "-aho %F/%C") == " 2/1/1/4/6/6/4/16\n"


def test_sinfo_obeys_its_variables(product: Product) -> None:
    assert out(product, "sinfo", "-h", SINFO_FORMAT="%R %N", SINFO_PARTITION="short") == "short n[1-2]\n"


def test_sinfo_lists_reasons_with_their_user(product: Product) -> None:
    (line,) = out(product, "sinfo", "-hR").splitlines()

    assert line.split()[:3] == ["new", "disk", ME]
    assert line.endswith(" n3")


def test_sinfo_as_json_has_every_group(product: Product) -> None:
    told = json.loads(out(product, "sinfo", "--json"))

    states = {
        (one["partition"]["name"], *one["node"]["state"]): one["nodes"]["nodes"] for one in told["sinfo"]
    }
    assert states["debug", "MIXED"] == ["n2"]
    assert states["debug", "IDLE", "DRAIN"] == ["n3"]
    assert told["meta"]["plugin"]["data_parser"] == "data_parser/v0.0.40"
    assert (told["errors"], told["warnings"]) == ([], [])
    few = json.loads(out(product, "sinfo", "--json", "-p", "short", "-t", "alloc", "-n", "n1"))["sinfo"]
    assert [one["nodes"]["nodes"] for one in few] == [["n1"]]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("sinfo", "--bogus"), 1, "sinfo: unrecognized option '--bogus'"),
        (("sinfo", "-t", "nope"), 1, 'sinfo: error: Bad state string: "nope"'),
        (("sinfo", "-i", "x"), 1, "sinfo: error: Error: invalid entry for --iterate=x"),
        (("sinfo", "-M", "other"), 1, "sinfo: error: No cluster 'other' known by database."),
        (("scontrol", "show", "bogus"), 1, "invalid entity:bogus for keyword:show "),
        (("scontrol", "bogus"), 1, "invalid keyword: bogus"),
        (("scontrol", "show"), 1, "too few arguments for keyword:show"),
        (("sdiag", "--bogus"), 1, "sdiag: unrecognized option '--bogus'"),
    ],
)
def test_wrong_words_are_refused_as_slurm_refuses_them(
    product: Product, words: tuple[str, ...], code: int, said: str
) -> None:
    done = run(product, *words)

    assert (done.returncode, done.stderr.splitlines()[0], done.stdout) == (code, said, "")


def test_nodes_are_shown_in_full(product: Product) -> None:
    record = out(product, "scontrol", "show", "node", "n2")

    assert record.startswith("NodeName=n2 Arch=")
    assert "   CPUAlloc=2 CPUEfctv=4 CPUTot=4 CPULoad=" in record
    assert "   State=MIXED ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A\n" in record
    assert "   Partitions=debug,short \n" in record
    assert "   AllocTRES=cpu=2,mem=200M\n" in record
    assert f"Reason=new disk [{ME}@" in out(product, "scontrol", "-o", "show", "node", "n3")


def test_nodes_and_partitions_are_told_as_json(product: Product) -> None:
    node = json.loads(out(product, "scontrol", "show", "node", "n1", "--json"))["nodes"][0]
    partitions = json.loads(out(product, "scontrol", "--json", "show", "partitions"))["partitions"]

    assert (node["name"], node["state"], node["alloc_cpus"], node["cpus"]) == ("n1", ["ALLOCATED"], 4, 4)
    assert [(one["name"], one["nodes"]["configured"]) for one in partitions] == [
        ("debug", "n[1-4]"),
        ("short", "n[1-2]"),
    ]
    assert partitions[1]["maximums"]["time"] == {"set": True, "infinite": False, "number": 10}


def test_what_is_not_there_is_said_so(product: Product) -> None:
    for words, said in (
        (("node", "x9"), "Node x9 not found\n"),
        (("partition", "x9"), "Partition x9 not found\n"),
        (("reservation", "x9"), "Reservation x9 not found\n"),
    ):
        done = run(product, "scontrol", "show", *words)
        assert (done.returncode, done.stdout) == (1, said)


def test_a_reservation_shows_in_both_commands(product: Product) -> None:
    product.call(
        "POST",
        "/v1/reservations",
        {"name": "maint1", "duration_s": 3600, "nodes": "n4", "maintenance": True},
    )
    try:
        shown = out(product, "scontrol", "show", "res")
        listed = out(product, "sinfo", "-T").splitlines()
        state = out(product, "sinfo", "-h", "-n", "n4", "-o", "%t")
    finally:
        product.call("DELETE", "/v1/reservations/maint1")

    assert "ReservationName=maint1 StartTime=" in shown
    assert "Nodes=n4 NodeCnt=1 CoreCnt=4 Features=(null) PartitionName=(null) Flags=MAINT,SPEC_NODES" in shown
    assert listed[0] == (
        "RESV_NAME     STATE           START_TIME             END_TIME     DURATION  NODELIST"
    )
    assert listed[1].startswith("maint1       ACTIVE  ")
    assert state == "maint\n"


def test_the_configuration_has_the_names_that_programs_read(product: Product) -> None:
    lines = out(product, "scontrol", "show", "config").splitlines()
    told = dict(line.split(" = ", 1) for line in lines if " = " in line)
    told = {name.strip(): value for name, value in told.items()}

    assert told["ClusterName"] == "lab"
    assert told["MinJobAge"] == "300 sec"
    assert told["MaxArraySize"] == "100001"
    assert told["Licenses"] == "matlab:4"
    assert told["AccountingStorageType"] == "accounting_storage/slurmdbd"
    assert {
        "SLURM_VERSION",
        "SelectType",
        "SchedulerType",
        "PriorityType",
        "KillWait",
        "DefMemPerCPU",
    } <= set(told)


def test_the_server_answers_a_ping_and_no_server_does_not(product: Product) -> None:
    assert out(product, "scontrol", "ping").endswith(" is UP\n")

    done = run(product, "scontrol", "ping", LAUNCHYARD_URL="http://127.0.0.1:1")
    assert (done.returncode, done.stdout.endswith(" is DOWN\n")) == (1, True)


def test_sdiag_counts_jobs_until_it_is_reset(product: Product) -> None:
    told = out(product, "sdiag")
    assert "Jobs submitted: 2\nJobs started:   2\n" in told
    assert "Jobs running:   2\n" in told

    assert out(product, "sdiag", "-r") == "Reset scheduling statistics\n"
    assert "Jobs submitted: 0\n" in out(product, "sdiag")


def test_licences_are_shown(product: Product) -> None:
    assert out(product, "scontrol", "show", "licenses") == (
        "LicenseName=matlab\n    Total=4 Used=0 Free=4 Reserved=0 Remote=no\n"
    )
