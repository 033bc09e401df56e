"""What was asked, as the body of `POST /v1/jobs`: in the units of the server, and only what was asked."""

from collections.abc import Callable, Mapping

from launchyard.model.light import Any
from launchyard.model.walltime import parse_walltime
from launchyard.slurm.readers import Asked

_SAME = (
    *(
        "name",
        "account",
        "partition",
        "qos",
        "array",
        "after",
        "keep_on_failed_dependency",
        "keep_beyond_limits",
        "hold",
        "requeue",
    ),
    *("nice", "working_dir", "environment", "stdin", "stdout", "stderr", "append", "metadata"),
    *("group", "cluster"),
)
_RESOURCES = {
    **{name: name for name in ("cpus", "gpus", "gpu_type", "nodes", "nodes_max", "tasks", "tasks_per_node")},
    **{name: name for name in ("exclusive", "constraint", "nodelist", "exclude", "licences", "reservation")},
    "memory": "memory_mib",
}
Moment = Callable[[str], str]
"""RFC 3339 of a begin time or deadline as a person writes it."""


def body_of(asked: Asked, moment: Moment) -> dict[str, Any]:
    """Raises `Invalid`."""
    body: dict[str, Any] = {name: asked[name] for name in _SAME if asked.get(name) is not None}
    if resources := {key: asked[name] for name, key in _RESOURCES.items() if asked.get(name) is not None}:
        body["resources"] = resources
    for name in ("time_limit", "time_min"):
        if name in asked:
            body[f"{name}_s"] = parse_walltime(asked[name])
    for name in ("begin", "deadline"):
        if asked.get(name):
            body[f"{name}_at"] = moment(asked[name])
    if "warning_signal" in asked:
        body["warning"] = warning_of(asked)
    return body


def warning_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The signal before the time limit, as the server wants it."""
    return {
        "signal": asked["warning_signal"],
        "before_s": asked["warning_before_s"],
        "target": asked["warning_target"],
    }
