"""What is wrong, in the sentences that programs written for Slurm look for.

An option that cannot be read is wrong use (exit code 255, for counts 1), what the server refuses is `Batch
job submission failed: ` and one of Slurm's reasons.
"""

from launchyard.model.light import NamedTuple

_COUNTS = frozenset(
    (
        *("core-spec", "cores-per-socket", "cpus-per-gpu", "cpus-per-task", "mincpus", "ntasks", "switches"),
        *("ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket", "ntasks-per-tres"),
        *("sockets-per-node", "thread-spec", "threads-per-core"),
    )
)


class Complaint(NamedTuple):
    """The line after the command's name, and the exit code."""

    line: str
    code: int


def bad_option(name: str, value: str) -> Complaint:
    """Of an option whose value is not understood."""
    if name in _COUNTS:
        return Complaint(f'error: Invalid numeric value "{value}" for --{name}.', 1)
    if name == "nodes" and value == "0":
        return Complaint(f"error: {FAILED}: {REASONS['node-limit']}", 1)
    if name == "nodes":
        return Complaint(_bad_nodes(value), 255)
    if name == "hint":
        return Complaint(f'error: unrecognized --hint argument "{value}", see --hint=help', 1)
    if name == "nice":
        return Complaint("error: Invalid --nice value, out of range (+/- 2147483645)", 255)
    if name == "propagate":
        return Complaint(f"error: --propagate={value} is not valid.", 1)
    if name == "acctg-freq":
        return Complaint(f"error: Invalid --acctg-freq specification: {value}", 255)
    if name == "profile":
        return Complaint(f"error: invalid --profile={value} option", 255)
    if name in ("gres", "gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket", "tres-per-task"):
        return Complaint("error: Invalid generic resource (gres) specification", 1)
    if name in ("nodelist", "exclude", "nodefile"):
        return Complaint(f"error: {FAILED}: {REASONS['no-node']}", 1)
    if name == "licenses":
        return Complaint(f"error: {FAILED}: {REASONS['no-licence']}", 1)
    return Complaint(f"error: Invalid --{name} specification", 255)


def _bad_nodes(value: str) -> str:
    least, dash, most = value.partition("-")
    if dash and least.isdigit() and most.isdigit():
        return f"error: Maximum node count {most} is less than minimum node count {least}"
    return f'error: "{value}" is not a valid node count'


FAILED = "Batch job submission failed"

REASONS = {
    "part": "Operation not permitted on individual component of heterogeneous job",
    "array": "Invalid job array specification",
    "deadline": "Requested time limit is invalid (missing or exceeds some limit)",
    "dependency": "Job dependency problem",
    "forbidden": "Access/permission denied",
    "no-account": "Invalid account or account/partition combination specified",
    "no-feature": "Invalid feature specification",
    "no-licence": "Invalid license specification",
    "no-node": "Invalid node name specified",
    "no-partition": "Invalid partition name specified",
    "no-qos": "Invalid qos specification",
    "no-reservation": "Requested reservation is invalid",
    "not-allowed-here": "User's group not permitted to use this partition",
    "partition-closed": "Required partition not available (inactive or drain)",
    "node-limit": "Node count specification invalid",
    "time-min": "Invalid time-min specification (exceeds job's time or other limits)",
    "time-limit": "Requested time limit is invalid (missing or exceeds some limit)",
    "infeasible": "Requested node configuration is not available",
    "memory": "Requested node configuration is not available",
    "not-running": "Unable to contact slurm controller (connect failure)",
    "unavailable": "Resource temporarily unavailable",
}
_LIMIT = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"


def refusal(code: str, sentence: str, asked: str = "") -> list[str]:
    """The lines for what the server refused: Slurm's reason, with the server's sentence where it says more.

    `asked` is the partition that was named.
    """
    reason = REASONS.get(code)
    if reason is None:
        is_limit = code.startswith(("limit", "max-", "too-many", "group-", "user-", "account-", "qos-"))
        reason = _LIMIT if is_limit else sentence
    lines = [f"error: {FAILED}: {reason}"]
    if code == "no-partition":
        lines.insert(0, f"error: invalid partition specified: {asked}")
    elif code == "memory":
        lines.insert(0, "error: Memory specification can not be satisfied")
    return lines
