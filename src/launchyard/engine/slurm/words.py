"""What Slurm says of a job, in our words: why it waits, and how it ended. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from launchyard.engine.slurm.told import Row
from launchyard.model.event import Exited
from launchyard.model.reason import Estimate, Reason
from launchyard.model.resources import Allocation, NodeShare, Usage

_REASONS: Mapping[str, tuple[str, str]] = {
    "Resources": ("resources", "waits in Slurm until what it asks for is free"),
    "Priority": ("priority", "waits in Slurm behind jobs of a higher priority"),
    "None": ("priority", "waits in Slurm, which has not looked at it yet"),
    "Dependency": ("dependency", "waits in Slurm for a job that it depends on"),
    "DependencyNeverSatisfied": ("dependency", "waits in Slurm for what can never happen; cancel it"),
    "BeginTime": ("begin", "waits in Slurm for its begin time"),
    "JobHeldUser": ("held", "is held in Slurm by its user; `ly release` lets it go on"),
    "JobHeldAdmin": ("held", "is held in Slurm by an administrator, who alone can release it"),
    "JobHoldMaxRequeue": ("held", "is held in Slurm, which has put it back too often; `ly release` it"),
    "JobArrayTaskLimit": ("throttle", "waits in Slurm until fewer tasks of its array run"),
    "Licenses": ("licences", "waits in Slurm for a licence"),
    "PartitionDown": ("partition-down", "waits in Slurm, whose partition is down"),
    "PartitionInactive": ("partition-down", "waits in Slurm, whose partition is inactive"),
    "PartitionConfig": ("impossible", "asks for more than its partition in Slurm has"),
    "PartitionNodeLimit": (
        "partition-limit",
        "asks for more or fewer nodes than its partition in Slurm allows",
    ),
    "PartitionTimeLimit": ("partition-limit", "asks for more time than its partition in Slurm allows"),
    "BadConstraints": ("impossible", "asks for what no node of Slurm's has"),
    "Constraints": ("impossible", "asks for features that no node of Slurm's has now"),
    "ReqNodeNotAvail": ("node-down", "waits in Slurm for a node that is down, drained or reserved"),
    "NodeDown": ("node-down", "waits in Slurm for a node that is down"),
    "Reservation": ("reservation", "waits in Slurm for its reservation to begin"),
    "ReservationDeleted": ("reservation-gone", "names a reservation that Slurm does not have any more"),
    "InvalidAccount": ("account-gone", "is charged to an account that Slurm does not know"),
    "InvalidQOS": ("qos-gone", "has a QOS that Slurm does not know"),
    "AccountNotAllowed": ("partition-limit", "is of an account that its partition in Slurm does not take"),
    "QOSNotAllowed": ("partition-limit", "has a QOS that its account or partition in Slurm does not take"),
    "Prolog": ("starting", "is being set up by Slurm"),
    "Cleaning": ("starting", "waits in Slurm until its run before is cleared away"),
}
RAN_BEFORE, LACKING = 75, 78
"""As the runner has them."""
LATE_S = 45.0
"""So much later than the program Slurm notices an end, and no later: a kill may take its time."""
_LIMIT_STARTS = ("Assoc", "QOS", "Max")


def reason_of(row: Row, now: float) -> Reason:
    """Why a job waits in Slurm, with Slurm's own estimate where it has made one."""
    word = row.reason.partition(",")[0].strip("()")
    if row.state == "CONFIGURING":
        code, sentence = "starting", "has its nodes, which Slurm is making ready"
    elif word in _REASONS:
        code, sentence = _REASONS[word]
    elif word.startswith(_LIMIT_STARTS):
        code, sentence = "limit", f"waits in Slurm for a limit there ({word})"
    else:
        code, sentence = "engine", f"waits in Slurm ({word or 'no reason given'})"
    estimate = None
    if row.start_at is not None and row.start_at > now:
        estimate = Estimate(start=row.start_at, low=row.start_at, high=row.start_at)
    return Reason(code=code, sentence=sentence, estimate=estimate)


def allocation_of(nodes: Sequence[str], cpus: int, memory_mib: int, gpus: int) -> Allocation:
    """What Slurm gave it, as far as that is told: CPUs and memory spread evenly, so many GPUs a node."""
    shares = tuple(
        NodeShare(
            node=node,
            cpus_milli=1000 * _part(cpus, number, len(nodes)),
            memory_mib=_part(memory_mib, number, len(nodes)),
            gpu_ids=tuple(range(gpus)),
        )
        for number, node in enumerate(nodes)
    )
    return Allocation(shares=shares)


def _part(total: int, number: int, count: int) -> int:
    return total // count + (1 if number < total % count else 0)


def end_of(state: str, at: float, record: Mapping[str, Any] | None, told: tuple[int, int] | None) -> Exited:
    """How a job ended: by the runner's own record, else by the exit code and signal that Slurm tells.

    `told` None: Slurm does not tell them either. An exit code that nobody knows is never made up. What Slurm
    says of a job that had written down its end long before is about what Slurm had not noticed.
    """
    slurms, at = at, float(record["at"]) if record is not None and "at" in record else at
    usage = _usage(record)
    match "ended before" if at < slurms - LATE_S else state:
        case "TIMEOUT":
            return Exited(at=at, timed_out=True, usage=usage)
        case "OUT_OF_MEMORY":
            return Exited(at=at, out_of_memory=True, usage=usage)
        case "DEADLINE":
            return Exited(at=at, timed_out=True, usage=usage)
        case "NODE_FAIL" | "BOOT_FAIL":
            sentence = "its node failed, as Slurm tells"
            return Exited(at=at, lost=True, node_lost=True, error=sentence, usage=usage)
        case "PREEMPTED":
            sentence = "Slurm took its nodes for a more urgent job"
            return Exited(at=at, lost=True, node_lost=True, error=sentence, usage=usage)
        case "CANCELLED" if record is None or record.get("exit_code") is None:
            signal = None if record is None else record.get("signal")
            return Exited(at=at, signal=signal, cancelled=True, error="cancelled in Slurm", usage=usage)
        case "LAUNCH_FAILED":
            return Exited(at=at, error="Slurm could not start it on its node", usage=usage)
    if record is not None and record.get("timed_out"):
        return Exited(at=at, timed_out=True, usage=usage)
    if record is not None and (error := record.get("error")):
        return Exited(at=at, error=str(error), usage=usage)
    if record is not None:
        return Exited(at=at, exit_code=record.get("exit_code"), signal=record.get("signal"), usage=usage)
    if told is None and state != "COMPLETED":
        return Exited(at=at, lost=True, error="Slurm does not tell how it ended", usage=usage)
    code, signal = told or (0, 0)
    return Exited(at=at, exit_code=None if signal else code, signal=signal or None, usage=usage)


def begun_twice(at: float, start: Mapping[str, Any] | None, told: tuple[int, int] | None) -> Exited | None:
    """How a job ended that Slurm gave to a node again: the second run ends at once, by an exit code of its
    own, and the first left no record of its end."""
    if start is None or told != (RAN_BEFORE, 0):
        return None
    why = "Slurm began it a second time, which was refused, and how the first run ended is not known"
    return Exited(at=at, lost=True, error=why)


def lacking(at: float, needs: str, told: tuple[int, int] | None) -> Exited | None:
    """How a job ended that left no record and told, by its runner's exit code, what was missing."""
    if not needs or told != (LACKING, 0):
        return None
    why = (
        f"what was made for it is not seen on its node: {needs} must be on a file system that the nodes share"
    )
    return Exited(at=at, error=why)


def _usage(record: Mapping[str, Any] | None) -> Usage:
    if record is None:
        return Usage()
    return Usage(cpu_s=record.get("cpu_s"), memory_peak_mib=record.get("memory_peak_mib"))
