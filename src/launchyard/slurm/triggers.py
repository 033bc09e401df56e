"""Triggers in Slurm's words: which options name an event, and the table that strigger prints."""

from collections.abc import Iterable

from launchyard.model.light import Any
from launchyard.slurm.formats import printable

EVENTS = {
    "fini": "fini",
    "time": "time",
    "down": "down",
    "up": "up",
    "drained": "drained",
    "idle": "idle",
    "reconfig": "reconfig",
    "primary_slurmctld_resumed_operation": "primary_slurmctld_resumed_operation",
}
"""By option: what the server calls it."""

NOT_HERE = {
    **dict.fromkeys(
        (
            "primary_slurmdbd_failure",
            "primary_slurmdbd_resumed_operation",
            "primary_database_failure",
            "primary_database_resumed_operation",
            "primary_slurmctld_acct_buffer_full",
        ),
        "there is no slurmdbd here: the server keeps its own accounts",
    ),
    **dict.fromkeys(
        (
            "backup_slurmctld_failure",
            "backup_slurmctld_resumed_operation",
            "backup_slurmctld_assumed_control",
            "primary_slurmctld_failure",
            "primary_slurmctld_resumed_control",
        ),
        "there is no second server here that could see the first one fail",
    ),
    "front_end": "there are no front end nodes here; leave --front_end out for compute nodes",
    "burst_buffer": "there are no burst buffers here",
    "fail": "nodes here have no state FAIL; use --drained, which State=FAIL sets off",
}
"""By option: why there can be no such trigger."""

HEADER = f"{'TRIG_ID':>7} {'RES_TYPE':<9} {'RES_ID':>7} {'TYPE':<35} {'OFFSET':>6} {'USER':<8} FLAGS PROGRAM"
_SERVER = "primary_slurmctld_resumed_operation"


def resource(trigger: dict[str, Any]) -> tuple[str, str]:
    """What it is about: the kind, and which one."""
    if trigger["job_id"] is not None:
        return "job", str(trigger["job_id"])
    return "slurmctld" if trigger["happenings"] == [_SERVER] else "node", trigger["nodes"] or "*"


def row(trigger: dict[str, Any]) -> str:
    kind, which = resource(trigger)
    flags = "PERM" if trigger["permanent"] else ""
    events = "|".join(trigger["happenings"])
    program = printable(" ".join(trigger["command"]))
    return (
        f"{trigger['id']:>7} {kind:<9} {which:>7} {events:<35} {trigger['offset_s']:>6} "
        f"{printable(trigger['user']):<8} {flags:<5} {program}"
    )


def table(triggers: Iterable[dict[str, Any]], header: bool) -> list[str]:
    """The lines; none where there are no triggers."""
    rows = [row(one) for one in triggers]
    return [HEADER, *rows] if rows and header else rows
