"""The variables of a step and of its part on a node, as srun sets them for its tasks."""

from collections.abc import Mapping, Sequence

from launchyard.model.hostlist import compress
from launchyard.model.light import Any
from launchyard.slurm.ranks import counted

_OF_ANOTHER_STEP = (
    *("SLURM_STEP_GPUS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_TASK_PID", "SLURM_GTIDS", "SLURM_NODEID"),
    *("SLURM_CPU_BIND", "SLURM_CPU_BIND_LIST", "SLURM_CPU_BIND_TYPE", "SLURM_CPU_BIND_VERBOSE"),
    "ENVIRONMENT",
)


def step_variables(answer: Mapping[str, Any], *, umask: int, host: str) -> dict[str, str]:
    """What all tasks share; `answer` is the server's about the new step."""
    nodes: Sequence[Mapping[str, Any]] = answer["nodes"]
    tasks = sum(len(node["tasks"]) for node in nodes)
    names, per_node = (
        compress(list(dict.fromkeys(node["node"] for node in nodes))),
        counted(len(one["tasks"]) for one in nodes),
    )
    number = str(answer["step"])
    return {
        "SLURM_STEP_ID": number,
        "SLURM_STEPID": number,
        "SLURM_STEP_NODELIST": names,
        "SLURM_STEP_NUM_NODES": str(len(nodes)),
        "SLURM_STEP_NUM_TASKS": str(tasks),
        "SLURM_STEP_TASKS_PER_NODE": per_node,
        "SLURM_NODELIST": names,
        "SLURM_NNODES": str(len(nodes)),
        "SLURM_NTASKS": str(tasks),
        "SLURM_NPROCS": str(tasks),
        "SLURM_TASKS_PER_NODE": per_node,
        "SLURM_LAUNCH_NODE_IPADDR": "127.0.0.1",
        "SLURM_SRUN_COMM_HOST": "127.0.0.1",
        "SLURM_SUBMIT_HOST": host,
        "SLURM_UMASK": f"{umask:04o}",
        "SLURM_MPI_TYPE": "none",
        "SRUN_DEBUG": "3",
    }


def node_variables(node: Mapping[str, Any]) -> dict[str, str]:
    """What the tasks of one node share."""
    variables = {
        "SLURMD_NODENAME": node["node"],
        "SLURM_NODEID": str(node["position"]),
        "SLURM_GTIDS": ",".join(map(str, node["tasks"])),
        "SLURM_CPUS_ON_NODE": str(max(1, int(-(-node["cpus"] // 1)))),
        "SLURM_TOPOLOGY_ADDR": node["node"],
        "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
    }
    return {**variables, **gpu_variables(node["gpu_ids"])}


def gpu_variables(ids: Sequence[int]) -> dict[str, str]:
    """The GPUs that may be used; none: none of the job's are named."""
    if not ids:
        return {}
    listed = ",".join(map(str, ids))
    return {
        "SLURM_STEP_GPUS": listed,
        "SLURM_GPUS_ON_NODE": str(len(ids)),
        "CUDA_VISIBLE_DEVICES": listed,
        "GPU_DEVICE_ORDINAL": listed,
    }


def without_step(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without what another step, or the script, has for itself alone."""
    return {name: value for name, value in environ.items() if name not in _OF_ANOTHER_STEP}
