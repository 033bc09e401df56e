"""Slurm's names of limits (`GrpTRES=cpu=8,mem=8G`, `MaxWall=60`) and the keys they are in our rules."""

from collections.abc import Mapping

from launchyard.model.errors import Invalid
from launchyard.model.light import Any

NONE = "-1"
TRES = {"cpu": "cpus", "mem": "memory", "gres/gpu": "gpus", "node": "nodes"}
MINUTES = {"cpu": "cpu_minutes", "gres/gpu": "gpu_minutes"}
SETS = {
    "grp": "limits",
    "max": "per_job",
    "user": "per_user",
    "account": "per_account",
}
PARTITION_FLAGS = ("partitionmaxnodes", "partitionminnodes", "partitiontimelimit")


def of_association(kind: str) -> Mapping[str, str]:
    """Option to our key, for an `account` (its users' own limits are `per_user`) or a `user`."""
    own = "per_user" if kind == "account" else "limits"
    return {
        "grpjobs": "limits.jobs",
        "grpsubmitjobs": "limits.waiting",
        "grptres": "limits.*",
        "grptresmins": "limits.minutes",
        "maxjobs": f"{own}.jobs",
        "maxsubmitjobs": f"{own}.waiting",
        "maxtresperjob": "per_job.*",
        "maxtresminsperjob": "per_job.minutes",
        "maxwalldurationperjob": "per_job.time_limit",
    }


OF_QOS: Mapping[str, str] = {
    "grpjobs": "limits.jobs",
    "grpsubmitjobs": "limits.waiting",
    "grptres": "limits.*",
    "grptresmins": "limits.minutes",
    "maxjobsperuser": "per_user.jobs",
    "maxjobspu": "per_user.jobs",
    "maxjobsperaccount": "per_account.jobs",
    "maxjobspa": "per_account.jobs",
    "maxsubmitjobsperuser": "per_user.waiting",
    "maxsubmitpu": "per_user.waiting",
    "maxsubmitjobsperaccount": "per_account.waiting",
    "maxsubmitpa": "per_account.waiting",
    "maxtresperuser": "per_user.*",
    "maxtrespu": "per_user.*",
    "maxtresperaccount": "per_account.*",
    "maxtrespa": "per_account.*",
    "maxtresperjob": "per_job.*",
    "maxtresminsperjob": "per_job.minutes",
    "maxwalldurationperjob": "per_job.time_limit",
}


def values_of(key: str, value: str) -> dict[str, str]:
    """`limits.*` and `cpu=8,mem=8G` are `limits.cpus` and `limits.memory`; -1 takes a limit away.

    Raises `Invalid` for a resource that has no limit here.
    """
    table, _, name = key.partition(".")
    if name not in ("*", "minutes"):
        if value == NONE:
            return {key: ""}
        return {key: minutes(value) if name == "time_limit" else value}
    known = TRES if name == "*" else MINUTES
    found = {}
    for part in filter(None, value.split(",")):
        resource, equals, amount = part.partition("=")
        ours = known.get(resource.lower())
        if ours is None or not equals:
            raise Invalid(f"there is no limit on {part}; there are limits on {', '.join(known)}")
        found[f"{table}.{ours}"] = "" if amount == NONE else amount
    return found


def minutes(value: str) -> str:
    """Our file's form of a time limit: a bare number is minutes."""
    return f"{value}m" if value.isdecimal() else value


def tres_text(limits: Mapping[str, Any], names: Mapping[str, str] = TRES) -> str:
    """`cpu=8,mem=8G` of a table of our limits."""
    shown = [(slurm, limits[ours]) for slurm, ours in names.items() if ours in limits]
    return ",".join(f"{slurm}={_amount(slurm, value)}" for slurm, value in shown)


def _amount(slurm: str, value: Any) -> str:
    if slurm == "mem":
        return str(value).replace("iB", "").replace(" ", "")
    return f"{value:g}" if isinstance(value, float) else str(value)
