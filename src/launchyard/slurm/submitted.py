"""What a job of Slurm's own commands finds in its environment: what was asked for, and no more than that.

Scripts test whether SLURM_NTASKS or SLURM_CPUS_PER_TASK is there; a job of `ly submit` always has them.
"""

from collections.abc import Mapping

from launchyard.model.job import Job
from launchyard.model.light import Any
from launchyard.slurm import kept

_AS_ASKED = {
    "container": "SLURM_CONTAINER",
    "container-id": "SLURM_CONTAINER_ID",
    "cpus-per-gpu": "SLURM_CPUS_PER_GPU",
    "distribution": "SLURM_DISTRIBUTION",
    "export": "SLURM_EXPORT_ENV",
    "gpu-bind": "SLURM_GPU_BIND",
    "gpu-freq": "SLURM_GPU_FREQ",
    "gpus": "SLURM_GPUS",
    "gpus-per-node": "SLURM_GPUS_PER_NODE",
    "gpus-per-socket": "SLURM_GPUS_PER_SOCKET",
    "gpus-per-task": "SLURM_GPUS_PER_TASK",
    "hint": "SLURM_HINT",
    "network": "SLURM_NETWORK",
    "ntasks-per-core": "SLURM_NTASKS_PER_CORE",
    "ntasks-per-gpu": "SLURM_NTASKS_PER_GPU",
    "ntasks-per-node": "SLURM_NTASKS_PER_NODE",
    "ntasks-per-socket": "SLURM_NTASKS_PER_SOCKET",
    "oom-kill-step": "SLURM_OOMKILLSTEP",
    "overcommit": "SLURM_OVERCOMMIT",
    "profile": "SLURM_PROFILE",
    "segment": "SLURM_JOB_SEGMENT_SIZE",
    "threads-per-core": "SLURM_THREADS_PER_CORE",
    "tres-per-task": "SLURM_TRES_PER_TASK",
    "wckey": "SLURM_WCKEY",
}
"""Options whose text is a variable's."""
_ONLY_WHEN_ASKED = {
    "SLURM_CPUS_PER_TASK": ("cpus-per-task", "tres-per-task"),
    "SLURM_NPROCS": ("ntasks", "ntasks-per-node", "ntasks-per-gpu"),
    "SLURM_NTASKS": ("ntasks", "ntasks-per-node", "ntasks-per-gpu"),
    "SLURM_NTASKS_PER_NODE": ("ntasks-per-node",),
    "SLURM_GPUS": ("gpus",),
}


def by_slurm(metadata: Mapping[str, str]) -> bool:
    """Whether one of Slurm's commands submitted it."""
    return kept.SUBMIT_HOST in metadata


def launch_extras(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What starting such a job has beyond that of others, in keys of `engine.protocol.Launch`."""
    if not by_slurm(metadata):
        return {}
    umask = metadata.get(kept.UMASK, "")
    octal = umask.isascii() and umask.isdigit() and len(umask) <= 4 and not set(umask) & set("89")
    return {
        "working_dir_else": "/tmp",  # noqa: S108 (where Slurm goes)
        "pid_variable": "SLURM_TASK_PID",
        "umask": int(umask, 8) if octal else None,
        "soft_limits": _limits(metadata.get(kept.LIMITS, "")),
    }


def _limits(text: str) -> dict[str, int]:
    """`NOFILE=1024,STACK=-1`; what is not of this form is left out."""
    pairs = (part.partition("=") for part in text.split(","))
    return {
        name: int(value)
        for name, _, value in pairs
        if len(value) < 20 and value.removeprefix("-").isdecimal()
    }


def as_submitted(variables: Mapping[str, str], job: Job) -> dict[str, str]:
    """The variables of a job that one of Slurm's commands submitted, from those of any job."""
    asked = {
        key.removeprefix(kept.PREFIX): value
        for key, value in job.metadata.items()
        if key.startswith(kept.PREFIX)
    }
    node = variables.get("SLURMD_NODENAME", "")
    found = {
        name: value
        for name, value in variables.items()
        if name not in _ONLY_WHEN_ASKED or any(one in asked for one in _ONLY_WHEN_ASKED[name])
    }
    if found.get("SLURM_RESTART_COUNT") == "0":
        del found["SLURM_RESTART_COUNT"]
    found |= {
        "SLURM_SUBMIT_HOST": asked.get("submit_host", ""),
        "SLURM_SUBMIT_DIR": asked.get("submit-dir", job.working_dir),
        "SLURM_PRIO_PROCESS": "0",
        "SLURM_NODE_ALIASES": "(null)",
        "SLURM_TOPOLOGY_ADDR": node,
        "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
        "SLURM_WORKING_CLUSTER": f"{job.cluster}:127.0.0.1:0:9984:109",
        "HOSTNAME": node,
    }
    found |= {variable: asked[option] for option, variable in _AS_ASKED.items() if option in asked}
    if "export" in asked and "ALL" not in asked["export"].upper().split(","):
        found["SLURM_GET_USER_ENV"] = "1"
    if "get-user-env" in asked:
        found["SLURM_GET_USER_ENV"] = "1"
    if (ids := found.get("SLURM_JOB_GPUS")) is not None:
        found["GPU_DEVICE_ORDINAL"] = ids
    return found | _memory(found, asked, job)


def _memory(found: dict[str, str], asked: Mapping[str, str], job: Job) -> dict[str, str]:
    """One of three: a node's, a GPU's, else a CPU's, which is also what a job gets that asks for none."""
    a_node = found.pop("SLURM_MEM_PER_NODE", None)
    attempt = job.attempt
    if attempt is None or a_node is None:
        return {}
    share = attempt.allocation.shares[0]
    if "mem" in asked:
        return {} if asked["mem"].strip("0") == "" else {"SLURM_MEM_PER_NODE": a_node}
    if "mem-per-gpu" in asked and share.gpu_ids:
        return {"SLURM_MEM_PER_GPU": str(share.memory_mib // len(share.gpu_ids))}
    cpus = max(1, -(-share.cpus_milli // 1000))
    return {"SLURM_MEM_PER_CPU": str(share.memory_mib // cpus)}
