"""Our engine in front of a real Slurm: what a submission costs beyond sbatch, and how often Slurm is asked.

A Slurm of one node is brought up for it, by root, where one is installed (scripts/install-slurm); elsewhere
there are no rows. Costs are time of processors, sbatch by itself and ours by turns.
"""

import time
from pathlib import Path

from benchmarks.row import Row
from tests.slurm.costs import LOOKING, bare_sbatch, counted, used_below, used_by
from tests.slurm.lab import Lab, missing
from tests.system.product import Json, Product, wait_for

TURNS, AT_ONCE = 6, 10
MORE_MAX_S = 0.030
WAITING_MAX = 5000
WATCHED_S = 30.0
PATIENCE_S = 1800.0
CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
[[clusters]]
name = "site"
engine = "slurm"
conf = "{conf}"
bin = "{bin}"
"""


def rows(directory: Path, jobs: int) -> list[Row]:
    """None where no Slurm is installed."""
    if lack := missing():
        print(f"no Slurm is installed here ({', '.join(lack)}): run scripts/install-slurm", flush=True)
        return []
    lab = Lab(directory / "slurm-lab", nodes=1)
    try:
        lab.start()
        bin, told = counted(lab.directory)
        config = CONFIG.format(conf=lab.environment["SLURM_CONF"], bin=bin)
        product = Product(directory / "on-slurm", config)
        try:
            product.start()
            product.until(_submit(product, 1, cpus=4)[0], "RUNNING")
            return [_costs(product, lab), _looks(product, told, min(WAITING_MAX, jobs // 2))]
        finally:
            product.destroy()
    finally:
        lab.stop()


def _submit(product: Product, count: int, cpus: int = 1) -> list[int]:
    """All but the first job wait in Slurm: that one has all its CPUs."""
    asked: Json = {"command": ["sleep", "3600"], "resources": {"cpus": cpus, "memory_mib": 100}}
    asked["time_limit_s"] = 7200
    answer = product.call("POST", "/v1/jobs", [asked] * count)
    return [one["id"] for one in answer]


def _given(product: Product, ids: list[int]) -> None:
    """Slurm has them all."""
    left = list(ids)

    def all_there() -> bool:
        while left and product.job(left[-1])["engine_id"]:
            left.pop()
        return not left

    wait_for(all_there, PATIENCE_S, "Slurm has all of them", 0.5)


def _costs(product: Product, lab: Lab) -> Row:
    script = lab.directory / "script"
    script.write_text("#!/bin/sh\ntrue\n")
    _given(product, _submit(product, AT_ONCE))
    alone = ours = 0.0
    for _ in range(TURNS):
        alone += sum(bare_sbatch(lab.environment, script) for _ in range(AT_ONCE))
        before = used_by(product.pid) + used_below(product)
        _given(product, _submit(product, AT_ONCE))
        ours += used_by(product.pid) + used_below(product) - before
    alone, ours = alone / (TURNS * AT_ONCE), ours / (TURNS * AT_ONCE)
    return Row(
        work="Slurm: a submission costs more than sbatch by itself, CPU",
        value=1000 * (ours - alone),
        unit="ms",
        against=f"{1000 * MORE_MAX_S:g} ms",
        ratio=(ours - alone) / MORE_MAX_S,
        gate=1,
        lower_is_better=True,
        note=f"sbatch {1000 * alone:.1f} ms; {TURNS * AT_ONCE} of each, by turns",
    )


def _looks(product: Product, told: Path, count: int) -> Row:
    for at in range(0, count, 500):
        _given(product, _submit(product, min(500, count - at)))
    told.write_text("")
    began, used = time.monotonic(), used_by(product.pid)
    time.sleep(WATCHED_S)
    asked, watched_s = told.read_text().split(), time.monotonic() - began
    busy = (used_by(product.pid) - used) / watched_s
    # As many as there are between the first and the last: the last may have begun just now.
    rate = max(0, asked.count("squeue") - 1) / watched_s
    each = ", ".join(f"{name} {asked.count(name)}" for name in LOOKING)
    said = f"{count:,} waiting; in {watched_s:.0f} s {each}"
    return Row(
        work="Slurm: looks at it a second, thousands waiting there",
        value=rate,
        unit="/s",
        against="1 /s",
        ratio=rate,
        gate=1,
        lower_is_better=True,
        note=f"{said}; {100 * busy:.0f} % of a core",
    )
