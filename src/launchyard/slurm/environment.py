"""The variables that a batch script written for Slurm finds in its environment.

Names and meanings are those of sbatch(1). What Slurm leaves unset (no GPUs asked, no array) stays unset,
because scripts test for it.
"""

from collections.abc import Sequence
from functools import lru_cache

from launchyard.model.array import Array
from launchyard.model.dependency import format_dependency
from launchyard.model.hostlist import compress, expand
from launchyard.model.job import Attempt, Job
from launchyard.model.parts import as_parts
from launchyard.model.resources import NodeShare, Request
from launchyard.slurm.submitted import as_submitted, by_slurm


def slurm_environment(job: Job, array: Array | None = None, *, gid: int | None = None) -> dict[str, str]:
    """Variables of a job that has an attempt; `array` is that of the record its task split off from.

    `gid` is its user's own group.
    """
    if job.parts:
        return _of_parts(job, gid)
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
    if gid is not None:
        variables["SLURM_JOB_GID"] = str(gid)
    if job.account is not None:
        variables["SLURM_JOB_ACCOUNT"] = job.account
    if job.dependency is not None:
        variables["SLURM_JOB_DEPENDENCY"] = format_dependency(job.dependency)
    if job.task is not None:
        variables.update(_task(job.task.job_id, job.task.index, array))
    if job.request.reservation:
        variables["SLURM_JOB_RESERVATION"] = job.request.reservation
    if job.attempt is not None:
        variables.update(_allocation(job.attempt, job))
    return as_submitted(variables, job) if by_slurm(job.metadata) else variables


def kept_environment(job: Job, array: Array | None) -> dict[str, str]:
    """What a job has in a Slurm that knows each attempt and each task of an array as a job by itself."""
    tries = {"SLURM_RESTART_COUNT": str(job.attempts)} if job.attempts else {}
    return tries if job.task is None else {**tries, **_task(job.task.job_id, job.task.index, array)}


_OF_PARTS = (
    *("SLURM_JOB_ACCOUNT", "SLURM_JOB_CPUS_PER_NODE", "SLURM_JOB_GPUS", "SLURM_JOB_ID", "SLURM_JOB_LICENSES"),
    *("SLURM_JOB_NAME", "SLURM_JOB_NODELIST", "SLURM_JOB_NUM_NODES", "SLURM_JOB_PARTITION", "SLURM_JOB_QOS"),
    *("SLURM_JOB_RESERVATION", "SLURM_CPUS_PER_GPU", "SLURM_CPUS_PER_TASK", "SLURM_GPUS", "SLURM_HINT"),
    *("SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_TASK", "SLURM_MEM_PER_CPU", "SLURM_MEM_PER_GPU"),
    *("SLURM_MEM_PER_NODE", "SLURM_NPROCS", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_TASKS_PER_NODE"),
)
"""What is told of each part of a job that has several, with `_HET_GROUP_` and its number."""


def _of_parts(job: Job, gid: int | None) -> dict[str, str]:
    """The script is at home in the first part, and finds the others by the number of their group."""
    every = [slurm_environment(part, gid=gid) for part in as_parts(job)]
    variables = {**every[0], "SLURM_HET_SIZE": str(len(every))}
    for number, (part, told) in enumerate(zip(as_parts(job), every, strict=True)):
        if part.attempt is not None:
            shares = part.attempt.allocation.shares
            count = str(sum(tasks_by_node(part.request, shares)))
            told = {"SLURM_NTASKS": count, "SLURM_NPROCS": count, **told}
        variables |= {f"{name}_HET_GROUP_{number}": told[name] for name in _OF_PARTS if name in told}
    return variables


def _first_process(job: Job) -> dict[str, str]:
    """The script is one process on one of its nodes."""
    return {
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "SLURM_GTIDS": "0",
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


def _allocation(attempt: Attempt, job: Job) -> dict[str, str]:
    """Lists a node have the order of the node list; the script may run on any of them."""
    given, here = attempt.allocation.shares, attempt.allocation.shares[0]
    nodes = _node_list(tuple(share.node for share in given))
    shares = given if len(given) == 1 else _in_order(given, nodes)
    tasks = tasks_by_node(job.request, shares)
    position = shares.index(here)
    variables = {
        "SLURM_JOB_NODELIST": nodes,
        "SLURM_NODELIST": nodes,
        "SLURM_NNODES": str(len(shares)),
        "SLURM_JOB_NUM_NODES": str(len(shares)),
        "SLURM_NODEID": str(position),
        "SLURM_NTASKS": str(sum(tasks)),
        "SLURM_NPROCS": str(sum(tasks)),
        "SLURM_TASKS_PER_NODE": _counted([str(count) for count in tasks]),
        "SLURM_CPUS_PER_TASK": str(max(1, _whole(here) // tasks[position])),
        "SLURM_CPUS_ON_NODE": str(_whole(here)),
        "SLURM_JOB_CPUS_PER_NODE": _counted([str(_whole(share)) for share in shares]),
        "SLURMD_NODENAME": here.node,
        **_rare(attempt, job),
    }
    if here.memory_mib:
        variables["SLURM_MEM_PER_NODE"] = str(here.memory_mib)
    if here.gpu_ids:
        ids = ",".join(str(one) for one in here.gpu_ids)
        variables["SLURM_JOB_GPUS"] = ids
        variables["SLURM_GPUS_ON_NODE"] = str(len(here.gpu_ids))
        variables["SLURM_GPUS"] = str(sum(len(share.gpu_ids) for share in shares))
    return variables


@lru_cache(maxsize=1024)
def _node_list(names: tuple[str, ...]) -> str:
    return compress(list(names))


def _rare(attempt: Attempt, job: Job) -> dict[str, str]:
    """When it began and must end, and what few jobs ask for."""
    begun = attempt.started_at if attempt.started_at is not None else attempt.allocated_at
    variables = {"SLURM_JOB_START_TIME": str(int(begun))}
    if job.limit_s is not None:
        variables["SLURM_JOB_END_TIME"] = str(int(begun + job.limit_s))
    if job.request.tasks_per_node:
        variables["SLURM_NTASKS_PER_NODE"] = str(job.request.tasks_per_node)
    if attempt.allocation.licences:
        counts = (f"{name}:{count}" for name, count in attempt.allocation.licences)
        variables["SLURM_JOB_LICENSES"] = ",".join(counts)
    return variables


def tasks_by_node(request: Request, shares: Sequence[NodeShare]) -> list[int]:
    """How many tasks each share is for: as they were spread, else the same number on each node."""
    spread = [share.tasks for share in shares]
    if request.tasks is None:
        return [request.tasks_per_node or 1] * len(shares)
    return spread if sum(spread) == request.tasks else [request.tasks // len(shares)] * len(shares)


def _in_order(shares: Sequence[NodeShare], nodes: str) -> Sequence[NodeShare]:
    """As `expand` would name their nodes."""
    by_name = {share.node: share for share in shares}
    return [by_name[name] for name in expand(nodes)]


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
