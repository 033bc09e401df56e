"""What is sent to submit a job: options as a person names them, turned into the body of `POST /v1/jobs`."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, TypedDict, cast

from launchyard.model import notify
from launchyard.model.errors import Invalid
from launchyard.model.memory import parse_memory
from launchyard.model.retries import BACKOFF_DEFAULT_S, RETRIED, parse_retried, parse_retries
from launchyard.model.walltime import parse_walltime
from launchyard.model.when import parse_begin, rfc3339
from launchyard.sdk.wishes import wishes


class JobOptions(TypedDict, total=False):
    """Everything about a job but what it runs. Left out or None: the cluster's default.

    `memory` is MiB or text (`"8G"`), `time_limit` seconds or text (`"2h"`), `begin` seconds since 1970 or
    text (`"16:00"`), `deadline` likewise, `array` like `"1-10:2%4,20"`, `after` like `"afterok:12"`,
    `retries` a number or text (`"3:1m"`), `retry_on` ends as in `"failed,timeout"`. `gpus` may be `"a100:2"`
    or 0.5, `nodes` `"2-4"`, `licences` `"matlab:2,ansys"`; `nodelist` and `exclude` like `"n[1-4],m1"`.
    With `ray` a Ray cluster on its nodes is started for it. `notify` is of start, end, fail and limit,
    `notify_to` mail addresses, names of webhooks and URLs; none: the submitter's mail.
    """

    name: str | None
    cpus: float | None
    memory: int | str | None
    gpus: float | str | None
    gpu_type: str | None
    nodes: int | str | None
    nodes_max: int | None
    tasks: int | None
    tasks_per_node: int | None
    exclusive: bool | None
    constraint: str | None
    nodelist: str | Sequence[str] | None
    exclude: str | Sequence[str] | None
    licences: str | Mapping[str, int] | None
    reservation: str | None
    time_limit: float | str | None
    time_min: float | str | None
    partition: str | None
    account: str | None
    qos: str | None
    cluster: str | None
    group: str | None
    array: str | None
    after: str | None
    keep_on_failed_dependency: bool
    keep_beyond_limits: bool
    begin: float | str | None
    deadline: float | str | None
    hold: bool
    requeue: bool
    retries: int | str | None
    retry_on: str | Sequence[str] | None
    nice: int | None
    working_dir: str | None
    environment: Mapping[str, str] | None
    runtime_env: Mapping[str, Any] | None
    kind: str | None
    stdin: str | None
    stdout: str | None
    stderr: str | None
    append: bool
    terminal: bool
    window: tuple[int, int] | None
    warning_signal: str | int | None
    warning_before_s: int | None
    warning_target: str | None
    submission_id: str | None
    metadata: Mapping[str, str] | None
    ray: bool
    notify: str | Sequence[str] | None
    notify_to: str | Sequence[str] | None
    dry_run: bool


# fmt: off
_AS_THEY_ARE = (
    "name", "account", "partition", "qos", "cluster", "group", "array", "after",
    "keep_on_failed_dependency", "keep_beyond_limits", "hold", "requeue", "nice", "working_dir",
    "environment", "runtime_env", "kind", "stdin", "stdout", "stderr", "append", "terminal", "submission_id",
    "metadata", "dry_run",
)
RAY = "launchyard.ray"
"""The key of metadata by which a job asks for a Ray cluster."""
_NOTIFY = (("notify", notify.KEY), ("notify_to", notify.TO))
RESOURCES = (
    "cpus", "memory", "gpus", "gpu_type", "nodes", "nodes_max", "tasks", "tasks_per_node", "exclusive",
    "constraint", "nodelist", "exclude", "licences", "reservation", "time_limit",
)
# fmt: on


def job_body(
    command: str | Sequence[str] | None = None,
    options: JobOptions | None = None,
    *,
    script: str | None = None,
    arguments: Sequence[str] = (),
) -> dict[str, Any]:
    """The body for one job. Only what was given is in it, so the cluster's defaults stay the cluster's."""
    if (command is None) == (script is None):
        raise Invalid("give either a command or a script to submit")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    body: dict[str, Any] = {name: given[name] for name in _AS_THEY_ARE if name in given}
    if script is not None:
        body["script"] = script
    else:
        body["command"] = command if isinstance(command, str) else list(command or ())
    if arguments:
        body["arguments"] = list(arguments)
    if resources := _resources(given):
        body["resources"] = resources
    if "time_limit" in given:
        body["time_limit_s"] = seconds(given["time_limit"])
    if "time_min" in given:
        body["time_min_s"] = seconds(given["time_min"])
    if "begin" in given:
        body["begin_at"] = moment(given["begin"])
    if "deadline" in given:
        body["deadline_at"] = moment(given["deadline"])
    if given.get("ray"):
        body["metadata"] = {**body.get("metadata", {}), RAY: "true"}
    if told := {key: notify.joined(cast(Any, given[name])) for name, key in _NOTIFY if name in given}:
        body["metadata"] = {**body.get("metadata", {}), **told}
    if options is not None and (window := options.get("window")) is not None:
        body["window"] = {"rows": window[0], "columns": window[1]}
    if (retries := _retries(given)) is not None:
        body["retries"] = retries
    if "warning_signal" in given:
        body["warning"] = {"signal": given["warning_signal"]}
        if "warning_before_s" in given:
            body["warning"]["before_s"] = given["warning_before_s"]
        if "warning_target" in given:
            body["warning"]["target"] = given["warning_target"]
    return body


def with_resources(options: JobOptions, resources: Mapping[str, Any] | None) -> JobOptions:
    """The options with those of `resources`, by their names here or in a job's JSON. Raises `Invalid`."""
    if not resources:
        return cast(JobOptions, {**options})
    renamed = {"memory" if name == "memory_mib" else name: value for name, value in resources.items()}
    for name in renamed:
        if name not in RESOURCES:
            near = [one for one in RESOURCES if one.startswith(name[:3])]
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(RESOURCES)}"
            raise Invalid(f"resources has no {name!r}{hint}")
    return cast(JobOptions, {**renamed, **options})


def update_body(changes: JobOptions, *, array_throttle: int | None = None) -> dict[str, Any]:
    """The body of `POST /v1/jobs/{id}/update`: what is left out stays as it is."""
    given = {name: value for name, value in changes.items() if value is not None}
    body: dict[str, Any] = {
        name: given[name]
        for name in ("name", "nice", "partition", "cpus", "account", "qos", "after")
        if name in given
    }
    body |= wishes(given)
    if "memory" in given:
        body["memory_mib"] = mebibytes(given["memory"])
    if "time_limit" in given:
        body["time_limit_s"] = seconds(given["time_limit"])
    if "begin" in given:
        body["begin_at"] = moment(given["begin"])
    if "deadline" in given:
        body["deadline_at"] = moment(given["deadline"]) if given["deadline"] else ""
    if array_throttle is not None:
        body["array_throttle"] = array_throttle
    return body


def _resources(given: Mapping[str, Any]) -> dict[str, Any]:
    resources = {"cpus": given["cpus"]} if "cpus" in given else {}
    if "memory" in given:
        resources["memory_mib"] = mebibytes(given["memory"])
    return resources | wishes(given)


def _retries(given: Mapping[str, Any]) -> dict[str, Any] | None:
    asked = given.get("retries")
    if asked is None:
        if "retry_on" in given:
            raise Invalid("it is said after which ends to try again, and not how often; add --retries 3")
        return None
    count, backoff_s = parse_retries(asked) if isinstance(asked, str) else (int(asked), BACKOFF_DEFAULT_S)
    retries: dict[str, Any] = {"count": count, "backoff_s": backoff_s}
    if "retry_on" in given:
        words = given["retry_on"]
        words = words.split(",") if isinstance(words, str) else words
        states = {state: word for word, state in RETRIED.items()}
        retries["on"] = [states[state] for state in parse_retried(words)]
    return retries


def mebibytes(memory: Any) -> int:
    """0 is all memory of a node."""
    if memory == "0":
        return 0
    return parse_memory(memory) if isinstance(memory, str) else int(memory)


def seconds(limit: Any) -> int | None:
    return parse_walltime(limit) if isinstance(limit, str) else int(limit)


def moment(begin: Any) -> str:
    """RFC 3339 of seconds since 1970, or of text read in the time zone of this machine."""
    if not isinstance(begin, str):
        return rfc3339(float(begin))
    return rfc3339(parse_begin(begin, time.time(), local_zone()))


def local_zone() -> tzinfo:
    """The time zone of this machine, as it is now."""
    return datetime.now().astimezone().tzinfo or UTC
