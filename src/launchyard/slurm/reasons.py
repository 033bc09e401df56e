"""Slurm's words for why a job waits and why it ended, from our reason codes and facts."""

from collections.abc import Mapping

_WAITING: Mapping[str, str] = {
    "resources": "Resources",
    "priority": "Priority",
    "dependency": "Dependency",
    "held": "JobHeldUser",
    "begin": "BeginTime",
    "retry": "BeginTime",
    "throttle": "JobArrayTaskLimit",
    "runtime-env": "Prolog",
    "licences": "Licenses",
    "node-down": "ReqNodeNotAvail",
    "impossible": "BadConstraints",
    "reservation": "Reservation",
    "reservation-gone": "ReservationDeleted",
    "reserved": "ReqNodeNotAvail",
    "partition-down": "PartitionDown",
    "partition-gone": "PartitionConfig",
    "account-gone": "InvalidAccount",
    "qos-gone": "InvalidQOS",
    "no-account": "InvalidAccount",
    "no-qos": "InvalidQOS",
    "no-partition": "PartitionConfig",
    "limit-zero-cpu-jobs": "QOSMaxJobsPerUserLimit",
}
_WITH_SCOPE: Mapping[tuple[str, str], str] = {
    # In Slurm the first in line waits for resources, the others for their turn.
    ("resources", "behind"): "Priority",
    ("dependency", "never"): "DependencyNeverSatisfied",
    ("held", "admin"): "JobHeldAdmin",
    ("held", "requeues"): "JobHoldMaxRequeue",
    ("partition-down", "inactive"): "PartitionInactive",
    ("impossible", "nodes"): "PartitionConfig",
    ("partition-limit", "nodes"): "PartitionNodeLimit",
    ("partition-limit", "time"): "PartitionTimeLimit",
}
_SCOPES = ("job of qos", "qos", "user of qos", "account of qos", "job", "user", "account", "user of account")
_LIMITS: Mapping[str, tuple[str, ...]] = {
    "limit-jobs": (
        *("QOSGrpJobsLimit", "QOSGrpJobsLimit", "QOSMaxJobsPerUserLimit", "MaxJobsPerAccount"),
        *("AssocMaxJobsLimit", "AssocMaxJobsLimit", "AssocGrpJobsLimit", "AssocMaxJobsLimit"),
    ),
    "limit-cpus": (
        *("QOSMaxCpuPerJobLimit", "QOSGrpCpuLimit", "QOSMaxCpuPerUserLimit", "MaxCpuPerAccount"),
        *("AssocMaxCpuPerJobLimit", "AssocGrpCpuLimit", "AssocGrpCpuLimit", "AssocGrpCpuLimit"),
    ),
    "limit-memory": (
        *("QOSMaxMemoryPerJob", "QOSGrpMemLimit", "QOSMaxMemoryPerUser", "MaxMemoryPerAccount"),
        *("AssocMaxMemPerJob", "AssocGrpMemLimit", "AssocGrpMemLimit", "AssocGrpMemLimit"),
    ),
    "limit-gpus": (
        *("QOSMaxGRESPerJob", "QOSGrpGRES", "QOSMaxGRESPerUser", "MaxGRESPerAccount"),
        *("AssocMaxGRESPerJob", "AssocGrpGRES", "AssocGrpGRES", "AssocGrpGRES"),
    ),
    "limit-nodes": (
        *("QOSMaxNodePerJobLimit", "QOSGrpNodeLimit", "QOSMaxNodePerUserLimit", "MaxNodePerAccount"),
        *("AssocMaxNodePerJobLimit", "AssocGrpNodeLimit", "AssocGrpNodeLimit", "AssocGrpNodeLimit"),
    ),
    "limit-cpu-minutes": (
        *("QOSMaxCpuMinutesPerJobLimit", *("QOSGrpCPUMinutesLimit",) * 3),
        *("AssocMaxCpuMinutesPerJobLimit", *("AssocGrpCPUMinutesLimit",) * 3),
    ),
    "limit-gpu-minutes": (
        *("QOSMaxGRESMinutesPerJob", *("QOSGrpGRESMinutes",) * 3),
        *("AssocMaxGRESMinutesPerJob", *("AssocGrpGRESMinutes",) * 3),
    ),
    "limit-time": (
        *("QOSMaxWallDurationPerJobLimit",) * 4,
        *("AssocMaxWallDurationPerJobLimit",) * 4,
    ),
}
_ENDED: Mapping[str, str] = {
    "TIMEOUT": "TimeLimit",
    "OUT_OF_MEMORY": "OutOfMemory",
    "DEADLINE": "DeadLine",
    "NODE_FAIL": "NodeDown",
    "LOST": "SystemFailure",
}


REQUEUED_AND_HELD = "job requeued in held state"


def waiting(code: str | None, scope: str | None = None) -> str:
    """Why it waits; `None` is Slurm's word for a job that nobody has looked at yet."""
    if code is None:
        return "None"
    word = _WITH_SCOPE.get((code, scope or "")) or _WAITING.get(code)
    if word is None and code in _LIMITS:
        return _LIMITS[code][_SCOPES.index(scope) if scope in _SCOPES else 5]
    return word or "Resources"


def requeued(word: str, restarts: int) -> str:
    """The reason of a job that was held when it was put back into the queue is a sentence."""
    return REQUEUED_AND_HELD if word == "JobHeldUser" and restarts else word


def ended(state: str, exit_code: int | None, signal: int | None) -> str:
    """Why an ended job ended as it did."""
    if state == "FAILED":
        return "NonZeroExitCode" if exit_code and not signal else "JobLaunchFailure"
    return _ENDED.get(state, "None")


def word(state: str, code: str | None, scope: str | None, exit_code: int | None, signal: int | None) -> str:
    """The reason of a job in any state."""
    if state == "PENDING":
        return waiting(code, scope)
    return ended(state, exit_code, signal)
