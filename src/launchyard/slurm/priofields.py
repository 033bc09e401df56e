"""What `sprio` prints of waiting jobs: the parts of their priority, weighted or as factors of 0 to 1."""

from collections.abc import Mapping, Sequence

from launchyard.model.light import Any

PARTS = ("age", "fairshare", "job_size", "partition", "qos", "site", "nice", "cpus", "memory", "gpus")
"""The order in which the server tells the parts of a priority."""
TRES = ("cpus", "memory", "gpus")
SCALE = 4294967296

LETTERS: Mapping[str, str] = {
    **{"i": "id", "r": "partition_name", "u": "user", "c": "cluster", "Y": "priority", "y": "priority_norm"},
    **{"S": "site", "N": "nice", "A": "age", "a": "age_norm", "B": "assoc", "b": "assoc_norm"},
    **{"F": "fairshare", "f": "fairshare_norm", "J": "job_size", "j": "job_size_norm"},
    **{"P": "partition", "p": "partition_norm", "Q": "qos", "q": "qos_norm", "T": "tres", "t": "tres_norm"},
}
HEADERS: Mapping[str, str] = {
    **{"id": "JOBID", "partition_name": "PARTITION", "user": "USER", "cluster": "CLUSTER"},
    **{"priority": "PRIORITY", "site": "SITE", "nice": "NICE", "age": "AGE", "assoc": "ASSOC"},
    **{"fairshare": "FAIRSHARE", "job_size": "JOBSIZE", "partition": "PARTITION", "qos": "QOS"},
    **{"tres": "TRES", "priority_norm": "PRIORITY", "age_norm": "AGE", "assoc_norm": "ASSOC"},
    **{"fairshare_norm": "FAIRSHARE", "job_size_norm": "JOBSIZE", "partition_norm": "PARTITION"},
    **{"qos_norm": "QOS", "tres_norm": "TRES"},
}

Weights = Mapping[str, float]
Job = dict[str, Any]


def format_of(weights: Weights, *, long: bool, norm: bool, users: bool) -> str:
    """The columns: without `long` only those of parts that have a weight."""
    letters = "abfjpq" if norm else "ABFJPQ"
    parts = zip(letters, ("age", "assoc", "fairshare", "job_size", "partition", "qos"), strict=True)
    size = "10" if norm else ".10"
    chosen = [f"%{size}{letter}" for letter, part in parts if long or weights.get(part)]
    columns = ["%.15i", "%9r", *(["%.8u"] if long or users else []), "%10y" if norm else "%.10Y"]
    columns += [] if norm else ["%.10S"]
    columns += chosen
    if long and not norm:
        columns.append("%.11N")
    if long or any(weights.get(part) for part in TRES):
        columns.append("%20t" if norm else "%.20T" if long else "%20T")
    return " ".join(columns)


def texts(jobs: Sequence[Job], names: Sequence[str], weights: Weights) -> dict[str, list[str]]:
    """Each column; `jobs` have `id user partition_name priority cluster` and their parts."""
    return {name: [_text(job, name, weights) for job in jobs] for name in names}


def _text(job: Job, name: str, weights: Weights) -> str:
    if name in ("id", "user", "partition_name", "cluster", "priority"):
        return str(job[name])
    if name == "priority_norm":
        return f"{job['priority'] / SCALE:.8f}"
    part = name.removesuffix("_norm")
    if part == "tres":
        return ",".join(f"{one}={_number(job, one)}" for one in TRES if weights.get(one))
    if name.endswith("_norm"):
        weight = weights.get(part) or 0
        return f"{job.get(part, 0) / weight if weight else 0:.7f}"
    return _number(job, "nice", -1) if part == "nice" else _number(job, part)


def _number(job: Job, part: str, sign: int = 1) -> str:
    return str(round(sign * (job.get(part) or 0)))


def weight_texts(names: Sequence[str], weights: Weights) -> dict[str, list[str]]:
    """The one row of `sprio -w`."""
    return {name: [_weight(name, weights)] for name in names}


def _weight(name: str, weights: Weights) -> str:
    if name == "id":
        return "Weights"
    part = name.removesuffix("_norm")
    if part == "site":
        return "1"
    if part == "tres":
        return ",".join(f"{one}={round(weights[one])}" for one in TRES if weights.get(one)) or "(null)"
    if part in ("age", "assoc", "fairshare", "job_size", "partition", "qos"):
        return str(round(weights.get(part) or 0))
    return ""
