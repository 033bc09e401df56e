"""Steps that run as `squeue -s` and `scontrol show step` print them; a batch script is a step too."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from launchyard.model.hostlist import compress
from launchyard.model.light import Any
from launchyard.slurm.amounts import Units
from launchyard.slurm.facts import Surroundings
from launchyard.slurm.formats import printable
from launchyard.slurm.times import clock

Step = dict[str, Any]

STEP_COLUMNS = (
    "job_id task_array task_index step name user uid partition started_at nodes tasks cpus_milli "
    "memory_held_mib gpus"
)
"""Of the server's table of steps."""
JOB_COLUMNS = "id task_array task_index state batch user uid partition started_at nodes"
"""Of the server's table of jobs, for the batch steps."""

BATCH = "batch"


def steps_of(steps: Sequence[Sequence[Any]], jobs: Sequence[Sequence[Any]]) -> list[Step]:
    """Rows of both tables as one list of running steps, by partition and id; the batch step comes first."""
    found = [dict(zip(STEP_COLUMNS.split(), row, strict=True)) for row in steps]
    for row in jobs:
        job = dict(zip(JOB_COLUMNS.split(), row, strict=True))
        # The record of an array is at work when tasks of it are, and is on no node itself.
        if job["batch"] and job["nodes"] and job["state"] in ("RUNNING", "SUSPENDED"):
            found.append(
                {**job, "job_id": job["id"], "step": BATCH, "name": BATCH, "tasks": 1, "cpus_milli": 0}
                | {"nodes": job["nodes"][:1], "memory_held_mib": 0, "gpus": 0}
            )
    found.sort(key=lambda step: (step["partition"], step["job_id"], step["step"] != BATCH, str(step["step"])))
    return found


def shown_id(step: Step) -> str:
    """`12.0`, `12.batch`, `9_6.batch`."""
    job = step["job_id"] if step["task_array"] is None else f"{step['task_array']}_{step['task_index']}"
    return f"{job}.{step['step']}"


Write = Callable[[Step, Surroundings], str]

FIELDS: Mapping[str, tuple[str, Write]] = {
    "tres-per-job": ("TRES_PER_JOB", lambda step, around: "(null)"),
    "stepid": ("STEPID", lambda step, around: shown_id(step)),
    "stepname": ("NAME", lambda step, around: printable(step["name"])),
    "timelimit": ("TIME_LIMIT", lambda step, around: "UNLIMITED"),
    "username": ("USER", lambda step, around: step["user"]),
    "numtasks": ("TASKS", lambda step, around: str(step["tasks"])),
    "timeused": ("TIME", lambda step, around: clock(max(0, around.now - (step["started_at"] or around.now)))),
    "nodes": ("NODELIST", lambda step, around: compress(step["nodes"])),
    "partition": ("PARTITION", lambda step, around: step["partition"]),
    "starttime": ("START_TIME", lambda step, around: around.stamp(step["started_at"])),
    "userid": ("UID", lambda step, around: str(step["uid"])),
    "stepstate": ("STATE", lambda step, around: "RUNNING"),
    "network": ("NETWORK", lambda step, around: "(null)"),
    "cpufreq": ("CPU_FREQ", lambda step, around: "0-0:0"),
    "numcpus": ("CPUS", lambda step, around: str(step["cpus_milli"] // 1000)),
    "arrayjobid": ("ARRAY_JOB_ID", lambda step, around: str(step["task_array"] or step["job_id"])),
    "jobid": ("JOBID", lambda step, around: str(step["job_id"])),
}
LETTERS: Mapping[str, str] = {
    **{"b": "tres-per-job", "i": "stepid", "j": "stepname", "l": "timelimit", "u": "username"},
    **{"A": "numtasks", "M": "timeused", "N": "nodes", "P": "partition", "S": "starttime", "U": "userid"},
}
NAMES = {**{name: name for name in FIELDS}, "name": "stepname", "nodelist": "nodes"}
HEADERS = {name: header for name, (header, _) in FIELDS.items()}
DEFAULT = "%.15i %.8j %.9P %.8u %.9M %N"


def columns(steps: Sequence[Step], names: Iterable[str], around: Surroundings) -> dict[str, list[str]]:
    return {name: [FIELDS[name][1](step, around) for step in steps] for name in names}


def record(step: Step, around: Surroundings) -> list[str]:
    """The lines of `scontrol show step`."""
    cpus = step["cpus_milli"] // 1000
    return [
        f"StepId={shown_id(step)} UserId={step['uid']} StartTime={around.stamp(step['started_at'])} "
        "TimeLimit=UNLIMITED",
        f"State=RUNNING Partition={step['partition']} NodeList={compress(step['nodes'])}",
        f"Nodes={len(step['nodes'])} CPUs={cpus} Tasks={step['tasks']} Name={printable(step['name'])} "
        "Network=(null)",
        f"TRES={_tres(step) if cpus else '(null)'}",
        "ResvPorts=(null)",
        f"CPUFreqReq=Default{'' if step['step'] == BATCH else f' Dist={_distribution(step)}'}",
        "SrunHost:Pid=(null):0",
    ]


def _tres(step: Step) -> str:
    counts = (("cpu", step["cpus_milli"] // 1000), ("mem", step["memory_held_mib"]))
    return Units().resources((*counts, ("node", len(step["nodes"])), ("gres/gpu", step["gpus"])))


def _distribution(step: Step) -> str:
    """As srun spreads tasks that nobody told it how to."""
    return "Cyclic" if step["tasks"] <= len(step["nodes"]) else "Block"
