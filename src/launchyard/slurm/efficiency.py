"""What seff says of one job: how much of its CPUs and its memory it used."""

from collections.abc import Iterable

from launchyard.slurm.accounting import Record
from launchyard.slurm.amounts import whole_cpus
from launchyard.slurm.times import full_clock

_WARNING = (
    "WARNING: Efficiency statistics can only be obtained after the job has ended as seff tool is based on "
    "the accounting database data."
)


def report(record: Record, cluster: str, group: str) -> Iterable[str]:
    """The lines; CPU time is that of all steps, memory that of the largest."""
    word, cpus = record["word"], max(1, whole_cpus(record["cpus_milli"]))
    nodes = max(1, len(record["nodes"]))
    yield f"Job ID: {record['raw']}"
    if record["task_array"] is not None:
        yield f"Array Job ID: {record['task_array']}_{record['task_index']}"
    yield f"Cluster: {cluster}"
    yield f"User/Group: {record['user']}/{group}"
    yield f"State: {word}" + ("" if word in ("PENDING", "RUNNING") else f" (exit code {record['exit'][0]})")
    if cpus == 1:
        yield "Cores: 1"
    else:
        yield f"Nodes: {nodes}"
        yield f"Cores per node: {cpus // nodes}"
    if word == "PENDING":
        yield "Efficiency not available for jobs in the PENDING state."
        return
    yield from _used(record, cpus, nodes)
    if word == "RUNNING":
        yield _WARNING


def _used(record: Record, cpus: int, nodes: int) -> Iterable[str]:
    used_s, core_s = cpu_seconds(record), record["elapsed_s"] * cpus
    yield f"CPU Utilized: {full_clock(used_s)}"
    yield f"CPU Efficiency: {_percent(used_s, core_s)} of {full_clock(core_s)} core-walltime"
    yield f"Job Wall-clock time: {full_clock(record['elapsed_s'])}"
    mib, got_mib = peak_mib(record), record["got_memory_mib"]
    by_core = bool((record["metadata"] or {}).get("slurm.mem-per-cpu"))
    part, unit = (got_mib / cpus, "core") if by_core else (got_mib / nodes, "node")
    yield f"Memory Utilized: {_size(mib)}"
    yield f"Memory Efficiency: {_percent(mib, got_mib)} of {_size(got_mib)} ({_size(part)}/{unit})"


def cpu_seconds(record: Record) -> int:
    """CPU time of all steps, in whole seconds."""
    return int(sum(step["cpu_s"] or 0 for step in record["steps"]) + 0.5)


def peak_mib(record: Record) -> float:
    """The memory of the step that used the most."""
    return max((float(step["memory_peak_mib"] or 0) for step in record["steps"]), default=0.0)


def _percent(part: float, whole: float) -> str:
    return f"{part / whole * 100 if whole else 0:.2f}%"


def _size(mib: float) -> str:
    """`1.23 GB`; nothing is `0.00 MB`."""
    size, units = mib * 1024, iter("KMGTPE")
    unit = next(units) if size else "M"
    while size >= 1024 and unit != "E":
        size, unit = size / 1024, next(units)
    return f"{size:.2f} {unit}B"
