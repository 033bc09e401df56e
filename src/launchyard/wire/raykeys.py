"""What a submission of Ray's client may say to our scheduler, though Ray has no words for it.

Two ways through the unmodified client: `metadata` keys such as `launchyard.time` (texts), and a key
`launchyard` of the runtime environment, an object with the same names (`{"time": "2:00:00", "nodes": 2}`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.number import is_digits, shown
from launchyard.model.raycluster import KEY as RAY
from launchyard.model.retries import parse_retries
from launchyard.model.walltime import WALLTIME_MAX_S, parse_walltime
from launchyard.model.wishes import parse_licences, parse_nodes
from launchyard.wire.decode import did_you_mean, shown_value

PREFIX = "launchyard."
KEY = "launchyard"

Body = dict[str, Any]
Reader = Callable[[str, Any], Body]
"""From the key's name (for errors) and its value to keys of `wire.submit.SubmitJob`."""


def body_of(metadata: Mapping[str, str], runtime_env: Mapping[str, Any]) -> Body:
    """What both ways say together, as a part of the body of `POST /v1/jobs`. Raises `Invalid`."""
    asked: dict[str, tuple[str, Any]] = {}
    for key, text in metadata.items():
        if key.startswith(PREFIX):
            asked[key.removeprefix(PREFIX)] = (f"metadata {shown(key)}", text)
    typed = runtime_env.get(KEY, {})
    if not isinstance(typed, dict):
        raise Invalid(
            f'runtime_env.launchyard is {shown_value(typed)}; write an object like {{"time": "1h"}}'
        )
    for name, value in typed.items():
        if name in asked:
            raise Invalid(f"launchyard.{name} is given in metadata and in runtime_env; leave one out")
        asked[name] = (f"runtime_env.launchyard.{name}", value)
    return _read(asked)


def _read(asked: Mapping[str, tuple[str, Any]]) -> Body:
    body: Body = {}
    resources: Body = {}
    for name, (what, value) in asked.items():
        reader = READERS.get(name)
        if reader is None:
            near = did_you_mean(name, READERS) or f"; known are {', '.join(READERS)}"
            raise Invalid(f"{what} is not understood{near}")
        if isinstance(value, str) and (not value.strip() or "\0" in value):
            raise Invalid(f"{what} is empty or holds a NUL character; leave it out or write a value")
        found = reader(what, value)
        resources |= found.pop("resources", {})
        body |= found
    return {**body, "resources": resources} if resources else body


def _text(key: str) -> Reader:
    def read(what: str, value: Any) -> Body:
        if not isinstance(value, str):
            raise Invalid(f"{what} must be a text, not {shown_value(value)}")
        return {key: value}

    return read


def _flag(key: str) -> Reader:
    def read(what: str, value: Any) -> Body:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        given = words.get(value.strip().lower()) if isinstance(value, str) else value
        if not isinstance(given, bool):
            raise Invalid(f"{what} is {shown_value(value)}; write true or false")
        return {key: given}

    return read


def _of_resources(read: Reader) -> Reader:
    return lambda what, value: {"resources": read(what, value)}


def _whole(what: str, value: Any) -> int:
    if isinstance(value, str):
        digits = value.strip().removeprefix("-")
        if is_digits(digits) and len(digits) < 10:
            return -int(digits) if value.strip().startswith("-") else int(digits)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9:
        return value
    raise Invalid(f"{what} is {shown_value(value)}; write a whole number")


def _priority(what: str, value: Any) -> Body:
    return {"nice": -_whole(what, value)}


def _time(key: str) -> Reader:
    def read(what: str, value: Any) -> Body:
        if isinstance(value, str):
            return {key: parse_walltime(value) or WALLTIME_MAX_S}
        return {key: _whole(what, value)}

    return read


def _retries(what: str, value: Any) -> Body:
    count, backoff_s = parse_retries(value if isinstance(value, str) else str(_whole(what, value)))
    return {"retries": {"count": count, "backoff_s": backoff_s}}


def _nodes(what: str, value: Any) -> Body:
    least, most = parse_nodes(value if isinstance(value, str) else str(_whole(what, value)))
    return {"nodes": least} if most is None else {"nodes": least, "nodes_max": most}


def _licences(what: str, value: Any) -> Body:
    if isinstance(value, dict):
        return {"licences": {name: _whole(f"{what}.{name}", count) for name, count in value.items()}}
    return {"licences": dict(parse_licences(_text("text")(what, value)["text"]))}


def _ray(what: str, value: Any) -> Body:
    return {"metadata": {RAY: "true" if _flag("ray")(what, value)["ray"] else "false"}}


def _array(what: str, value: Any) -> Body:
    return {
        "array": str(_whole(what, value)) if isinstance(value, int) else _text("array")(what, value)["array"]
    }


READERS: dict[str, Reader] = {
    "queue": _text("partition"),
    "partition": _text("partition"),
    "priority": _priority,
    "account": _text("account"),
    "qos": _text("qos"),
    "group": _text("group"),
    "name": _text("name"),
    "time": _time("time_limit_s"),
    "time_min": _time("time_min_s"),
    "retries": _retries,
    "after": _text("after"),
    "array": _array,
    "begin": _text("begin_at"),
    "deadline": _text("deadline_at"),
    "hold": _flag("hold"),
    "requeue": _flag("requeue"),
    "ray": _ray,
    "nodes": _of_resources(_nodes),
    "gpu_type": _of_resources(_text("gpu_type")),
    "constraint": _of_resources(_text("constraint")),
    "nodelist": _of_resources(_text("nodelist")),
    "exclude": _of_resources(_text("exclude")),
    "exclusive": _of_resources(_flag("exclusive")),
    "licences": _of_resources(_licences),
    "reservation": _of_resources(_text("reservation")),
}
