"""The variables that a batch script written for Slurm finds in its environment.

Names and meanings are those of sbatch(1). What Slurm leaves unset (no GPUs asked, no array) stays unset,
because scripts test for it.
"""

from collections.abc import Mapping

from launchyard.model.array import Array
from launchyard.model.hostlist import compress
from launchyard.model.job import Job
from launchyard.model.resources import Allocation, NodeShare


def slurm_environment(job: Job, array: Array | None = None) -> dict[str, str]:
    """Variables of a job that has an attempt; `array` is that of the record its task split off from."""
    variables = {
        "SLURM_JOB_ID": str(job.id),
        "SLURM_JOBID": str(job.id),
        "SLURM_JOB_NAME": job.name,
        "SLURM_JOB_USER": job.user,
        "SLURM_JOB_UID": str(job.uid),
        "SLURM_JOB_PARTITION": job.partition,
        "SLURM_JOB_QOS": job.qos,
        "SLURM_CLUSTER_NAME": job.cluster,
        "SLURM_SUBMIT_DIR": job.working_dir,
        "ENVIRONMENT": "BATCH",
        **_first_process(job),
    }
    if job.account is not None:
        variables["SLURM_JOB_ACCOUNT"] = job.account
    if job.task is not None:
        variables.update(_task(job.task.job_id, job.task.index, array))
    if job.attempt is not None:
        variables.update(_allocation(job.attempt.allocation, job))
    return variables


def _first_process(job: Job) -> dict[str, str]:
    """The script is one process on the first node. Slurm says how many tasks only where they were asked."""
    return {
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "SLURM_GTIDS": "0",
        "SLURM_NTASKS": str(job.request.nodes),
        "SLURM_NPROCS": str(job.request.nodes),
        "SLURM_RESTART_COUNT": str(max(0, job.attempts - 1)),
    }


def _task(job_id: int, index: int, array: Array | None) -> dict[str, str]:
    variables = {"SLURM_ARRAY_JOB_ID": str(job_id), "SLURM_ARRAY_TASK_ID": str(index)}
    if array is not None:
        variables["SLURM_ARRAY_TASK_COUNT"] = str(array.size)
        variables["SLURM_ARRAY_TASK_MIN"] = str(array.first)
        variables["SLURM_ARRAY_TASK_MAX"] = str(array.last)
        variables["SLURM_ARRAY_TASK_STEP"] = str(array.step)
    return variables


def _allocation(allocation: Allocation, job: Job) -> dict[str, str]:
    shares, here = allocation.shares, allocation.shares[0]
    nodes = compress(list(allocation.nodes))
    variables = {
        "SLURM_JOB_NODELIST": nodes,
        "SLURM_NODELIST": nodes,
        "SLURM_NNODES": str(len(shares)),
        "SLURM_JOB_NUM_NODES": str(len(shares)),
        "SLURM_TASKS_PER_NODE": _counted(["1"] * len(shares)),
        "SLURM_CPUS_PER_TASK": str(_whole(here)),
        "SLURM_CPUS_ON_NODE": str(_whole(here)),
        "SLURM_JOB_CPUS_PER_NODE": _counted([str(_whole(share)) for share in shares]),
        "SLURMD_NODENAME": here.node,
    }
    if here.memory_mib:
        variables["SLURM_MEM_PER_NODE"] = str(here.memory_mib)
    if here.gpu_ids:
        ids = ",".join(str(one) for one in here.gpu_ids)
        variables["SLURM_JOB_GPUS"] = ids
        variables["SLURM_GPUS_ON_NODE"] = str(len(here.gpu_ids))
        variables["SLURM_GPUS"] = str(sum(len(share.gpu_ids) for share in shares))
    if job.attempt is not None and job.attempt.started_at is not None:
        variables["SLURM_JOB_START_TIME"] = str(int(job.attempt.started_at))
    return variables


def _whole(share: NodeShare) -> int:
    """Slurm's numbers of CPUs are whole: half a CPU is one that is shared."""
    return max(1, -(-share.cpus_milli // 1000))


def _counted(values: list[str]) -> str:
    """Slurm's way to say the same thing of neighbours once: `4(x2),8`."""
    parts: list[tuple[str, int]] = []
    for value in values:
        if parts and parts[-1][0] == value:
            parts[-1] = (value, parts[-1][1] + 1)
        else:
            parts.append((value, 1))
    return ",".join(value if count == 1 else f"{value}(x{count})" for value, count in parts)


def exported(spec: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The part of the submitter's environment that `--export=spec` sends along.

    `ALL` (also None or empty): all of it. `NONE`, `NIL`: its SLURM_ variables only. A list: its SLURM_
    variables and the ones named, `NAME` as it is and `NAME=value` as given, `ALL` among them standing for
    all. Later parts of the list win.
    """
    if not spec or spec.upper() == "ALL":
        return dict(environ)
    chosen = {name: value for name, value in environ.items() if name.startswith("SLURM_")}
    if spec.upper() in ("NONE", "NIL"):
        return chosen
    for part in _parts(spec):
        name, equals, value = part.partition("=")
        if equals:
            chosen[name] = value
        elif part.upper() == "ALL":
            chosen.update(environ)
        elif part in environ:
            chosen[part] = environ[part]
    return {name: value for name, value in chosen.items() if name}


def _parts(spec: str) -> list[str]:
    """Split at commas that are not inside quotes; the quotes go."""
    parts: list[str] = []
    current: list[str] = []
    quote = ""
    for character in spec:
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        elif not quote and character == ",":
            parts.append("".join(current))
            current = []
        else:
            current.append(character)
    return [*parts, "".join(current)]
