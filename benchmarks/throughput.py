"""No-op jobs from submission to recorded end, seen from outside, with a kill -9 of the daemon in mid-run.

Every task has its own record, exit code, usage and log at the end; each writes its own line to its log, and
all lines are checked. Nothing of them may be left: no process, no cgroup.
"""

import os
import statistics
import subprocess
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from benchmarks.bare import spawn_rate
from benchmarks.row import Row
from tests.system.product import ENDED, Json, Product, job_pids, wait_for

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "{daemon_user}"
[[nodes]]
name = "bench"
cpus = 16
memory = "16GiB"
"""
ASKED = {"cpus": 1, "memory_mib": 64}
COMMAND = ["/bin/echo", "done"]


ROUNDS = 5
"""Each row is run in so many parts with bare spawns between them: a shared machine changes by the second."""


def array(product: Product, count: int, *, kill: bool = False) -> float:
    """Seconds for one array of `count` tasks; with `kill` the daemon dies on the way and is started again."""
    began = time.monotonic()
    job_id = product.submit(COMMAND, array=f"1-{count}", resources=ASKED)
    if kill:
        wait_for(lambda: _ended(product, job_id) > count // 2 or None, 600, "half of the array has ended")
        product.kill()
        product.start()
    wait_for(lambda: product.job(job_id)["state"] in ENDED or None, 600, "the array has ended", 0.1)
    seconds = time.monotonic() - began
    tasks = [job for job in product.all_jobs() if job["array"] and job["array"]["job_id"] == job_id]
    check(product, [task for task in tasks if task["array"]["index"] is not None], count)
    return seconds


def separate(product: Product, count: int, *, kill: bool = False, connections: int = 4) -> float:
    """Seconds for `count` distinct jobs, each its own POST, from four connections; `kill` after the last."""
    before = {job["id"] for job in product.all_jobs()}
    share = count // connections

    def client() -> None:
        one = product.client()
        for _ in range(share):
            one.call("POST", "/v1/jobs", {"command": COMMAND, "resources": ASKED})
        one.close()

    began = time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if kill:
        product.kill()
        product.start()
    live = "/v1/jobs?state=PENDING,STARTING,RUNNING&limit=1"
    wait_for(lambda: not product.call("GET", live)["jobs"] or None, 600, "all ended", 0.1)
    seconds = time.monotonic() - began
    check(product, [job for job in product.all_jobs() if job["id"] not in before], share * connections)
    return seconds


def check(product: Product, jobs: list[Json], count: int) -> None:
    """Every job has its record, exit code, usage and log; nothing of them is left."""
    assert len(jobs) == count, f"{len(jobs)} records of {count}"
    wrong = [job for job in jobs if (job["state"], job["exit_code"]) != ("COMPLETED", 0)]
    assert not wrong, f"{len(wrong)} did not complete: {wrong[0]}"
    assert all(job["usage"]["cpu_s"] is not None for job in jobs), "a job has no usage"
    logs = [Path(job["log_path"]) for job in jobs]
    assert all(path.read_bytes() == b"done\n" for path in logs), "a log is not what its job wrote"
    wait_for(lambda: not job_pids(product.state) or None, 30, "no process is left")
    wait_for(lambda: not cgroups(product.state) or None, 30, "no cgroup is left")


def cgroups(state: Path) -> list[str]:
    """The cgroups of this state directory's launches that are there still."""
    name = f"launchyard-{zlib.crc32(os.fsencode(state.resolve())):08x}"
    pattern = f"*/{name}/*"
    command = ["find", "/sys/fs/cgroup", "-type", "d", "-path", pattern]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def rows(make: Callable[[str], Product], count: int, mode: str, gates: tuple[float, float]) -> list[Row]:
    """Both rows of one mode, as ratios to the bare spawn rate of the same run."""
    found = []
    for name, run, gate in (("array", array, gates[0]), ("separate", separate, gates[1])):
        product = make(f"{mode}-{name}")
        product.start()
        seconds, rates = 0.0, [spawn_rate()]
        for part in range(ROUNDS):
            seconds += run(product, count // ROUNDS, kill=part == ROUNDS // 2)
            rates.append(spawn_rate())
        product.destroy()
        rate, bare = count / seconds, statistics.mean(rates)
        found.append(
            Row(
                work=f"{name}, {mode}",
                value=rate,
                unit="jobs/s",
                against="bare spawns a core",
                ratio=rate / bare,
                gate=gate,
                note=f"{count} jobs, bare {bare:,.0f}/s",
            )
        )
    return found


def _ended(product: Product, job_id: int) -> int:
    array = product.job(job_id)["array"]
    return sum(n for state, n in (array.get("counts") or {}).items() if state in ENDED)
